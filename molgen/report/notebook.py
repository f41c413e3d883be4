"""The report's tables and charts for a notebook: each function gives something that Jupyter shows by itself.

from molgen.report import notebook
notebook.table(run.ranked)
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from molgen.candidates import modality_of
from molgen.report import charts, page
from molgen.report.markup import Markup, element
from molgen.report.pictures import structure
from molgen.report.selected import flag_list
from molgen.runs import Run
from molgen.science import columns
from molgen.wording import shown_scores, titled, written

CELL = "padding:2px 8px;text-align:right;vertical-align:middle"


class Shown(Markup):
    """HTML that a notebook renders."""

    def _repr_html_(self) -> str:
        return self


def table(frame: pd.DataFrame, columns: Sequence[str] | None = None, rows: int = 10, width: int = 180) -> Shown:
    """The first rows with their structures; by default rank, id, and what a chemist looks at first.

    Texts are escaped: a name from somebody's file stays a name.
    """
    names = list(columns) if columns is not None else _main(frame)
    head = element("tr", element("th", "structure"), *(element("th", titled(name)) for name in names))
    modality = modality_of(frame.columns)
    body = (_row(row, names, width, modality) for row in frame.head(rows).to_dict("records"))
    return Shown(element("table", element("thead", head), element("tbody", *body)))


def _main(frame: pd.DataFrame) -> list[str]:
    wanted = ("rank", "id", "desirability", *columns(modality_of(frame.columns)).MAIN, "nearest_similarity", "flags")
    return [name for name in wanted if name in frame.columns and frame[name].notna().any()]


def _row(row: dict[str, object], names: Sequence[str], width: int, modality: str) -> Markup:
    picture = structure(str(row["design"]), width, modality)
    cells = (element("td", _text(row[name], name), style=CELL) for name in names)
    return element("tr", element("td", picture, style="background:#fff"), *cells)


def _text(value: object, name: str) -> str:
    return "; ".join(flag_list(value)) or "–" if name == "flags" else written(value, name)


def funnel(run: Run) -> Shown:
    """What each stage left, and why the rest went."""
    return Shown(element("div", charts.funnel(run.funnel), style="background:#fff;color:#1c2226"))


def distributions(run: Run, names: Sequence[str] = ()) -> Shown:
    """Each property over all molecules, those that passed, and the selected; by default the profile's goals first."""
    contents = page.Contents(run.candidates, run.funnel, run.manifest, run.profile)
    wanted = [name for name in names or shown_scores(run.profile) if run.candidates[name].notna().any()]
    drawn = (page.distribution(contents, name) for name in wanted)
    key = charts.legend(page.groups(contents))
    return Shown(element("div", key, *drawn, style="background:#fff;color:#1c2226"))
