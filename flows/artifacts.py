"""What a run shows in Prefect's pages: the head of the ranked table with pictures, the funnel, the folder's files."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pandas as pd
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from molgen.candidates import modality_of
from molgen.report.charts import percent
from molgen.runs import Run
from molgen.science import columns, science
from molgen.wording import written

MOST_ROWS = 200


def publish(run: Run) -> list[UUID]:
    """Three artifacts of the flow run that is going on. The files in the run folder stay the record."""
    funnel = create_table_artifact(funnel_rows(run), key="funnel", description="What each step left")
    ranked = create_table_artifact(ranked_rows(run.ranked), key=f"ranked-{_nouns(run)}", description=_description(run))
    summary = create_markdown_artifact(_summary(run), key="run-folder")
    return [artifact for artifact in (funnel, ranked, summary) if isinstance(artifact, UUID)]


def ranked_rows(ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """The best `MOST_ROWS`, as plain values, each with its structure as a picture in the cell, where it has one."""
    modality = modality_of(ranked.columns)
    picture, main = science(modality).thumbnail, columns(modality).MAIN
    shown = ("rank", "id", "desirability", *main, "nearest_similarity", "flags", "design")
    rows = ranked.head(MOST_ROWS).to_dict("records")
    return [{"structure": picture(row["design"]), **_values(row, shown)} for row in rows]


def _values(row: dict[str, Any], shown: tuple[str, ...]) -> dict[str, str]:
    chosen = {"selected": "yes" if row["selected"] else ""}
    return {name: written(row.get(name), name) for name in shown} | chosen


def _nouns(run: Run) -> str:
    return columns(run.profile.modality).NOUNS[1]


def funnel_rows(run: Run) -> list[dict[str, Any]]:
    """One row for each stage of the funnel."""
    stages = run.funnel
    return [
        {
            "stage": stage.name,
            "left": stage.count,
            "of all": percent(stage.count / stages[0].count) if stages[0].count else "–",
            "removed": stage.removed,
            "why": "; ".join(f"{reason} ({count})" for reason, count in stage.reasons),
        }
        for stage in stages
    ]


def _description(run: Run) -> str:
    shown = min(len(run.ranked), MOST_ROWS)
    return f"The best {shown:,} of {len(run.ranked):,} that passed every rule; all are in {run.folder / 'ranked.csv'}"


def _summary(run: Run) -> str:
    files = "\n".join(f"- `{path}`" for path in sorted(run.folder.iterdir()) if path.is_file() and path.name[0] != ".")
    return f"{len(run.selected):,} {_nouns(run)} were selected. The run folder holds:\n\n{files}\n"
