"""Desirabilities by hand, the Pareto front and the selection by brute force, and an order that repeats."""

import itertools
import math
import time

import numpy as np
import pandas as pd
import pytest

from molgen.errors import MolgenError
from molgen.molecule.sections import Alerts
from molgen.profile import Goal, Profile, Rank, Select
from molgen.ranking import arithmetic_mean, desirability, geometric_mean, pareto_front, rank, select

QED = Goal("qed", "higher", 0.2, 0.8)
SA = Goal("sa_score", "lower", 2.0, 5.0, weight=2.0)
LOGP = Goal("logp", "window", 1.0, 3.0, zero_below=-1.0, zero_above=5.0)


def table(**columns: list) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    frame = {"id": [f"c{row}" for row in range(rows)], "design": [f"C{row}" for row in range(rows)]}
    frame |= {"rejected_by": [""] * rows, "reason": [""] * rows, "scaffold": [""] * rows}
    return pd.DataFrame(frame | columns)


def test_higher_rises_from_low_to_high() -> None:
    assert desirability(np.array([0.0, 0.2, 0.35, 0.5, 0.8, 1.0]), QED) == pytest.approx([0, 0, 0.25, 0.5, 1, 1])


def test_lower_falls_from_low_to_high() -> None:
    assert desirability(np.array([1.0, 2.0, 3.5, 5.0, 9.0]), SA) == pytest.approx([1, 1, 0.5, 0, 0])


def test_a_window_is_full_inside_and_falls_to_its_zeros() -> None:
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.5, 5.0, 6.0])
    assert desirability(values, LOGP) == pytest.approx([0, 0, 0.5, 1, 1, 1, 0.25, 0, 0])


@pytest.mark.parametrize("goal", [QED, SA, LOGP])
def test_a_missing_value_stays_missing(goal: Goal) -> None:
    assert np.isnan(desirability(np.array([np.nan]), goal)).all()


def test_the_geometric_mean_is_the_one_worked_out_by_hand() -> None:
    parts, weights = np.array([[0.25, 0.5], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), np.array([1.0, 2.0])
    found = geometric_mean(parts, weights)
    assert found == pytest.approx([(0.25 * 0.5**2) ** (1 / 3), 0.0, 0.0, 1.0])
    assert found[0] == pytest.approx(0.3968502630)  # the cube root of 1/16


def test_a_goal_of_weight_zero_counts_for_nothing_even_at_zero() -> None:
    assert geometric_mean(np.array([[0.25, 0.0]]), np.array([1.0, 0.0])) == pytest.approx([0.25])
    assert arithmetic_mean(np.array([[0.25, 0.0]]), np.array([1.0, 0.0])) == pytest.approx([0.25])


def test_without_goals_all_are_equally_desirable() -> None:
    assert geometric_mean(np.empty((2, 0)), np.empty(0)).tolist() == [1.0, 1.0]
    assert arithmetic_mean(np.empty((2, 0)), np.empty(0)).tolist() == [1.0, 1.0]


def test_the_arithmetic_mean_forgives_a_zero() -> None:
    assert arithmetic_mean(np.array([[0.0, 0.9]]), np.array([1.0, 2.0])) == pytest.approx([0.6])


def brute_front(parts: np.ndarray) -> list[bool]:
    def dominated(row: np.ndarray) -> bool:
        pairs = [list(zip(other, row, strict=True)) for other in parts]
        return any(all(a >= b for a, b in pair) and any(a > b for a, b in pair) for pair in pairs)

    return [not any(math.isnan(value) for value in row) and not dominated(row) for row in parts]


@pytest.mark.parametrize("seed", range(40))
def test_the_pareto_front_is_that_of_brute_force_with_ties_and_missing_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.integers(0, 4, size=(rng.integers(0, 25), rng.integers(1, 5))) / 3
    parts[rng.random(parts.shape) < 0.05] = np.nan
    assert pareto_front(parts).tolist() == brute_front(parts)


def test_equal_rows_are_all_on_the_front() -> None:
    assert pareto_front(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.5]])).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_rank_one_is_the_best_of_those_that_passed() -> None:
    frame = table(qed=[0.5, 0.8, 0.65, 0.8], sa_score=[3.5, 5.0, 2.0, 2.0])
    frame.loc[3, ["rejected_by", "reason"]] = ["PAINS", "PAINS: azo_A(324)"]
    found = rank(frame, Profile("t", goals=(QED, SA)))
    assert found["d_qed"].tolist()[:3] == pytest.approx([0.5, 1.0, 0.75]) and np.isnan(found["d_qed"][3])
    assert found["desirability"].tolist()[:3] == pytest.approx([0.5, 0.0, 0.75 ** (1 / 3)])
    assert found["rank"].tolist()[:3] == [2, 3, 1] and found["rank"].isna()[3]
    assert found["pareto_front"].tolist() == [False, True, True, False]
    assert found["n_missing"].tolist()[:3] == [0, 0, 0] and found["n_missing"].isna()[3]
    assert found["id"].tolist() == frame["id"].tolist()


