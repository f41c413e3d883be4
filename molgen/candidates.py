"""The candidate table: its columns with type, unit and meaning, the check on writing, and the files.

A row is a design, rejected ones included. Missing is null, never 0 or -1. In CSV, a text cell that a spreadsheet
would run as a formula (it starts with = + - @, a tab or a line end) gets a leading apostrophe; so does a cell that
starts with an apostrophe itself. `restored` undoes it by stripping one. Parquet holds the texts as they are.
"""

import difflib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from molgen.column import Column
from molgen.errors import MolgenError
from molgen.science import MODALITIES, columns, science
from molgen.store import write_atomic

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
DESIRABILITY_PREFIX = "d_"


FRONT: tuple[Column, ...] = (
    Column("id", "str", "", "Name of the candidate: the user's own, or from the order of drawing.", required=True),
    Column("as_drawn", "str", "", "The text as it was drawn or read.", required=True),
    Column("row", "Int64", "line", "Line of the input file, counted from 1; null for drawn designs."),
    Column("note", "str", "", "What standardising changed, '' if nothing."),
    Column("times_drawn", "Int64", "times", "How often this design came; counted on its first row."),
    Column("rejected_by", "str", "", "The rule that rejected the design, '' if it passed.", required=True),
    Column("reason", "str", "", "Why it was rejected, '' if it passed.", required=True),
    Column("flags", "str", "", "Alerts that do not reject, joined by '; '."),
    Column("rank", "Int64", "", "1 is best; null for rejected designs."),
    Column("desirability", "float64", "0 to 1", "The goals of the profile as one number."),
    Column("n_missing", "Int64", "goals", "How many goals could not be scored; null for rejected designs."),
    Column("pareto_front", "bool", "", "No other passed design is as good in every goal and better in one."),
    Column("selected", "bool", "", "Picked for diversity among the best."),
    Column("why_selected", "str", "", "A sentence on why it was picked, '' if it was not."),
)
STATUS = Column("score_status", "str", "", "Which scores failed and why, '' if none did.")
KNOWN = Column("in_training", "boolean", "", "The training set holds this design; null where not compared.")


def schema(modality: str) -> tuple[Column, ...]:
    """The columns of a modality's table, in their order."""
    own = columns(modality)
    return (FRONT[0], own.DESIGN, *FRONT[1:], *own.SCORES, STATUS, *own.STRUCTURE, KNOWN, *own.NEAREST)


SCHEMA = schema("molecule")


def score_names(modality: str = "molecule") -> list[str]:
    """The columns that a profile's windows and goals may name."""
    return [column.name for column in schema(modality) if column.score]


def conform(table: pd.DataFrame, modality: str = "molecule") -> pd.DataFrame:
    """The same rows with the schema's columns, order and types; columns that lack are added empty.

    Raises MolgenError where a required column lacks, a column is unknown, or a value does not fit its type.
    """
    wanted = schema(modality)
    _check_names(table, wanted)
    known = {column.name: _typed(table, column) for column in wanted}
    goals = {name: table[name].astype("float64") for name in table.columns if name.startswith(DESIRABILITY_PREFIX)}
    return pd.DataFrame(known | goals, index=table.index)[_order(wanted, goals)].reset_index(drop=True)


def check(table: pd.DataFrame, modality: str = "molecule") -> None:
    """Raise MolgenError unless the table holds exactly what the schema says and its rows agree with themselves."""
    _check_names(table, schema(modality))
    for column in schema(modality):
        if column.name not in table.columns:
            raise MolgenError(f"the candidate table lacks the column '{column.name}' ({column.meaning})")
        found = str(table[column.name].dtype)
        if found != column.dtype:
            raise MolgenError(f"the column '{column.name}' must be of type {column.dtype}, not {found}")
    _check_rows(table)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """The designs that passed, best first."""
    return table[table["rank"].notna()].sort_values("rank", kind="stable").reset_index(drop=True)


