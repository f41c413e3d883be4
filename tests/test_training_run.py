"""`molgen train` as a function: what it writes, what it refuses, and that a killed run ends with the same bytes."""

import errno
import functools
import json
import logging
import math
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import typer
from rdkit import Chem
from rdkit.Chem import Descriptors

from molgen import cli, training_run
from molgen.datasets import sha256_of
from molgen.errors import MolgenError, OutputError
from molgen.executor import Serial
from molgen.generator import load_generator
from molgen.sequences import Sequences
from molgen.train import Plan
from molgen.training_run import TrainSettings, train_generator

MOLECULES = [
    "CCO", "CCN", "CCC", "CCCl", "CC#N", "CC(=O)O", "CC(=O)N", "CC(C)O", "C1CC1", "C1CCC1", "C1CCCC1", "c1ccccc1",
    "Cc1ccccc1", "Oc1ccccc1", "Nc1ccccc1", "c1ccncc1", "c1ccsc1", "c1cc[nH]c1", "OCCO", "NCCO", "COC", "CSC", "CNC",
    "C[C@H](N)C(=O)O",
]  # fmt: skip
Row = dict[str, float]


class Killed(RuntimeError):
    """Stands for a kill in the middle of training."""


class Idle:
    """An executor for what must be refused before anything is spelled."""

    def map(self, stage: str, work: Callable[[Any], Any], items: Sequence[Any], *, here: bool = False) -> list[Any]:
        raise AssertionError(f"{stage} was begun, although the command cannot succeed")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of losses and a checkpoint after every step, instead of every two minutes."""
    monkeypatch.setattr(training_run, "Plan", functools.partial(Plan, checkpoint_minutes=1e-9))


def written(folder: Path, smiles: Sequence[str] = MOLECULES) -> Path:
    path = folder / "mine.csv"
    path.write_text("\n".join(["SMILES", *smiles]) + "\n")
    return path


def tiny(train: Path, out: Path, **changed: Any) -> TrainSettings:
    told = {"steps": 4, "recipe": ("width=16", "depth=1"), "batch": 8, "threads": 1, "device": "cpu"}
    return TrainSettings(train=str(train), out=str(out), **(told | changed))


def card_of(out: Path) -> dict[str, Any]:
    """The card, as a strict reader sees it: NaN is not JSON."""
    return json.loads(out.with_suffix(".json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} in card"))


def steps_of(out: Path) -> list[int]:
    return pd.read_csv(out.with_suffix(".losses.csv"))["step"].tolist()


def killed_at(row: int) -> Callable[[Row], None]:
    seen: list[Row] = []

    def report(given: Row) -> None:
        seen.append(given)
        if len(seen) == row:
            raise Killed

    return report


def test_it_writes_weights_that_draw_a_card_and_the_losses(tmp_path: Path) -> None:
    train, out = written(tmp_path), tmp_path / "made" / "my.safetensors"
    assert train_generator(tiny(train, out), Serial()) == out
    assert len(load_generator(out, "cpu").sample(5, seed=0)) == 5
    losses = pd.read_csv(out.with_suffix(".losses.csv"))
    assert losses.columns.tolist() == ["step", "minutes", "share", "train_nats", "held_out_nats"]
    assert losses["step"].tolist() == [4] and losses["share"].tolist() == [1.0]


def test_the_card_says_what_the_prior_is_made_from_and_how_good_it_is(tmp_path: Path) -> None:
    train, out = written(tmp_path, [*MOLECULES, "xyz"]), tmp_path / "my.safetensors"
    train_generator(tiny(train, out, seed=3), Serial())
    card = card_of(out)
    assert {"licence", "command", "commit", "versions", "minutes", "grammar", "recipe", "settings"} <= card.keys()
    assert (card["family"], card["modality"]) == ("autoregressive", "molecule")
    assert card["device"].startswith("cpu (") and card["device"].endswith(" cores)")
    assert (card["seed"], card["steps"]) == (3, 4)
    data = card["data"]
    assert (data["name"], data["sha256"]) == (str(train.resolve()), sha256_of(train))
    assert (data["rows"], data["used"], data["rejected"], data["stereo_dropped"]) == (25, 24, 1, 1)
    assert (data["trained_on"], data["held_out"]) == (22, 2), "a tenth of 24 is held out, and said to be"
    losses = pd.read_csv(out.with_suffix(".losses.csv")).iloc[-1]
    assert card["metrics"]["held_out_nats"] == pytest.approx(losses["held_out_nats"], rel=1e-5)
    assert card["metrics"]["train_nats"] == pytest.approx(losses["train_nats"], rel=1e-5)


def test_the_command_on_the_card_has_only_options_that_the_command_line_knows(tmp_path: Path) -> None:
    out = tmp_path / "my.safetensors"
    train_generator(tiny(written(tmp_path), out, held_out=3), Serial())
    known = {option for p in typer.main.get_command(cli.app).commands["train"].params for option in p.opts}
    words = shlex.split(card_of(out)["command"])
    assert words[:2] == ["molgen", "train"]
    assert [word for word in words if word.startswith("--") and word not in known] == []


def test_the_card_names_the_code_that_trained_not_the_code_that_is_there_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = ["as it was at the start"]
    monkeypatch.setattr(training_run, "commit", lambda: checkout[0])

    def somebody_commits(row: Row) -> None:
        checkout[0] = "newer"

    out = tmp_path / "my.safetensors"
    train_generator(tiny(written(tmp_path), out), Serial(), somebody_commits)
    assert card_of(out)["commit"] == "as it was at the start"


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    train = written(tmp_path)
    first, again, other = (
        train_generator(tiny(train, tmp_path / name / "my.safetensors", seed=seed), Serial()).read_bytes()
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first == again
    assert first != other


@pytest.mark.usefixtures("row_by_row")
def test_a_killed_run_goes_on_to_the_same_bytes_and_logs_each_row_once(tmp_path: Path) -> None:
    train = written(tmp_path)
    whole = train_generator(tiny(train, tmp_path / "whole" / "my.safetensors", steps=7), Serial())
    settings = tiny(train, tmp_path / "broken" / "my.safetensors", steps=7)
    out = Path(settings.out)
    with pytest.raises(Killed):
        train_generator(settings, Serial(), killed_at(row=4))
    assert not out.exists(), "weights appear when they are trained"
    told: list[Row] = []
    train_generator(replace(settings, resume=True), Serial(), told.append)
    assert [row["step"] for row in told] == [4, 5, 6, 7], "steps 1 to 3 are in the checkpoint, and not made twice"
    assert out.read_bytes() == whole.read_bytes()
    assert steps_of(out) == steps_of(whole) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.usefixtures("row_by_row")
def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    settings = tiny(written(tmp_path), tmp_path / "my.safetensors")
    out = train_generator(settings, Serial())
    weights, card, steps = out.read_bytes(), card_of(out), steps_of(out)
    train_generator(replace(settings, resume=True), Serial(), lambda row: pytest.fail("there was nothing left to do"))
    assert out.read_bytes() == weights
    assert (card_of(out)["metrics"], card_of(out)["steps"]) == (card["metrics"], card["steps"])
    assert steps_of(out) == steps


def test_a_run_begun_anew_begins_its_losses_anew(tmp_path: Path) -> None:
    settings = tiny(written(tmp_path), tmp_path / "my.safetensors", steps=3)
    train_generator(settings, Serial())
    for left in (".checkpoint", ".safetensors"):
        Path(settings.out).with_suffix(left).unlink()
    train_generator(replace(settings, steps=2), Serial())
    assert steps_of(Path(settings.out)) == [2]


def test_a_checkpoint_is_gone_on_with_only_when_asked_and_only_by_the_same_settings(tmp_path: Path) -> None:
    settings = tiny(written(tmp_path), tmp_path / "my.safetensors")
    train_generator(settings, Serial())
    with pytest.raises(MolgenError, match=r"my\.checkpoint is there from an earlier run; go on with --resume"):
        train_generator(settings, Idle())
    with pytest.raises(MolgenError, match=r"was begun with recipe = .*width=16.*, not .*width=24"):
        train_generator(replace(settings, resume=True, recipe=("width=24", "depth=1")), Idle())
    train_generator(replace(settings, resume=True, steps=6), Serial())
    assert card_of(Path(settings.out))["steps"] == 6, "a longer plan is the same run"


def test_other_molecules_under_the_same_name_are_not_gone_on_with(tmp_path: Path) -> None:
    """The split follows from the number of rows: what was held out before would be trained on."""
    settings = tiny(written(tmp_path), tmp_path / "my.safetensors")
    train_generator(settings, Serial())
    written(tmp_path, [*MOLECULES, "CCCCO"])
    with pytest.raises(MolgenError, match="was begun with training molecules = "):
        train_generator(replace(settings, resume=True), Serial())


@pytest.mark.parametrize(
    ("left", "content", "told"),
    [
        (".checkpoint", b"broken", r"my\.checkpoint cannot be gone on with .* delete it to begin anew"),
        (".settings.json", b"{", r"my\.settings\.json is damaged"),
        (".settings.json", None, r"my\.settings\.json is gone"),
    ],
)
def test_a_damaged_or_missing_file_of_an_earlier_run_is_named(
    left: str, content: bytes | None, told: str, tmp_path: Path
) -> None:
    settings = tiny(written(tmp_path), tmp_path / "my.safetensors")
    damaged = train_generator(settings, Serial()).with_suffix(left)
    damaged.unlink() if content is None else damaged.write_bytes(content)
    with pytest.raises(MolgenError, match=told):
        train_generator(replace(settings, resume=True), Serial())


def test_rows_that_cannot_be_learned_from_are_listed_and_the_run_goes_on(tmp_path: Path) -> None:
    train, out = written(tmp_path, [*MOLECULES, "xyz", "[Fe]", "CC(=O)[O-].[Na+]"]), tmp_path / "my.safetensors"
    train_generator(tiny(train, out), Serial())
    listed = pd.read_csv(out.with_suffix(".rejected_inputs.csv"))
    assert listed["row"].tolist() == [26, 27, 28] and listed["text"].tolist()[:2] == ["xyz", "[Fe]"]
    assert listed["reason"].notna().all()
    data = card_of(out)["data"]
    assert data["rows"] == data["used"] + len(listed) == 27


def test_invalid_rows_stop_the_run_where_they_are_told_to(tmp_path: Path) -> None:
    train, out = written(tmp_path, ["CCO", "xyz", *MOLECULES, "[Fe]"]), tmp_path / "my.safetensors"
    with pytest.raises(MolgenError, match=r"mine\.csv, row 3: 'xyz': unparsable SMILES \(2 such rows\)"):
        train_generator(tiny(train, out, invalid_rows="fail"), Serial())
    assert not out.exists() and not out.with_suffix(".checkpoint").exists()


def test_the_coverage_is_said_before_training_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    with caplog.at_level(logging.INFO, logger="molgen"):
        train = written(tmp_path, [*MOLECULES, "[Fe]"])
        train_generator(tiny(train, tmp_path / "my.safetensors"), Serial(), lambda row: said.append(caplog.text))
    assert "24 of 25 molecules of " in said[0] and "atom Fe with valence 0 is not in the vocabulary" in said[0]


@pytest.mark.parametrize("copies", [1, 3])
def test_a_tenth_is_held_out_and_no_molecule_is_on_both_sides(
    copies: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows may repeat, and stereoisomers are the same graph."""
    sides: list[set[tuple[int, ...]]] = []

    def caught(module: torch.nn.Module, training: Sequences, plan: Plan, *, held_out: Sequences, **_: Any) -> None:
        for side in (training, held_out):
            cuts = pairwise(side.offsets.tolist())
            sides.append({tuple(side.flat[start:stop].tolist()) for start, stop in cuts})
        raise Killed

    monkeypatch.setattr(training_run, "train", caught)
    with pytest.raises(Killed):
        train_generator(tiny(written(tmp_path, copies * MOLECULES), tmp_path / "my.safetensors"), Serial())
    training, held_out = sides
    assert training & held_out == set()
    assert len(training | held_out) == 24 and 1 <= len(held_out) <= 24 * copies // 10


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_of_fewer_molecules_than_a_batch_trains_with_nothing_held_out(rows: int, tmp_path: Path) -> None:
    out = tmp_path / "my.safetensors"
    train_generator(tiny(written(tmp_path, MOLECULES[:rows]), out, batch=256), Serial())
    card = card_of(out)
    assert (card["data"]["trained_on"], card["data"]["held_out"]) == (rows, 0)
    assert "held_out_nats" not in card["metrics"] and card["metrics"]["train_nats"] > 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"minutes": 0.0}, "--minutes 0.0"),
        ({"minutes": float("nan")}, "--minutes nan"),
        ({"minutes": float("inf")}, "--minutes inf"),
        ({"steps": 0}, "--steps 0"),
        ({"rate": 0.0}, "--rate 0.0"),
        ({"batch": 0}, "--batch 0"),
        ({"threads": 0}, "--threads 0"),
        ({"held_out": -1}, "--held-out -1"),
        ({"seed": -1}, "--seed -1"),
        ({"out": "my.pt"}, r"--out my\.pt must end in \.safetensors"),
    ],
)
def test_a_senseless_setting_is_refused_by_its_option_and_value(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(MolgenError, match=told):
        TrainSettings(**({"train": "mine.csv", "out": "my.safetensors"} | changed))


def test_a_file_of_sequences_gives_a_prior_of_proteins(tmp_path: Path) -> None:
    train, out = tmp_path / "mine.fasta", tmp_path / "my.safetensors"
    train.write_text("".join(f">p{number}\nGIGKFLHSAKKF{'K' * number}\n" for number in range(20)) + ">odd\nGIGXKFL\n")
    train_generator(tiny(train, out, modality="protein", grammar=("longest=28",), family="vae"), Serial())
    card = card_of(out)
    assert (card["modality"], card["licence"]) == ("protein", "that of the training sequences")
    assert card["grammar"] == {"longest": 28, "shortest": 5, "motif": ""}
    assert (card["data"]["rows"], card["data"]["used"], card["data"]["rejected"]) == (21, 17, 4)
    assert "--modality protein" in card["command"] and "--grammar longest=28" in card["command"]
    drawn = load_generator(out, "cpu").with_motif("X*RGDX*").sample(10, seed=0)
    assert all("RGD" in text and 5 <= len(text) <= 28 for text in drawn)


def test_half_an_hour_is_the_plan_where_nothing_is_said() -> None:
    assert TrainSettings("mine.csv", "my.safetensors").minutes == 30
    assert TrainSettings("mine.csv", "my.safetensors", steps=5).minutes is None


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"cannot write .*file"):
        train_generator(tiny(written(tmp_path), tmp_path / "file" / "my.safetensors"), Idle())