def test_ties_go_by_canonical_design_whatever_the_order_of_rows() -> None:
    frame = table(design=["CN", "CC", "CO"], qed=[0.5, 0.5, 0.5])
    profile = Profile("t", goals=(QED,))
    assert rank(frame, profile)["rank"].tolist() == [2, 1, 3]
    turned = rank(frame[::-1].reset_index(drop=True), profile)
    assert turned["rank"].tolist() == [3, 1, 2]


def test_a_missing_score_counts_as_the_worst_and_never_lifts_a_design() -> None:
    frame = table(qed=[np.nan, 0.3], sa_score=[2.0, 4.9])
    found = rank(frame, Profile("t", goals=(QED, SA)))
    assert found["desirability"][0] == 0.0 < found["desirability"][1]
    assert found["rank"].tolist() == [2, 1] and found["n_missing"].tolist() == [1, 0]
    assert np.isnan(found["d_qed"][0])


def test_missing_exclude_rejects_with_the_reason_and_a_later_ranking_can_undo_it() -> None:
    frame = table(qed=[np.nan, 0.3])
    found = rank(frame, Profile("t", goals=(QED,), rank=Rank(missing="exclude")))
    assert found["rejected_by"].tolist() == ["missing score", ""]
    assert found["reason"].tolist() == ["missing score: qed", ""]
    assert found["rank"].isna()[0] and found["rank"][1] == 1
    again = rank(found, Profile("t", goals=(QED,)))
    assert again["rejected_by"].tolist() == ["", ""] and again["rank"].tolist() == [2, 1]


def test_pareto_ranks_the_front_before_the_rest() -> None:
    frame = table(qed=[0.8, 0.5, 0.49, 0.2], sa_score=[5.0, 3.0, 3.1, 2.0])
    middling = Profile("t", goals=(QED, Goal("sa_score", "lower", 2.0, 5.0)), rank=Rank(method="pareto"))
    found = rank(frame, middling)
    assert found["pareto_front"].tolist() == [True, True, False, True]
    assert found["rank"].tolist() == [2, 1, 4, 3]  # row 2 has the second best mean, but row 1 dominates it


def test_other_weights_give_another_order_and_no_column_is_left_behind() -> None:
    frame = table(qed=[0.8, 0.3], sa_score=[4.8, 2.1])
    profile = Profile("t", goals=(QED, SA))
    assert rank(frame, profile)["rank"].tolist() == [2, 1]
    found = rank(rank(frame, profile), profile.with_weights({"sa_score": 0.1}))
    assert found["rank"].tolist() == [1, 2]
    assert [name for name in found.columns if name.startswith("d_")] == ["d_qed", "d_sa_score"]
    assert "d_sa_score" not in rank(found, Profile("t", goals=(QED,))).columns


def test_a_goal_without_its_column_is_an_error_that_names_it() -> None:
    with pytest.raises(MolgenError, match="'nearest_similarity' needs a column"):
        rank(table(qed=[0.5]), Profile("t", goals=(Goal("nearest_similarity", "lower", 0.4, 0.9),)))


def test_an_empty_table_is_ranked_and_selected_without_fuss() -> None:
    frame = table(qed=[0.5])[:0]
    found = select(rank(frame, Profile("t", goals=(QED,))), np.zeros((0, 128), dtype=np.uint8), Profile("t"))
    assert len(found) == 0 and {"rank", "selected", "why_selected"} <= set(found.columns)


