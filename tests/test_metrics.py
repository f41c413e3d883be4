"""The figures of a set of draws, against hand-worked numbers and an independent implementation."""

import math
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance

from molgen.errors import MolgenError
from molgen.metrics import (
    Moments,
    activations,
    bootstrap_deviation,
    bootstrap_deviations,
    chemnet,
    cosine_similarity,
    frechet_distance,
    novelty,
    unique_at,
    wasserstein,
    wilson_interval,
)


def test_unique_at_k_counts_among_the_first_k() -> None:
    assert unique_at(["C", "C", "N", "O"], 3) == pytest.approx(2 / 3)
    assert math.isnan(unique_at(["C"], 3))


def test_novelty_is_counted_over_distinct_designs() -> None:
    def known(designs: list[str]) -> np.ndarray:
        return np.array([d == "C" for d in designs])

    assert novelty(["C", "C", "N", "O"], known) == pytest.approx(2 / 3)
    assert math.isnan(novelty([], known))


def test_the_distance_of_two_gaussians_by_hand() -> None:
    # One dimension: (3 - 1)^2 + (sqrt(9) - sqrt(4))^2 = 5.
    a, b = Moments(np.array([1.0]), np.array([[4.0]])), Moments(np.array([3.0]), np.array([[9.0]]))
    assert frechet_distance(a, b) == pytest.approx(5.0)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-12)


def test_the_distance_equals_that_with_scipys_matrix_root() -> None:
    chance = np.random.default_rng(0)
    x, y = chance.normal(size=(60, 8)), chance.normal(1.0, 2.0, size=(60, 8))
    a, b = Moments(x.mean(0), np.cov(x.T)), Moments(y.mean(0), np.cov(y.T))
    root = np.real(sqrtm(a.covariance @ b.covariance))
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_chemnet_distance_equals_that_of_fcd_torch(drug_like: list[str]) -> None:
    network = chemnet()
    first, second = drug_like[:60], drug_like[5000:5060]
    ours = frechet_distance(*(Moments.of(activations(part, network)) for part in (first, second)))
    assert ours == pytest.approx(network(first, second), rel=1e-4)


def test_the_interval_of_a_share_by_hand() -> None:
    # Wilson for 9 of 10: centre (0.9 + 0.19208) / 1.38416, half 1.96 sqrt(0.009 + 0.009604) / 1.38416.
    low, high = wilson_interval(0.9, 10)
    assert (low, high) == pytest.approx((0.59585, 0.98212), abs=1e-4)
    assert wilson_interval(1.0, 30_000)[1] == pytest.approx(1.0)


def test_the_deviation_of_the_distance_falls_with_the_square_root_of_n() -> None:
    chance = np.random.default_rng(0)
    reference = Moments(np.zeros(2), np.eye(2))
    few, many = (bootstrap_deviation(chance.normal(1.0, 1.0, (n, 2)), reference, 0, 100) for n in (100, 10_000))
    assert few / many == pytest.approx(10, rel=0.35)


def test_the_deviations_of_several_distances_are_those_of_each_by_itself() -> None:
    found = np.random.default_rng(0).normal(size=(200, 3))
    near, far = Moments(np.zeros(3), np.eye(3)), Moments(np.full(3, 4.0), 2 * np.eye(3))
    both = bootstrap_deviations(found, [near, far], seed=5)
    assert both == pytest.approx([bootstrap_deviation(found, one, 5) for one in (near, far)], rel=1e-12)


def test_the_deviation_of_a_far_distance_is_that_of_the_mean() -> None:
    # |m - r|^2 with |r| = 4 3^(1/2) far from m = 0 of unit deviation: 2 |r| / n^(1/2), the covariances hardly matter.
    found = np.random.default_rng(0).normal(size=(4000, 3))
    deviation = bootstrap_deviation(found, Moments(np.full(3, 4.0), 2 * np.eye(3)), 0, draws=200)
    assert deviation == pytest.approx(2 * 4 * math.sqrt(3) / math.sqrt(4000), rel=0.2)


def test_the_cosine_of_counts_by_hand() -> None:
    # (2, 1, 0) and (1, 0, 3): 2 / (sqrt(5) sqrt(10)).
    assert cosine_similarity(Counter("aab"), Counter("accc")) == pytest.approx(2 / math.sqrt(50))
    assert cosine_similarity(Counter("aab"), Counter("aabaab")) == pytest.approx(1.0)
    assert cosine_similarity({"a": 1}, {"b": 1}) == 0.0
    assert math.isnan(cosine_similarity({}, {"b": 1}))


def test_the_wasserstein_distance_by_hand_and_by_scipy() -> None:
    # Half of the mass moves from 0 to 1, the other half from 1 to 3: 0.5 + 1.
    assert wasserstein(np.array([0.0, 1.0]), np.array([3.0, 1.0])) == pytest.approx(1.5)
    chance = np.random.default_rng(0)
    x, y = np.round(chance.normal(size=301), 1), np.round(chance.normal(0.5, 2.0, size=1000), 1)  # with ties
    assert wasserstein(x, y) == pytest.approx(wasserstein_distance(x, y), rel=1e-12)
    assert wasserstein(x, x) == 0.0
    assert math.isnan(wasserstein(np.zeros(0), y))


def test_the_share_of_nothing_has_no_interval() -> None:
    assert all(math.isnan(end) for end in wilson_interval(float("nan"), 0))


def test_chemnet_that_is_not_installed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcd_torch", None)
    with pytest.raises(MolgenError, match=r"ChemNet needs the package fcd-torch .* -m pip install fcd-torch"):
        chemnet()
