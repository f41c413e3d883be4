"""Sets of molecules to compare with: the training set that a prior's card names, data sets by name, users' files.

The index of a set (fingerprints and SMILES) is made once, by chunks and in processes, and kept in the cache under a
name that the input's sha256, RDKit's version and the fingerprint's version determine. A killed build goes on.
"""

import difflib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import rdBase

from molgen import datasets
from molgen.deadline import Until
from molgen.errors import MolgenError, OutputError
from molgen.executor import Executor
from molgen.molecule import chemistry, distance
from molgen.molecule.distance import Part, ReferenceIndex
from molgen.reading import find_column, read_designs
from molgen.settings import NOTHING, TRAINING
from molgen.store import Store, digest
from molgen.textfile import nearest_file

log = logging.getLogger("molgen.references")

CHUNK = 20_000  # SMILES in one piece of work: some 4 seconds


@dataclass(frozen=True)
class Reference:
    """A set of molecules in a file, known by its content."""

    title: str  # as the user or the card named it
    path: Path
    sha256: str
    column: str | None = None

    def read(self) -> "_Read":
        """Its SMILES in the order of the file, and what was refused on reading."""
        if self.title in datasets.DATASETS:
            texts = datasets.read_smiles(self.title)
            return _Read(texts, range(1, len(texts) + 1), [])
        designs = read_designs(self.path, self.column)
        refused = list(zip(designs.rejected["row"].tolist(), designs.rejected["reason"].tolist(), strict=True))
        return _Read(designs.table["text"].tolist(), designs.table["row"].tolist(), refused)

    @property
    def key(self) -> str:
        """What an index of it depends on, as a digest."""
        versions = [rdBase.rdkitVersion, distance.VERSION, distance.RADIUS, distance.BITS]
        return digest([self.sha256, self.column, self.title == "zinc250k", *versions])

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.title, "path": str(self.path), "sha256": self.sha256, "column": self.column}


@dataclass(frozen=True)
class _Read:
    texts: list[str]
    rows: Sequence[int]  # of each text, in its file
    refused: list[tuple[int, str]]  # row and reason

    def left_out(self, readable: np.ndarray, title: str) -> str:
        """A sentence on the rows that are no molecule, '' if all are. readable: (texts,) bool."""
        bad = np.flatnonzero(~readable)
        count = len(bad) + len(self.refused)
        if not count:
            return ""
        first = [(self.rows[bad[0]], _reason(self.texts[bad[0]]))] if len(bad) else []
        row, reason = min([*first, *self.refused])
        total = len(self.texts) + len(self.refused)
        return f"{count:,} of {total:,} rows of {title} are no molecule and were left out (first: row {row}: {reason})"


def _reason(text: str) -> str:
    return chemistry.judge([text], strip_salts=True)[0].reason or "not a SMILES"


def find_reference(name: str, column: str | None = None) -> Reference | None:
    """The set of that name: a data set, FILE or FILE:COLUMN; None for 'none'.

    MolgenError where there is no such set, or no column with SMILES in it.
    """
    if name == NOTHING:
        return None
    if name in datasets.DATASETS:
        return _data_set(name, column)
    path = Path(name)
    if not path.is_file() and ":" in name and Path(name.rpartition(":")[0]).is_file():
        name, _, column = name.rpartition(":")
        path = Path(name)
    if not path.is_file():
        raise MolgenError(_no_set(name))
    find_column(path, column, how=f"{path}:COLUMN")
    return Reference(name, path, datasets.sha256_of(path), column)


def _data_set(name: str, column: str | None) -> Reference:
    if not datasets.DATASETS[name].rows:
        raise MolgenError(f"{name} holds statistics and no molecules. Sets of molecules: {', '.join(_sets())}")
    path = datasets.locate(name)
    return Reference(name, path, datasets.sha256_of(path), column)


def _sets() -> list[str]:
    return [known for known, data in datasets.DATASETS.items() if data.rows]


