"""Figures of a set of draws, by the definitions of MOSES (Polykovskiy et al. 2020, arXiv:1811.12823), one by one.

`molgen.moses` puts them together. Validity is counted as drawn, before anything is dropped; invalid draws are then left
out and duplicates stay. A figure without its n means nothing: FCD falls with n, so a set of real molecules of the same
size belongs beside it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from molgen.errors import MolgenError
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


def chemnet(device: str = "cpu") -> FCD:
    """ChemNet as the package `fcd-torch` carries it; MolgenError where that is missing (the extra `benchmark`)."""
    try:
        from fcd_torch import FCD
    except ImportError as error:
        raise MolgenError(
            f"ChemNet needs the package fcd-torch ({error}). Run `{sys.executable} -m pip install fcd-torch`"
        ) from error

    return FCD(device=device, canonize=False)


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
    return _frechet(a, b, _root(a.covariance))


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def _frechet(a: Moments, b: Moments, root: np.ndarray) -> float:
    """root: that of a's covariance."""
    cross = np.linalg.eigvalsh(root @ b.covariance @ root)
    difference = a.mean - b.mean
    trace = np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.sqrt(np.clip(cross, 0, None)).sum()
    return float(difference @ difference + trace)


def bootstrap_deviation(found: np.ndarray, reference: Moments, seed: int, draws: int = 20) -> float:
    """Standard deviation of the distance of activations (n, 512) to `reference`, over samples drawn with return."""
    return bootstrap_deviations(found, [reference], seed, draws)[0]


def bootstrap_deviations(
    found: np.ndarray, references: Sequence[Moments], seed: int, draws: int = 20
) -> tuple[float, ...]:
    """The same for several references at once, whose samples and covariances are shared.

    Only the deviation is taken from the samples, not their mean: each holds its molecules more than once, and lies
    farther from the reference than the set itself, as a smaller set would.
    """
    chance = rng(seed, "bootstrap")
    roots = [_root(reference.covariance) for reference in references]
    distances = []
    for _ in range(draws):
        sample = Moments.of(found[chance.integers(len(found), size=len(found))])
        distances.append([_frechet(one, sample, root) for one, root in zip(references, roots, strict=True)])
    return tuple(float(one) for one in np.std(distances, axis=0, ddof=1))


def cosine_similarity(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """<a, b> / (|a| |b|) of two counts by name, a name that is absent counting 0; NaN where one of them is empty."""
    if not a or not b:
        return float("nan")
    few, many = sorted((a, b), key=len)
    shared = sum(count * many[name] for name, count in few.items() if name in many)
    return shared / math.sqrt(_square(a) * _square(b))


def _square(counts: Mapping[str, int]) -> int:
    return sum(count * count for count in counts.values())


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Wasserstein-1 distance of two samples (n,), (m,): the area between their distribution functions; NaN for none."""
    if not len(a) or not len(b):
        return float("nan")
    a, b = np.sort(a), np.sort(b)
    both = np.sort(np.concatenate([a, b]))
    below = (np.searchsorted(one, both[:-1], side="right") / len(one) for one in (a, b))
    return float(np.sum(np.abs(np.subtract(*below)) * np.diff(both)))


def wilson_interval(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share of n (Wilson 1927); NaN for a share of nothing."""
    if not n:
        return float("nan"), float("nan")
    centre, half = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
