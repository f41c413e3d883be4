"""Designs against what is known: exact novelty, and the nearest molecule of a reference set."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molgen.deadline import Until
from molgen.errors import MolgenError
from molgen.line import Line
from molgen.molecule.distance import ReferenceIndex
from molgen.novelty import known
from molgen.profile import Profile
from molgen.progress import progress
from molgen.references import Reference, index_path, open_index
from molgen.screening import mark_known, packed
from molgen.store import Ref, Store

VERSION = "1"
CHUNK = 2000  # queries in one unit


@dataclass(frozen=True)
class Comparison:
    """What designs are compared with."""

    training: Reference | None  # for exact novelty
    reference: Reference | None  # for the nearest molecule
    why_not: str = ""  # why there is no training set

    def made_from(self) -> dict[str, Any]:
        return {"training": self.training and self.training.key, "reference": self.reference and self.reference.key}

    def inputs(self) -> dict[str, Any]:
        return {
            "training": self.training and self.training.as_dict(),
            "reference": self.reference and self.reference.as_dict(),
        }


def check_goals(profile: Profile, comparison: Comparison) -> None:
    """MolgenError where the profile has a goal that only a reference set can answer, and there is none."""
    if comparison.reference is None and any(goal.score == "nearest_similarity" for goal in profile.goals):
        why = f" ({comparison.why_not})" if comparison.why_not else ""
        raise MolgenError(
            f"the profile '{profile.name}' has the goal nearest_similarity, and there is no reference set{why}: name "
            "one with --reference (a file, or a data set such as moses-train)"
        )


def compare(line: Line, table: pd.DataFrame, comparison: Comparison, profile: Profile) -> pd.DataFrame:
    """Fills in_training, nearest_reference and nearest_similarity; what wasn't compared stays null."""
    indexes = _indexes(line, comparison)
    if comparison.training is not None and (index := indexes[comparison.training.key]) is not None:
        with line.record.stage("novelty"):
            table = mark_known(table, partial(known, index=index), profile.novelty.reject_known)
    else:
        why_not = comparison.why_not or "the deadline came before the training set was indexed"
        line.say(f"novelty not checked: {why_not}")
        table = table.assign(in_training=pd.array([pd.NA] * len(table), dtype="boolean"))
    if comparison.reference is not None and (index := indexes[comparison.reference.key]) is not None:
        return _with_nearest(line, table, comparison.reference, index)
    return table.assign(nearest_reference=pd.array([None] * len(table), dtype="str"), nearest_similarity=np.nan)


def _indexes(line: Line, comparison: Comparison) -> dict[str, ReferenceIndex | None]:
    wanted = {one.key: one for one in (comparison.training, comparison.reference) if one is not None}
    there = sum(index_path(one).is_file() for one in wanted.values())
    with line.record.stage("index"):
        found = {key: open_index(one, line.executor, line.deadline) for key, one in wanted.items()}
    missing = sum(index is None for index in found.values())
    line.record.units["index"] = {"made": len(found) - missing - there, "reused": there, "missing": missing}
    return found


def _with_nearest(line: Line, table: pd.DataFrame, reference: Reference, index: ReferenceIndex) -> pd.DataFrame:
    """The nearest reference of every design that no rule rejected: each costs a comparison with the whole set."""
    rows = np.flatnonzero((table["rejected_by"] == "").to_numpy())
    queries = packed(table["fingerprint"].iloc[rows])
    chunks = [queries[start : start + CHUNK] for start in range(0, len(queries), CHUNK)]
    with line.record.stage("nearest"), progress("nearest", len(index) * len(chunks)) as advance:
        work = _Nearest(line.store.root, reference.key, index, advance)
        refs = line.executor.map("nearest", Until(work, line.deadline), chunks, here=True)
    line.record.count("nearest", refs)
    parts = [_found(line.store, ref, len(chunk)) for ref, chunk in zip(refs, chunks, strict=True)]
    found = pd.concat(parts) if parts else _found(line.store, None, 0)
    smiles, similarity = np.full(len(table), None, dtype=object), np.full(len(table), np.nan)
    smiles[rows], similarity[rows] = found["smiles"].to_numpy(dtype=object), found["similarity"].to_numpy()
    return table.assign(nearest_reference=pd.array(smiles, dtype="str"), nearest_similarity=similarity)


@dataclass(frozen=True)
class _Nearest:
    """Runs in the process that holds the index: its matrix products use all cores."""

    root: Path
    reference: str
    index: ReferenceIndex
    advance: Callable[[int], None]

    def __call__(self, queries: np.ndarray) -> Ref:
        key = {"reference": self.reference, "queries": hashlib.sha256(queries.tobytes()).hexdigest()}
        ref = Store(self.root).unit("nearest", VERSION, key, lambda: self._search(queries))
        if ref.reused:
            self.advance(len(self.index))
        return ref

    def _search(self, queries: np.ndarray) -> pd.DataFrame:
        rows, similarity = self.index.nearest(queries, self.advance)
        smiles = pd.array([self.index.smiles[int(row)] for row in rows], dtype="str")
        return pd.DataFrame({"smiles": smiles, "similarity": similarity})


def _found(store: Store, ref: Ref | None, rows: int) -> pd.DataFrame:
    if ref is not None:
        return store.table(ref)
    return pd.DataFrame({"smiles": pd.array([None] * rows, dtype="str"), "similarity": np.full(rows, np.nan)})
