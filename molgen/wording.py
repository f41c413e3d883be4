"""How a column is called and how its values are written for a person."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from molgen.candidates import schema
from molgen.profile import Goal, Profile
from molgen.science import MODALITIES, columns

COLUMNS = {column.name: column for modality in MODALITIES for column in schema(modality)}
LABELS = {name: words for modality in MODALITIES for name, words in columns(modality).LABELS.items()}
BARE = frozenset({"", "0 to 1", "1 to 10", "log10", "fraction", "SMILES"})
COUNTS = frozenset({"groups", "atoms", "bonds", "rings", "centres", "e", "times", "line", "goals"})
UNITS = {"A^2": "Å²"}


def label(name: str) -> str:
    """The name a chemist knows; a column without one is shown by its own name."""
    return LABELS.get(name, name.replace("_", " "))


def unit(name: str) -> str:
    """The unit to put behind a column's name, '' for counts and bare numbers."""
    known = COLUMNS.get(name)
    return "" if known is None or known.unit in BARE or known.unit in COUNTS else UNITS.get(known.unit, known.unit)


def titled(name: str) -> str:
    """Label and unit in one: 'TPSA (Å²)'."""
    return f"{label(name)} ({unit(name)})" if unit(name) else label(name)


def meaning(name: str) -> str | None:
    """What the column means, for the hint that appears over its title."""
    known = COLUMNS.get(name)
    return known.meaning if known else None


def missing(value: Any) -> bool:
    """None, NaN, NA or an empty text."""
    return value is None or value is pd.NA or value == "" or (isinstance(value, float) and math.isnan(value))


def written(value: Any, name: str = "") -> str:
    """A value as text: counts whole, others with two decimals (mw and tpsa with one), a dash for nothing."""
    if missing(value):
        return "–"
    if pd.api.types.is_integer(value):
        return f"{value:,}"
    if isinstance(value, float):
        if name in COLUMNS and COLUMNS[name].dtype == "Int64":
            return f"{value:,.0f}"
        return f"{value:.1f}" if name in ("mw", "tpsa") else f"{value:.2f}"
    return str(value)


def shown_scores(profile: Profile) -> list[str]:
    """The profile's goals in its own order, then the main properties that it does not name."""
    names = dict.fromkeys([*(goal.score for goal in profile.goals), *columns(profile.modality).MAIN])
    return [name for name in names if name != "nearest_similarity"]


def wanted(goal: Goal) -> str:
    """Where the goal is fully met: '1 to 3', '0.9 or more', '2 or less'."""
    bounds = {"higher": f"{goal.high:g} or more", "lower": f"{goal.low:g} or less"}
    return bounds.get(goal.shape, f"{goal.low:g} to {goal.high:g}")


def unwanted(goal: Goal) -> str:
    """Where the goal counts nothing: '0.3 or less', '5 or more', '-1 or less and 5 or more'."""
    if goal.shape == "window":
        return f"{goal.zero_below:g} or less and {goal.zero_above:g} or more"
    return f"{goal.low:g} or less" if goal.shape == "higher" else f"{goal.high:g} or more"


def goal_text(goal: Goal) -> str:
    """What the profile wants of one score, in words: 'SA score: best 2 or less, worst 5 or more, weight 1'."""
    return f"{label(goal.score)}: best {wanted(goal)}, worst {unwanted(goal)}, weight {goal.weight:g}"
