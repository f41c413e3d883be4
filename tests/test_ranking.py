"""Desirabilities by hand, the Pareto front and the selection by brute force, and an order that repeats."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from molgen.errors import MolgenError
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
    order = list(frame["rank"].sort_values().index)
    pool = order[: rules.pool] if rules.method == "maxmin" else order
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
        if rules.method == "maxmin" and picks:
            open_rows.sort(key=lambda row: (max(similarity(bits, row, pick) for pick in picks), frame["rank"][row]))
        picks.append(open_rows[0])
    return picks


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize(
    "rules",
    [
        Select(count=6, max_per_scaffold=2, max_similarity=0.5, method="maxmin", pool=20),
        Select(count=6, max_per_scaffold=6, max_similarity=0.9, method="maxmin", pool=12),
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
        assert f"pick {turn}: " in found["why_selected"][row]


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


def test_the_reason_of_a_pick_is_a_sentence_with_rank_goals_and_closest_pick() -> None:
    frame = table(qed=[0.8, 0.65], sa_score=[3.5, 2.0], scaffold=["a", "b"])
    profile = Profile("t", goals=(QED, Goal("sa_score", "lower", 2.0, 5.0)))
    bits = np.packbits(np.array([[1, 1, 0, 0], [1, 0, 1, 1]], dtype=bool), axis=1)
    found = select(rank(frame, profile), bits, profile)
    assert found["why_selected"].tolist() == [
        "Rank 2 of 2, desirability 0.71 (best met: qed 1.00; least met: sa_score 0.50, its value 3.50); "
        "pick 2: similarity 0.25 to the closest earlier pick (c1).",
        "Rank 1 of 2, desirability 0.87 (best met: sa_score 1.00; least met: qed 0.75, its value 0.65); "
        "first pick, as the best of all.",
    ]


def test_fingerprints_must_belong_to_the_rows() -> None:
    with pytest.raises(ValueError, match="1 fingerprints for 2 rows"):
        select(rank(table(qed=[0.5, 0.6]), Profile("t")), np.zeros((1, 8), dtype=np.uint8), Profile("t"))
