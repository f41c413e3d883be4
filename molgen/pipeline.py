"""The straight line: draw or read -> judge -> compare -> filter -> score -> rank -> select -> the run folder.

Plain functions of plain settings: the command line, the flows and notebooks call these. Work is cut into units that are
kept in the run folder, so that a killed run goes on where it was and ends with the same bytes.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from molgen import drawing
from molgen.comparing import among_best, needs_nearest, open_indexes, with_nearest, with_novelty
from molgen.deadline import Until
from molgen.drawing import Load
from molgen.executor import Executor
from molgen.generating import generate
from molgen.line import Line, executing, in_folder
from molgen.own_prior import with_own_prior
from molgen.planning import Plan, check, plan_design, plan_screen, profile_of
from molgen.profile import Profile
from molgen.ranking import rank
from molgen.reading import Designs
from molgen.rejects import refuse_empty, refuse_unusable, say_rejected, with_unread
from molgen.results import select_and_conform, write_results
from molgen.runs import RUNNING, STOPPED, Run, claim, is_whole, write_manifest
from molgen.science import science
from molgen.screening import UNREACHED, Screen, mark_duplicates, screen_texts, tasks
from molgen.settings import DesignSettings, GenerateSettings, ScreenSettings
from molgen.store import Ref, write_atomic

__all__ = ["DesignSettings", "GenerateSettings", "ScreenSettings", "check", "design", "generate", "screen"]

log = logging.getLogger("molgen.pipeline")

ROWS = 10_000  # of a user's file in one unit
CHOICE = 5  # where fewer than so many for each pick passed, the selection has little to choose from


def design(settings: DesignSettings, executor: Executor | None = None, *, load: Load = drawing.load) -> Run:
    """Draws designs from a prior and screens them; gives the finished run. A run that is there and whole is left alone.

    load: how weights become a generator (`load(path, 'cpu')`). Raises MolgenError for what the user can mend,
    OutputError where the folder cannot be written; finished units are kept in both cases.
    """
    with executing(executor, settings.workers) as running:
        plan = plan_design(with_own_prior(settings, running), load)
        return _design(settings, plan, running)


def _design(settings: DesignSettings, plan: Plan[drawing.Draws], running: Executor) -> Run:
    if is_whole(settings.out, plan.made_from):
        return _left_alone(settings.out)
    line = _begun("design", settings, plan, running)
    drawn = drawing.draw(line, plan.generator, settings)
    table = _screened(line, drawn, _drawn_rows(line, drawn), plan.profile)
    return _finished(line, table, plan, source="drawn")


def screen(settings: ScreenSettings, executor: Executor | None = None) -> Run:
    """Screens a user's own molecules; rows that cannot be used are listed with the reason, and the run goes on.

    Raises MolgenError for what the user can mend (with `invalid_rows='fail'` a row that cannot be used is such a
    thing), OutputError where the folder cannot be written.
    """
    designs = science(profile_of(settings)[1].modality).read_designs(settings.file, settings.column)
    plan = plan_screen(settings)
    plan.inputs["file"] |= _as_read(designs)
    with executing(executor, settings.workers) as running:
        if settings.invalid_rows == "fail":
            refuse_unusable(designs, plan.profile, running)
        if is_whole(settings.out, plan.made_from):
            return _left_alone(settings.out)
        line = _begun("screen", settings, plan, running)
        line.notes.extend(designs.notes)
        texts = _kept(line, designs)
        table = _screened(line, texts, designs.table.rename(columns={"text": "as_drawn"}), plan.profile)
        table = with_unread(table, designs)
        refuse_empty(line, table, designs, plan.profile.modality)
        say_rejected(line, table, designs)
        return _finished(line, table, plan, source="read")


def _left_alone(out: Path) -> Run:
    log.info("%s holds this very run, finished: nothing is left to do", out)
    return Run(out)


def _begun(command: str, settings: DesignSettings | ScreenSettings, plan: Plan[Any], running: Executor) -> Line:
    """Takes the folder, and writes at once what the run is made from."""
    out = settings.out
    line = Line(command, settings, plan.made_from, plan.inputs, in_folder(out), running, plan.device)
    claim(out, command, plan.made_from, settings.replace)
    with line.keeping():
        write_manifest(out, line.manifest(RUNNING))
        write_atomic(out / "profile.toml", plan.profile_path.read_bytes())
    return line


def _kept(line: Line, designs: Designs) -> list[Ref]:
    """The user's texts as units of `ROWS` rows."""
    path, table = designs.path, designs.table
    key = {"file": line.made_from["file"], "column": line.made_from["column"], "suffixes": path.suffixes}
    starts = range(0, max(len(table), 1), ROWS)
    parts = [(start, table.iloc[start : start + ROWS]) for start in starts]
    return [
        line.store.unit("read", "2", key | {"start": start, "rows": len(part)}, lambda part=part: part)
        for start, part in parts
    ]


