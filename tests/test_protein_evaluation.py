"""Figures of sets of sequences against brute force, and gates that say of every control what is wrong with it."""

import itertools
import math
from collections import Counter
from functools import cache

import numpy as np
import pytest
from scipy.stats import ks_2samp

from molgen.baselines import Profile
from molgen.errors import MolgenError
from molgen.protein.alignment import one_hot, rows_of, states_of
from molgen.protein.alphabet import RESIDUES
from molgen.protein.evaluation import (
    BOUNDS,
    Evaluation,
    Figure,
    controls,
    evaluate,
    family_gate,
    joint_gate,
    judge,
    perplexity,
)
from molgen.protein.evaluation.distances import (
    Kmers,
    bootstrap_deviation,
    jensen_shannon,
    kolmogorov_smirnov,
    mean_discrepancy,
)
from molgen.protein.evaluation.family import FAR, correlations, nearest_identity
from molgen.protein.evaluation.figures import longest_shared

WORDS = ["ACDA", "KKLLK", "", "A", "CDACDA", "WWW"]


@cache
def peptides(n: int, seed: int) -> tuple[str, ...]:
    """Of 12 to 40 residues, each followed by some residues more often than by others; half are rich in K, half in E."""
    chance, rules = np.random.default_rng(seed), np.random.default_rng(7)
    weights = rules.dirichlet(np.full(20, 0.6), size=20)
    charged = [weights + 0.15 * (np.arange(20) == RESIDUES.index(letter)) for letter in "KE"]
    tables = [(table / table.sum(axis=1, keepdims=True)).cumsum(axis=1) for table in charged]
    found = []
    for number in range(n):
        row = [int(chance.integers(20))]
        for u in chance.random(chance.integers(11, 40)):
            row.append(min(19, int(np.searchsorted(tables[number % 2][row[-1]], u))))
        found.append("".join(RESIDUES[one] for one in row))
    return tuple(found)


# distances


@pytest.mark.parametrize("k", [1, 2, 3])
def test_k_mers_are_those_of_a_loop_and_never_cross_from_one_sequence_to_the_next(k: int) -> None:
    expected = Counter(word[i : i + k] for word in WORDS for i in range(len(word) - k + 1))
    names = ["".join(one) for one in itertools.product(RESIDUES, repeat=k)]
    counts = Kmers.of(WORDS, k).counts()
    assert {name: int(count) for name, count in zip(names, counts, strict=True) if count} == expected
    doubled = Kmers.of(WORDS, k).counts(np.array([2, 0, 0, 0, 1, 0]))
    assert doubled.tolist() == (2 * Kmers.of(WORDS[:1], k).counts() + Kmers.of(WORDS[4:5], k).counts()).tolist()


