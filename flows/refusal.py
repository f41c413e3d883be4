"""How a flow or a task ends where the user has to mend something: with the sentence, and without a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from prefect.client.schemas.objects import State
from prefect.states import Failed

from molgen.errors import MolgenError

R = TypeVar("R")


def refused(error: MolgenError | OSError) -> State[Any]:
    """A failed state that carries the error. Returned it is only recorded; raised, Prefect logs it with a traceback."""
    return Failed(message=str(error), data=error)


def mendable(work: Callable[..., R]) -> Callable[..., R]:
    """Work whose MolgenError or OSError ends the flow as `refused`; whoever called the flow gets the error itself."""

    @wraps(work)
    def done(*arguments: Any, **named: Any) -> Any:
        try:
            return work(*arguments, **named)
        except (MolgenError, OSError) as error:
            return refused(error)

    return done
