"""Ehrlich functions against their definition, their known optimum, and the genetic algorithm of the reference."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from molgen.errors import MolgenError
from molgen.protein.ehrlich import (
    FRUGAL,
    Ehrlich,
    Evolution,
    _copy,
    _Known,
    _shift,
    best_at,
    evolve,
    sequences_of,
    sparse_ergodic,
)

TABLE = [(15, 2, 4, 4), (32, 4, 4, 4), (64, 2, 4, 4), (128, 4, 4, 2), (128, 8, 8, 8), (16, 2, 8, 4), (5, 1, 1, 1)]


def small(quantisation: int = 2) -> Ehrlich:
    """Of A, C, D: C may not follow A. Motif A . D (offsets 0, 2) and motif D C (offsets 0, 1); four positions."""
    transitions = np.array([[0.5, 0.0, 0.5], [0.4, 0.3, 0.3], [0.2, 0.4, 0.4]])
    return Ehrlich(4, quantisation, transitions, np.array([[0, 2], [2, 1]]), np.array([[0, 2], [0, 1]]))


def by_definition(function: Ehrlich, design: list[int]) -> float:
    """f, with loops."""
    if any(function.transitions[a, b] == 0 for a, b in zip(design, design[1:], strict=False)):
        return math.nan
    value, k = 1.0, function.motifs.shape[1]
    for motif, offsets in zip(function.motifs, function.offsets, strict=True):
        shares = []
        for first in range(len(design) - int(offsets[-1])):
            present = sum(design[first + o] == m for m, o in zip(motif, offsets, strict=True))
            shares.append(math.floor(present / k * function.quantisation) / function.quantisation)
        value *= max(shares)
    return value


def test_values_are_those_worked_out_by_hand() -> None:
    found = small()(["AADC", "AAAA", "ADDD", "CCCC", "DCDA", "DDDD", "AACD", "ADC", "AXDC"])
    assert found.values[:6].tolist() == [1.0, 0.0, 0.5, 0.0, 0.5, 0.25]
    assert np.isnan(found.values[6:]).all()
    assert found.status == (
        *6 * ("",),
        "infeasible: C after A is banned (position 3)",
        "infeasible: 3 residues, not 4",
        "infeasible: no letter 'X' (position 2)",
    )


@pytest.mark.parametrize("setting", TABLE)
def test_the_optimum_is_exactly_one(setting: tuple[int, int, int, int]) -> None:
    for seed in range(10):
        function = Ehrlich.of(*setting, seed=seed)
        assert function.values(function.optimum()[None]).tolist() == [1.0]
        assert function(sequences_of(function.optimum()[None])).values.tolist() == [1.0]


@pytest.mark.parametrize("setting", TABLE)
def test_fast_values_are_those_of_the_definition(setting: tuple[int, int, int, int]) -> None:
    function, chance = Ehrlich.of(*setting, seed=3), np.random.default_rng(0)
    designs = np.tile(function.optimum(), (60, 1))
    designs[:30] = [function.start(seed) for seed in range(30)]
    for row in designs[15:]:
        row[chance.integers(len(row), size=chance.integers(0, 5))] = chance.integers(20)
    found, expected = function.values(designs), [by_definition(function, row) for row in designs.tolist()]
    assert np.isnan(found).any() and (found < 1).any()
    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_elements_that_are_present_are_rounded_down_to_the_levels() -> None:
    function = Ehrlich.of(16, 2, 8, 4, seed=0)  # two elements a level
    assert function._quantised(np.arange(9)).tolist() == [0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1]


@pytest.mark.parametrize("seed", range(5))
def test_transitions_are_ergodic_and_some_are_banned(seed: int) -> None:
    p = sparse_ergodic(20, seed)
    assert p.sum(axis=1) == pytest.approx(np.ones(20)) and (np.diag(p) > 0).all()
    assert ((p == 0).sum(axis=1) >= 2).all() and ((p == 0).sum(axis=1) <= 3).all()
    assert (np.linalg.matrix_power(p, 20) > 0).all()


def test_the_start_is_feasible_and_the_seed_decides_it() -> None:
    function = Ehrlich.of(64, 4, 4, 4, seed=1)
    starts = np.stack([function.start(seed) for seed in range(50)])
    assert function.feasible(starts).all() and len({tuple(row) for row in starts.tolist()}) == 50
    assert function.start(7).tolist() == starts[7].tolist()


def test_ten_thousand_evaluations_take_less_than_a_second() -> None:
    function = Ehrlich.of(128, 8, 8, 8, seed=0)
    designs = np.random.default_rng(0).integers(20, size=(10_000, 128))
    began = time.process_time()
    function.values(designs)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [((7, 2, 4, 4), "do not fit into 7"), ((32, 2, 4, 3), "does not divide 4"), ((0, 1, 1, 1), "do not fit")],
)
def test_a_function_without_an_optimum_is_refused(setting: tuple[int, int, int, int], message: str) -> None:
    with pytest.raises(MolgenError, match=message):
        Ehrlich.of(*setting, seed=0)


def test_the_genetic_algorithm_gets_as_far_as_the_reference() -> None:
    """L15 c2 k4 q4: mean best .263 after 1,000 evaluations, .800 after 5,000, .850 after 20,000, of five seeds."""
    runs = [list(evolve(Ehrlich.of(15, 2, 4, 4, seed=seed), seed, 20_000)) for seed in range(5)]
    found = np.mean([best_at(run, (1_000, 5_000, 20_000)) for run in runs], axis=0)
    assert found == pytest.approx([0.263, 0.800, 0.850], abs=0.12)
    assert 0.6 < np.mean([run[-1].feasible for run in runs]) < 0.85


def test_a_frugal_evolution_gets_as_far_in_a_quarter_of_the_evaluations() -> None:
    """L32 c4 k4 q4: .675 after 20,000 in the reference. Its proposals are feasible, but for the first ones."""
    runs = [list(evolve(Ehrlich.of(32, 4, 4, 4, seed=seed), seed, 5_000, FRUGAL)) for seed in range(4)]
    assert np.mean([best_at(run, [5_000]) for run in runs]) >= 0.675
    assert np.mean([one.feasible for run in runs for one in run]) >= 0.9


def evaluated(settings: Evolution, evaluations: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Ehrlich, np.ndarray]:
    """A function, and the designs for which its value was asked, in order."""
    asked: list[np.ndarray] = []
    values = Ehrlich.values
    monkeypatch.setattr(Ehrlich, "values", lambda self, classes: asked.append(classes) or values(self, classes))
    function = Ehrlich.of(32, 4, 4, 4, seed=0)
    list(evolve(function, 0, evaluations, settings))
    return function, np.concatenate(asked)


def test_one_that_learns_asks_for_nothing_twice_and_hardly_for_what_is_banned(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = Evolution(generation=50, keep=20)
    found = {}
    for learns in (False, True):
        function, designs = evaluated(replace(blind, learns=learns), 3_000, monkeypatch)
        found[learns] = len({row.tobytes() for row in designs}), (~function.feasible(designs)).sum()
    assert found[True][0] == 3_000 > found[False][0]
    banned = int((function.transitions == 0).sum())
    assert found[True][1] < 3 * banned < found[False][1]


def test_what_is_known_to_be_banned_is_banned() -> None:
    function, chance = Ehrlich.of(16, 2, 4, 4, seed=5), np.random.default_rng(0)
    known = _Known(20)
    for _ in range(60):
        designs = np.array([function.start(int(seed)) for seed in chance.integers(10**9, size=20)])
        designs[:, 7] = chance.integers(20, size=20)
        known.learn(designs, function.feasible(designs))
    assert known.banned.sum() > 20 and not (known.banned & (function.transitions > 0)).any()
    assert not (known.allowed & (function.transitions == 0)).any()


def test_where_all_designs_are_known_an_evolution_still_spends_its_budget() -> None:
    assert len(list(evolve(small(), 0, 500, FRUGAL))) == 10  # of 3^4 designs


def test_a_shift_moves_what_lies_between_two_places_by_one_and_a_copy_repeats_a_stretch() -> None:
    design, chance = np.arange(20), np.random.default_rng(0)
    for _ in range(200):
        shifted, copied = _shift(design, 20, chance), _copy(design, 20, chance)
        assert len(shifted) == len(copied) == 20
        assert len(np.intersect1d(shifted, design)) >= 19 and (np.diff(shifted) == 1).sum() >= 16
        changed = np.flatnonzero(copied != design)
        assert len(changed) <= 10 and len(set((copied - design)[changed].tolist())) <= 1
    assert all(len(_copy(np.zeros(1, dtype=np.int64), 20, chance)) == 1 for _ in range(5))


def test_an_evolution_never_loses_its_best_and_keeps_its_budget() -> None:
    function = Ehrlich.of(32, 4, 4, 4, seed=2)
    run = list(evolve(function, 0, 950, Evolution(generation=100, keep=10)))
    assert [one.evaluations for one in run] == list(range(100, 1000, 100))
    assert [one.best for one in run] == sorted(one.best for one in run) and run[-1].best > run[0].best
    assert run == list(evolve(function, 0, 950, Evolution(generation=100, keep=10)))
    assert run != list(evolve(function, 1, 950, Evolution(generation=100, keep=10)))
    with pytest.raises(MolgenError, match="less than a generation of 1000"):
        next(evolve(function, 0, 999))
