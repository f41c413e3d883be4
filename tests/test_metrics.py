"""The figures of a set of draws, against hand-worked numbers and an independent implementation."""

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from molgen.metrics import Moments, chemnet, frechet_distance, moments, novelty, unique_at


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
    first, second = drug_like[:120], drug_like[5000:5120]
    ours = frechet_distance(moments(first, network), moments(second, network))
    assert ours == pytest.approx(network(first, second), rel=1e-4)
