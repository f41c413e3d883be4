"""A run folder: who may write into it, and how its results are opened again."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from molgen import candidates as tables
from molgen.errors import MolgenError
from molgen.funnel import from_dict
from molgen.profile import Profile, load_profile
from molgen.provenance import sha256_of
from molgen.ranking import rank, select
from molgen.report.charts import Stage
from molgen.science import MODALITIES, columns, science
from molgen.store import write_atomic

log = logging.getLogger("molgen.runs")

MANIFEST = "run.json"
FORMAT = "molgen run 1"
TABLES = ("candidates.parquet", "candidates.csv", "ranked.csv", "rejected_inputs.csv")
SELECTIONS = tuple(name for own in map(columns, MODALITIES) for name in own.SELECTIONS)
RESULTS = (*TABLES, "funnel.json", "report.html")
RUNNING, FINISHED, STOPPED = "running", "finished", "stopped at the deadline"


@dataclass(frozen=True)
class Run:
    """The results of a run, read when they are asked for."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What `run.json` holds: settings, inputs, versions, seeds, seconds."""
        return _manifest(self.folder) or {}

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """Every row, rejected ones too; columns as `molgen.candidates.schema` says."""
        return pd.read_parquet(self.folder / "candidates.parquet")

    @property
    def ranked(self) -> pd.DataFrame:
        """Those that passed, best first."""
        return tables.ranked(self.candidates)

    @property
    def selected(self) -> pd.DataFrame:
        """Those that were picked for diversity, best first."""
        ranked = self.ranked
        return ranked[ranked["selected"]].reset_index(drop=True)

    @cached_property
    def funnel(self) -> tuple[Stage, ...]:
        """How many were left after each stage, and why the others went."""
        return from_dict(json.loads((self.folder / "funnel.json").read_text(encoding="utf-8")))

    @cached_property
    def profile(self) -> Profile:
        """The profile of the run, from the copy in its folder."""
        return load_profile(self.folder / "profile.toml")

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def rerank(self, weights: Mapping[str, float]) -> pd.DataFrame:
        """The ranked table under other weights of the profile's goals, best first, and selected anew.

        Files are left as they are.
        """
        profile = self.profile.with_weights(weights)
        table = rank(self.candidates, profile)
        ranked = table[table["rank"].notna()]
        fingerprints = science(profile.modality).fingerprints(ranked["design"].tolist())
        return tables.ranked(select(ranked, fingerprints, profile))


def open_run(folder: Path | str) -> Run:
    """Opens a finished run. MolgenError where there is none, or where it was interrupted."""
    folder = Path(folder)
    manifest = _manifest(folder)
    if manifest is None:
        raise MolgenError(f"{folder} is no run folder of molgen: there is no {MANIFEST} in it")
    if manifest.get("status") == RUNNING:
        again = manifest.get("command_line")
        raise MolgenError(f"the run in {folder} was interrupted or is still running; to go on: {again}")
    return Run(folder)


def is_whole(folder: Path, made_from: Mapping[str, Any]) -> bool:
    """Does the folder hold this very run, finished, with every file as it was written?"""
    manifest = _manifest(folder) or {}
    if manifest.get("status") != FINISHED or differences(manifest.get("made_from") or {}, made_from):
        return False
    files = manifest.get("files") or {}
    return "report.html" in files and all(_sum(folder / name) == wanted for name, wanted in files.items())


def claim(folder: Path, command: str, made_from: Mapping[str, Any], replace: bool) -> None:
    """Takes the folder for a run, and removes results that were made from something else.

    Goes on in a folder where the same command was interrupted. Raises as `refuse_taken` does.
    """
    refuse_taken(folder, command, made_from, replace)
    manifest = _manifest(folder)
    if manifest is None:
        return
    changed = differences(manifest.get("made_from") or {}, made_from)
    if not changed:
        log.info("going on in %s: what is finished is used again", folder)
        return
    log.warning("%s was begun with other settings (%s): what depends on them is computed anew", folder, changed)
    for name in (*RESULTS, *SELECTIONS):
        (folder / name).unlink(missing_ok=True)


def refuse_taken(folder: Path, command: str, made_from: Mapping[str, Any], replace: bool) -> None:
    """MolgenError where a run may not write into the folder; nothing is touched.

    That is a folder with other files, a run of another command, and (unless `replace`) results of other settings, or
    results that somebody changed since.
    """
    if folder.exists() and not folder.is_dir():
        raise MolgenError(f"{folder} is a file, where a run folder is needed: choose another --out")
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    manifest = _manifest(folder)
    foreign = [name for name in there if not name.startswith(".")]
    if manifest is None and foreign:
        raise MolgenError(
            f"{folder} holds files that no molgen run wrote ({', '.join(foreign[:3])}{', ...' if foreign[3:] else ''}):"
            " choose another --out, or empty the folder"
        )
    if manifest is not None:
        _refuse_other(folder, manifest, command, made_from, replace)


def _refuse_other(
    folder: Path, manifest: Mapping[str, Any], command: str, made_from: Mapping[str, Any], replace: bool
) -> None:
    if manifest.get("command") != command:
        raise MolgenError(f"{folder} holds a run of `molgen {manifest.get('command')}`: choose another --out")
    if manifest.get("status") not in (FINISHED, STOPPED) or replace:
        return
    if changed := differences(manifest.get("made_from") or {}, made_from):
        state = "finished run" if manifest["status"] == FINISHED else "run that a deadline stopped,"
        raise MolgenError(
            f"{folder} holds a {state} with other settings ({changed}). Choose another --out, or add --replace to "
            "compute anew what depends on them and replace its results"
        )
    edited = [name for name, wanted in (manifest.get("files") or {}).items() if _sum(folder / name) not in ("", wanted)]
    if edited:
        raise MolgenError(
            f"{', '.join(edited)} in {folder} changed since the run wrote it: choose another --out, or add --replace "
            "to write it anew"
        )


def _sum(path: Path) -> str:
    """The file's sha256; '' where there is none."""
    return sha256_of(path) if path.is_file() else ""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """'seed 0 -> 1, profile changed'; '' where nothing differs."""
    return ", ".join(
        f"{name} {_short(before.get(name))} -> {_short(after.get(name))}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return f"{text[:8]}..." if len(text) > 40 else text


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes run.json whole."""
    write_atomic(folder / MANIFEST, as_json({"format": FORMAT, **manifest}))


def as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None