def _drawn_rows(line: Line, refs: Sequence[Ref]) -> pd.DataFrame:
    """id, row (null) and as_drawn of every draw, in the order of drawing."""
    texts = [text for ref in refs for text in line.store.table(ref)["text"]]
    return pd.DataFrame({
        "id": pd.array([f"d{number:07d}" for number in range(1, len(texts) + 1)], dtype="str"),
        "row": pd.array([pd.NA] * len(texts), dtype="Int64"),
        "as_drawn": pd.array(texts, dtype="str"),
    })  # fmt: skip


def _screened(line: Line, refs: Sequence[Ref], rows: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """The rows with what each chunk says about them; chunks that the deadline left out are marked."""
    chunks = tasks(refs)
    with line.record.stage("screen"):
        work = Screen(line.store.root, profile)
        found = line.executor.map("screen", Until(work, line.deadline), chunks)
    line.record.count("screen", found)
    parts = [
        line.store.table(ref) if ref is not None else _unreached(task.stop - task.start)
        for task, ref in zip(chunks, found, strict=True)
    ]
    return rows.reset_index(drop=True).join(pd.concat([screen_texts([], profile), *parts], ignore_index=True))


def _unreached(count: int) -> pd.DataFrame:
    reason = "not reached: the deadline came first; the same command goes on"
    return pd.DataFrame({"rejected_by": [UNREACHED] * count, "reason": [reason] * count, "note": [""] * count})


def _finished(line: Line, table: pd.DataFrame, plan: Plan[Any], *, source: str) -> Run:
    """Compares, ranks, selects and writes. The nearest references are looked for last, unless a goal needs them."""
    profile, comparison = plan.profile, plan.comparison
    indexes = open_indexes(line, comparison)
    table = with_novelty(line, mark_duplicates(table), comparison, indexes, profile)
    early = needs_nearest(profile)
    if early:
        table = with_nearest(line, table, comparison, indexes, (table["rejected_by"] == "").to_numpy())
    with line.record.stage("rank"):
        table = rank(table, profile)
    if not early:
        table = with_nearest(line, table, comparison, indexes, among_best(table, profile))
    with line.record.stage("select"):
        table = select_and_conform(table, profile)
    _say_end(line, table, profile, drawn=source == "drawn")
    return write_results(line, table, profile, source=source)


def _say_end(line: Line, table: pd.DataFrame, profile: Profile, *, drawn: bool) -> None:
    """What the user should know of a run that stopped early, or whose selection had little to choose from."""
    if line.status == STOPPED:
        line.say("stopped at the deadline: what was reached is ranked and written; the same command goes on from there")
        return
    passed, wanted = int(table["rank"].notna().sum()), CHOICE * profile.select.count
    if passed < wanted <= len(table):
        more = "draw more (--samples) or " if drawn else ""
        line.say(
            f"only {passed:,} of {len(table):,} passed every rule, too few for {profile.select.count} good and diverse "
            f"picks (better {wanted:,}): {more}loosen the rules of the profile; the funnel shows which take most"
        )


def _as_read(designs: Designs) -> dict[str, object]:
    return {name: getattr(designs, name) for name in ("column", "delimiter", "encoding", "rows")}
