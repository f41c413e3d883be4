"""An alignment as numbers: n rows of C columns, each a residue (0 to 19, in the order of RESIDUES) or a gap (20)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from molgen.errors import MolgenError
from molgen.protein.alphabet import RESIDUES

STATES = RESIDUES + "-"
GAP = len(RESIDUES)
MOST_GAPS = 0.3  # share of gaps above which a column holds insertions of a few

_INSERTED = re.compile("[a-z.]+")
_CODES = np.full(256, -1, dtype=np.int8)
_CODES[[ord(letter) for letter in STATES]] = np.arange(len(STATES))
_LETTERS = np.frombuffer(STATES.encode(), dtype=np.uint8)


def states_of(rows: Sequence[str]) -> np.ndarray:
    """Aligned sequences, gaps as '-', as states: (n, C) int8.

    Raises:
        MolgenError: no row, rows of different lengths, or a letter that is neither a residue nor '-'.
    """
    columns = len(rows[0]) if rows else 0
    if not columns:
        raise MolgenError("an alignment without columns: give rows of residues and gaps")
    if odd := next((place for place, row in enumerate(rows, 1) if len(row) != columns), None):
        raise MolgenError(f"row {odd} has {len(rows[odd - 1])} columns, the first one {columns}: align the rows first")
    letters = np.frombuffer("".join(rows).encode("latin-1", "replace"), dtype=np.uint8).reshape(-1, columns)
    states = _CODES[letters]
    if (states < 0).any():
        row, column = np.argwhere(states < 0)[0]
        raise MolgenError(
            f"{rows[row][column]!r} in row {row + 1}, column {column + 1} is neither one of {RESIDUES} nor a gap '-'"
        )
    return states


def matched(row: str) -> str:
    """A row without what is inserted between columns: residues in lower case, and their gaps, dots (as in A2M)."""
    return _INSERTED.sub("", row)


def well_filled(states: np.ndarray) -> np.ndarray:
    """Which columns of states (n, C) have gaps in at most `MOST_GAPS` of the rows: (C,) bool."""
    return (states == GAP).mean(axis=0) <= MOST_GAPS


def rows_of(states: np.ndarray) -> list[str]:
    """States (n, C) as aligned sequences."""
    return [row.tobytes().decode() for row in _LETTERS[states]]


def ungapped(rows: Sequence[str]) -> list[str]:
    """The sequences of aligned rows."""
    return [row.replace("-", "") for row in rows]


def fitting(texts: Sequence[str], columns: int) -> list[int]:
    """Which texts are rows of an alignment of that many columns."""
    return [place for place, text in enumerate(texts) if len(text) == columns and not set(text) - set(STATES)]


def one_hot(states: np.ndarray) -> np.ndarray:
    """States (n, C) as (n, C x 21) float32."""
    return np.eye(len(STATES), dtype=np.float32)[states].reshape(len(states), -1)
