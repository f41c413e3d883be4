"""The straight line: draw or read -> judge -> compare -> filter -> score -> rank -> select -> the run folder.

Plain functions of plain settings: the command line, the flows and notebooks call these. Work is cut into units that are
kept in the run folder, so that a killed run goes on where it was and ends with the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from molgen import drawing, resources
from molgen.comparing import Comparison, check_goals, compare
from molgen.deadline import Until
from molgen.drawing import Load
from molgen.executor import Executor
from molgen.generating import generate
from molgen.line import Line, executing, in_folder
from molgen.profile import Profile, load_profile
from molgen.provenance import cores, find_device, input_file
from molgen.reading import Designs, read_designs
from molgen.references import find_reference, training_set
from molgen.rejects import refuse_empty, refuse_unusable, say_rejected, with_unread
from molgen.results import rank_and_select, write_results
from molgen.runs import RUNNING, STOPPED, Run, claim, write_manifest
from molgen.screening import UNREACHED, Screen, mark_duplicates, screen_texts, tasks
from molgen.settings import TRAINING, DesignSettings, GenerateSettings, ScreenSettings
from molgen.store import Ref, write_atomic

__all__ = ["DesignSettings", "GenerateSettings", "ScreenSettings", "design", "generate", "screen"]


def design(settings: DesignSettings, executor: Executor | None = None, *, load: Load = drawing.load) -> Run:
    """Draws designs from a prior and screens them; gives the finished run.

    load: how weights become a generator (`load(path, 'cpu')`). Raises MolgenError for what the user can mend,
    OutputError where the folder cannot be written; finished units are kept in both cases.
    """
    profile_path, profile = _profile(settings.profile)
    prior = input_file(drawing.find_prior(settings.prior))
    device = find_device(settings.device)
    generator = load(Path(prior["path"]), device.kind)
    comparison = _comparison(settings.reference, *training_set(generator.card))
    check_goals(profile, comparison)
    made_from = drawing.made_from(prior["sha256"], device.kind, settings)
    made_from |= {"profile": profile.digest(), **comparison.made_from()}
    inputs = {"profile": input_file(profile_path), "prior": prior | {"card": generator.card}, **comparison.inputs()}
    with executing(executor, settings.workers) as running:
        line = Line("design", settings, made_from, inputs, in_folder(settings.out), running, device.title)
        _begin(line, profile_path)
        drawn = drawing.draw(line, generator, settings)
        table = _screened(line, drawn, _drawn_rows(line, drawn), profile)
        return _finished(line, table, profile, comparison, source="drawn")


def screen(settings: ScreenSettings, executor: Executor | None = None) -> Run:
    """Screens a user's own molecules; rows that cannot be used are listed with the reason, and the run goes on.

    Raises MolgenError for what the user can mend (with `invalid_rows='fail'` a row that cannot be used is such a
    thing), OutputError where the folder cannot be written.
    """
    profile_path, profile = _profile(settings.profile)
    designs = read_designs(settings.file, settings.column)
    training = find_reference(settings.training)
    comparison = _comparison(settings.reference, training, "" if training else "no training set was named (--training)")
    check_goals(profile, comparison)
    file = input_file(Path(settings.file))
    made_from = {"file": file["sha256"], "column": settings.column, "profile": profile.digest()}
    inputs = {"file": file | _as_read(designs), "profile": input_file(profile_path), **comparison.inputs()}
    with executing(executor, settings.workers) as running:
        if settings.invalid_rows == "fail":
            refuse_unusable(designs, profile, running)
        folder = in_folder(settings.out)
        line = Line("screen", settings, made_from | comparison.made_from(), inputs, folder, running, cores())
        line.notes.extend(designs.notes)
        _begin(line, profile_path)
        key = {"file": file["sha256"], "column": settings.column, "suffixes": Path(settings.file).suffixes}
        texts = line.store.unit("read", "1", key, lambda: designs.table)
        table = _screened(line, [texts], designs.table.rename(columns={"text": "as_drawn"}), profile)
        table = with_unread(table, designs)
        refuse_empty(line, table, designs)
        say_rejected(line, table, designs)
        return _finished(line, table, profile, comparison, source="read")


def _profile(name: str) -> tuple[Path, Profile]:
    path = resources.find("profiles", name)
    return path, load_profile(path)


def _comparison(reference: str, training: object, why_not: str) -> Comparison:
    chosen = training if reference == TRAINING else find_reference(reference)
    return Comparison(training, chosen, why_not)  # type: ignore[arg-type]


def _begin(line: Line, profile_path: Path) -> None:
    """Takes the folder, and writes at once what the run is made from."""
    out = Path(line.settings.out)
    claim(out, line.command, line.made_from, line.settings.replace)
    with line.keeping():
        write_manifest(out, line.manifest(RUNNING))
        write_atomic(out / "profile.toml", profile_path.read_bytes())


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


def _finished(line: Line, table: pd.DataFrame, profile: Profile, comparison: Comparison, *, source: str) -> Run:
    table = compare(line, mark_duplicates(table), comparison, profile)
    with line.record.stage("rank"):
        table = rank_and_select(table, profile)
    if line.status == STOPPED:
        line.say("stopped at the deadline: what was reached is ranked and written; the same command goes on from there")
    return write_results(line, table, profile, source=source)


def _as_read(designs: Designs) -> dict[str, object]:
    return {name: getattr(designs, name) for name in ("column", "delimiter", "encoding", "rows")}
