"""The report of a run: `report.html`, self-contained, with structure pictures.

    write_report(folder / "report.html", candidates, stages, manifest, profile)

It is a pure function of its arguments (no clock, no random numbers), so the same run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from molgen.profile import Profile
from molgen.report.charts import Stage
from molgen.report.page import Contents, render
from molgen.store import write_atomic

__all__ = ["Contents", "Stage", "render", "write_report"]


def write_report(
    path: Path,
    candidates: pd.DataFrame,
    stages: Sequence[Stage],
    manifest: Mapping[str, Any],
    profile: Profile,
) -> Path:
    """Writes the page for the whole candidate table (rejected rows too), in one step: it is there whole or not at all.

    `stages` are the bars of the funnel; `manifest` is what run.json holds, and is shown as it is.
    Raises OutputError where the file cannot be written.
    """
    contents = Contents(candidates, tuple(stages), manifest, profile)
    write_atomic(path, render(contents).encode("utf-8"))
    return path
