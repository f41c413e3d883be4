"""From scores to an order and a selection: desirabilities, their mean, the Pareto front, and diverse picks.

Everything here is deterministic: ties go by canonical design, so the same table gives the same bytes. Knows no
chemistry.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from molgen.candidates import DESIRABILITY_PREFIX
from molgen.errors import MolgenError
from molgen.profile import Goal, Profile, Rank, Select
from molgen.science import science
from molgen.wording import label, missing, wanted, written

BEST_SHARE = 0.25  # of the ranked: where 'maxmin' spreads its picks
Similarities = Callable[[np.ndarray, np.ndarray], np.ndarray]
MISSING = "missing score"  # the rule that rejects what cannot be ranked


def desirability(values: np.ndarray, goal: Goal) -> np.ndarray:
    """How well each value meets the goal, in [0, 1], piecewise linear; NaN stays NaN.

    Derringer and Suich 1980 (doi 10.1080/00224065.1980.11980968), with exponent 1.
    """
    values = np.asarray(values, dtype=np.float64)
    if goal.shape == "higher":
        return np.clip((values - goal.low) / (goal.high - goal.low), 0.0, 1.0)
    if goal.shape == "lower":
        return np.clip((goal.high - values) / (goal.high - goal.low), 0.0, 1.0)
    if goal.zero_below is None or goal.zero_above is None:
        raise ValueError(f"the window goal '{goal.score}' needs zero_below and zero_above")
    rising = (values - goal.zero_below) / (goal.low - goal.zero_below)
    falling = (goal.zero_above - values) / (goal.zero_above - goal.high)
    return np.clip(np.minimum(rising, falling), 0.0, 1.0)


def geometric_mean(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted geometric mean of each row of (n, goals); one 0 of positive weight makes it 0. No goals give 1."""
    parts, weights = parts[:, weights > 0], weights[weights > 0]
    if weights.size == 0:
        return np.ones(len(parts))
    logs = np.log(parts, out=np.full(parts.shape, -np.inf), where=~(parts <= 0))
    return np.exp(_sum_columns(logs * weights) / weights.sum())


