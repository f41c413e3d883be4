"""A reference set of sequences: which of them is the most similar one, and which designs it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from molgen.errors import MolgenError
from molgen.protein import distance

VERSION = 1
QUERIES = 256  # at a time, between two reports of progress


@dataclass(frozen=True)
class SequenceIndex:
    """A reference set that answers which of its sequences is the most similar one."""

    name: str
    texts: tuple[str, ...]
    note: str = ""  # a sentence on the texts that were no sequence, '' if there are none

    def __len__(self) -> int:
        return len(self.texts)

    def nearest(
        self, queries: np.ndarray, progress: Callable[[int], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The row (m,) int64 and the similarity (m,) of the most similar sequence; ties go to the lowest row.

        queries: (m,) bytes, as `science.packed` gives them. progress: called with the number of references compared.
        """
        rows, best = np.zeros(len(queries), dtype=np.int64), np.zeros(len(queries))
        for start in range(0, len(queries), QUERIES):
            part = slice(start, start + QUERIES)
            found = distance.nearest([query.decode() for query in queries[part]], self.texts)
            rows[part], best[part] = found.index, found.similarity
        if progress is not None:
            progress(len(self))
        return rows, best

    def holds(self, sequences: Sequence[str]) -> np.ndarray:
        """(n,) bool: which sequences the set holds, letter for letter."""
        mine = frozenset(self.texts)
        return np.array([sequence in mine for sequence in sequences], dtype=bool)

    def save(self, path: Path) -> None:
        """Writes the index (numpy's npz, nothing pickled), whole or not at all."""
        partial = path.with_name(f".{path.name}.tmp.npz")
        text = "\n".join(self.texts).encode()
        np.savez_compressed(
            partial, head=np.array([VERSION]), name=np.array(self.name), note=np.array(self.note),
            text=np.frombuffer(text, dtype=np.uint8),
        )  # fmt: skip
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> SequenceIndex:
        """Reads an index; MolgenError where the file is none of this version."""
        try:
            with np.load(path, allow_pickle=False) as data:
                version = int(data["head"][0])
                found = cls(str(data["name"]), tuple(data["text"].tobytes().decode().split("\n")), str(data["note"]))
        except (OSError, KeyError, ValueError, EOFError, IndexError, BadZipFile) as problem:
            raise MolgenError(f"{path} is no index of sequences ({problem}); delete it, it is made anew") from problem
        if version != VERSION:
            raise MolgenError(f"{path} has version {version} of the index of sequences, not {VERSION}; delete it")
        return found
