"""Where chunks of work run: one after another here, or in spawned processes. Results always come in order.

Threads are left out on purpose: RDKit holds the interpreter's lock, and two threads are slower than one.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Protocol, Self, TypeVar

from molgen.errors import MolgenError
from molgen.progress import progress

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger("molgen.executor")


class Executor(Protocol):
    """Applies `work` to every item and returns the results in the items' order; an exception of `work` passes through.

    `here=True` asks for the calling process (work that holds a network or a device, and shows its own progress);
    otherwise `work` and the items must be picklable, since they may travel to another process.
    """

    def map(self, stage: str, work: Callable[[T], R], items: Sequence[T], *, here: bool = False) -> list[R]: ...


class Serial:
    """One after another in this process."""

    def map(self, stage: str, work: Callable[[T], R], items: Sequence[T], *, here: bool = False) -> list[R]:
        if here:
            return [work(item) for item in items]
        results = []
        with progress(stage, len(items)) as advance:
            for item in items:
                results.append(work(item))
                advance(1)
        return results


class Processes:
    """In `workers` spawned processes, which are kept from one stage to the next and closed at the end of the `with`."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or available_cores()
        self._pool: ProcessPoolExecutor | None = None

    def map(self, stage: str, work: Callable[[T], R], items: Sequence[T], *, here: bool = False) -> list[R]:
        if here or self.workers == 1 or len(items) == 1:
            return Serial().map(stage, work, items, here=here)
        try:
            return self._spread(stage, work, items)
        except BrokenProcessPool as broken:
            self.close()
            raise MolgenError(
                f"a worker process died during '{stage}' (often: out of memory). Finished chunks are kept: run the "
                "same command again, with --workers 1 if it happens again. A script that calls molgen needs "
                "`if __name__ == '__main__':` around the call."
            ) from broken
        except BaseException:
            self._stop()
            raise

    def _spread(self, stage: str, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        pool = self._started()
        with _without_ctrl_c():
            futures = [pool.submit(work, item) for item in items]
        with progress(stage, len(items)) as advance:
            for future in as_completed(futures):
                future.result()
                advance(1)
        return [future.result() for future in futures]

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=spawn, initializer=_be_a_worker)
        return self._pool

    def _stop(self) -> None:
        """Ends the workers now, in the middle of their chunks: what they had finished is in the store."""
        if self._pool is not None:
            running = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.kill()
            self._pool = None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def available_cores() -> int:
    """Cores that this process may use (a container or `taskset` may allow fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Workers that start in the block inherit that Ctrl-C is not for them, even before `_be_a_worker` runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _be_a_worker() -> None:
    """Leaves Ctrl-C to the parent, and ends when the parent is gone: a pool's workers would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
