"""What a score and a rule are, and how a chunk of designs passes through them. Knows no chemistry.

A score gives a value or a status, a rule gives a reason or nothing. A failure is never a number: the value is NaN and
the status says what happened.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

Better = Literal["higher", "lower", "none"]


@dataclass(frozen=True)
class Values:
    """The values of one score for a chunk of n designs."""

    values: np.ndarray  # (n,) float64, NaN where the design could not be scored
    status: tuple[str, ...]  # (n,) '' where it could, else what happened

    def __post_init__(self) -> None:
        if len(self.values) != len(self.status):
            raise ValueError(f"{len(self.values)} values but {len(self.status)} statuses")


class Score(Protocol):
    """A number for each design of a chunk, with its unit and its direction."""

    @property
    def name(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def better(self) -> Better: ...

    def __call__(self, chunk: Sequence[Any]) -> Values: ...


class Rule(Protocol):
    """For each design of a chunk the reason of rejection, or None."""

    @property
    def name(self) -> str: ...

    def __call__(self, chunk: Sequence[Any]) -> list[str | None]: ...


@dataclass(frozen=True)
class Property:
    """A score that is one function of one design. What it means stands at the column of its name."""

    name: str
    unit: str
    better: Better
    function: Callable[[Any], float]

    def __call__(self, chunk: Sequence[Any]) -> Values:
        pairs = [self._value(design) for design in chunk]
        return Values(np.array([value for value, _ in pairs], dtype=np.float64), tuple(status for _, status in pairs))

    def _value(self, design: Any) -> tuple[float, str]:
        try:
            value = float(self.function(design))
        except (ValueError, ArithmeticError, RuntimeError) as problem:  # what RDKit and arithmetic raise for one design
            return np.nan, f"failed: {_first_line(problem)}"
        return (value, "") if np.isfinite(value) else (np.nan, f"not finite: {value}")


@dataclass(frozen=True)
class EachRule:
    """A rule that is one function of one design: its reason, or None."""

    name: str
    function: Callable[[Any], str | None]

    def __call__(self, chunk: Sequence[Any]) -> list[str | None]:
        return [self.function(design) for design in chunk]


@dataclass(frozen=True)
class WindowRule:
    """Rejects where a score lies outside of [low, high], or where it cannot be computed."""

    score: Property
    low: float
    high: float

    @property
    def name(self) -> str:
        return f"window {self.score.name}"

    def __call__(self, chunk: Sequence[Any]) -> list[str | None]:
        found = self.score(chunk)
        return [self._reason(value, status) for value, status in zip(found.values, found.status, strict=True)]

    def _reason(self, value: float, status: str) -> str | None:
        if status:
            return f"{self.score.name} not scored: {status}"
        if value < self.low:
            return f"{self.score.name} {value:.4g} below {self.low:g}"
        return f"{self.score.name} {value:.4g} above {self.high:g}" if value > self.high else None


@dataclass(frozen=True)
class Verdicts:
    """What the rules said about a chunk of n designs."""

    rejected_by: tuple[str, ...]  # (n,) the first rule that rejected the design, '' if all passed
    reason: tuple[str, ...]  # (n,) its reason; in mode 'all' the reasons of all rules, joined by '; '


def score_chunk(scores: Sequence[Score], chunk: Sequence[Any]) -> pd.DataFrame:
    """One float column for each score, and `score_status`: '' or 'name: what happened' joined by '; '."""
    results = {score.name: score(chunk) for score in scores}
    columns: dict[str, Any] = {name: result.values for name, result in results.items()}
    columns["score_status"] = pd.array([_statuses(results, row) for row in range(len(chunk))], dtype="str")
    return pd.DataFrame(columns, index=range(len(chunk)))


def apply_rules(rules: Sequence[Rule], chunk: Sequence[Any], mode: Literal["first", "all"] = "first") -> Verdicts:
    """Judge a chunk by the rules in their order.

    In mode 'first' a rule sees only what the rules before it let pass, so that cheap rules spare the dear ones.
    In mode 'all' every rule sees every design; `rejected_by` is still the first that rejected.
    """
    rejected_by, reasons = [""] * len(chunk), [""] * len(chunk)
    for rule in rules:
        rows = [row for row in range(len(chunk)) if mode == "all" or not rejected_by[row]]
        for row, reason in zip(rows, rule([chunk[row] for row in rows]), strict=True):
            if reason is not None:
                rejected_by[row] = rejected_by[row] or rule.name
                reasons[row] = "; ".join(filter(None, (reasons[row], reason)))
    return Verdicts(tuple(rejected_by), tuple(reasons))


def flag_chunk(rules: Sequence[Rule], chunk: Sequence[Any]) -> list[str]:
    """What the rules would say, without rejecting: for each design its reasons joined by '; ', '' if none."""
    answers = [rule(chunk) for rule in rules]
    return ["; ".join(reason for reason in row if reason is not None) for row in _rows(answers, len(chunk))]


def _rows(answers: Sequence[Sequence[str | None]], count: int) -> Iterable[tuple[str | None, ...]]:
    return zip(*answers, strict=True) if answers else [()] * count


def _statuses(results: dict[str, Values], row: int) -> str:
    return "; ".join(f"{name}: {result.status[row]}" for name, result in results.items() if result.status[row])


def _first_line(problem: Exception) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0] if lines else type(problem).__name__
