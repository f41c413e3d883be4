"""Run folders: who may write into one, and how one is opened again."""

import json
from pathlib import Path

import pytest

from molgen.errors import MolgenError
from molgen.provenance import sha256_of
from molgen.runs import (
    FINISHED,
    RESULTS,
    RUNNING,
    STOPPED,
    claim,
    differences,
    is_whole,
    open_run,
    refuse_taken,
    write_manifest,
)

MADE_FROM = {"seed": 0, "profile": "a" * 64}


def folder_with(tmp_path: Path, status: str, command: str = "design", made_from: dict | None = None) -> Path:
    write_manifest(
        tmp_path,
        {"command": command, "status": status, "made_from": made_from or MADE_FROM, "command_line": "molgen x"},
    )
    for name in RESULTS:
        (tmp_path / name).write_text("old")
    return tmp_path


def test_a_new_and_an_empty_folder_may_be_taken(tmp_path: Path) -> None:
    claim(tmp_path / "new", "design", MADE_FROM, replace=False)
    claim(tmp_path, "design", MADE_FROM, replace=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    for name in ("thesis.docx", "a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text("precious")
    with pytest.raises(MolgenError, match=r"holds files that no molgen run wrote \(a.txt, b.txt, c.txt, ...\)"):
        claim(tmp_path, "design", MADE_FROM, replace=True)
    assert (tmp_path / "thesis.docx").read_text() == "precious"


def test_a_run_json_of_something_else_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"command": "design", "status": "finished"}))
    with pytest.raises(MolgenError, match="no molgen run wrote"):
        claim(tmp_path, "design", MADE_FROM, replace=False)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(MolgenError, match="is a file, where a run folder is needed"):
        claim(tmp_path / "out", "design", MADE_FROM, replace=False)


@pytest.mark.parametrize("status", [RUNNING, FINISHED])
def test_the_same_settings_go_on_and_keep_the_results(tmp_path: Path, status: str) -> None:
    claim(folder_with(tmp_path, status), "design", MADE_FROM, replace=False)
    assert (tmp_path / "ranked.csv").read_text() == "old"


def test_a_run_of_another_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="holds a run of `molgen screen`"):
        claim(folder_with(tmp_path, FINISHED, "screen"), "design", MADE_FROM, replace=True)


def test_a_finished_run_of_other_settings_is_replaced_only_on_demand(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, FINISHED)
    with pytest.raises(MolgenError, match=r"finished run with other settings \(seed 0 -> 1\).*--replace"):
        claim(folder, "design", MADE_FROM | {"seed": 1}, replace=False)
    assert (folder / "ranked.csv").exists()
    claim(folder, "design", MADE_FROM | {"seed": 1}, replace=True)
    assert [name for name in RESULTS if (folder / name).exists()] == []


def test_results_that_a_deadline_stopped_are_replaced_only_on_demand(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, STOPPED)
    with pytest.raises(MolgenError, match=r"run that a deadline stopped, with other settings \(seed 0 -> 1\)"):
        claim(folder, "design", MADE_FROM | {"seed": 1}, replace=False)
    assert all((folder / name).exists() for name in RESULTS)
    claim(folder, "design", MADE_FROM, replace=False)  # the same settings go on


def test_a_look_at_a_folder_changes_nothing(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, RUNNING)
    refuse_taken(folder, "design", MADE_FROM | {"seed": 1}, replace=False)
    assert all((folder / name).exists() for name in RESULTS)


def test_a_run_is_whole_if_it_is_finished_unchanged_and_every_file_is_as_it_was(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, FINISHED)
    manifest = json.loads((folder / "run.json").read_text())
    manifest["files"] = {name: sha256_of(folder / name) for name in RESULTS}
    write_manifest(folder, manifest)
    assert is_whole(folder, MADE_FROM)
    assert not is_whole(folder, MADE_FROM | {"seed": 1})
    (folder / "ranked.csv").write_text("new")
    assert not is_whole(folder, MADE_FROM)
    with pytest.raises(MolgenError, match="ranked.csv in .* changed since the run wrote it"):
        refuse_taken(folder, "design", MADE_FROM, replace=False)
    refuse_taken(folder, "design", MADE_FROM, replace=True)
    (folder / "ranked.csv").unlink()  # what is missing is only written again
    refuse_taken(folder, "design", MADE_FROM, replace=False)
    assert not is_whole(folder, MADE_FROM)


def test_an_interrupted_run_goes_on_with_changed_settings_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    claim(folder_with(tmp_path, RUNNING), "design", MADE_FROM | {"profile": "b" * 64}, replace=False)
    assert "begun with other settings (profile aaaaaaaa... -> bbbbbbbb...)" in caplog.text
    assert not (tmp_path / "ranked.csv").exists()


def test_differences_name_what_came_and_what_went() -> None:
    assert (
        differences({"a": 1, "b": None, "c": 3}, {"a": 1, "b": "x", "d": 4}) == "b none -> x, c 3 -> none, d none -> 4"
    )
    assert differences(MADE_FROM, dict(MADE_FROM)) == ""


def test_only_a_finished_run_opens(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="is no run folder of molgen"):
        open_run(tmp_path)
    with pytest.raises(MolgenError, match="was interrupted or is still running; to go on: molgen x"):
        open_run(folder_with(tmp_path, RUNNING))
    assert open_run(folder_with(tmp_path, FINISHED)).folder == tmp_path
