"""The command line: help, exit codes, one sentence for what went wrong, and a whole line with a tiny generator."""

import errno
import functools
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from fake_generator import FakeGenerator, write_training_set

import molgen
from molgen import cli, pipeline, terminal
from molgen.cli import main
from molgen.errors import MolgenError
from molgen.executor import Serial

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201
    """A cache of its own, wide lines, and molgen's log as it was."""
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path_factory.getbasetemp() / "cli-cache"))
    monkeypatch.setenv("COLUMNS", "200")
    log = logging.getLogger("molgen")
    before, level = list(log.handlers), log.level
    yield
    log.handlers[:] = before
    log.setLevel(level)


def write_library(folder: Path) -> Path:
    path = folder / "library.csv"
    names = ["CC(=O)Nc1ccc(O)cc1", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "C1CC", "O=C(NC1CCCCC1)c1ccncc1"]
    path.write_text("SMILES\n" + "\n".join(names) + "\n")
    return path


def test_without_a_command_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("design", "train", "generate", "screen", "data", "doctor"))


@pytest.mark.parametrize(
    "command", ["design", "train", "generate", "screen", "data", "data fetch", "data list", "doctor"]
)
def test_every_command_has_a_help_text(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert f"molgen {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("desing", "molgen: No such command 'desing'. Did you mean 'design'? See `molgen --help`"),
        ("design --sampels 3", "--sampels"),
        ("design --samples many", "see `molgen design --help`"),
        ("design --samples 0", "molgen: --samples 0 must be a number from 1"),
        ("design --device gpu", "see `molgen design --help`"),
        ("design --profile oral_drugs --prior x", "Did you mean oral_drug?"),
        ("design --prior nowhere.safetensors", "nowhere.safetensors is neither a file nor one of the priors"),
        ("screen", "see `molgen screen --help`"),
        ("screen nowhere.csv", "there is no file nowhere.csv"),
        ("screen nowhere.csv --invalid-rows stop", "see `molgen screen --help`"),
        ("data", "see `molgen data --help`"),
        ("data fetch mosses", "There is no data set 'mosses'"),
        ("train --out x.safetensors", "--train"),
        ("generate --out designs.txt", "must be a .csv file"),
        ("generate --guidance 2", "--guidance 2.0 leans to what is wanted: say that with --want NAME=VALUE"),
        ("design --want logp=2 --guidance -1", "--guidance -1.0 must be from 0 to 100"),
        ("design --want logp=2 --guidance 2", "was not taught that property; it knows none"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_exit_code_2(
    command: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 2
    errors = capsys.readouterr().err
    assert sentence in errors
    assert errors.count("\n") == 1
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_a_screen_shows_device_funnel_best_and_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["screen", str(write_library(tmp_path)), "--out", str(tmp_path / "run"), "--workers", "1"]) == 0
    shown, errors = capsys.readouterr()
    assert shown.startswith("device: cpu (")
    assert all(f"{tmp_path / 'run' / name}" in shown for name in ("report.html", "ranked.csv", "selected.sdf"))
    best = molgen.open_run(tmp_path / "run").ranked["design"].tolist()
    assert [smiles in shown for smiles in best] == [True] * 3
    assert "novelty not checked" in shown
    assert "1 of 4 rows" in errors and "'C1CC' (unparsable" in errors


def test_an_output_folder_that_cannot_be_written_is_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["screen", str(write_library(tmp_path)), "--out", str(tmp_path / "file" / "run")]) == 1
    assert "cannot write" in capsys.readouterr().err

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["screen", str(write_library(tmp_path)), "--out", str(tmp_path / "run")]) == 1
    errors = capsys.readouterr().err
    assert "No space left on device" in errors and "kept in" in errors