@pytest.mark.usefixtures("row_by_row")
def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tiny(written(tmp_path), tmp_path / "my.safetensors")
    checkpoint = Path(settings.out).with_suffix(".checkpoint")
    kept: list[bytes] = []

    def fills_up(row: Row) -> None:
        if row["step"] == 3:
            kept.append(checkpoint.read_bytes())
            monkeypatch.setattr(os, "fsync", no_room)

    def no_room(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match=r"No space left on device; the one before is kept: go on with --resume"):
        train_generator(settings, Serial(), fills_up)
    assert checkpoint.read_bytes() == kept[0]


def test_the_number_of_threads_is_left_as_it_was(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    train_generator(tiny(written(tmp_path), tmp_path / "my.safetensors", threads=before + 1), Serial())
    assert torch.get_num_threads() == before


def test_progress_is_told_after_every_step(tmp_path: Path) -> None:
    shares: list[float] = []
    train_generator(tiny(written(tmp_path), tmp_path / "my.safetensors"), Serial(), tick=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_and_draws_without_code_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "my.safetensors"
    train_generator(tiny(written(tmp_path), out, device="cuda"), Serial())
    assert card_of(out)["device"].startswith("cuda (")
    drawn = load_generator(out, "cuda").sample(20, seed=0)
    assert drawn == load_generator(out, "cuda").sample(20, seed=0) and len(drawn) == 20


def test_a_users_column_is_taught_row_by_row_and_the_prior_draws_to_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The column is twice the length of the text: after the split, each row has its own beside what is computed."""
    train, out, caught = tmp_path / "mine.csv", tmp_path / "my.safetensors", []
    rows = [f"{text},{2 * len(text)}" for text in MOLECULES]
    train.write_text("\n".join(["SMILES,active", *rows[:5], "CCCC,", *rows[5:], "xyz,1", "CCCCC,high"]) + "\n")
    told = tiny(train, out, recipe=("width=16", "depth=1", "properties=mw,active"))

    def spied(module: torch.nn.Module, training: Sequences, plan: Plan, **rest: Any) -> Any:
        caught.append(training)
        return fit(module, training, plan, **rest)

    fit = training_run.train
    monkeypatch.setattr(training_run, "train", spied)
    train_generator(told, Serial())
    (training,) = caught
    generator = load_generator(out, "cpu")
    texts = generator.codec.decode([training.flat[a:b].tolist() for a, b in pairwise(training.offsets.tolist())])
    expected = {generator.codec.decode([one.tokens])[0]: 2 * len(text) for text, one in
                zip(MOLECULES, generator.codec.encode(MOLECULES), strict=True)}  # fmt: skip
    for text, (mw, active) in zip(texts, training.labels.tolist(), strict=True):
        assert mw == pytest.approx(Descriptors.MolWt(Chem.MolFromSmiles(text)), abs=1e-3)
        assert active == expected[text] if text in expected else math.isnan(active)
    assert card_of(out)["data"]["rejected"] == 2
    assert len(generator.conditioned({"active": 6.0, "mw": 40.0}, guidance=2.0).sample(5, seed=0)) == 5


def test_a_run_whose_taught_values_were_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    train, out = tmp_path / "mine.csv", tmp_path / "my.safetensors"
    told = tiny(train, out, recipe=("width=16", "depth=1", "properties=active"))
    for values, resume in (((0, 1), False), ((1, 0), True)):
        train.write_text("\n".join(["SMILES,active", *(f"{one},{values[k % 2]}" for k, one in enumerate(MOLECULES))]))
        if resume:
            with pytest.raises(MolgenError, match="was begun with training molecules"):
                train_generator(replace(told, resume=True), Serial())
        else:
            train_generator(told, Serial())


def test_a_property_that_is_neither_computed_nor_a_column_is_refused_before_anything_is_spelled(tmp_path: Path) -> None:
    told = tiny(written(tmp_path), tmp_path / "my.safetensors", recipe=("properties=logp,active",))
    with pytest.raises(MolgenError, match=r"no property 'active'; .* which has 'SMILES'"):
        train_generator(told, Idle())
