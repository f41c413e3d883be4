"""Designs against what is known: exact novelty, and the nearest design of a reference set."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molgen.deadline import Until
from molgen.errors import MolgenError
from molgen.line import Line
from molgen.profile import Profile
from molgen.progress import progress
from molgen.references import Reference, index_path, open_index
from molgen.science import Index, science
from molgen.screening import mark_known
from molgen.store import Ref, Store

VERSION = "2"
CHUNK = 2000  # queries in one unit
MOST_COMPARED = 10_000  # ranks whose nearest reference is looked for, unless a goal asks for all
Indexes = Mapping[str, Index | None]


@dataclass(frozen=True)
class Comparison:
    """What designs are compared with."""

    training: Reference | None  # for exact novelty
    reference: Reference | None  # for the nearest neighbour
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
    if comparison.reference is None and needs_nearest(profile):
        why = f" ({comparison.why_not})" if comparison.why_not else ""
        raise MolgenError(
            f"the profile '{profile.name}' has the goal nearest_similarity, and there is no reference set{why}: name "
            "one with --reference (a file, or a data set such as moses-train)"
        )


def needs_nearest(profile: Profile) -> bool:
    """Does a goal ask for the similarity to the reference set?"""
    return any(goal.score == "nearest_similarity" for goal in profile.goals)


def open_indexes(line: Line, comparison: Comparison) -> Indexes:
    """The indexes of both sets by their keys, from the cache or made now; None where the deadline came first."""
    wanted = {one.key: one for one in (comparison.training, comparison.reference) if one is not None}
    there = sum(index_path(one).is_file() for one in wanted.values())
    with line.record.stage("index"):
        found = {key: open_index(one, line.executor, line.deadline) for key, one in wanted.items()}
    missing = sum(index is None for index in found.values())
    line.record.units["index"] = {"made": len(found) - missing - there, "reused": there, "missing": missing}
    _say_unread(line, comparison, found)
    return found


def _say_unread(line: Line, comparison: Comparison, indexes: Indexes) -> None:
    """Rows of the sets that are no design: one sentence for the user, and for `inputs` in run.json."""
    notes = {key: index.note for key, index in indexes.items() if index is not None and index.note}
    for note in notes.values():
        line.say(note)
    for name, one in (("training", comparison.training), ("reference", comparison.reference)):
        if one is not None and one.key in notes:
            line.inputs = {**line.inputs, name: {**one.as_dict(), "left_out": notes[one.key]}}


def with_novelty(
    line: Line, table: pd.DataFrame, comparison: Comparison, indexes: Indexes, profile: Profile
) -> pd.DataFrame:
    """Fills in_training, and rejects known designs if that is wanted; where nothing was compared it stays null."""
    if comparison.training is not None and (index := indexes[comparison.training.key]) is not None:
        with line.record.stage("novelty"):
            known = partial(science(profile.modality).known, index=index)
            return mark_known(table, known, profile.novelty.reject_known, profile.modality)
    why_not = comparison.why_not or "the deadline came before the training set was indexed"
    line.say(f"novelty not checked: {why_not}")
    return table.assign(in_training=pd.array([pd.NA] * len(table), dtype="boolean"))


def with_nearest(
    line: Line, table: pd.DataFrame, comparison: Comparison, indexes: Indexes, wanted: np.ndarray
) -> pd.DataFrame:
    """Fills nearest_reference and nearest_similarity where `wanted` (n,) says so; the others stay null.

    Each design costs a comparison with the whole set.
    """
    texts, similarity = np.full(len(table), None, dtype=object), np.full(len(table), np.nan)
    if comparison.reference is not None and (index := indexes[comparison.reference.key]) is not None:
        rows = np.flatnonzero(wanted)
        queries = science(comparison.reference.modality).packed(table["fingerprint"].iloc[rows])
        found = _searched(line, queries, comparison.reference, index)
        texts[rows], similarity[rows] = found["text"].to_numpy(dtype=object), found["similarity"].to_numpy()
    return table.assign(nearest_reference=pd.array(texts, dtype="str"), nearest_similarity=similarity)


def among_best(table: pd.DataFrame, profile: Profile) -> np.ndarray:
    """(n,) bool: the first `MOST_COMPARED` ranks, and all that the selection looks at."""
    return (table["rank"] <= max(profile.select.pool, MOST_COMPARED)).fillna(False).to_numpy(dtype=bool)


def _searched(line: Line, queries: np.ndarray, reference: Reference, index: Index) -> pd.DataFrame:
    """Text and similarity of the nearest reference of each query, by units; nulls for those not reached in time."""
    chunks = [queries[start : start + CHUNK] for start in range(0, len(queries), CHUNK)]
    with line.record.stage("nearest"), progress("nearest", len(index) * len(chunks)) as advance:
        work = _Nearest(line.store.root, reference.key, index, advance)
        refs = line.executor.map("nearest", Until(work, line.deadline), chunks, here=True)
    line.record.count("nearest", refs)
    parts = [_found(line.store, ref, len(chunk)) for ref, chunk in zip(refs, chunks, strict=True)]
    return pd.concat(parts) if parts else _found(line.store, None, 0)


@dataclass(frozen=True)
class _Nearest:
    """Runs in the process that holds the index: its matrix products use all cores."""

    root: Path
    reference: str
    index: Index
    advance: Callable[[int], None]

    def __call__(self, queries: np.ndarray) -> Ref:
        key = {"reference": self.reference, "queries": hashlib.sha256(queries.tobytes()).hexdigest()}
        ref = Store(self.root).unit("nearest", VERSION, key, lambda: self._search(queries))
        if ref.reused:
            self.advance(len(self.index))
        return ref

    def _search(self, queries: np.ndarray) -> pd.DataFrame:
        rows, similarity = self.index.nearest(queries, self.advance)
        texts = pd.array([self.index.texts[int(row)] for row in rows], dtype="str")
        return pd.DataFrame({"text": texts, "similarity": similarity})


def _found(store: Store, ref: Ref | None, rows: int) -> pd.DataFrame:
    if ref is not None:
        return store.table(ref)
    return pd.DataFrame({"text": pd.array([None] * rows, dtype="str"), "similarity": np.full(rows, np.nan)})
