"""What a training says of itself, whatever is trained: entries of the card, and the rows that were not learned from."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from molgen.candidates import to_csv
from molgen.datasets import DATASETS
from molgen.errors import MolgenError
from molgen.line import command_line
from molgen.science import columns
from molgen.store import write_atomic

if TYPE_CHECKING:
    from molgen.training_run import TrainSettings

# Settings that do not change what is trained: a run goes on, or is there, whatever they are.
FREE = ("out", "minutes", "steps", "resume", "threads", "device", "invalid_rows")

logger = logging.getLogger("molgen.train")


class Learned(Protocol):
    """A training set as it was read."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def stereo_dropped(self) -> int: ...

    @property
    def rejected(self) -> pd.DataFrame: ...

    def coverage(self) -> str: ...


def refuse_taken(out: Path) -> None:
    """MolgenError where weights are there that a new training would overwrite."""
    if out.exists():
        raise MolgenError(f"{out} is there from an earlier run: choose another --out, or delete it to begin anew")


def about(settings: TrainSettings) -> dict[str, Any]:
    """What the settings say: licence, command, settings, seed."""
    ours = f"that of the training {columns(settings.modality).NOUNS[1]}"
    return {
        "licence": DATASETS[settings.train].licence if settings.train in DATASETS else ours,
        "command": command_line("train", settings),
        "settings": asdict(settings),
        "seed": settings.seed,
    }


def deciding(settings: TrainSettings) -> dict[str, Any]:
    """The settings that decide what is trained, as JSON gives them back."""
    told = json.loads(json.dumps(asdict(settings)))
    return {name: value for name, value in told.items() if name not in FREE}


def other_setting(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first setting in which both differ, such as 'seed = 0, not 1'; '' for none."""
    both = (name for name in now if name in before)
    return next((f"{name} = {before[name]!r}, not {now[name]!r}" for name in both if before[name] != now[name]), "")


def data_entry(settings: TrainSettings, data: Learned, used: int, trained_on: int, held_out: int) -> dict[str, Any]:
    """Where the training designs are, so that new ones can be compared with them, and what became of them."""
    return {
        "name": data.name if data.name in DATASETS else str(Path(data.name).resolve()),
        "column": settings.column,
        "sha256": data.sha256,
        "rows": data.rows,
        "rejected": len(data.rejected),
        "used": used,
        "stereo_dropped": data.stereo_dropped,
        "trained_on": trained_on,
        "held_out": held_out,
    }


def say_coverage(settings: TrainSettings, data: Learned) -> None:
    """Says how many rows are learned from, and lists the others, or stops at the first, as the settings say."""
    logger.info("%s", data.coverage())
    _refuse_rejected(settings, data)
    _write_rejected(Path(settings.out), data)


def _refuse_rejected(settings: TrainSettings, data: Learned) -> None:
    """MolgenError for the first row that cannot be used, where the settings ask for it."""
    if settings.invalid_rows == "fail" and len(data.rejected):
        first = data.rejected.iloc[0]
        raise MolgenError(
            f"{settings.train}, row {first['row']}: {str(first['text'])[:80]!r}: {first['reason']} "
            f"({len(data.rejected)} such rows). Mend them, or go on without them: --invalid-rows reject"
        )


def _write_rejected(out: Path, data: Learned) -> None:
    """The rows that nothing is learned from, with the reason, beside the weights."""
    path = out.with_suffix(".rejected_inputs.csv")
    if data.rejected.empty:
        path.unlink(missing_ok=True)
        return
    write_atomic(path, to_csv(data.rejected))
    first = data.rejected.iloc[0]
    where = f"row {first['row']}: {str(first['text'])[:80]!r} ({first['reason']})"
    logger.warning("%s of %s rows are not learned from, see %s; the first is %s",
                   f"{len(data.rejected):,}", f"{data.rows:,}", path, where)  # fmt: skip
