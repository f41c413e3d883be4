"""What every command of the pipeline shares: its folder and store, its executor, its record, and how it ends."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from molgen.deadline import moment_after
from molgen.errors import OutputError
from molgen.executor import Executor, Processes
from molgen.provenance import Record, commit, now, plain, versions
from molgen.runs import FINISHED, RUNNING, STOPPED
from molgen.settings import Settings
from molgen.store import Store

log = logging.getLogger("molgen.pipeline")

UNITS = ".units"


@dataclass
class Line:
    """One command at work."""

    command: str
    settings: Settings
    made_from: Mapping[str, Any]  # what decides the results: settings and checksums of inputs
    inputs: Mapping[str, Any]
    store: Store
    executor: Executor
    device: str
    record: Record = field(default_factory=Record)
    notes: list[str] = field(default_factory=list)
    deadline: float | None = None

    def __post_init__(self) -> None:
        self.deadline = moment_after(self.settings.minutes)

    @property
    def status(self) -> str:
        return FINISHED if self.record.complete else STOPPED

    def say(self, note: str) -> None:
        """Tells the user something that also belongs into run.json."""
        log.warning("%s", note)
        self.notes.append(note)

    def manifest(self, status: str, **results: Any) -> dict[str, Any]:
        """The content of run.json."""
        return {
            "command": self.command,
            "status": status,
            "command_line": command_line(self.command, self.settings),
            "started": self.record.started,
            "finished": None if status == RUNNING else now(),
            "made_from": plain(self.made_from),
            "inputs": plain(self.inputs),
            "settings": plain(self.settings),
            "seeds": self._seeds(),
            "device": self.device,
            "versions": versions(),
            "commit": commit(),
            "units": self.record.units,
            "seconds": self.record.seconds,
            "notes": self.notes,
            **results,
        }

    def _seeds(self) -> dict[str, Any]:
        """A screen draws nothing at random, so it has none."""
        seed = getattr(self.settings, "seed", None)
        return {} if seed is None else {"run": seed, "children": "molgen.seeds.spawn(run, 'draw', chunk)"}

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Adds to an OutputError what was kept and how to go on."""
        try:
            yield
        except OutputError as error:
            kept = f"{self.store.finished()} finished pieces of work are kept in {self.store.root}"
            if kept in str(error):
                raise
            raise OutputError(f"{error}. {kept}: mend this and run the same command again to go on") from error


@contextmanager
def executing(executor: Executor | None, workers: int | None) -> Iterator[Executor]:
    """The caller's executor, which stays open, or processes of our own, which end with the block."""
    if executor is not None:
        yield executor
        return
    with Processes(workers) as own:
        yield own


def command_line(command: str, settings: Any) -> str:
    """The command that does the same, with every option that isn't at its default."""
    words, fields = ["molgen", command], type(settings).__dataclass_fields__
    for name, item in fields.items():
        value = getattr(settings, name)
        if name == "file":
            words.append(_quoted(str(value)))
        elif isinstance(value, bool):
            words += [f"--{name}"] if value and name != "resume" else []
        elif isinstance(value, tuple):
            words += [word for one in value for word in (_option(name), _quoted(str(one)))]
        elif value != item.default or name == "out":
            words += [_option(name), _quoted(str(value))]
    return " ".join(words)


def _option(name: str) -> str:
    """The option of a setting."""
    return {"origin": "--from", "recipe": "--set"}.get(name, f"--{name.replace('_', '-')}")


def _quoted(word: str) -> str:
    if sys.platform == "win32":
        return f'"{word}"' if " " in word else word
    import shlex

    return shlex.quote(word)


def in_folder(out: Path) -> Store:
    """The store of a run folder, with left-overs of killed runs swept away."""
    store = Store(out / UNITS)
    store.sweep()
    return store
