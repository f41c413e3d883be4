"""Distances between two sets of sequences: of their k-mers, and of one number each.

Axis letters: n sequences, N k-mers in them, 20^k different ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from molgen.protein.alphabet import RESIDUES, classes
from molgen.seeds import rng


@dataclass(frozen=True)
class Kmers:
    """Every run of k residues in n sequences, and the sequence that each stands in."""

    k: int
    n: int
    codes: np.ndarray  # (N,) int64, 0 to 20^k - 1
    rows: np.ndarray  # (N,) int64

    @classmethod
    def of(cls, sequences: Sequence[str], k: int) -> Kmers:
        """Of sequences of the 20 residues; one that is shorter than k has none."""
        flat = classes("".join(sequences))
        rows = np.repeat(np.arange(len(sequences)), [len(one) for one in sequences])
        last = max(len(flat) - k + 1, 0)
        codes = np.zeros(last, dtype=np.int64)
        for place in range(k):
            codes = codes * len(RESIDUES) + flat[place : place + last]
        whole = rows[:last] == rows[k - 1 :][:last]  # begins and ends in the same sequence
        return cls(k, len(sequences), codes[whole], rows[:last][whole])

    def counts(self, weights: np.ndarray | None = None) -> np.ndarray:
        """How often each of the 20^k occurs: (20^k,) float64. weights (n,): how often each sequence counts."""
        weight = None if weights is None else weights[self.rows]
        return np.bincount(self.codes, weight, minlength=len(RESIDUES) ** self.k).astype(np.float64)

    def norms(self) -> np.ndarray:
        """The length (n,) of the vector of counts of each sequence."""
        pairs = self.rows * len(RESIDUES) ** self.k + self.codes
        different, times = np.unique(pairs, return_counts=True)
        rows = different // len(RESIDUES) ** self.k
        return np.sqrt(np.bincount(rows, times.astype(np.float64) ** 2, minlength=self.n))


def jensen_shannon(a: np.ndarray, b: np.ndarray) -> float:
    """The Jensen-Shannon divergence of two counts (K,), in bits, 0 to 1; NaN where one of them is empty.

    H((p + q) / 2) - (H(p) + H(q)) / 2 (Lin 1991, doi 10.1109/18.61115). It falls with the number of sequences: the
    divergence of two real samples of the same sizes belongs beside it.
    """
    if not a.sum() or not b.sum():
        return float("nan")
    p, q = a / a.sum(), b / b.sum()
    return max(0.0, _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2)


def _entropy(p: np.ndarray) -> float:
    held = p[p > 0]
    return float(-(held * np.log2(held)).sum())


def kolmogorov_smirnov(a: np.ndarray, b: np.ndarray) -> float:
    """The greatest difference of the distribution functions of two samples (n,), (m,); NaN for none."""
    if not len(a) or not len(b):
        return float("nan")
    both = np.concatenate([a, b])
    below = (np.searchsorted(np.sort(one), both, side="right") / len(one) for one in (a, b))
    return float(np.abs(np.subtract(*below)).max())


def mean_discrepancy(a: Kmers, b: Kmers) -> float:
    """The squared maximum mean discrepancy under the normalised spectrum kernel, unbiased: about 0 for equal sources.

    MMD^2 of Gretton et al. 2012 (JMLR 13, 723, equation 3) with k(x, y) = <c_x, c_y> / (|c_x| |c_y|), c the counts of
    k-mers (Leslie et al. 2002). The kernel is linear in its features, so that no matrix of pairs is made. NaN where a
    set has fewer than two sequences.
    """
    if min(a.n, b.n) < 2:
        return float("nan")
    (mean_a, within_a), (mean_b, within_b) = _embedded(a), _embedded(b)
    return within_a + within_b - 2 * float(mean_a @ mean_b)


def _embedded(one: Kmers) -> tuple[np.ndarray, float]:
    """The mean of the features (20^k,), and the mean kernel of two different sequences of the set."""
    norms = one.norms()
    total = one.counts(1.0 / np.where(norms > 0, norms, 1.0))
    itself = float((norms > 0).sum())
    return total / one.n, (float(total @ total) - itself) / (one.n * (one.n - 1))


def bootstrap_deviation(statistic: Callable[[np.ndarray], float], n: int, seed: int, draws: int = 20) -> float:
    """Standard deviation of a statistic over samples of n designs drawn with return.

    statistic: takes how often each design was drawn (n,). Only the deviation is used: a sample with return lies farther
    from its reference than the set itself.
    """
    chance = rng(seed, "bootstrap")
    found = [statistic(np.bincount(chance.integers(n, size=n), minlength=n)) for _ in range(draws)]
    return float(np.std(found, ddof=1)) if draws > 1 else float("nan")
