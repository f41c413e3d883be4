"""The gate of one protein family: bits, couplings and nearest identity together, on aligned rows.

Bits alone are won by a profile, which knows no pair of columns; couplings alone by copies of the training set.

Axis letters: n rows, C columns, 21 states (residues and the gap).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from molgen.errors import MolgenError
from molgen.metrics import wilson_interval
from molgen.protein.alignment import STATES, one_hot, rows_of, ungapped
from molgen.protein.evaluation.distances import bootstrap_deviation
from molgen.protein.evaluation.figures import Figure, Z
from molgen.protein.evaluation.gate import Check, Gate

K = len(STATES)
FAR = 4  # columns: pairs beyond are in contact in space rather than in sequence
COPY = 0.95  # identity above which a row is a near copy
NATURAL = 0.05  # quantile of the bits of natural rows that designs must lie above
BLOCK = 256

BOUNDS: dict[str, tuple[float, bool]] = {
    "covariance_r": (0.92, True),
    "identity_median": (0.82, False),
    "identity_near": (0.02, False),
    "bits_natural": (0.95, True),
}


@dataclass(frozen=True)
class FamilyGate:
    """The verdict and the figures that have no bound."""

    gate: Gate
    covariance_far_r: Figure  # over pairs with |i - j| > FAR
    frequency_r: Figure
    bits_median: Figure
    bits_bound: float  # the natural quantile


def family_gate(designs: np.ndarray, training: np.ndarray, held_out: np.ndarray, *, seed: int = 0) -> FamilyGate:
    """Judges aligned designs (n, C) against held-out natural rows; the floor is the training rows' own figure.

    Designs without an alignment are aligned by `baselines.Hmm.align` of the training rows. Bits are those of an HMM of
    the training rows, of designs and natural rows without their gaps. The floor of identity and of bits is that of the
    held-out rows.

    Raises:
        MolgenError: arrays of different columns, or without rows; pyhmmer is missing.
    """
    _refuse(designs, training, held_out)
    r, far, frequency = correlations(designs, held_out)
    real_r, real_far, real_frequency = correlations(training, held_out)
    identity, real_identity = nearest_identity(designs, training), nearest_identity(held_out, training)
    (bits, natural), n = _bits(training, designs, held_out), len(designs)
    bound = float(np.quantile(natural, NATURAL))
    figures = {
        "covariance_r": Figure(r, *_interval(designs, held_out, r, seed), real_r),
        "identity_median": _median(identity, real_identity, seed),
        "identity_near": _share(identity > COPY, float((real_identity > COPY).mean())),
        "bits_natural": _share(bits > bound, float((natural > bound).mean())),
    }
    checks = tuple(
        Check(name, figures[name], *bound_of, by_interval=name == "bits_natural") for name, bound_of in BOUNDS.items()
    )
    unknown = (float("nan"), float("nan"))
    return FamilyGate(
        Gate(n, seed, checks),
        Figure(far, *unknown, real_far),
        Figure(frequency, *unknown, real_frequency),
        _median(bits, natural, seed),
        bound,
    )


def correlations(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Pearson's r between the statistics of two sets of aligned rows (n, C) and (m, C), unweighted, over 21 states.

    Of the pair covariances C_ij(a, b) = f_ij(a, b) - f_i(a) f_j(b) over all pairs of columns i < j, of those over pairs
    with j - i > FAR, and of the frequencies f_i(a). NaN where nothing varies.
    """
    sums, far = np.zeros(6), np.zeros(6)
    for gap, a, b in _covariances(one, other):
        sums += _sums(a, b)
        far += _sums(a[:, gap:], b[:, gap:])
    frequencies = (one_hot(rows).mean(axis=0, dtype=np.float64) for rows in (one, other))
    return _pearson(sums), _pearson(far), _pearson(_sums(*frequencies))


def _covariances(one: np.ndarray, other: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each column the covariances of both sets with the columns after it, and where those beyond FAR begin."""
    centred = []
    for rows in (one, other):
        x = one_hot(rows)
        centred.append((x - x.mean(axis=0)) / np.float32(np.sqrt(len(x))))
    for column in range(one.shape[1] - 1):
        here, after = slice(K * column, K * (column + 1)), K * (column + 1)
        a, b = (x[:, here].T @ x[:, after:] for x in centred)
        yield K * FAR, a, b


def _sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """n, sums and sums of products of two arrays, from which r follows."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.array([a.size, a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()])


def _pearson(sums: np.ndarray) -> float:
    n, a, b, aa, bb, ab = sums
    varying = n > 0 and (n * aa - a * a) > 0 and (n * bb - b * b) > 0
    return float((n * ab - a * b) / np.sqrt((n * aa - a * a) * (n * bb - b * b))) if varying else float("nan")


def nearest_identity(rows: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The greatest share of columns in which each row (n, C) agrees with any reference (m, C): (n,), gaps included."""
    known = one_hot(references).T
    parts = [one_hot(rows[start : start + BLOCK]) @ known for start in range(0, len(rows), BLOCK)]
    return np.concatenate(parts).max(axis=1).astype(np.float64) / rows.shape[1]


def _bits(training: np.ndarray, *sets: np.ndarray) -> list[np.ndarray]:
    """HMM bits of each set; -inf for what has no domain of the family, which lies below every quantile."""
    from molgen.baselines.hmm import SEARCH, Hmm

    hmm = Hmm.fit(training, SEARCH)
    scored = (hmm.bits(ungapped(rows_of(rows))).values for rows in sets)
    return [np.where(np.isnan(values), -np.inf, values) for values in scored]


def _interval(designs: np.ndarray, held_out: np.ndarray, r: float, seed: int, draws: int = 5) -> tuple[float, float]:
    """Of the covariance r: five samples, since each costs as much as the figure itself."""

    def sampled(times: np.ndarray) -> float:
        return correlations(np.repeat(designs, times, axis=0), held_out)[0]

    half = Z * bootstrap_deviation(sampled, len(designs), seed, draws)
    return max(-1.0, r - half), min(1.0, r + half)


def _median(values: np.ndarray, real: np.ndarray, seed: int) -> Figure:
    value = float(np.median(values))
    half = Z * bootstrap_deviation(lambda times: float(np.median(np.repeat(values, times))), len(values), seed)
    return Figure(value, value - half, value + half, float(np.median(real)))


def _share(hits: np.ndarray, floor: float) -> Figure:
    share = float(hits.mean())
    return Figure(share, *wilson_interval(share, len(hits)), floor)


def _refuse(*sets: np.ndarray) -> None:
    if any(len(one) == 0 for one in sets) or len({one.shape[1] for one in sets}) != 1:
        shapes = ", ".join(str(one.shape) for one in sets)
        raise MolgenError(f"designs, training and held-out rows of the shapes {shapes}: all need the same columns")
