"""Sets of molecules to compare with: the training set that a prior's card names, data sets by name, users' files.

The index of a set (fingerprints and SMILES) is made once, by chunks and in processes, and kept in the cache under a
name that the input's sha256, RDKit's version and the fingerprint's version determine. A killed build goes on.
"""

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
from molgen.molecule import distance
from molgen.molecule.distance import Part, ReferenceIndex
from molgen.reading import read_designs
from molgen.settings import NOTHING
from molgen.store import Store, digest

log = logging.getLogger("molgen.references")

CHUNK = 20_000  # SMILES in one piece of work: some 4 seconds


@dataclass(frozen=True)
class Reference:
    """A set of molecules in a file, known by its content."""

    title: str  # as the user or the card named it
    path: Path
    sha256: str
    column: str | None = None

    def texts(self) -> list[str]:
        """Its SMILES in the order of the file."""
        if self.title in datasets.DATASETS:
            return datasets.read_smiles(self.title)
        return read_designs(self.path, self.column).table["text"].tolist()

    @property
    def key(self) -> str:
        """What an index of it depends on, as a digest."""
        versions = [rdBase.rdkitVersion, distance.VERSION, distance.RADIUS, distance.BITS]
        return digest([self.sha256, self.column, self.title == "zinc250k", *versions])

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.title, "path": str(self.path), "sha256": self.sha256, "column": self.column}


def find_reference(name: str, column: str | None = None) -> Reference | None:
    """The set of that name (a data set, or a file); None for 'none'. MolgenError where there is no such set."""
    if name == NOTHING:
        return None
    path = datasets.locate(name) if name in datasets.DATASETS else Path(name)
    if not path.is_file():
        sets = ", ".join(known for known, data in datasets.DATASETS.items() if data.rows)
        raise MolgenError(f"{name} is neither a file nor a data set (data sets: {sets})")
    return Reference(name, path, datasets.sha256_of(path), column)


def training_set(card: Mapping[str, Any]) -> tuple[Reference | None, str]:
    """The set that a generator was trained on, by its card; or None and a sentence that says why it isn't at hand."""
    data = card.get("data") or {}
    name = str(data.get("name") or "")
    if not name:
        return None, "the prior's card names no training set"
    try:
        found = find_reference(name, data.get("column"))
    except MolgenError as error:
        return None, f"the training set {name} was not found: {error}"
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
    texts = reference.texts()
    store = Store(path.with_suffix(".units"))
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    refs = executor.map("index", Until(_Fingerprints(store, reference.key), deadline), list(enumerate(chunks)))
    if any(ref is None for ref in refs):
        return None
    parts = [_part(store.table(ref)) for ref in refs if ref is not None]
    index = ReferenceIndex.join(texts, parts, name=reference.title)
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
