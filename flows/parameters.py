"""What goes into a flow and what comes out: the settings' own records, and a small summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, with_config

from molgen.datasets import sha256_of
from molgen.runs import Run

T = TypeVar("T")


def strict(settings: type[T]) -> type[T]:
    """The same class, whose published schema lets a server refuse an unknown key before a run exists."""
    return with_config(ConfigDict(extra="forbid"))(settings)


def summary(run: Run) -> dict[str, Any]:
    """What a flow returns: where the results are, how many, and the checksum of the ranked table. Never the table."""
    return {
        "folder": str(run.folder),
        "status": run.manifest["status"],
        "stages": {stage.name: stage.count for stage in run.funnel},
        "ranked_sha256": sha256_of(run.folder / "ranked.csv"),
    }


def file_summary(path: Path) -> dict[str, Any]:
    """The same for a flow that writes one file."""
    return {"file": str(path), "sha256": sha256_of(path)}
