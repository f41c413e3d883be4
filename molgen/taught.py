"""What a generator is taught that molgen does not compute: numeric columns of the training set.

A class as 0 and 1, a measured value; an empty cell is a value that is not known.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from molgen import datasets
from molgen.errors import MolgenError
from molgen.science import MODALITIES, science
from molgen.textfile import NO_VALUE

logger = logging.getLogger("molgen.train")


def computed(names: Sequence[str], modality: str) -> tuple[str, ...]:
    """Those of the names that molgen computes of a design."""
    known = {score.name for score in science(modality).SCORES}
    return tuple(name for name in names if name in known)


def given(names: Sequence[str], source: str, column: str | None, modality: str) -> tuple[str, ...]:
    """Those of the names that are columns of the training set. What molgen computes is computed, whatever it holds.

    source: a file or a data set; column: the one with the designs.

    Raises:
        MolgenError: a name that is neither computed nor a column; one that stands there twice.
    """
    if not names:
        return ()
    known = computed(names, modality)
    others = tuple(name for name in names if name not in known)
    if len(set(names)) < len(names):
        raise MolgenError(f"properties={','.join(names)} names one of them twice: leave one out")
    if source in datasets.DATASETS and not others:  # a data set holds nothing that is computed
        return ()
    there = _column_names(source, column, modality)
    if strange := [name for name in others if name not in there]:
        raise MolgenError(unknown(strange[0], modality) + _and_no_column(source, there))
    for name in set(known) & set(there):
        logger.warning(
            "the column %r of %s is not used: %s is computed. Rename the column to teach what it holds",
            name, source, name,
        )  # fmt: skip
    return others


def unknown(name: str, modality: str) -> str:
    """A sentence that names what can be computed, and the modality that knows the name."""
    elsewhere = [other for other in MODALITIES if other != modality and computed([name], other)]
    hint = f" (it is one of the {elsewhere[0]} modality: --modality {elsewhere[0]})" if elsewhere else ""
    return f"no property {name!r}{hint}; there are {', '.join(score.name for score in science(modality).SCORES)}"


def _and_no_column(source: str, there: Sequence[str]) -> str:
    if not there:
        return f"; nor a column of that name: {source} has no header with names of columns"
    return f"; nor a column of that name in {source}, which has {', '.join(map(repr, there[:30]))}"


def _column_names(source: str, column: str | None, modality: str) -> tuple[str, ...]:
    if source in datasets.DATASETS:
        return datasets.column_names(source)
    return science(modality).column_names(Path(source), column)


def numbers(table: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows whose cells of those names are numbers or empty, as numbers (NaN: not known); the others, with a reason.

    table: row, id, text and the cells as text.
    """
    if not names:
        return table, pd.DataFrame(columns=["row", "id", "text", "reason"])
    values = {name: [_number(cell) for cell in table[name]] for name in names}
    reasons = pd.Series("", index=table.index, dtype="str")
    for name in names:
        for place, (cell, value) in enumerate(zip(table[name], values[name], strict=True)):
            if value is None and not reasons.iloc[place]:
                reasons.iloc[place] = f"{name}: {cell[:40]!r} is no number; leave the cell empty where it is not known"
    usable = reasons == ""
    found = table.assign(**{name: np.array(column, dtype=np.float64) for name, column in values.items()})
    refused = table.loc[~usable, ["row", "id", "text"]].assign(reason=reasons[~usable])
    return found[usable].reset_index(drop=True), refused


def _number(cell: str) -> float | None:
    """NaN where it is empty, None where it is no finite number."""
    if cell.strip().casefold() in NO_VALUE:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def refuse_constant(values: np.ndarray, names: Sequence[str]) -> None:
    """MolgenError for a column (n, G) that has not two different values among the designs that are learned from."""
    for name, column in zip(names, values.T, strict=True):
        told = column[~np.isnan(column)]
        if len(np.unique(told)) < 2:
            held = f"all {told[0]:g}" if len(told) else "none"
            raise MolgenError(
                f"the column {name!r} teaches nothing: of {len(column):,} designs, {len(told):,} have a value, {held}. "
                "Two different values are needed, such as 0 and 1"
            )
