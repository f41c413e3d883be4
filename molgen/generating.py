"""`generate`: draws as a plain table: as drawn, canonical, valid or why not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from molgen import drawing
from molgen.candidates import to_csv
from molgen.deadline import Until
from molgen.drawing import Load
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.line import Line, executing
from molgen.provenance import Device, code_digest, find_device, input_file, sha256_of
from molgen.runs import FINISHED, STOPPED, as_json, differences
from molgen.science import science
from molgen.screening import ScreenTask, tasks
from molgen.settings import GenerateSettings
from molgen.store import Ref, Store, write_atomic

VERSION = "1"
CODE = ("generating.py", "science.py")
CHUNK = 5000  # texts that one process judges at a time
FORMAT = "molgen designs 1"


def generate(settings: GenerateSettings, executor: Executor | None = None, *, load: Load = drawing.load) -> Path:
    """Draws designs and writes design (as drawn), canonical, valid and reason; gives the path.

    A JSON file beside it says how they were made. A killed call goes on where it was. Raises MolgenError where the file
    is there and was made from other settings.
    """
    out = settings.out
    prior, device, made_from = planned(settings)
    if _is_there(out, made_from, settings.replace):
        return out
    generator = load(Path(prior["path"]), device.kind)
    inputs = {"prior": prior | {"card": generator.card}}
    store = Store(out.with_name(f".{out.name}.units"))
    store.sweep()
    with executing(executor, settings.workers) as running:
        line = Line("generate", settings, made_from, inputs, store, running, device.title)
        drawn = drawing.draw(line, generator, settings)
        return _written(line, out, _judged(line, drawn, str(generator.card.get("modality", settings.modality))))


def planned(settings: GenerateSettings) -> tuple[dict[str, Any], Device, dict[str, Any]]:
    """The prior's file, the device, and what decides the table. MolgenError for what would stop the command."""
    out = settings.out
    if out.suffix != ".csv":
        raise MolgenError(f"--out {out} must be a .csv file")
    prior = input_file(drawing.find_prior(settings, settings.modality))
    device = find_device(settings.device)
    made_from = drawing.made_from(drawing.identity(Path(prior["path"])), device.kind, settings, settings.motif)
    card = drawing.card_of(Path(prior["path"]))
    made_from["code"] = code_digest(*drawing.CODE, *CODE, *science(str(card.get("modality", settings.modality))).CODE)
    drawing.refuse_untaught(settings, card)
    _is_there(out, made_from, settings.replace)
    return prior, device, made_from


def provenance_path(out: Path) -> Path:
    """`designs.csv.json`, beside designs.csv."""
    return out.with_name(f"{out.name}.json")


def _is_there(out: Path, made_from: dict[str, Any], replace: bool) -> bool:
    """Has this very table been finished? MolgenError where another one is in its place."""
    if out.is_dir():
        raise MolgenError(f"--out {out} is a folder: name a .csv file in it")
    if not out.exists():
        return False
    try:
        record = json.loads(provenance_path(out).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = {}
    ours = record.get("format") == FORMAT and record.get("sha256") == sha256_of(out)
    changed = differences(record.get("made_from") or {}, made_from) if ours else "it isn't as molgen wrote it"
    if changed and not replace and (record.get("status") in (FINISHED, STOPPED) or not ours):
        raise MolgenError(f"{out} is there already ({changed}): choose another --out, or add --replace")
    return ours and not changed and record.get("status") == FINISHED


def _judged(line: Line, drawn: Sequence[Ref], modality: str) -> pd.DataFrame:
    chunks = tasks(drawn, CHUNK)
    with line.record.stage("judge"):
        found = line.executor.map("judge", Until(_JudgeDraws(line.store, modality), line.deadline), chunks)
    line.record.count("judge", found)
    parts = [line.store.table(ref) for ref in found if ref is not None]
    return pd.concat(parts, ignore_index=True) if parts else judge_table([], modality)


@dataclass(frozen=True)
class _JudgeDraws:
    store: Store
    modality: str

    def __call__(self, task: ScreenTask) -> Ref:
        own = science(self.modality)
        key = {"texts": task.texts.sha256, "start": task.start, "stop": task.stop, **own.versions()}
        key["code"] = code_digest(*CODE, *own.CODE)
        texts = self.store.table(task.texts)["text"].tolist()[task.start : task.stop]
        return self.store.unit("judge", VERSION, key, lambda: judge_table(texts, self.modality))


def judge_table(texts: Sequence[str], modality: str = "molecule") -> pd.DataFrame:
    """One row a text: as drawn, canonical (null if invalid), valid, the reason if not. Nothing is repaired."""
    judged = science(modality).judge(texts)
    return pd.DataFrame({
        "design": pd.array(list(texts), dtype="str"),
        "canonical": pd.array([one.design for one in judged], dtype="str"),
        "valid": pd.array([one.parsed is not None for one in judged], dtype="bool"),
        "reason": pd.array([one.reason or "" for one in judged], dtype="str"),
    })  # fmt: skip


def _written(line: Line, out: Path, table: pd.DataFrame) -> Path:
    """The table, then its provenance; the units are dropped once both are whole."""
    data = to_csv(table)
    with line.keeping(), line.record.stage("write"):
        write_atomic(out, data)
    counts = {"rows": len(table), "valid": int(table["valid"].sum()), "unique": int(table["canonical"].nunique())}
    record = {"format": FORMAT, **line.manifest(line.status, counts=counts, sha256=sha256_of(out))}
    with line.keeping():
        write_atomic(provenance_path(out), as_json(record))
    if line.status == FINISHED:
        line.store.remove()
    return out


def counts_of(out: Path) -> dict[str, int]:
    """rows, valid and unique of a finished table, from its provenance."""
    return json.loads(provenance_path(out).read_text(encoding="utf-8"))["counts"]
