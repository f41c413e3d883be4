"""molgen's executor over Prefect tasks: each task is a bundle of chunks, spread over worker processes inside it.

Prefect's own task runners are not used for chemistry: its default runs threads, which RDKit's lock makes slower than
one, and its process runner imports Prefect in every worker. One task with a pool inside is the fastest (measured).
Nothing is cached or persisted by Prefect: the store of units in the run folder is what makes a second run free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Self, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from flows.refusal import refused
from molgen.errors import MolgenError
from molgen.executor import Processes

T = TypeVar("T")
R = TypeVar("R")

MOST_TASKS = 100  # of one stage: more would burden Prefect's database and tell nobody anything
CHUNKS_PER_WORKER = 2  # at least, in a task: some seconds of work each, and little waiting for the last one


def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a second try may help: not where the user has to mend something, but where a worker process died."""
    problem = state.result(raise_on_failure=False)
    return not isinstance(problem, MolgenError) or isinstance(problem.__cause__, BrokenProcessPool)


TASK: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "retries": 2,
    "retry_delay_seconds": [1, 5],
    "retry_condition_fn": worth_retrying,
}


class PrefectTasks:
    """Runs the items of a stage as Prefect tasks named `stage-00012`, after the first item of the bundle."""

    def __init__(self, workers: int | None = None) -> None:
        self._inside = Processes(workers)

    def map(self, stage: str, work: Callable[[T], R], items: Sequence[T], *, here: bool = False) -> list[R]:
        """The results in the items' order. Only inside of a flow."""
        size = bundle_size(len(items), 0 if here else self._inside.workers)

        # The items stay in the closure: as arguments they would be walked through and hashed by Prefect.
        @task(name=stage, task_run_name=f"{stage}-{{first:05d}}", tags=["molgen"], **TASK)
        def bundle(first: int) -> list[R] | State[Any]:
            part = items[first : first + size]
            label = stage if size >= len(items) else f"{stage} {first + 1}-{first + len(part)} of {len(items)}"
            try:
                return self._inside.map(label, work, part, here=here)
            except MolgenError as error:
                return refused(error)

        return [result for first in range(0, len(items), size) for result in answered(bundle(first))]

    def close(self) -> None:
        self._inside.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def answered(given: list[R] | State[Any]) -> list[R]:
    """What a task gave; Prefect hands a returned state through, so its error is raised here."""
    if isinstance(given, State):
        raise given.result(raise_on_failure=False)
    return given


def bundle_size(items: int, workers: int) -> int:
    """How many chunks one task takes, so that a stage has at most `MOST_TASKS` tasks and no worker idles."""
    return max(1, CHUNKS_PER_WORKER * workers, math.ceil(items / MOST_TASKS))
