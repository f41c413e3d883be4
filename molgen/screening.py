"""A chunk of texts, judged, filtered and scored; and the chunks, put together into one table.

The work of one chunk runs in a process that loads neither torch nor Prefect.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import rdBase

from molgen.profile import Profile
from molgen.provenance import code_digest
from molgen.science import columns, science
from molgen.scoring import Rule, apply_rules, flag_chunk, score_chunk
from molgen.store import Ref, Store

VERSION = "2"
CHUNK = 500  # texts: some 3 seconds of work
INVALID, DUPLICATE, KNOWN, UNREACHED = "invalid", "duplicate", "known", "not reached"
Known = Callable[[Sequence[str], np.ndarray], np.ndarray]  # (constitutions, fingerprints) -> bool (n,)


@dataclass(frozen=True)
class ScreenTask:
    """Rows `start` to `stop` of a table of texts that lies in the store."""

    texts: Ref
    start: int
    stop: int


@dataclass(frozen=True)
class Screen:
    """Work for one process: `screen(task)` gives the unit with the chunk's table."""

    root: Path
    profile: Profile

    def __call__(self, task: ScreenTask) -> Ref:
        store = Store(self.root)
        texts = store.table(task.texts)["text"].tolist()[task.start : task.stop]
        own = science(self.profile.modality)
        made_by = {**own.versions(), "code": code_digest(*code(self.profile.modality))}
        key = {"texts": _sha256(texts), "profile": chunk_part(self.profile), **made_by}
        return store.unit("screen", VERSION, key, lambda: screen_texts(texts, self.profile))


def code(modality: str) -> tuple[str, ...]:
    """The sources that decide a chunk's table."""
    return ("screening.py", "scoring.py", *science(modality).CODE)


def tasks(refs: Sequence[Ref], chunk: int = CHUNK) -> list[ScreenTask]:
    """The texts of these units in chunks."""
    return [ScreenTask(ref, start, min(start + chunk, ref.rows)) for ref in refs for start in range(0, ref.rows, chunk)]


def chunk_part(profile: Profile) -> Mapping[str, object]:
    """What of a profile decides a chunk's table: the rest (goals, ranking, selection) can change at no cost."""
    whole = profile.as_dict()
    return {name: whole[name] for name in ("modality", "standardise", "rules", "windows", "alerts")}


def screen_texts(texts: Sequence[str], profile: Profile) -> pd.DataFrame:
    """One row a text: its design or the reason of refusal, the rule that rejects it, flags, scores, fingerprint."""
    judged = science(profile.modality).judge(texts, profile)
    table = pd.DataFrame({
        "design": pd.array([one.design for one in judged], dtype="str"),
        "note": pd.array([one.note for one in judged], dtype="str"),
        "rejected_by": pd.array([INVALID if one.parsed is None else "" for one in judged], dtype="str"),
        "reason": pd.array([one.reason or "" for one in judged], dtype="str"),
    })  # fmt: skip
    rows = [row for row, one in enumerate(judged) if one.parsed is not None]
    with rdBase.BlockLogs():
        valid = _described([one.parsed for one in judged if one.parsed is not None], profile)
    valid.index = pd.Index(rows)
    for column in ("rejected_by", "reason"):
        table.loc[rows, column] = valid[column].to_numpy()
    return table.join(valid.drop(columns=["rejected_by", "reason"]))


def _described(parsed: Sequence[Any], profile: Profile) -> pd.DataFrame:
    own = science(profile.modality)
    rules, flags = _rules(profile)
    verdicts = apply_rules(rules, parsed, profile.rules.mode)
    passed = [row for row, rule in enumerate(verdicts.rejected_by) if not rule]
    flagged = dict(zip(passed, flag_chunk(flags, [parsed[row] for row in passed]), strict=True))
    scores, described = score_chunk(own.SCORES, parsed), own.described(parsed, profile)
    statuses = zip(scores["score_status"], described.pop("status"), strict=True)
    scores["score_status"] = pd.array([_joined(*pair) for pair in statuses], dtype="str")
    return scores.assign(
        rejected_by=pd.array(verdicts.rejected_by, dtype="str"),
        reason=pd.array(verdicts.reason, dtype="str"),
        flags=pd.array([flagged.get(row, "") for row in range(len(parsed))], dtype="str"),
        **described,
    )


@lru_cache(maxsize=4)
def _rules(profile: Profile) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    own = science(profile.modality)
    return own.build_rules(profile), own.build_flags(profile)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def mark_duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """Keeps the first row of each design, counts it in `times_drawn`, and rejects the others."""
    table = table.copy()
    designs = table.loc[table["design"].notna(), "design"]
    first = designs.index.to_series().groupby(designs, sort=False).transform("first")
    later = first[first != first.index]
    table["times_drawn"] = pd.array([pd.NA] * len(table), dtype="Int64")
    counts = first.value_counts()
    table.loc[counts.index, "times_drawn"] = counts.astype("Int64")
    table.loc[later.index, "rejected_by"] = DUPLICATE
    table.loc[later.index, "reason"] = [f"duplicate: the same design as {table.loc[row, 'id']}" for row in later]
    return table


def mark_known(table: pd.DataFrame, known: Known, reject: bool, modality: str = "molecule") -> pd.DataFrame:
    """Fills `in_training` by `known(constitutions, fingerprints)`, and rejects known designs if that is wanted.

    A reason that a row has already (it broke a rule as well) stays behind the new one.
    """
    table = table.copy()
    rows = np.flatnonzero((table["design"].notna() & (table["rejected_by"] != DUPLICATE)).to_numpy())
    fingerprints = science(modality).packed(table["fingerprint"].iloc[rows])
    found = known(table["constitution"].iloc[rows].tolist(), fingerprints)
    in_training = pd.Series(pd.NA, index=table.index, dtype="boolean")
    in_training.iloc[rows] = found
    table["in_training"] = in_training
    if reject:
        same = table.index[rows[found]]
        table.loc[same, "rejected_by"] = KNOWN
        word = columns(modality).KNOWN_REASON
        table.loc[same, "reason"] = [_joined(word, reason) for reason in table.loc[same, "reason"]]
    return table


def _sha256(texts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
