"""The funnel: how many designs were left after each stage, counted from the rows of the candidate table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from molgen.ranking import MISSING
from molgen.report.charts import Stage
from molgen.screening import DUPLICATE, INVALID, KNOWN, UNREACHED

MOST_REASONS = 10
WHOLE_REASON_LENGTH = 80


def count_funnel(
    table: pd.DataFrame,
    rules: Sequence[str],
    *,
    source: str,
    compared: bool,
    reject_known: bool = True,
    whole_reasons: frozenset[str] = frozenset(),
) -> tuple[Stage, ...]:
    """One stage after the other, each with the rows that are left after it, that it removed, and why.

    rules: names of the hard rules in their order. source: name of the first stage, 'drawn' or 'read'.
    compared: were the designs compared with a training set? If not, the stage is named 'novelty not checked'.
    whole_reasons: rules whose reasons are counted whole, not by their first word.
    reject_known: does the profile reject what the training set holds? If not, the stage is named 'known kept'.
    """
    steps = {"reached": UNREACHED} if (table["rejected_by"] == UNREACHED).any() else {}
    novelty = "novelty not checked" if not compared else "novel" if reject_known else "known kept"
    steps |= {"valid": INVALID, "unique": DUPLICATE, novelty: KNOWN}
    steps |= {rule: rule for rule in rules}
    if (table["rejected_by"] == MISSING).any():
        steps["scored"] = MISSING
    stages, left = [Stage(source, len(table), 0)], len(table)
    for name, rule in steps.items():
        gone = table.loc[table["rejected_by"] == rule, "reason"]
        left -= len(gone)
        stages.append(Stage(name, left, len(gone), _reasons(gone, whole_reasons)))
    stages.append(Stage("ranked", int(table["rank"].notna().sum()), 0))
    selected = int(table["selected"].sum())
    return (*stages, Stage("selected", selected, left - selected))


def as_dict(stages: Sequence[Stage]) -> dict[str, Any]:
    """The content of funnel.json."""
    return {
        "stages": [
            {"name": stage.name, "count": stage.count, "removed": stage.removed, "reasons": dict(stage.reasons)}
            for stage in stages
        ]
    }


def from_dict(content: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The stages that funnel.json holds."""
    return tuple(
        Stage(stage["name"], stage["count"], stage["removed"], tuple(stage["reasons"].items()))
        for stage in content["stages"]
    )


def _reasons(reasons: pd.Series, whole: frozenset[str]) -> tuple[tuple[str, int], ...]:
    """The most frequent kinds of reasons, the other ones added up."""
    counts = Counter(_kind(reason, whole) for reason in reasons)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    others = sum(number for _, number in most[MOST_REASONS:])
    return (*most[:MOST_REASONS], ("other reasons", others)) if others else tuple(most)


def _kind(reason: str, whole: frozenset[str]) -> str:
    """The machine word before the colon; an alert catalog's entry with it; a window's reason without its numbers."""
    word, colon, rest = reason.partition(":")
    if not colon:
        return " ".join(part for part in reason.split() if not part.lstrip("-").replace(".", "").isdigit())
    return f"{word}: {rest.strip()}"[:WHOLE_REASON_LENGTH] if word in whole else word
