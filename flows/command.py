"""`python -m flows.design ...` is `molgen design --prefect ...`: one set of options, written once, in molgen.cli."""

from __future__ import annotations

import sys

from molgen.cli import main


def as_flow(*command: str) -> None:
    """Runs the command as its flow, with the arguments of this process; ends the process.

    Spawned workers would import the module that was started, and Prefect with it: two seconds and 80 MB each. So they
    are told of none.
    """
    started = sys.modules["__main__"]
    started.__spec__ = None
    del started.__file__
    sys.exit(main([*command, "--prefect", *sys.argv[1:]]))
