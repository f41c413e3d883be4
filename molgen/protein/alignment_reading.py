"""Users' files of aligned sequences as numbers. What the formats are, `molgen.protein.reading` says."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from molgen.errors import MolgenError
from molgen.protein.alignment import GAP, matched
from molgen.protein.alphabet import AMBIGUOUS, GAPS, RESIDUES
from molgen.protein.reading import FORMATS, Record, form_of, lines_of, records_of

log = logging.getLogger("molgen.protein.reading")


@dataclass(frozen=True)
class Alignment:
    """Aligned sequences: `rows` (n, L) int8, the class 0 to 19 of each residue in the order of RESIDUES, 20 a gap."""

    ids: tuple[str, ...]
    rows: np.ndarray
    places: tuple[int, ...]  # of each row, its line in the file
    texts: tuple[str, ...]  # of each row, its columns as they are written
    notes: tuple[str, ...] = ()  # what the user should know


def read_alignment(path: Path | str) -> Alignment:
    """Reads aligned sequences: Stockholm, CLUSTAL, aligned FASTA, or A2M/A3M without its insertions (lower case).

    A letter that stands for no single residue (X, B, Z, J, U, O, *) becomes a gap; who fits a model refuses its row.
    FASTA without gaps or insertions is taken for aligned where its rows are of one length, with a note: nothing in such
    a file says whether it is.

    Raises:
        MolgenError: rows of different lengths; a character that is no letter of a residue.
    """
    path = Path(path)
    text = lines_of(path)
    form = form_of(path, text.lines)
    if form == "table":
        raise MolgenError(f"{path} is no alignment: give Stockholm, CLUSTAL, aligned FASTA or A3M")
    alignments, stray = records_of(form, text.lines)
    if len(alignments) > 1:
        raise MolgenError(
            f"{path} holds {len(alignments)} alignments: put the one that is meant into a file of its own"
        )
    written = alignments[0] if alignments else []
    records = _same_length(path, written)
    rows = _as_classes(path, records)
    notes = [text.note] if text.note else []
    notes += [f"{path}: text before the first line with '>' (row {one.row}) was left out" for one in stray]
    if form == "fasta" and records == written and not any(gap in one.text for one in written for gap in GAPS):
        notes.append(
            f"{path} has no gaps, and each row has {rows.shape[1]:,} letters: it is taken for an alignment. If its "
            "columns do not belong together, align it first (mafft, clustalo), or take a generator that needs no "
            "columns, such as autoregressive"
        )
    for note in notes:
        log.warning("%s", note)
    ids, places, texts = zip(*((one.id, one.row, one.text) for one in records), strict=True)
    return Alignment(ids, rows, places, texts, tuple(notes))


def holds_alignment(path: Path | str) -> bool:
    """Is it Stockholm, CLUSTAL, or FASTA with rows of one length, the insertions of A2M and A3M aside?"""
    path = Path(path)
    lines = lines_of(path).lines
    if (form := form_of(path, lines)) != "fasta":
        return form != "table"
    records = records_of(form, lines)[0][0]
    rows = _in_columns(records)
    return len(records) > 1 and rows is not None and (rows is records or rows[0].text != "")


def _same_length(path: Path, records: list[Record]) -> list[Record]:
    """The rows of an alignment; of A2M and A3M, without the insertions."""
    if not records:
        raise MolgenError(f"{path} holds no sequences. {FORMATS}")
    rows = _in_columns(records)
    if rows is None:
        raise MolgenError(_uneven(path, records))
    if not rows[0].text:
        raise MolgenError(f"{path} holds an alignment without columns. {FORMATS}")
    return rows


def _in_columns(records: list[Record]) -> list[Record] | None:
    """The records if they are of one length, as they stand or without insertions; None where neither is so."""
    if len({len(one.text) for one in records}) == 1:
        return records
    matches = [replace(one, text=matched(one.text)) for one in records]
    return matches if len({len(one.text) for one in matches}) == 1 else None


def _uneven(path: Path, records: Sequence[Record]) -> str:
    first = records[0]
    other = next(one for one in records if len(one.text) != len(first.text))
    return (
        f"{path} is not aligned: {first.id} (row {first.row}) has {len(first.text):,} columns, {other.id} (row "
        f"{other.row}) {len(other.text):,}. Align it first (mafft, hmmalign), and give each row a name of its own"
    )


def _as_classes(path: Path, records: Sequence[Record]) -> np.ndarray:
    """(n, L) int8."""
    codes = np.full(256, -1, dtype=np.int8)
    codes[[ord(letter) for letter in (*GAPS, *AMBIGUOUS, *"".join(AMBIGUOUS).lower())]] = GAP
    for number, letter in enumerate(RESIDUES):
        codes[[ord(letter), ord(letter.lower())]] = number
    letters = np.frombuffer("".join(one.text for one in records).encode("latin-1", "replace"), dtype=np.uint8)
    rows = codes[letters].reshape(len(records), -1)
    if (rows < 0).any():
        row, place = np.argwhere(rows < 0)[0]
        one = records[row]
        raise MolgenError(
            f"{path}: {one.id} has {one.text[place]!r} in column {place + 1}, which is no residue and no gap"
        )
    return rows