def ranked(count: int, seed: int, scaffolds: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = table(qed=list(rng.permutation(np.linspace(0.2, 0.8, count))))
    frame["scaffold"] = [f"s{number}" for number in rng.integers(0, scaffolds, count)]
    bits = np.packbits(rng.random((count, 64)) < 0.4, axis=1)
    bits[rng.integers(0, count, count // 4)] = bits[0]  # some are alike
    return rank(frame, Profile("t", goals=(QED,))), bits


def similarity(bits: np.ndarray, a: int, b: int) -> float:
    one, two = (set(np.flatnonzero(np.unpackbits(bits[row]))) for row in (a, b))
    return len(one & two) / len(one | two)


def brute_picks(frame: pd.DataFrame, bits: np.ndarray, rules: Select) -> list[int]:
    """Selection as the text of `select` says it, one candidate at a time."""
    order = [row for row in frame["rank"].sort_values().index if frame["desirability"][row] > 0]
    pool = order[: rules.pool] if rules.method == "maxmin" else order
    best = order[: max(rules.count, math.ceil(len(order) / 4))]
    picks: list[int] = []
    while len(picks) < rules.count:
        open_rows = [
            row
            for row in pool
            if row not in picks
            and all(similarity(bits, row, pick) <= rules.max_similarity for pick in picks)
            and sum(frame["scaffold"][pick] == frame["scaffold"][row] for pick in picks) < rules.max_per_scaffold
        ]
        if not open_rows:
            break
        if rules.method == "maxmin" and picks and set(open_rows) & set(best):
            open_rows = [row for row in open_rows if row in best]
            open_rows.sort(key=lambda row: (max(similarity(bits, row, pick) for pick in picks), frame["rank"][row]))
        picks.append(open_rows[0])
    return picks


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize(
    "rules",
    [
        Select(count=6, max_per_scaffold=2, max_similarity=0.5, method="maxmin", pool=20),
        Select(count=6, max_per_scaffold=6, max_similarity=0.9, method="maxmin", pool=12),
        Select(count=2, max_per_scaffold=2, max_similarity=0.3, method="maxmin", pool=20),
        Select(count=6, max_per_scaffold=2, max_similarity=0.5, method="greedy", pool=6),
        Select(count=30, max_per_scaffold=1, max_similarity=1.0, method="greedy", pool=30),
    ],
)
def test_the_selection_is_that_of_brute_force(rules: Select, seed: int) -> None:
    frame, bits = ranked(25, seed)
    found = select(frame, bits, Profile("t", goals=(QED,), select=rules))
    expected = brute_picks(frame, bits, rules)
    assert found.index[found["selected"]].tolist() == sorted(expected)
    for turn, row in enumerate(expected[1:], start=2):
        assert f"Pick {turn}, " in found["why_selected"][row]


def test_picks_keep_the_cap_and_the_distance() -> None:
    frame, bits = ranked(60, 1, scaffolds=4)
    found = select(frame, bits, Profile("t", select=Select(count=20, max_per_scaffold=2, max_similarity=0.4, pool=60)))
    picks = found.index[found["selected"]]
    assert 1 < len(picks) <= 8
    assert found.loc[picks, "scaffold"].value_counts().max() <= 2
    assert max(similarity(bits, a, b) for a, b in itertools.combinations(picks, 2)) <= 0.4


def test_rejected_rows_are_never_selected() -> None:
    frame = table(qed=[0.5, 0.8])
    frame.loc[1, ["rejected_by", "reason"]] = ["PAINS", "PAINS: x"]
    bits = np.packbits(np.eye(2, 64, dtype=bool), axis=1)
    found = select(rank(frame, Profile("t", goals=(QED,))), bits, Profile("t", goals=(QED,)))
    assert found["selected"].tolist() == [True, False]


UNLIKE = np.packbits(np.eye(40, dtype=bool), axis=1)  # no two rows share a bit


def unlike(desirabilities: list[float], **chosen: str) -> pd.DataFrame:
    """Ranked rows of these desirabilities, all of them different, with two picks to make among 30 at the most."""
    goal = Goal("qed", "higher", 0.0, 1.0)
    profile = Profile("t", goals=(goal,), select=Select(2, 40, method="maxmin", pool=30), rank=Rank(**chosen))
    frame = table(qed=desirabilities)
    return select(rank(frame, profile), UNLIKE[: len(frame)], profile)


def test_a_design_without_any_desirability_is_not_picked_unless_pareto_fronts_rank() -> None:
    assert unlike([0.5, 0.0])["selected"].tolist() == [True, False]
    assert unlike([0.5, 0.0], method="arithmetic")["selected"].tolist() == [True, False]
    assert unlike([0.5, 0.0], method="pareto")["selected"].tolist() == [True, True]


def test_the_picks_are_spread_over_the_best_quarter_and_not_over_the_pool() -> None:
    frame = table(qed=[1 - row / 100 for row in range(40)])
    bits = np.zeros((40, 4), dtype=np.uint8)
    bits[:] = [255, 0, 0, 0]  # all are alike but for
    bits[9] = [255, 240, 0, 0]  # the tenth: 8 of 12 bits are shared
    bits[10] = [0, 0, 255, 0]  # and the eleventh: none is
    profile = Profile("t", goals=(Goal("qed", "higher", 0.0, 1.0),), select=Select(2, 40, 0.9, "maxmin", 30))
    found = select(rank(frame, profile), bits, profile)
    assert found.index[found["selected"]].tolist() == [0, 9]  # a quarter of 40 is 10


def test_where_the_best_quarter_gives_too_few_the_rest_come_down_the_ranks() -> None:
    frame = table(qed=[1 - row / 100 for row in range(40)])
    bits = np.tile(np.array([255, 0, 0, 0], dtype=np.uint8), (40, 1))
    bits[20], bits[25], bits[35] = [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]
    profile = Profile("t", goals=(Goal("qed", "higher", 0.0, 1.0),), select=Select(4, 40, 0.9, "maxmin", 30))
    found = select(rank(frame, profile), bits, profile)
    assert found.index[found["selected"]].tolist() == [0, 20, 25]  # row 35 lies beyond the pool


def test_the_front_of_many_equal_rows_is_found_at_once() -> None:
    parts = np.tile([[0.5, 0.5], [0.4, 0.5], [-0.0, 0.6], [0.0, 0.6]], (50_000, 1))
    started = time.perf_counter()
    assert pareto_front(parts).tolist() == [True, False, True, True] * 50_000
    assert time.perf_counter() - started < 5  # comparing each with each would take minutes


def why(bits: list[list[int]] | None = None, changes: dict | None = None, **columns: list) -> list[str]:
    """The reasons of two picks: the second row is the first in rank."""
    frame = table(qed=[0.8, 0.65], sa_score=[3.5, 2.0], scaffold=["a", "b"], **columns)
    profile = Profile("t", goals=(QED, Goal("sa_score", "lower", 2.0, 5.0)), **(changes or {}))
    packed = np.packbits(np.array(bits or [[1, 1, 0, 0], [1, 0, 1, 1]], dtype=bool), axis=1)
    return select(rank(frame, profile), packed, profile)["why_selected"].tolist()


def test_the_reason_of_a_pick_tells_its_rank_its_best_and_its_worst_and_the_closest_pick() -> None:
    assert why() == [
        "Rank 2 of 2 (desirability 0.71). Strongest: QED 0.80 (fully met). Weakest: SA score 3.50, wanted 2 or less. "
        "Pick 2, for diversity: Tanimoto 0.25 to the closest earlier pick, c1.",
        "Rank 1 of 2 (desirability 0.87). Strongest: SA score 2.00 (fully met). Weakest: QED 0.65, wanted 0.8 or more. "
        "Pick 1, the best in rank.",
    ]


def test_the_reason_tells_what_to_know_before_ordering() -> None:
    second, first = why(
        nearest_similarity=[0.523, np.nan], stereo_unassigned=pd.array([1, 2], dtype="Int64"), flags=["", "BRENK: azo"]
    )
    assert second.endswith(
        "earlier pick, c1. Nearest reference: Tanimoto 0.52. 1 open stereocentre: decide which isomer to make. "
        "Flags: none."
    )
    assert first.endswith("best in rank. 2 open stereocentres: decide which isomer to make. Flags: BRENK: azo.")
    assert "Flags" not in why(flags=["", ""], changes={"alerts": Alerts(flag=())})[0]
    assert "stereocentre" not in why(stereo_unassigned=[0, 0])[0]


def test_the_reason_of_a_pick_on_the_pareto_front_says_so() -> None:
    assert "(on the Pareto front, desirability 0.71)" in why(changes={"rank": Rank(method="pareto")})[0]
    assert "Pareto" not in why()[0]


def test_the_reason_tells_of_goals_that_are_all_met_or_could_not_be_scored() -> None:
    profile = Profile("t", goals=(QED, LOGP), rank=Rank(method="arithmetic"))
    frame = table(qed=[0.9, 0.9], logp=[2.0, np.nan])
    found = select(rank(frame, profile), UNLIKE[:2], profile)["why_selected"]
    assert "(desirability 1.00). Every goal is fully met. Pick 1" in found[0]
    assert "Strongest: QED 0.90 (fully met). Weakest: logP not scored, wanted 1 to 3." in found[1]


def test_the_reason_under_a_single_goal_names_it_once() -> None:
    profile = Profile("t", goals=(LOGP,))
    found = select(rank(table(logp=[4.0]), profile), UNLIKE[:1], profile)["why_selected"][0]
    assert found == "Rank 1 of 1 (desirability 0.50). logP 4.00, wanted 1 to 3. Pick 1, the best in rank."


def test_fingerprints_must_belong_to_the_rows() -> None:
    with pytest.raises(ValueError, match="1 fingerprints for 2 rows"):
        select(rank(table(qed=[0.5, 0.6]), Profile("t")), np.zeros((1, 8), dtype=np.uint8), Profile("t"))
