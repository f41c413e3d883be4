"""What the command line shows: log lines and progress on stderr, results on stdout, errors as one sentence."""

import logging
import os
from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from molgen.datasets import Status
from molgen.doctor import Finding
from molgen.report.charts import Stage
from molgen.runs import Run
from molgen.science import columns

PLAIN_WIDTH = 120  # where nobody's window says how wide it is
BEST = 5
FILES = {
    "report.html": "the report, with pictures: open it in a browser",
    "ranked.csv": "those that passed, best first",
    "selected.sdf": "the selection, for drawing and modelling programs",
    "selected.fasta": "the selection, for other programs",
    "order.csv": "the selection as an order sheet",
    "candidates.csv": "every row, with the rule that rejected it (the same in candidates.parquet)",
    "rejected_inputs.csv": "rows that cannot be used, with the reason",
    "run.json": "settings, checksums, versions, seeds, seconds",
}
COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


def out() -> Console:
    """The console of results."""
    console = Console(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=PLAIN_WIDTH)


def say(line: str) -> None:
    """A line of plain text on stdout, not wrapped and not read as markup."""
    out().print(Text(line), soft_wrap=True)


def complain(sentence: str) -> None:
    """A sentence on stderr."""
    Console(stderr=True, highlight=False).print(Text(sentence), soft_wrap=True)


class LogLines(logging.Handler):
    """Log records as plain lines on stderr, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        complain(f"{prefix}{record.getMessage()}")


def show_log() -> None:
    """Sends molgen's own log to stderr, once however often it is called."""
    log = logging.getLogger("molgen")
    log.setLevel(logging.INFO)
    if not any(isinstance(handler, LogLines) for handler in log.handlers):
        log.addHandler(LogLines())


def show_run(run: Run) -> None:
    """The funnel, the five best, and the paths."""
    out().print(funnel_table(run.funnel))
    ranked = run.ranked
    if len(ranked):
        out().print(best_table(ranked.head(BEST), len(ranked), run.profile.modality))
    else:
        say("No design passed every rule: the funnel shows where they went.")
    for name, meaning in FILES.items():
        if (run.folder / name).exists():
            say(f"{run.folder / name}  {meaning}")


def funnel_table(stages: Sequence[Stage]) -> Table:
    table = Table(title="Funnel", title_justify="left", title_style="bold")
    table.add_column("stage", no_wrap=True)
    table.add_column("left", justify="right", no_wrap=True)
    table.add_column("removed", justify="right", no_wrap=True)
    table.add_column("why")
    for stage in stages:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in stage.reasons[:3])
        table.add_row(stage.name, f"{stage.count:,}", f"{stage.removed:,}" if stage.removed else "", Text(reasons))
    return table


def best_table(best: pd.DataFrame, ranked: int, modality: str) -> Table:
    own = columns(modality)
    scores = ("desirability", *own.MAIN)
    title = f"The {len(best)} best of {ranked:,}"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("rank", justify="right", no_wrap=True)
    for name in scores:
        table.add_column("desir." if name == "desirability" else name, justify="right", no_wrap=True)
    table.add_column(own.DESIGN.unit, overflow="fold")
    for row in best.to_dict("records"):
        values = ("-" if pd.isna(row[name]) else f"{row[name]:.4g}" for name in scores)
        table.add_row(str(row["rank"]), *values, Text(row["design"]))
    return table


def show_datasets(records: Sequence[Status]) -> None:
    """What `molgen data list` prints."""
    table = Table()
    for name in ("name", "designs", "licence", "state", "what"):
        table.add_column(name, no_wrap=name != "what", justify="right" if name == "designs" else "left")
    for record in records:
        data = record.dataset
        table.add_row(data.name, f"{data.rows:,}", data.licence, record.state, Text(data.title))
    out().print(table)
    for remedy in dict.fromkeys(record.remedy for record in records if record.remedy):
        say(remedy)


def show_findings(findings: Sequence[Finding]) -> None:
    """What `molgen doctor` prints."""
    for finding in findings:
        remedy = f" {finding.remedy}" if finding.remedy else ""
        line = Text.assemble(
            (f"{finding.level:<8}", COLOURS[finding.level]), f"{finding.subject}: {finding.message}{remedy}"
        )
        out().print(line, soft_wrap=True)
