"""Figures of a set of draws, by the definitions of MOSES (Polykovskiy et al. 2020, arXiv:1811.12823).

Validity is counted as drawn, before anything is dropped; invalid draws are then left out and duplicates stay. A figure
without its n means nothing: FCD falls with n, so a set of real molecules of the same size belongs beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from molgen.seeds import rng

if TYPE_CHECKING:
    from fcd_torch import FCD


@dataclass(frozen=True)
class Moments:
    """Mean (512,) and covariance (512, 512) of ChemNet's penultimate layer over a set of molecules."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, activations: np.ndarray) -> Moments:
        """activations (n, 512)."""
        return cls(activations.mean(axis=0), np.cov(activations.T))


def unique_at(canonical: Sequence[str], k: int) -> float:
    """Distinct among the first k valid designs, divided by k; NaN where there are fewer than k."""
    return len(set(canonical[:k])) / k if len(canonical) >= k else float("nan")


def novelty(canonical: Sequence[str], known: Callable[[list[str]], np.ndarray]) -> float:
    """Share of the distinct designs that the training set does not hold.

    Args:
        canonical: valid designs as canonical SMILES.
        known: for a list of them, a bool each: does the training set hold it?
    """
    distinct = sorted(set(canonical))
    return float(1.0 - np.mean(known(distinct))) if distinct else float("nan")


def chemnet() -> FCD:
    """ChemNet as the package `fcd-torch` carries it (an optional dependency: the extra `benchmark`)."""
    from fcd_torch import FCD

    return FCD(device="cpu", canonize=False)


def activations(canonical: Sequence[str], network: FCD, progress: Callable[[int], None] | None = None) -> np.ndarray:
    """ChemNet's penultimate layer (n, 512), in chunks. The SMILES must be canonical, as those of references are."""
    parts = []
    for start in range(0, len(canonical), 2048):
        parts.append(network.get_predictions(list(canonical[start : start + 2048])))
        if progress is not None:
            progress(len(parts[-1]))
    return np.concatenate(parts)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Preuer et al. 2018, equation 1: Frechet ChemNet Distance).

    The trace of the square root is the sum of the square roots of the eigenvalues of C_a C_b, which are those of the
    symmetric C_a^(1/2) C_b C_a^(1/2): real and not negative but for rounding.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ b.covariance @ root)
    difference = a.mean - b.mean
    trace = np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.sqrt(np.clip(cross, 0, None)).sum()
    return float(difference @ difference + trace)


def bootstrap_deviation(found: np.ndarray, reference: Moments, seed: int, draws: int = 20) -> float:
    """Standard deviation of the distance of activations (n, 512) to `reference`, over samples drawn with return."""
    chance = rng(seed, "bootstrap")
    again = (found[chance.integers(len(found), size=len(found))] for _ in range(draws))
    return float(np.std([frechet_distance(Moments.of(sample), reference) for sample in again], ddof=1))


def wilson_interval(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share of n (Wilson 1927)."""
    centre, half = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
