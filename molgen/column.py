"""What a column of the candidate table is."""

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["str", "float64", "Int64", "bool", "boolean"]


@dataclass(frozen=True)
class Column:
    """One column of the candidate table."""

    name: str
    dtype: Dtype
    unit: str
    meaning: str
    required: bool = False  # without it there is no candidate; the others are filled with nulls
    score: bool = False  # a number that windows and goals of a profile may name


def score_column(name: str, dtype: Dtype, unit: str, meaning: str) -> Column:
    """A number that windows and goals of a profile may name."""
    return Column(name, dtype, unit, meaning, score=True)