def write(table: pd.DataFrame, folder: Path, modality: str = "molecule") -> dict[str, Path]:
    """Write candidates.parquet, candidates.csv, ranked.csv and the selected for other programs; give their paths.

    Each file is written beside its final name and renamed. Raises OutputError where the disk is full or the folder
    cannot be written.
    """
    table = conform(table, modality)
    check(table, modality)
    best = ranked(table)
    selected = best[best["selected"]]
    makers: dict[str, Callable[[], bytes]] = {
        "candidates.parquet": lambda: table.to_parquet(index=False),
        "candidates.csv": lambda: to_csv(table),
        "ranked.csv": lambda: to_csv(best),
    }
    makers |= {name: partial(make, selected) for name, make in science(modality).SELECTIONS.items()}
    for name, make in makers.items():
        write_atomic(folder / name, make())
    return {name: folder / name for name in makers}


def to_csv(table: pd.DataFrame) -> bytes:
    """The table as CSV (UTF-8, line feeds, shortest exact floats), formulas defused."""
    return defused(table).to_csv(index=False, lineterminator="\n").encode()


def defused(table: pd.DataFrame) -> pd.DataFrame:
    """The same table, where no text is a formula to a spreadsheet; numbers stay numbers."""
    safe = table.copy()
    for name in table.columns:
        if isinstance(table[name].dtype, pd.StringDtype) or table[name].dtype == object:
            safe[name] = table[name].map(_defused_cell, na_action="ignore")
    return safe.rename(columns=_defused_cell)


def restored(text: str) -> str:
    """The text of a CSV cell as it was before `defused`."""
    return text.removeprefix("'")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a candidates.csv or ranked.csv back, with the schema's types and the texts as they were."""
    header = pd.read_csv(path, nrows=0).columns
    modality = modality_of(header)
    texts = {column.name: "str" for column in schema(modality) if column.dtype == "str"}
    gaps = {name: [""] for name in header if name not in texts}
    table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=gaps)
    for name in texts:
        table[name] = table[name].map(restored)
    table["design"] = table["design"].mask(table["design"] == "")
    return conform(table, modality)


def modality_of(header: Sequence[str]) -> str:
    """The modality that has most of these columns."""
    return max(MODALITIES, key=lambda name: len({column.name for column in schema(name)}.intersection(header)))


def _check_names(table: pd.DataFrame, wanted: Sequence[Column]) -> None:
    names = [column.name for column in wanted]
    if table.columns.has_duplicates:
        raise MolgenError(f"the candidate table has the column '{table.columns[table.columns.duplicated()][0]}' twice")
    for column in wanted:
        if column.required and column.name not in table.columns:
            raise MolgenError(f"the candidate table lacks the column '{column.name}' ({column.meaning})")
    for name in table.columns:
        if name not in names and not name.startswith(DESIRABILITY_PREFIX):
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise MolgenError(f"unknown column '{name}' in the candidate table{hint}")


def _typed(table: pd.DataFrame, column: Column) -> pd.Series:
    if column.name not in table.columns:
        empty = False if column.dtype == "bool" else None
        return pd.Series([empty] * len(table), index=table.index, dtype=column.dtype)
    values = table[column.name]
    try:
        return values.astype(column.dtype)
    except (ValueError, TypeError) as problem:
        raise MolgenError(f"the column '{column.name}' does not fit its type {column.dtype}: {problem}") from problem


def _order(wanted: Sequence[Column], goals: dict[str, pd.Series]) -> list[str]:
    """The schema's order, with the desirabilities of the goals after `desirability`."""
    names = [column.name for column in wanted]
    place = names.index("desirability") + 1
    return [*names[:place], *goals, *names[place:]]


def _check_rows(table: pd.DataFrame) -> None:
    faults = {
        "an id that another row has": table["id"].duplicated(),
        "a rank although it was rejected": (table["rejected_by"] != "") & table["rank"].notna(),
        "a selection although it has no rank": table["selected"] & table["rank"].isna(),
        "a rejection without a reason": (table["rejected_by"] != "") & (table["reason"] == ""),
        "no design although it passed": (table["rejected_by"] == "") & table["design"].isna(),
    }
    for fault, rows in faults.items():
        if rows.any():
            first = table.loc[rows, "id"].iloc[0]
            raise MolgenError(f"the candidate '{first}' has {fault}; {int(rows.sum())} such rows")


def _defused_cell(text: str) -> str:
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA_STARTS) else text
