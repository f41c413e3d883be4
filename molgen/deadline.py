"""A deadline for chunked work: what has begun is finished, what has not is left for the next run."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Until(Generic[T, R]):
    """`work`, but None for every item that would begin after `moment` (seconds since 1970; None: never)."""

    work: Callable[[T], R]
    moment: float | None

    def __call__(self, item: T) -> R | None:
        return None if self.moment is not None and time() >= self.moment else self.work(item)


def moment_after(minutes: float | None) -> float | None:
    """The moment so many minutes from now; None where there is no deadline."""
    return None if minutes is None else time() + 60 * minutes
