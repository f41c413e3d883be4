"""Progress of long steps: a rich bar on stderr where a person looks, else a log line now and then."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

log = logging.getLogger("molgen.progress")
SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields `advance(n)`, to be called when `n` more of `total` are done."""
    shown = _bar if sys.stderr.isatty() else _lines
    with shown(label, total) as advance:
        yield advance


@contextmanager
def shares(label: str) -> Iterator[Callable[[float], None]]:
    """Yields `tick(share)`, to be called with the share that is done. Nothing is shown before the first call."""
    with ExitStack() as bars:
        shown, advance = 0, None

        def tick(share: float) -> None:
            nonlocal shown, advance
            if advance is None:  # what comes before may have a bar of its own
                advance = bars.enter_context(progress(f"{label} (%)", 100))
            done = min(100, int(100 * share))
            advance(done - shown)
            shown = done

        yield tick


@contextmanager
def _bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)


@contextmanager
def _lines(label: str, total: int) -> Iterator[Callable[[int], None]]:
    started = spoken = time.monotonic()
    done = 0

    def advance(count: int) -> None:
        nonlocal done, spoken
        done += count
        now = time.monotonic()
        if now - spoken >= SECONDS_BETWEEN_LINES:
            log.info("%s: %s of %s, %.0f s", label, f"{done:,}", f"{total:,}", now - started)
            spoken = now

    yield advance
    log.info("%s: %s of %s in %.1f s", label, f"{done:,}", f"{total:,}", time.monotonic() - started)
