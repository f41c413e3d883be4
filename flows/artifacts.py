"""What a run shows in Prefect's pages: the head of the ranked table with pictures, the funnel, the folder's files."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import pandas as pd
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from rdkit import Chem, rdBase
from rdkit.Chem.Draw import rdMolDraw2D

from molgen.report.charts import percent
from molgen.runs import Run
from molgen.wording import written

MOST_ROWS = 200
WIDTH, HEIGHT = 150, 100
SHOWN = ("rank", "id", "desirability", "qed", "sa_score", "logp", "tpsa", "mw", "nearest_similarity", "flags", "design")


def publish(run: Run) -> list[UUID]:
    """Three artifacts of the flow run that is going on. The files in the run folder stay the record."""
    funnel = create_table_artifact(funnel_rows(run), key="funnel", description="What each step left")
    ranked = create_table_artifact(ranked_rows(run.ranked), key="ranked-molecules", description=_description(run))
    summary = create_markdown_artifact(_summary(run), key="run-folder")
    return [artifact for artifact in (funnel, ranked, summary) if isinstance(artifact, UUID)]


def ranked_rows(ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """The best `MOST_ROWS`, as plain values, each with its structure as a picture in the cell."""
    head = ranked.head(MOST_ROWS)
    return [{"structure": picture(row["design"]), **_values(row)} for row in head.to_dict("records")]


def _values(row: dict[str, Any]) -> dict[str, str]:
    chosen = {"selected": "yes" if row["selected"] else ""}
    return {name: written(row.get(name), name) for name in SHOWN} | chosen


def picture(smiles: str) -> str:
    """The structure as a PNG in a markdown image (Prefect's pages show no inline SVG); '' if it cannot be drawn."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            return ""
        drawer = rdMolDraw2D.MolDraw2DCairo(WIDTH, HEIGHT)
        rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
        drawer.FinishDrawing()
    return f"![structure](data:image/png;base64,{base64.b64encode(drawer.GetDrawingText()).decode()})"


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
    return f"{len(run.selected):,} molecules were selected. The run folder holds:\n\n{files}\n"
