"""One line said once: molgen's log in a flow."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from molgen.terminal import LogLines


@contextmanager
def said_once() -> Iterator[None]:
    """Where the command line shows molgen's lines itself, Prefect's console does not repeat them.

    The flow run's log on the server gets them in any case (extra_loggers in prefect.toml).
    """
    log = logging.getLogger("molgen")
    before = log.propagate
    log.propagate = before and not any(isinstance(handler, LogLines) for handler in log.handlers)
    try:
        yield
    finally:
        log.propagate = before