def test_the_jensen_shannon_divergence_by_hand() -> None:
    """(1/2, 1/2) against (1, 0): H(3/4, 1/4) - 1/2 = 0.8113 - 0.5; without anything in common 1 bit."""
    assert jensen_shannon(np.array([3.0, 3.0]), np.array([5.0, 0.0])) == pytest.approx(0.8112781 - 0.5)
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 9.0])) == pytest.approx(1.0)
    assert jensen_shannon(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(jensen_shannon(np.zeros(2), np.ones(2)))


def test_kolmogorov_and_smirnov_as_scipy_has_them() -> None:
    chance = np.random.default_rng(0)
    for n, m in ((1, 1), (20, 33), (200, 50)):
        a, b = chance.integers(10, size=n).astype(float), chance.normal(4, 2, size=m).round()
        assert kolmogorov_smirnov(a, b) == pytest.approx(ks_2samp(a, b).statistic)
    assert math.isnan(kolmogorov_smirnov(np.zeros(0), np.ones(3)))


def test_the_mean_discrepancy_is_that_of_all_pairs() -> None:
    def kernel(x: str, y: str) -> float:
        a, b = (Counter(one[i : i + 2] for i in range(len(one) - 1)) for one in (x, y))
        norms = math.sqrt(sum(c * c for c in a.values()) * sum(c * c for c in b.values()))
        return sum(a[word] * b[word] for word in a) / norms if norms else 0.0

    one, other = WORDS, ["ACAC", "KLLK", "CDA"]
    within = [np.mean([kernel(x, y) for x, y in itertools.permutations(part, 2)]) for part in (one, other)]
    between = np.mean([kernel(x, y) for x in one for y in other])
    expected = within[0] + within[1] - 2 * between
    assert mean_discrepancy(Kmers.of(one, 2), Kmers.of(other, 2)) == pytest.approx(expected)
    assert math.isnan(mean_discrepancy(Kmers.of(one, 2), Kmers.of(["AC"], 2)))


def test_a_bootstrap_gives_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap_deviation(lambda times: float(np.repeat(values, times).mean()), 400, seed=0, draws=400)
    assert found == pytest.approx(values.std() / 20, rel=0.15)
    assert found == bootstrap_deviation(lambda times: float(np.repeat(values, times).mean()), 400, 0, 400)


def test_the_longest_shared_substring_is_that_of_every_substring() -> None:
    training = list(peptides(40, 1))
    designs = [training[3][5:12] + "WWWW" + training[8][2:6], "", "A", *peptides(10, 2)]
    every = {one[i:j] for one in training for i in range(len(one)) for j in range(i + 1, len(one) + 1)}

    def longest(design: str) -> int:
        cuts = itertools.combinations(range(len(design) + 1), 2)
        return max((j - i for i, j in cuts if design[i:j] in every), default=0)

    assert longest_shared(designs, training).tolist() == [longest(one) for one in designs]
    assert longest_shared(["CDW"], ["AC", "DW"]).tolist() == [2], "not across two sequences"


# the controls, and what the gate says of them


def test_controls_keep_what_they_say() -> None:
    real = list(peptides(300, 3))
    parts = [
        controls.shuffled(real, 0),
        controls.independent(real, 0),
        controls.uniform(real, 0),
        controls.mutated(real, 0),
    ]
    for made in parts:
        assert [len(one) for one in made] == [len(one) for one in real]
    assert [sorted(one) for one in parts[0]] == [sorted(one) for one in real] and parts[0] != real
    shares = [np.array([Counter("".join(part))[x] for x in RESIDUES]) / len("".join(real)) for part in (real, *parts)]
    assert abs(shares[2] - shares[0]).max() < 0.01 and abs(shares[3] - 0.05).max() < 0.01
    changed = np.mean([a != b for x, y in zip(real, parts[3], strict=True) for a, b in zip(x, y, strict=True)])
    assert changed == pytest.approx(0.1, abs=0.01)
    assert controls.shuffled(real, 0) == parts[0] and controls.shuffled(real, 1) != parts[0]


def gate_on(designs: list[str]) -> set[str]:
    """What fails of 600 designs, the training set and a held-out one of the same source beside them."""
    return set(joint_gate(designs, peptides(600, 1), peptides(600, 2), n=600).failed)


def test_real_sequences_that_were_held_out_pass_the_gate() -> None:
    found = joint_gate(peptides(600, 4), peptides(600, 1), peptides(600, 2), n=600)
    assert found.passed and found.failed == () and found.verdict == "Passes all 12 parts of the gate at n = 600."


def test_training_sequences_fail_by_copies_alone() -> None:
    assert gate_on(list(peptides(600, 1))) == {"copies", "near"}


def test_slightly_mutated_training_sequences_fail_by_nearness_and_not_by_distribution() -> None:
    """A tenth of the residues changed: k-mers and properties stay near, a copy of 12 residues survives at times."""
    failed = gate_on(controls.mutated(peptides(600, 1), 0))
    assert {"near", "copies"} <= failed and not failed & {"unique", "jsd2", "ks_length", "ks_net_charge"}


def test_shuffled_sequences_fail_by_the_order_of_residues_and_by_nothing_else() -> None:
    assert gate_on(controls.shuffled(peptides(600, 4), 0)) == {"jsd2", "jsd3", "jsd2_excess", "jsd3_excess"}


def test_independent_residues_fail_by_k_mers_and_by_the_spread_of_charge() -> None:
    failed = gate_on(controls.independent(peptides(600, 4), 0))
    assert {"jsd2", "jsd3", "ks_net_charge"} <= failed and not failed & {"copies", "near", "unique", "ks_length"}


def test_uniform_residues_fail_by_composition_too() -> None:
    failed = gate_on(controls.uniform(peptides(600, 4), 0))
    assert {"jsd2", "jsd3", "ks_net_charge", "ks_pi"} <= failed and "near" not in failed


def test_one_design_again_and_again_fails_by_uniqueness() -> None:
    assert {"unique", "jsd2", "ks_length"} <= gate_on(600 * [peptides(1, 4)[0]])


def test_what_shuffled_peptides_got_at_a_thousand_fails_above_the_floor_only() -> None:
    """Measured: 1,000 shuffled antimicrobial peptides against 1,147 held-out ones keep every absolute bound."""
    good = {name: Figure(1.0 if at_least else 0.0, 0.0, 0.0, 0.0) for name, (_, at_least) in BOUNDS.items()}
    shuffled = {"jsd2": Figure(0.0188, 0.017, 0.021, 0.0058), "jsd3": Figure(0.2081, 0.20, 0.21, 0.1049)}
    gate = judge(Evaluation(1000, 0, good | shuffled))
    assert gate.failed == ("jsd2_excess", "jsd3_excess")
    assert "jsd2_excess 0.013 (wanted <= 0.012; real 0)" in gate.verdict


def test_what_is_no_number_passes_no_gate() -> None:
    nothing = Figure(math.nan, math.nan, math.nan, math.nan)
    assert len(judge(Evaluation(1, 0, dict.fromkeys(BOUNDS, nothing))).failed) == 12


def test_figures_stand_beside_their_floor_and_in_their_interval() -> None:
    designs = [*peptides(190, 4), *5 * ("AXB",), *4 * ("",), peptides(190, 4)[0]]
    found = evaluate(designs, peptides(300, 1), peptides(300, 2), n=200, draws=10).figures
    assert found["valid"].value == pytest.approx(191 / 200) and found["unique"].value == pytest.approx(190 / 200)
    assert found["copies"].value == found["copies"].floor == 0 and found["copies"].high == pytest.approx(
        0.0188, abs=1e-3
    )
    for name in ("jsd1", "jsd2", "ks_length", "ks_gravy", "nearest_median"):
        one = found[name]
        assert one.low <= one.value <= one.high and one.low < one.high and one.floor > 0
    again = evaluate(designs, peptides(300, 1), peptides(300, 2), n=200, draws=10).figures
    assert repr(found) == repr(again)


def test_too_few_designs_or_nothing_to_compare_with_is_refused() -> None:
    with pytest.raises(MolgenError, match="2 designs, fewer than the 1000"):
        joint_gate(["ACD", "CDE"], ["ACD"], ["ACD"])
    with pytest.raises(MolgenError, match="no training or no reference"):
        evaluate(["ACD"], [], ["ACD"], n=1)


def test_designs_without_one_valid_have_figures_that_are_no_numbers_and_fail() -> None:
    gate = judge(evaluate(["X", ""], peptides(50, 1), peptides(50, 2), n=2))
    assert {"unique", "jsd2", "ks_length"} <= set(gate.failed)


def test_perplexity_is_that_of_tokens_with_the_end_counted() -> None:
    """Each of 21 tokens alike: 21, whatever the lengths. A pair of sequences of 1 and 3 residues has 6 tokens."""
    assert perplexity(np.array([-2, -4]) * math.log(21), ["A", "CDE"]) == pytest.approx(21)
    assert perplexity(np.array([-1.0, -5.0]), ["A", "CDE"]) == pytest.approx(math.e)
    with pytest.raises(MolgenError, match="'CDE' has no likelihood"):
        perplexity(np.array([-1.0, math.nan]), ["A", "CDE"])
    with pytest.raises(MolgenError, match="one for each"):
        perplexity(np.array([-1.0]), ["A", "CDE"])


# one family


@cache
def family(n: int, seed: int) -> np.ndarray:
    """24 columns of four letters each; a column of the second half is decided by its partner in the first."""
    chance, letters = np.random.default_rng(seed), np.random.default_rng(5)
    alphabet = np.stack([letters.choice(20, size=4, replace=False) for _ in range(24)])
    chosen = chance.integers(4, size=(n, 12))
    chosen = np.concatenate([chosen, (chosen + 1) % 4], axis=1)
    return np.take_along_axis(alphabet[None], chosen[:, :, None], axis=2)[:, :, 0].astype(np.int8)


def test_correlations_are_those_of_all_covariances() -> None:
    one, other = family(60, 1)[:, :8].copy(), family(50, 2)[:, :8].copy()
    one[:10, 2] = other[:20, 5] = 20

    def covariances(states: np.ndarray, least: int) -> np.ndarray:
        x = one_hot(states).astype(float).reshape(len(states), -1, 21)
        f = x.mean(axis=0)
        pairs = [(i, j) for i in range(8) for j in range(i + least, 8)]
        return np.array([x[:, i].T @ x[:, j] / len(x) - np.outer(f[i], f[j]) for i, j in pairs]).ravel()

    found = correlations(one, other)
    for value, least in zip(found, (1, FAR + 1), strict=False):
        assert value == pytest.approx(np.corrcoef(covariances(one, least), covariances(other, least))[0, 1], abs=1e-5)
    frequencies = [one_hot(states).mean(axis=0) for states in (one, other)]
    assert found[2] == pytest.approx(np.corrcoef(*frequencies)[0, 1], abs=1e-5)


def test_the_nearest_identity_counts_columns() -> None:
    rows, known = states_of(["ACD-", "WWWW"]), states_of(["ACE-", "AC--", "DWCA"])
    assert nearest_identity(rows, known).tolist() == [0.75, 0.25]


def test_independent_columns_have_no_covariance_in_common_with_the_family() -> None:
    drawn = states_of(Profile.fit(family(2000, 1)).sample_aligned(2000, 0))
    r, far, frequency = correlations(drawn, family(2000, 2))
    assert abs(r) < 0.05 and abs(far) < 0.05 and frequency > 0.98


def test_natural_rows_that_were_held_out_pass_the_gate_of_the_family() -> None:
    found = family_gate(family(1000, 3), family(2000, 1), family(2000, 2))
    assert found.gate.passed, found.gate.verdict
    assert found.gate.checks[-1].figure.value < 0.95, "by chance fewer lie above the quantile than there should"
    assert found.frequency_r.value > 0.98 and found.covariance_far_r.value > 0.9


def test_a_profile_fails_the_gate_of_the_family_by_its_covariance_alone() -> None:
    drawn = states_of(Profile.fit(family(2000, 1)).sample_aligned(1000, 0))
    found = family_gate(drawn, family(2000, 1), family(2000, 2))
    assert found.gate.failed == ("covariance_r",)
    assert found.bits_median.value > found.bits_bound


def test_copies_fail_the_gate_of_the_family_by_identity_alone() -> None:
    found = family_gate(family(2000, 1)[:1000], family(2000, 1), family(2000, 2))
    assert found.gate.failed == ("identity_median", "identity_near")


def test_uniform_rows_fail_the_gate_of_the_family_by_bits_and_covariance() -> None:
    drawn = np.random.default_rng(0).integers(20, size=(1000, 24)).astype(np.int8)
    found = family_gate(drawn, family(2000, 1), family(2000, 2))
    assert found.gate.failed == ("covariance_r", "bits_natural")
    assert rows_of(drawn[:1])[0].isalpha()


def test_rows_of_other_columns_are_refused() -> None:
    with pytest.raises(MolgenError, match="all need the same columns"):
        family_gate(family(5, 1)[:, :3], family(5, 1), family(5, 2))
