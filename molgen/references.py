"""Sets of designs to compare with: the training set that a prior's card names, data sets by name, users' files.

The index of a set (fingerprints and SMILES) is made once, by chunks and in processes, and kept in the cache under a
name that the input's sha256, RDKit's version and the fingerprint's version determine. A killed build goes on.
"""

import difflib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from molgen import datasets
from molgen.deadline import Until
from molgen.errors import MolgenError, OutputError
from molgen.executor import Executor
from molgen.profile import Profile
from molgen.science import Index, columns, science
from molgen.settings import NOTHING, TRAINING
from molgen.store import Store, digest
from molgen.textfile import nearest_file

log = logging.getLogger("molgen.references")

CHUNK = 20_000  # SMILES in one piece of work: some 4 seconds


@dataclass(frozen=True)
class Reference:
    """A set of designs in a file, known by its content."""

    title: str  # as the user or the card named it
    path: Path
    sha256: str
    column: str | None = None
    modality: str = "molecule"

    def read(self) -> "_Read":
        """Its designs in the order of the file, and what was refused on reading."""
        if self.title in datasets.DATASETS:
            rows, texts = datasets.read_rows(self.title)
            return _Read(texts, rows, [])
        designs = science(self.modality).read_designs(self.path, self.column)
        refused = list(zip(designs.rejected["row"].tolist(), designs.rejected["reason"].tolist(), strict=True))
        return _Read(designs.table["text"].tolist(), designs.table["row"].tolist(), refused)

    @property
    def key(self) -> str:
        """What an index of it depends on, as a digest."""
        made_by = science(self.modality).index_key()
        part = self.title if self.title in datasets.DATASETS else ""  # several sets may be rows of one file
        return digest([self.sha256, self.column, part, *made_by])

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.title, "path": str(self.path), "sha256": self.sha256, "column": self.column}


@dataclass(frozen=True)
class _Read:
    texts: list[str]
    rows: Sequence[int]  # of each text, in its file
    refused: list[tuple[int, str]]  # row and reason

    def left_out(self, readable: np.ndarray, title: str, modality: str) -> str:
        """A sentence on the rows that are no design, '' if all are. readable: (texts,) bool."""
        bad = np.flatnonzero(~readable)
        count = len(bad) + len(self.refused)
        if not count:
            return ""
        first = [(self.rows[bad[0]], _reason(self.texts[bad[0]], modality))] if len(bad) else []
        row, reason = min([*first, *self.refused])
        total = len(self.texts) + len(self.refused)
        noun = columns(modality).NOUNS[0]
        return f"{count:,} of {total:,} rows of {title} are no {noun} and were left out (first: row {row}: {reason})"


def _reason(text: str, modality: str) -> str:
    judged = science(modality).judge([text], Profile("reference", modality=modality))
    return judged[0].reason or f"not a {columns(modality).NOUNS[0]}"


def find_reference(name: str, column: str | None = None, modality: str = "molecule") -> Reference | None:
    """The set of that name: a data set, FILE or FILE:COLUMN; None for 'none'.

    MolgenError where there is no such set, or no column with SMILES in it.
    """
    if name == NOTHING:
        return None
    if name in datasets.DATASETS:
        return _data_set(name, column, modality)
    path = Path(name)
    if not path.is_file() and ":" in name and Path(name.rpartition(":")[0]).is_file():
        name, _, column = name.rpartition(":")
        path = Path(name)
    if not path.is_file():
        raise MolgenError(_no_set(name, modality))
    science(modality).find_column(path, column, how=f"{path}:COLUMN")
    return Reference(name, path, datasets.sha256_of(path), column, modality)


def _data_set(name: str, column: str | None, modality: str) -> Reference:
    data, nouns = datasets.DATASETS[name], columns(modality).NOUNS[1]
    if not data.rows or data.modality != modality:
        what = "statistics" if not data.rows else columns(data.modality).NOUNS[1]
        raise MolgenError(f"{name} holds {what} and no {nouns}. Sets of {nouns}: {', '.join(_sets(modality))}")
    path = datasets.locate(name)
    return Reference(name, path, datasets.sha256_of(path), column, modality)


def _sets(modality: str) -> list[str]:
    found: dict[str, list[str]] = {}
    for name, data in datasets.DATASETS.items():
        if data.rows:
            found.setdefault(data.modality, []).append(name)
    return found.get(modality, [])


def _no_set(name: str, modality: str) -> str:
    if Path(name).is_dir():
        return f"{name} is a folder, where a file or a data set is needed"
    near = difflib.get_close_matches(name, [*_sets(modality), NOTHING, TRAINING], n=1)
    hint = f"; did you mean {near[0]}?" if near else nearest_file(Path(name))
    return f"{name} is neither a file nor a data set (data sets: {', '.join(_sets(modality))}){hint}"


def training_set(card: Mapping[str, Any]) -> tuple[Reference | None, str]:
    """The set that a generator was trained on, by its card; or None and a sentence that says why it isn't at hand."""
    data = card.get("data") or {}
    name = str(data.get("name") or "")
    if not name:
        return None, "the prior's card names no training set"
    try:
        found = find_reference(name, data.get("column"), str(card.get("modality") or "molecule"))
    except MolgenError as error:
        return None, f"the training set {name} cannot be used: {error}"
    wanted = data.get("sha256")
    if found is not None and wanted and wanted != found.sha256:
        return None, f"{found.path} is not the file that the prior was trained on: its sha256 differs from the card's"
    return found, ""


def open_index(reference: Reference, executor: Executor, deadline: float | None = None) -> Index | None:
    """The index of a set, from the cache or made now; None where the deadline came before it was finished."""
    path = index_path(reference)
    own = science(reference.modality)
    if path.is_file():
        return own.load_index(path)
    log.info("indexing %s for comparisons, once: %s", reference.title, path)
    read = reference.read()
    texts = read.texts
    store = Store(path.with_suffix(".units"))
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    refs = executor.map(
        "index", Until(_Fingerprints(store, reference.key, reference.modality), deadline), list(enumerate(chunks))
    )
    if any(ref is None for ref in refs):
        return None
    try:
        parts = [store.table(ref) for ref in refs if ref is not None]
    except FileNotFoundError:  # another process that indexed the same set was done first, and removed the pieces
        if path.is_file():
            return own.load_index(path)
        raise
    note = partial(read.left_out, title=reference.title, modality=reference.modality)
    index = own.join_index(texts, parts, reference.title, note)
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
    modality: str

    def __call__(self, item: tuple[int, Sequence[str]]) -> Any:
        number, texts = item
        make = partial(science(self.modality).index_chunk, texts)
        return self.store.unit("index", "1", {"set": self.key, "chunk": number, "size": CHUNK}, make)


def _save(index: Index, path: Path) -> None:
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