def _no_set(name: str) -> str:
    if Path(name).is_dir():
        return f"{name} is a folder, where a file or a data set is needed"
    near = difflib.get_close_matches(name, [*_sets(), NOTHING, TRAINING], n=1)
    hint = f"; did you mean {near[0]}?" if near else nearest_file(Path(name))
    return f"{name} is neither a file nor a data set (data sets: {', '.join(_sets())}){hint}"


def training_set(card: Mapping[str, Any]) -> tuple[Reference | None, str]:
    """The set that a generator was trained on, by its card; or None and a sentence that says why it isn't at hand."""
    data = card.get("data") or {}
    name = str(data.get("name") or "")
    if not name:
        return None, "the prior's card names no training set"
    try:
        found = find_reference(name, data.get("column"))
    except MolgenError as error:
        return None, f"the training set {name} cannot be used: {error}"
    wanted = data.get("sha256")
    if found is not None and wanted and wanted != found.sha256:
        return None, f"{found.path} is not the file that the prior was trained on: its sha256 differs from the card's"
    return found, ""


def open_index(reference: Reference, executor: Executor, deadline: float | None = None) -> ReferenceIndex | None:
    """The index of a set, from the cache or made now; None where the deadline came before it was finished."""
    path = index_path(reference)
    if path.is_file():
        return ReferenceIndex.load(path)
    log.info("indexing %s for comparisons, once: %s", reference.title, path)
    read = reference.read()
    texts = read.texts
    store = Store(path.with_suffix(".units"))
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    refs = executor.map("index", Until(_Fingerprints(store, reference.key), deadline), list(enumerate(chunks)))
    if any(ref is None for ref in refs):
        return None
    try:
        parts = [_part(store.table(ref)) for ref in refs if ref is not None]
    except FileNotFoundError:  # another process that indexed the same set was done first, and removed the pieces
        if path.is_file():
            return ReferenceIndex.load(path)
        raise
    readable = np.concatenate([part.readable for part in parts]) if parts else np.zeros(0, dtype=bool)
    note = read.left_out(readable, reference.title)
    index = ReferenceIndex.join(texts, parts, name=reference.title, note=note)
    _save(index, path)
    store.remove()
    return index


def index_path(reference: Reference) -> Path:
    """Where the cache keeps the index of a set."""
    return datasets.cache_dir() / "references" / f"{_file_name(reference.title)}-{reference.key}.npz"


@dataclass(frozen=True)
class _Fingerprints:
    """Work for one process: the fingerprints of a chunk, as a unit of the store."""

    store: Store
    key: str

    def __call__(self, item: tuple[int, Sequence[str]]) -> Any:
        number, texts = item
        return self.store.unit("index", "1", {"set": self.key, "chunk": number, "size": CHUNK}, lambda: _table(texts))


def _table(texts: Sequence[str]) -> pd.DataFrame:
    part = distance.fingerprint_chunk(texts)
    bits = iter(part.bits)
    return pd.DataFrame({"bits": [next(bits).tobytes() if good else None for good in part.readable]}, dtype=object)


def _part(table: pd.DataFrame) -> Part:
    readable = table["bits"].notna().to_numpy()
    packed = b"".join(table.loc[readable, "bits"])
    return Part(np.frombuffer(packed, dtype=np.uint8).reshape(-1, distance.BYTES), readable)


def _save(index: ReferenceIndex, path: Path) -> None:
    """Into the cache; the name is taken last, so that two builders do not disturb each other."""
    own = path.with_name(f"{path.stem}-{os.getpid()}.npz")
    try:
        index.save(own)
        own.replace(path)
    except OSError as error:
        own.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write the index {path}: {error.strerror or error}. Its finished chunks are kept: make room, or "
            "set MOLGEN_CACHE to another folder, and run the same command again"
        ) from error


def _file_name(title: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in Path(title).name)[:60]
