"""The joint gate: figures that cannot all be had without learning the distribution, and what failed of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molgen.errors import MolgenError
from molgen.protein.evaluation.figures import PROPERTIES, Evaluation, Figure, evaluate

N = 1000  # designs: the bounds are made for this number and depend on it
# by name of the figure: the bound, and whether the value must be at least that (else at most)
BOUNDS: dict[str, tuple[float, bool]] = {
    "unique": (0.99, True),
    "copies": (0.01, False),
    "near": (0.05, False),
    "jsd2": (0.025, False),
    "jsd3": (0.25, False),
    **{f"ks_{name}": (0.10, False) for name in PROPERTIES},
}
# The bounds of jsd2 and jsd3 were made at a floor of 0.013 and 0.196 (460 against 460). Both fall with the sizes of the
# sets, so far that shuffled peptides keep them at 1000 against 1000: what lies above the floor has a bound of its own.
EXCESS = {"jsd2": 0.012, "jsd3": 0.054}


@dataclass(frozen=True)
class Check:
    """One part of a gate."""

    name: str
    figure: Figure
    bound: float
    at_least: bool  # else at most
    by_interval: bool = False  # the bound is what real sequences get on average: half of all real samples lie below

    @property
    def passed(self) -> bool:
        """Whether the value keeps the bound (by interval: its upper end reaches it); what is no number keeps none."""
        value = self.figure.high if self.by_interval else self.figure.value
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{self.name} {self.figure.value:.3g} (wanted {sign} {self.bound:g}; real {self.figure.floor:.3g})"


@dataclass(frozen=True)
class Gate:
    """The verdict on n designs."""

    n: int
    seed: int
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the parts that failed."""
        return tuple(check.name for check in self.checks if not check.passed)

    @property
    def passed(self) -> bool:
        """Whether no part failed."""
        return not self.failed

    @property
    def verdict(self) -> str:
        """A sentence: passed, or what failed, with the bound and the value of real sequences."""
        if self.passed:
            return f"Passes all {len(self.checks)} parts of the gate at n = {self.n:,}."
        failed = "; ".join(str(check) for check in self.checks if not check.passed)
        return f"Fails {len(self.failed)} of {len(self.checks)} parts of the gate at n = {self.n:,}: {failed}."


def joint_gate(
    designs: Sequence[str], training: Sequence[str], reference: Sequence[str], *, n: int = N, seed: int = 0
) -> Gate:
    """Judges the first `n` designs against a random held-out reference; says which parts failed.

    Raises:
        MolgenError: fewer than n designs, or nothing to compare with.
    """
    return judge(evaluate(designs, training, reference, n=n, seed=seed))


def judge(found: Evaluation) -> Gate:
    """The gate's verdict on figures that were measured before."""
    checks = [Check(name, found.figures[name], bound, at_least) for name, (bound, at_least) in BOUNDS.items()]
    checks += [
        Check(f"{name}_excess", _above_floor(found.figures[name]), bound, False) for name, bound in EXCESS.items()
    ]
    return Gate(found.n, found.seed, tuple(checks))


def _above_floor(figure: Figure) -> Figure:
    return Figure(figure.value - figure.floor, figure.low - figure.floor, figure.high - figure.floor, 0.0)


def perplexity(log_p: np.ndarray, sequences: Sequence[str]) -> float:
    """exp of the mean nats of a token, the end of each sequence counted as one.

    log_p: log-likelihood of each sequence, nats (n,).

    Raises:
        MolgenError: no sequence, or one without a likelihood: left out, it would flatter the model.
    """
    values = np.asarray(log_p, dtype=np.float64)
    if len(values) != len(sequences) or not len(values):
        raise MolgenError(f"{len(values)} log-likelihoods of {len(sequences)} sequences: one for each is needed")
    if np.isnan(values).any():
        odd = sequences[int(np.isnan(values).argmax())]
        raise MolgenError(f"{odd!r} has no likelihood under this model: take the same sequences out for every model")
    return math.exp(-values.sum() / sum(len(one) + 1 for one in sequences))