def test_a_folder_that_cannot_be_read_is_one_sentence_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def closed(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(Path, "iterdir", closed)
    assert main(["screen", str(write_library(tmp_path)), "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err == f"molgen: {tmp_path / 'run'}: Permission denied\n"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("design --profile oral_drugs", "Did you mean oral_drug?"),
        ("design --prior nowhere.safetensors", "nowhere.safetensors is neither a file nor one of the priors"),
        ("screen library.csv --reference moses-trian", "did you mean moses-train?"),
        ("screen library.csv --column other", "has no column 'other'"),
        ("screen library.csv --out taken", "holds files that no molgen run wrote"),
        ("generate --out designs.txt", "must be a .csv file"),
    ],
)
def test_a_wrong_command_never_gets_as_far_as_prefect(
    command: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def started(name: str) -> None:
        raise AssertionError(f"{name} was imported")

    monkeypatch.chdir(tmp_path)
    write_library(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.docx").write_text("precious")
    monkeypatch.setattr(cli, "import_module", started)
    assert main([*command.split(), "--prefect"]) == 2
    errors = capsys.readouterr().err
    assert sentence in errors and errors.count("\n") == 1


def test_the_exit_code_of_the_program_is_that_of_main() -> None:
    words = [sys.executable, "-m", "molgen.cli", "screen", "nowhere.csv"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (2, "molgen: there is no file nowhere.csv\n")


def test_design_ends_with_the_five_best_and_says_the_device_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_training_set(tmp_path)
    (tmp_path / "prior.safetensors").write_bytes(b"weights")
    fake = functools.partial(
        pipeline.design, executor=Serial(), load=lambda *_: FakeGenerator(tmp_path / "training.csv")
    )
    monkeypatch.setattr(pipeline, "design", fake)
    words = [
        "design",
        "--prior",
        str(tmp_path / "prior.safetensors"),
        "--samples",
        "120",
        "--out",
        str(tmp_path / "run"),
    ]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].startswith("device: cpu (")
    run = molgen.open_run(tmp_path / "run")
    assert f"The 5 best of {len(run.ranked)}" in shown
    assert all(smiles in shown for smiles in run.ranked["design"].head(5))
    assert main([*words, "--seed", "1"]) == 2
    assert "--replace" in capsys.readouterr().err


def test_train_generate_and_design_with_a_real_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two steps of training are enough for weights; by the grammar every draw is a molecule, if not an organic one."""
    weights = str(tmp_path / "tiny.safetensors")
    lines = (ROOT / "tests" / "molecule" / "drugs.csv").read_text().splitlines()
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    column = next(name for name in lines[0].split(",") if name.lower() == "smiles")
    train = ["train", "--train", str(tmp_path / "mine.csv"), "--column", column, "--steps", "2", "--out", weights]
    train += ["--set", "width=16", "--set", "depth=1"]
    assert main(train) == 0
    assert main(["generate", "--prior", weights, "--samples", "30", "--out", str(tmp_path / "designs.csv")]) == 0
    table = pd.read_csv(tmp_path / "designs.csv")
    assert len(table) == 30
    assert table.loc[~table["valid"], "reason"].unique().tolist() in ([], ["no carbon: not an organic molecule"])
    assert f"30 drawn, {table['valid'].sum()} valid" in capsys.readouterr().out
    assert (
        main(["design", "--prior", weights, "--samples", "30", "--out", str(tmp_path / "run"), "--workers", "1"]) == 0
    )
    run = molgen.open_run(tmp_path / "run")
    assert run.candidates["as_drawn"].tolist() == table["design"].tolist()
    assert run.candidates["in_training"].notna().any()


def test_a_column_is_taught_and_drawn_to_order_and_another_guidance_is_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = str(tmp_path / "tiny.safetensors"), str(tmp_path / "ordered.csv")
    rows = [f"{'GIGKFLHSAKKF'[: 5 + k % 7]}K,{k % 2}" for k in range(24)]
    (tmp_path / "mine.csv").write_text("\n".join(["sequence,active", *rows, "GIGKF,"]))
    train = ["train", "--train", str(tmp_path / "mine.csv"), "--modality", "protein", "--steps", "2", "--out", weights]
    for setting in ("width=16", "depth=1", "properties=active,net_charge"):
        train += ["--set", setting]
    assert main(train) == 0
    ordered = ["generate", "--prior", weights, "--samples", "20", "--want", "active=1", "--out", out]
    assert main([*ordered, "--guidance", "2"]) == 0 and main([*ordered, "--guidance", "2"]) == 0
    assert json.loads(Path(f"{out}.json").read_text())["made_from"]["guidance"] == 2.0
    assert main(ordered) == 2
    assert "is there already (guidance 2.0 -> none)" in capsys.readouterr().err
    run = ["design", "--prior", weights, "--samples", "20", "--profile", "protein", "--out", str(tmp_path / "run")]
    assert main([*run, "--want", "active=1", "--want", "net_charge=5", "--guidance", "2", "--workers", "1"]) == 0
    assert molgen.open_run(tmp_path / "run").manifest["made_from"]["want"] == {"active": 1.0, "net_charge": 5.0}


def test_doctor_and_the_list_of_data_sets_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from molgen import doctor

    finding = doctor.Finding("error", "sqlalchemy", "2.1.9 is too new", "Run make setup.")
    monkeypatch.setattr(doctor, "examine", lambda: [finding])
    assert main(["doctor"]) == 1
    assert "sqlalchemy: 2.1.9 is too new Run make setup." in capsys.readouterr().out
    assert main(["data", "list"]) == 0
    assert "molgen data fetch moses" in capsys.readouterr().out


def test_prefect_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name="prefect")

    monkeypatch.setattr(cli, "import_module", missing)
    assert main(["screen", str(write_library(tmp_path)), "--prefect"]) == 2
    assert "--prefect needs the module prefect" in capsys.readouterr().err


def test_texts_are_shown_as_they_are_and_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    smiles = "C[C@H](N)C(=O)O[bold]c1cc[nH]c1 :smile:"
    terminal.say(smiles)
    terminal.complain(smiles)
    assert [text.strip() for text in capsys.readouterr()] == [smiles, smiles]


def test_log_lines_are_added_once(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_log()
    terminal.show_log()
    logging.getLogger("molgen.test").warning("a [note]")
    assert capsys.readouterr().err == "warning: a [note]\n"


def test_importing_molgen_gives_each_name_and_refuses_others() -> None:
    assert molgen.MolgenError is MolgenError
    assert all(getattr(molgen, name) is not None for name in molgen.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'desing'"):
        _ = molgen.desing
