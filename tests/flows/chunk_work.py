"""Work for the executor's tests, in a module that worker processes load in no time."""

import os
import signal
from pathlib import Path

from molgen.errors import MolgenError


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    Path(os.environ["MOLGEN_TEST_COUNT"]).open("a").write("x")
    raise MolgenError(f"{number} cannot be used")


def die_once(number: int) -> int:
    """Kills its own worker process the first time, as the system does where memory runs out."""
    mark = Path(os.environ["MOLGEN_TEST_COUNT"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number
