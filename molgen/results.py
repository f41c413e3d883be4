"""The end of the line: from the screened table to the files of the run folder."""

import logging
from collections.abc import Sequence

import pandas as pd

from molgen import candidates as tables
from molgen.funnel import as_dict, count_funnel
from molgen.line import Line
from molgen.profile import Profile
from molgen.provenance import sha256_of
from molgen.ranking import select
from molgen.report.charts import Stage
from molgen.runs import Run, as_json, write_manifest
from molgen.science import science
from molgen.screening import INVALID
from molgen.store import write_atomic

log = logging.getLogger("molgen.pipeline")

INNER = ("constitution", "fingerprint")  # not for the candidate table


def select_and_conform(table: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """The candidate table of what is ranked: with the selection and the schema's columns."""
    own = science(profile.modality)
    table = select(own.late(table, profile), own.packed(table["fingerprint"]), profile)
    return tables.conform(table.drop(columns=[name for name in INNER if name in table.columns]), profile.modality)


def rejected_inputs(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are no usable design: row, id, text, reason."""
    invalid = table.loc[table["rejected_by"] == INVALID, ["row", "id", "as_drawn", "reason"]]
    return invalid.rename(columns={"as_drawn": "text"}).reset_index(drop=True)


def write_results(line: Line, table: pd.DataFrame, profile: Profile, *, source: str) -> Run:
    """Writes every file of the run folder, `run.json` last: only then the run counts as finished."""
    folder = line.settings.out
    named = line.made_from.get("training") is not None
    stages = count_funnel(
        table,
        [rule.name for rule in science(profile.modality).build_rules(profile)],
        source=source,
        compared=bool(table["in_training"].notna().any()) or (named and not bool(table["design"].notna().any())),
        reject_known=profile.novelty.reject_known,
        whole_reasons=science(profile.modality).WHOLE_REASONS,
    )
    with line.keeping(), line.record.stage("write"):
        written = tables.write(table, folder, profile.modality)
        refused = rejected_inputs(table)
        write_atomic(folder / "rejected_inputs.csv", tables.to_csv(refused))
        write_atomic(folder / "funnel.json", as_json(as_dict(stages)))
    rows = {"in": len(table), "used": len(table) - len(refused), "rejected": len(refused)}
    sums = {name: sha256_of(folder / name) for name in (*written, "rejected_inputs.csv", "funnel.json")}
    _write_report(line, table, stages, profile, rows=rows, files=sums)
    return Run(folder)


def _write_report(
    line: Line, table: pd.DataFrame, stages: Sequence[Stage], profile: Profile, **results: dict[str, object]
) -> None:
    from molgen.report import write_report

    with line.keeping():
        with line.record.stage("report"):
            shown = line.manifest(line.status, profile=profile.as_dict(), **results)
            write_report(line.settings.out / "report.html", table, stages, shown, profile)
        late = {name: sha256_of(line.settings.out / name) for name in ("profile.toml", "report.html")}
        results["files"] = {**results["files"], **late}  # all of them, so that a later call can tell that none changed
        write_manifest(line.settings.out, line.manifest(line.status, profile=profile.as_dict(), **results))
