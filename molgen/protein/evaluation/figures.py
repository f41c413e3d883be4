"""The figures of a set of designs: valid, unique, new, and distributed like real sequences; real ones beside each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from molgen.errors import MolgenError
from molgen.metrics import wilson_interval
from molgen.protein import distance
from molgen.protein.alphabet import is_sequence
from molgen.protein.evaluation.distances import (
    Kmers,
    bootstrap_deviation,
    jensen_shannon,
    kolmogorov_smirnov,
    mean_discrepancy,
)
from molgen.protein.properties import SCORES
from molgen.seeds import rng

LENGTHS = (1, 2, 3)  # of the k-mers
PROPERTIES = ("length", "net_charge", "gravy", "pi", "aromaticity")
NEAR = 0.8  # similarity above which a design is a near copy
KERNEL = 3  # residues of the k-mers of the kernel
SUBSTRINGS = 200  # designs whose longest shared substring is looked for
Z = 1.96  # of an interval of 95 %


@dataclass(frozen=True)
class Figure:
    """A number, its interval of 95 %, and what real sequences get under the same test."""

    value: float
    low: float
    high: float
    floor: float


@dataclass(frozen=True)
class Evaluation:
    """All figures of n designs, by name.

    valid, unique, copies, near are shares of the n designs as drawn (so that what is invalid counts against `unique`);
    nearest_median is of the valid ones' similarity to the nearest training sequence; shared_median and shared_most are
    residues of the longest substring that a design shares with one; jsd1 to jsd3 bits; ks_... 0 to 1; mmd2.
    """

    n: int
    seed: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class _Measured:
    """What is known of one set of sequences."""

    sequences: list[str]
    kmers: Mapping[int, Kmers]
    values: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, sequences: list[str]) -> _Measured:
        scores = {score.name: score for score in SCORES if score.name in PROPERTIES}
        values = {name: scores[name](sequences).values for name in PROPERTIES}
        return cls(sequences, {k: Kmers.of(sequences, k) for k in LENGTHS}, values)


def evaluate(
    designs: Sequence[str],
    training: Sequence[str],
    reference: Sequence[str],
    *,
    n: int = 1000,
    seed: int = 0,
    draws: int = 20,
) -> Evaluation:
    """Evaluates the first `n` designs, as drawn.

    Args:
        training: the sequences that the generator learnt from.
        reference: held-out ones, a random part of the same data (no cluster split, which shifts the distribution); of
            more than n, n are taken at random, since every figure depends on both sizes.
        draws: samples of the bootstrap.

    The floor of a distribution is that of n training sequences against the reference, the floor of memorisation that
    of the reference against the training set.

    Raises:
        MolgenError: fewer than n designs, or nothing to compare with.
    """
    if len(designs) < n or n < 1:
        raise MolgenError(f"{len(designs)} designs, fewer than the {n} that are compared: draw more, or give a lower n")
    if not training or not reference:
        raise MolgenError("no training or no reference sequences: give both, from a random split of the same data")
    valid = [one for one in designs[:n] if is_sequence(one)]
    held_out, real = _picked(reference, n, seed, "reference"), _picked(training, n, seed, "floor")
    found = {"valid": _share(len(valid), n, 1.0)}
    found |= _memorisation(valid, n, training, held_out, seed)
    found |= _distribution(valid, real, held_out, seed, draws)
    return Evaluation(n, seed, found)


def _picked(sequences: Sequence[str], n: int, seed: int, name: str) -> list[str]:
    """`n` of the sequences, or all where there are fewer."""
    places = rng(seed, "evaluate", name).permutation(len(sequences))[:n]
    return [sequences[place] for place in np.sort(places)]


def _share(count: int, n: int, floor: float) -> Figure:
    return Figure(count / n, *wilson_interval(count / n, n), floor)


def _memorisation(
    valid: list[str], n: int, training: Sequence[str], held_out: list[str], seed: int
) -> dict[str, Figure]:
    known = set(training)
    copied, control = (np.array([one in known for one in part]) for part in (valid, held_out))
    near, floor = (distance.nearest(part, training).similarity for part in (valid, held_out))
    shared, real = (longest_shared(_picked(p, SUBSTRINGS, seed, "shared"), training) for p in (valid, held_out))
    return {
        "unique": _share(len(set(valid)), n, len(set(held_out)) / len(held_out)),
        "copies": _share(int(copied.sum()), n, float(control.mean())),
        "near": _share(int((near > NEAR).sum()), n, float((floor > NEAR).mean())),
        "nearest_median": _of_rows(near, np.median, float(np.median(floor)), seed),
        "shared_median": _of_rows(shared, np.median, float(np.median(real)), seed),
        "shared_most": Figure(float(shared.max(initial=0)), *2 * (float("nan"),), float(real.max())),
    }


def _of_rows(values: np.ndarray, statistic: Callable[[np.ndarray], float], floor: float, seed: int) -> Figure:
    """A statistic of values (n,) of designs."""
    if not len(values):
        return Figure(*3 * (float("nan"),), floor)
    return _bootstrapped(lambda times: float(statistic(np.repeat(values, times))), len(values), floor, seed, 20)


def _bootstrapped(
    statistic: Callable[[np.ndarray], float], n: int, floor: float, seed: int, draws: int, least: float = -np.inf
) -> Figure:
    value = statistic(np.ones(n, dtype=np.int64))
    half = Z * bootstrap_deviation(statistic, n, seed, draws)
    return Figure(value, max(least, value - half), value + half, floor)


def longest_shared(designs: Sequence[str], training: Sequence[str]) -> np.ndarray:
    """Residues of the longest substring that each design shares with any training sequence: (n,) int64.

    One pass over each design: a start is only tried with a longer substring than the longest that was found before.
    """
    text = "\n".join(training)

    def longest(design: str) -> int:
        best = 0
        for start in range(len(design)):
            while start + best < len(design) and design[start : start + best + 1] in text:
                best += 1
        return best

    return np.array([longest(one) for one in designs], dtype=np.int64)


def _distribution(valid: list[str], real: list[str], held_out: list[str], seed: int, draws: int) -> dict[str, Figure]:
    ours, floor, target = (_Measured.of(part) for part in (valid, real, held_out))
    n = len(valid)
    found = {}
    for k in LENGTHS:
        counts = target.kmers[k].counts()
        least = jensen_shannon(floor.kmers[k].counts(), counts)

        def jsd(times: np.ndarray, k: int = k, counts: np.ndarray = counts) -> float:
            return jensen_shannon(ours.kmers[k].counts(times), counts)

        found[f"jsd{k}"] = _bootstrapped(jsd, n, least, seed, draws, 0.0)
    for name in PROPERTIES:
        least = kolmogorov_smirnov(_finite(floor.values[name]), _finite(target.values[name]))

        def ks(times: np.ndarray, name: str = name) -> float:
            return kolmogorov_smirnov(_finite(np.repeat(ours.values[name], times)), _finite(target.values[name]))

        found[f"ks_{name}"] = _bootstrapped(ks, n, least, seed, draws, 0.0)
    least, value = (mean_discrepancy(one.kmers[KERNEL], target.kmers[KERNEL]) for one in (floor, ours))
    return found | {"mmd2": Figure(value, float("nan"), float("nan"), least)}


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
