"""The alignment of a protein family as models of its columns are fitted on it: rows of residues, columns well filled.

Read from a file of aligned rows, or made of sequences that are relatives of each other. A row with a letter that stands
for no single residue is refused, as it is for every other generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from molgen.errors import MolgenError
from molgen.protein.aligning import align, relatives
from molgen.protein.alignment import GAP, MOST_GAPS, well_filled
from molgen.protein.alignment_reading import read_alignment
from molgen.protein.alphabet import Judged, judge
from molgen.protein.mistaken import LONGEST
from molgen.provenance import sha256_of

REMEDY = "give an alignment (Stockholm, CLUSTAL or aligned FASTA, as mafft and clustalo write it)"
FEWEST = 0.5  # of the sequences must resemble each other


@dataclass(frozen=True)
class FamilyRows:
    """An alignment of states (n, C) int8, 20 a gap, and what was left out of the file that it was read from."""

    name: str
    sha256: str
    states: np.ndarray
    dropped: int  # columns
    rejected: pd.DataFrame  # row, id, text, reason
    aligned_here: bool = False  # or by the user
    stereo_dropped: int = 0  # sequences have none
    notes: tuple[str, ...] = ()  # what the user should know of how the file was read

    @property
    def rows(self) -> int:
        """Of the file."""
        return len(self.states) + len(self.rejected)

    def coverage(self) -> str:
        """One sentence: how many rows and columns are used."""
        kept, how = self.states.shape[1], "aligned here, " if self.aligned_here else ""
        sentence = f"{len(self.states):,} of {self.rows:,} rows of {self.name} are used, {how}and {kept:,} of "
        return (
            f"{sentence}{kept + self.dropped:,} columns (the others have gaps in more than {MOST_GAPS:.0%} of the rows)"
        )


def read_family(path: Path | str) -> FamilyRows:
    """Reads a file that `read_alignment` can read.

    Raises:
        MolgenError: what is no alignment, or one without a usable row, or without a column that most of them fill.
    """
    found = read_alignment(path)
    table = pd.DataFrame({"row": found.places, "id": found.ids, "text": found.texts})
    _, reasons = _judged(path, table)
    kept = well_filled(found.rows[reasons == ""])
    if not kept.any():
        raise MolgenError(f"{path} has no column that {1 - MOST_GAPS:.0%} of its rows fill: leave out the fragments")
    states = found.rows[:, kept]
    reasons[(states == GAP).all(axis=1) & (reasons == "")] = "empty: gaps alone in the columns that are kept"
    rejected = table.assign(reason=reasons)[reasons != ""]
    sha256, dropped = sha256_of(Path(path)), int((~kept).sum())
    return FamilyRows(str(path), sha256, states[reasons == ""], dropped, rejected, notes=found.notes)


def align_family(name: str, sha256: str, table: pd.DataFrame, rejected: pd.DataFrame) -> FamilyRows:
    """The alignment of sequences that are relatives, by `molgen.protein.aligning`.

    table: row, id and text of each; rejected: with the reason, those that were refused before. Strangers are refused.

    Raises:
        MolgenError: sequences of which fewer than half resemble each other; pyhmmer is missing.
    """
    judged, reasons = _judged(name, table)
    sequences = [one.sequence for one in judged if one.sequence is not None]
    states, dropped = align(sequences)
    related = relatives(states, sequences) if states.size else np.zeros(len(sequences), dtype=bool)
    if related.sum() < max(2, FEWEST * len(sequences)):
        raise MolgenError(
            f"the sequences of {name} are no family that could be aligned here ({related.sum():,} of "
            f"{len(sequences):,} resemble each other): {REMEDY}, or name a family of generators that needs none, such "
            "as autoregressive"
        )
    if not related.all():  # strangers have moved the columns
        states, dropped = align([one for one, kept in zip(sequences, related, strict=True) if kept])
    reasons[np.flatnonzero(reasons == "")[~related]] = "stranger: it does not resemble the others"
    refused = pd.concat([rejected, table.assign(reason=reasons)[reasons != ""]])
    return FamilyRows(name, sha256, states, dropped, refused.sort_values("row", kind="stable"), aligned_here=True)


def _judged(name: Path | str, table: pd.DataFrame) -> tuple[list[Judged], np.ndarray]:
    """What became of each text, and why it is no sequence, '' where it is one: (n,) of str."""
    judged = judge(table["text"].tolist(), longest=LONGEST)
    reasons = np.array([one.reason or "" for one in judged], dtype=object)
    if all(reasons):
        first = f" The first is row {table['row'].iloc[0]}: {reasons[0]}" if len(reasons) else ""
        raise MolgenError(f"no row of {name} can be used.{first}")
    return judged, reasons
