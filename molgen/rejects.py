"""Rows of a user's file that are no usable design: stop at the first, or go on and say which they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from molgen import candidates as tables
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.line import Line
from molgen.profile import Profile
from molgen.reading import Designs
from molgen.results import rejected_inputs
from molgen.science import columns, science
from molgen.screening import INVALID
from molgen.store import write_atomic

CHUNK = 5000  # texts that one process judges at a time
LONGEST_SHOWN = 80


def refuse_unusable(designs: Designs, profile: Profile, executor: Executor) -> None:
    """MolgenError for the first row, in the order of the file, that is no usable design. Judges all, scores none."""
    texts = designs.table["text"].tolist()
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    answers = executor.map("check", _Judge(profile), chunks)
    reasons = pd.Series([reason for answer in answers for reason in answer], index=designs.table.index, dtype=object)
    bad = designs.table.assign(reason=reasons)[reasons.notna()]
    bad = pd.concat([bad, designs.rejected]).sort_values("row", kind="stable")
    if len(bad):
        first = bad.iloc[0]
        raise MolgenError(
            f"{_place(designs, int(first['row']))}: {shown(first['text'])} cannot be used ({first['reason']}); "
            f"{len(bad)} such rows in all. Mend them, or go on without them: --invalid-rows reject"
        )


@dataclass(frozen=True)
class _Judge:
    profile: Profile

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        return [one.reason for one in science(self.profile.modality).judge(texts, self.profile)]


def with_unread(table: pd.DataFrame, designs: Designs) -> pd.DataFrame:
    """The table and the rows that were refused on reading, in the order of the file; every id once."""
    unread = designs.rejected.rename(columns={"text": "as_drawn"}).assign(rejected_by=INVALID, note="")
    whole = pd.concat([table, unread], ignore_index=True).sort_values("row", kind="stable", ignore_index=True)
    return whole.assign(id=_unique(whole["id"], whole["row"]))


def _unique(ids: pd.Series, rows: pd.Series) -> pd.Series:
    """An id that came before gets its row behind it."""
    taken: set[str] = set()
    names = []
    for name, row in zip(ids, rows, strict=True):
        while name in taken:
            name = f"{name} (row {row})"
        taken.add(name)
        names.append(name)
    return pd.Series(names, index=ids.index, dtype="str")


def refuse_empty(line: Line, table: pd.DataFrame, designs: Designs, modality: str) -> None:
    """MolgenError, after rejected_inputs.csv was written, where no row of the file is a design."""
    refused = rejected_inputs(table)
    if len(refused) < len(table):
        return
    path = line.settings.out / "rejected_inputs.csv"
    write_atomic(path, tables.to_csv(refused))
    first, noun = refused.iloc[0], columns(modality).NOUNS[0]
    raise MolgenError(
        f"none of the {len(table)} rows of {designs.path} is a {noun}. {_place(designs, int(first['row']))}: "
        f"{shown(first['text'])} ({first['reason']}). Is it another column (--column)? All reasons: {path}"
    )


def say_rejected(line: Line, table: pd.DataFrame, designs: Designs) -> None:
    """One sentence on the rows that cannot be used, if there are any."""
    refused = rejected_inputs(table)
    if len(refused):
        first = refused.iloc[0]
        line.say(
            f"{len(refused)} of {len(table)} rows of {designs.path} cannot be used, see rejected_inputs.csv; the first "
            f"is {_place(designs, int(first['row']), short=True)}: {shown(first['text'])} ({first['reason']})"
        )


def _place(designs: Designs, row: int, short: bool = False) -> str:
    column = f", column '{designs.column}'" if designs.column else ""
    return f"row {row}{column}" if short else f"{designs.path}, row {row}{column}"


def shown(text: object) -> str:
    """A cell in quotes, odd characters escaped, cut to a line."""
    written = repr(str(text))
    return written if len(written) <= LONGEST_SHOWN else f"{written[:LONGEST_SHOWN]}...' ({len(str(text))} characters)"