def arithmetic_mean(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted arithmetic mean of each row of (n, goals). No goals give 1."""
    if not (weights > 0).any():
        return np.ones(len(parts))
    return _sum_columns(parts * weights) / weights.sum()


def pareto_front(parts: np.ndarray) -> np.ndarray:
    """Which rows of (n, goals), more is better, no other row dominates: as good everywhere and better somewhere.

    Equal rows are all kept. A row with a NaN is never on the front and dominates nothing.
    """
    front = ~np.isnan(parts).any(axis=1)
    if parts.shape[1] == 0 or not front.any():
        return front
    distinct, place = np.unique(parts[front] + 0.0, axis=0, return_inverse=True)  # + 0.0: no -0.0
    front[front] = _front_of_distinct(distinct)[place.ravel()]
    return front


def _front_of_distinct(parts: np.ndarray) -> np.ndarray:
    """The front of rows that are all different, and in rising lexicographic order."""
    front = np.zeros(len(parts), dtype=bool)
    kept, size = np.empty(parts.shape), 0
    # a row that dominates comes later in this order, and one of the front dominates what it does
    for row in range(len(parts) - 1, -1, -1):
        front[row] = not (kept[:size] >= parts[row]).all(axis=1).any()
        if front[row]:
            kept[size], size = parts[row], size + 1
    return front


def rank(table: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Add d_<goal>, desirability, n_missing, pareto_front and rank to the rows that no rule rejected.

    The table needs `design`, `rejected_by`, `reason` and the scores that the goals name; the rows keep their order.
    Rank 1 is best; ties go by canonical design. A missing score counts as desirability 0 (missing = "worst") or rejects
    the row by the rule "missing score" (missing = "exclude").
    """
    table = table.drop(columns=[name for name in table.columns if name.startswith(DESIRABILITY_PREFIX)]).copy()
    table["rejected_by"], table["reason"] = _without_missing(table, profile)
    passed = (table["rejected_by"] == "").to_numpy()
    raw = _desirabilities(table, profile)
    parts = np.nan_to_num(raw, nan=0.0)
    weights = np.array([goal.weight for goal in profile.goals])
    for column, goal in enumerate(profile.goals):
        table[f"{DESIRABILITY_PREFIX}{goal.score}"] = np.where(passed, raw[:, column], np.nan)
    mean = arithmetic_mean if profile.rank.method == "arithmetic" else geometric_mean
    table["desirability"] = np.where(passed, mean(parts, weights), np.nan)
    table["n_missing"] = pd.array(np.isnan(raw).sum(axis=1), dtype="Int64")
    table.loc[~passed, "n_missing"] = pd.NA
    table["pareto_front"] = False
    table.loc[passed, "pareto_front"] = pareto_front(parts[passed][:, weights > 0])
    table["rank"] = _ranks(table, passed, profile.rank)
    return table


def select(table: pd.DataFrame, fingerprints: np.ndarray, profile: Profile) -> pd.DataFrame:
    """Add `selected` and `why_selected`: up to `count` ranked rows that differ from each other.

    fingerprints: (rows of the table, ...) as the modality's `packed` gives them; rows without a rank are not looked at.
    Both methods start with rank 1, allow `max_per_scaffold` picks of one scaffold (acyclic molecules count as one), and
    never take two designs more similar than `max_similarity`. A design of desirability 0 is not taken, unless the rank
    goes by Pareto fronts, whose ends are 0 in some goal. 'greedy' goes down the ranks. 'maxmin' takes each time that of
    the best designs which is farthest from all picks (Ashton 2002, ties by rank); the best are a quarter of the ranked,
    but `count` at the least and `pool` at the most. Where none of these is left, it goes down the ranks as far as
    `pool`. If fewer than `count` remain, fewer are selected.
    """
    if len(fingerprints) != len(table):
        raise ValueError(f"{len(fingerprints)} fingerprints for {len(table)} rows")
    ranks = table["rank"].to_numpy(dtype=np.float64, na_value=np.nan)
    order = np.argsort(ranks, kind="stable")[: int(np.isfinite(ranks).sum())]
    ranked = len(order)
    if profile.rank.method != "pareto":
        order = order[table["desirability"].to_numpy(dtype=np.float64, na_value=np.nan)[order] > 0]
    own = science(profile.modality)
    scaffolds = table["scaffold"].fillna("").to_numpy() if "scaffold" in table else table["design"].to_numpy()
    picks = _pick(order, fingerprints, scaffolds, profile.select, own.similarities)
    table = table.assign(selected=False, why_selected="")
    for pick in picks:
        row = table.index[pick.row]
        table.loc[row, "selected"] = True
        table.loc[row, "why_selected"] = _why(table, pick, ranked, profile)
    return table


@dataclass(frozen=True)
class _Pick:
    row: int
    turn: int  # 1 for the first
    closest: int  # row of the most similar earlier pick, -1 for the first
    similarity: float


def _pick(
    order: np.ndarray, fingerprints: np.ndarray, scaffolds: np.ndarray, rules: Select, similarities: Similarities
) -> list[_Pick]:
    spread = 0
    if rules.method == "maxmin":
        spread = max(rules.count, math.ceil(len(order) * BEST_SHARE))
        order = order[: rules.pool]
    bits, groups = fingerprints[order], scaffolds[order]
    closest, nearest = np.full(len(order), -1), np.zeros(len(order))
    free, picks = np.ones(len(order), dtype=bool), list[_Pick]()
    while free.any() and len(picks) < rules.count:
        # of the best that are free the one farthest from all picks (argmin gives the best rank among ties), else the
        # first that is free
        best = free[:spread].any()
        place = int(np.where(free, nearest, np.inf)[:spread].argmin()) if best else int(free.argmax())
        earlier = int(order[closest[place]]) if picks else -1
        picks.append(_Pick(int(order[place]), len(picks) + 1, earlier, float(nearest[place])))
        similarity = similarities(bits[place], bits)
        closer = (similarity > nearest) | (closest < 0)
        closest[closer], nearest[closer] = place, similarity[closer]
        full = sum(scaffolds[pick.row] == groups[place] for pick in picks) >= rules.max_per_scaffold
        free &= (similarity <= rules.max_similarity) & ~(full & (groups == groups[place]))
        free[place] = False
    return picks


def _why(table: pd.DataFrame, pick: _Pick, ranked: int, profile: Profile) -> str:
    """Sentences for a chemist: the rank, the best and the worst of it, why this pick, and what to know before ordering.

    "Rank 12 of 1,012 (desirability 0.84). Strongest: QED 0.91 (fully met). Weakest: logP 3.90, wanted 1 to 3. Pick 4,
    for diversity: Tanimoto 0.31 to the closest earlier pick, d0000123. Nearest reference: 0.52. 1 open stereocentre.
    Flags: none."
    """
    row = table.iloc[pick.row]
    front = "on the Pareto front, " if profile.rank.method == "pareto" and row["pareto_front"] else ""
    sentences = [f"Rank {row['rank']:,} of {ranked:,} ({front}desirability {row['desirability']:.2f})"]
    sentences += _extremes(row, profile)
    sentences.append(_turn(pick, table, profile))
    sentences += _cautions(row, profile)
    return " ".join(f"{sentence}." for sentence in sentences)


def _extremes(row: pd.Series, profile: Profile) -> list[str]:
    """The goals that this design meets best and worst, with their values; a goal without a value is met worst."""
    goals = [goal for goal in profile.goals if goal.weight > 0]
    if not goals:
        return []
    parts = [row[f"{DESIRABILITY_PREFIX}{goal.score}"] for goal in goals]
    met = [0.0 if missing(part) else float(part) for part in parts]
    if min(met) >= 1:
        return ["Every goal is fully met"]
    best, worst = goals[int(np.argmax(met))], goals[int(np.argmin(met))]
    low = f"{_value(row, worst)}, wanted {wanted(worst)}"
    if best is worst:
        return [low]
    degree = "fully met" if max(met) >= 1 else f"wanted {wanted(best)}"
    return [f"Strongest: {_value(row, best)} ({degree})", f"Weakest: {low}"]


def _value(row: pd.Series, goal: Goal) -> str:
    value = row[goal.score]
    return f"{label(goal.score)} {'not scored' if missing(value) else written(value, goal.score)}"


def _turn(pick: _Pick, table: pd.DataFrame, profile: Profile) -> str:
    if pick.closest < 0:
        return "Pick 1, the best in rank"
    purpose = "for diversity" if profile.select.method == "maxmin" else "the next in rank that differs enough"
    other = table.iloc[pick.closest]["id"]
    word = science(profile.modality).LIKENESS
    return f"Pick {pick.turn}, {purpose}: {word} {pick.similarity:.2f} to the closest earlier pick, {other}"


def _cautions(row: pd.Series, profile: Profile) -> list[str]:
    """How near it is to what is known, what is open in its structure, and its alerts; nothing where nobody looked."""
    near, centres, flags = row.get("nearest_similarity"), row.get("stereo_unassigned"), row.get("flags")
    found = [] if missing(near) else [f"Nearest reference: {science(profile.modality).LIKENESS} {near:.2f}"]
    if not missing(centres) and centres > 0:
        found.append(f"{centres:.0f} open stereocentre{'s' if centres > 1 else ''}: decide which isomer to make")
    if profile.alerts.flag and flags is not None:
        found.append(f"Flags: {'none' if missing(flags) else flags}")
    return found


def _desirabilities(table: pd.DataFrame, profile: Profile) -> np.ndarray:
    """(rows, goals), NaN where a score is missing."""
    columns = [desirability(_score(table, goal), goal) for goal in profile.goals]
    return np.column_stack(columns) if columns else np.empty((len(table), 0))


def _score(table: pd.DataFrame, goal: Goal) -> np.ndarray:
    if goal.score not in table.columns:
        raise MolgenError(f"the goal '{goal.score}' needs a column of this name, which this run did not compute")
    return table[goal.score].to_numpy(dtype=np.float64, na_value=np.nan)


def _without_missing(table: pd.DataFrame, profile: Profile) -> tuple[pd.Series, pd.Series]:
    """`rejected_by` and `reason`, where missing = 'exclude' rejects what lacks a score."""
    rejected_by, reason = table["rejected_by"].copy(), table["reason"].copy()
    again = rejected_by == MISSING  # a table that is ranked anew forgets what an earlier profile excluded
    rejected_by[again], reason[again] = "", ""
    if profile.rank.missing == "exclude":
        for goal in profile.goals:
            lacking = np.isnan(_score(table, goal)) & (rejected_by == "").to_numpy()
            rejected_by[lacking], reason[lacking] = MISSING, f"missing score: {goal.score}"
    return rejected_by, reason


def _ranks(table: pd.DataFrame, passed: np.ndarray, rules: Rank) -> pd.Series:
    """1 for the best of those that passed, null for the others."""
    keys = pd.DataFrame({"design": table["design"], "value": -table["desirability"], "front": ~table["pareto_front"]})
    by = ["front", "value", "design"] if rules.method == "pareto" else ["value", "design"]
    order = keys[passed].sort_values(by, kind="stable").index
    ranks = pd.Series(pd.NA, index=table.index, dtype="Int64")
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def _sum_columns(parts: np.ndarray) -> np.ndarray:
    """Row sums in the order of the columns: the same bits however many rows there are."""
    total = np.zeros(len(parts))
    for column in parts.T:
        total = total + column
    return total
