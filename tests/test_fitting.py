"""`molgen train` of what has no network: an alignment is used by its columns, what has no meaning is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molgen import cli
from molgen.baselines import Ardca, load_baseline
from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.pipeline import design
from molgen.protein import aligning
from molgen.protein.alignment import rows_of, states_of, ungapped, well_filled
from molgen.protein.alignment_reading import holds_alignment
from molgen.protein.family import read_family
from molgen.settings import DesignSettings
from molgen.training_run import TrainSettings, train_generator

ROWS = ["MKAC-DEFW", "MKACWDEFW", "MRSC-DEFW", "MRSC-EDYW", "MKAC-DEFW", "MRSC-EEYW", "MKAC-DDFW", "MRSC-DEYW"]


def stockholm(rows: list[str], path: Path) -> Path:
    lines = [f"s{number} {row}" for number, row in enumerate(rows)]
    path.write_text("\n".join(["# STOCKHOLM 1.0", *lines, "//", ""]))
    return path


def fasta(rows: list[str], path: Path) -> Path:
    path.write_text("".join(f">s{number}\n{row}\n" for number, row in enumerate(rows)))
    return path


def fitted(source: Path, family: str = "ardca", **changes: object) -> Path:
    settings = {"train": str(source), "out": str(source.with_name(f"{family}.safetensors")), "modality": "protein"}
    return train_generator(TrainSettings(**settings | {"family": family} | changes), Serial())


def test_a_column_that_more_than_three_in_ten_rows_leave_open_is_dropped() -> None:
    states = states_of(["AC-", "A--", "A--", "AC-", "AC-", "AC-", "AC-", "AC-", "A-C", "ACC"])
    assert well_filled(states).tolist() == [True, True, False], "gaps in 0, 3 and 8 of 10"


def test_the_columns_of_an_alignment_are_those_of_the_model(tmp_path: Path) -> None:
    model = load_baseline(fitted(stockholm(ROWS, tmp_path / "family.sto")))
    direct = Ardca.fit(states_of([row[:4] + row[5:] for row in ROWS]))
    assert isinstance(model, Ardca) and model.columns == 8
    assert model.card["data"] | {"columns": 8, "columns_dropped": 1, "used": 8, "trained_on": 8} == model.card["data"]
    assert model.sample_aligned(40, 3) == direct.sample_aligned(40, 3)


def test_rows_shifted_against_each_other_give_another_model(tmp_path: Path) -> None:
    """The same sequences: what differs is where their gaps stand."""
    whole = ["MKACDEFW-", "MRSCEEYW-"] * 4
    shifted = [row if number % 2 else f"-{row[:-1]}" for number, row in enumerate(whole)]
    assert ungapped(whole) == ungapped(shifted)
    models = []
    for name, rows in (("whole", whole), ("shifted", shifted)):
        (tmp_path / name).mkdir()
        models.append(load_baseline(fitted(stockholm(rows, tmp_path / name / "family.sto"))))
    assert [model.columns for model in models] == [8, 7]
    drawn = [model.sample(200, 0, temperature=0.2) for model in models]
    share = [np.mean([text in ungapped(whole) for text in texts]) for texts in drawn]
    assert share[0] > 0.9 and share[1] == 0


def test_rows_that_cannot_be_used_are_listed_with_their_line_and_reason(tmp_path: Path) -> None:
    rows = [*ROWS, "MKXC-DEFW", "----W----"]
    out = fitted(stockholm(rows, tmp_path / "family.sto"), "profile")
    rejected = pd.read_csv(out.with_suffix(".rejected_inputs.csv"))
    assert rejected["row"].tolist() == [10, 11] and rejected["id"].tolist() == ["s8", "s9"]
    assert [reason.split(":")[0] for reason in rejected["reason"]] == ["residue", "empty"]
    data = json.loads(out.with_suffix(".json").read_text())["data"]
    assert (data["rows"], data["rejected"], data["used"]) == (10, 2, 8)
    with pytest.raises(MolgenError, match="row 10: 'MKXC-DEFW': residue: X at position 3"):
        fitted(stockholm(rows, tmp_path / "family.sto"), "profile", invalid_rows="fail", resume=True)


@pytest.mark.parametrize("family", ["profile", "ardca"])
def test_the_card_tells_the_nats_of_held_out_rows_for_each_column(tmp_path: Path, family: str) -> None:
    """A tenth is held out, and rows equal to one of them are in neither part."""
    rows = relatives(40)
    out = fitted(fasta(rows, tmp_path / "family.fa"), family)
    card, model = json.loads(out.with_suffix(".json").read_text()), load_baseline(out)
    assert (card["data"]["trained_on"], card["data"]["held_out"]) == (36, 4)
    nats = {row: -model.log_likelihood([row]).item() for row in rows}
    told = card["metrics"]
    assert told["held_out_nats_per_site"] == pytest.approx(told["held_out_nats"] / 30)
    every = 36 * told["train_nats"] + 4 * told["held_out_nats"]
    assert every == pytest.approx(sum(nats.values()), rel=1e-5) and told["held_out_nats"] > told["train_nats"]


def test_a_fit_that_is_there_is_found(tmp_path: Path) -> None:
    source = stockholm([*ROWS, "MKXC-DEFW"], tmp_path / "family.sto")
    before = fitted(source, "profile").stat().st_mtime_ns
    assert fitted(source, "profile", resume=True).stat().st_mtime_ns == before
    with pytest.raises(MolgenError, match="row 10"):
        fitted(source, "profile", resume=True, invalid_rows="fail")
    (tmp_path / "profile.json").unlink()
    again = fitted(source, "profile", resume=True)
    assert again.stat().st_mtime_ns > before, "killed before its card was written"
    source.rename(tmp_path / "moved.sto")
    assert fitted(tmp_path / "moved.sto", "profile", resume=True) == again, "a file is known by its content"


def test_what_was_noticed_of_the_file_stands_on_the_card(tmp_path: Path) -> None:
    out = fitted(fasta(["MKAC", "MRSC", "MKSC", "MRAC"], tmp_path / "family.fa"), "profile")
    (note,) = json.loads(out.with_suffix(".json").read_text())["data"]["notes"]
    assert "has no gaps" in note and "autoregressive" in note


def test_a_fit_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    source = stockholm(ROWS, tmp_path / "family.sto")
    before = fitted(source, "profile").read_bytes()
    with pytest.raises(MolgenError, match="is there from an earlier run: choose another --out, or delete it"):
        fitted(source, "profile")
    with pytest.raises(MolgenError, match="was fitted with seed = 0, not 1"):
        fitted(source, "profile", resume=True, seed=1)
    with pytest.raises(MolgenError, match="profile.safetensors is there from an earlier run"):
        train_generator(TrainSettings(str(source), str(tmp_path / "profile.safetensors"), "protein"), Serial())
    stockholm(ROWS[:-1], source)
    with pytest.raises(MolgenError, match="another content of .*family.sto"):
        fitted(source, "profile", resume=True)
    assert (tmp_path / "profile.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 0.1}, "--rate 0.1: the ardca family is fitted"),
        ({"steps": 5}, "leave --steps out"),
        ({"modality": "molecule"}, "say --modality protein"),
        ({"grammar": ("longest=20",)}, "the alignment says how long"),
        ({"recipe": ("copulings=1",)}, "has no setting 'copulings'; it has couplings"),
        ({"recipe": ("order=any",)}, "order must be one of entropic, natural"),
    ],
)
def test_what_has_no_meaning_for_a_fit_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(MolgenError, match=message):
        fitted(stockholm(ROWS, tmp_path / "family.sto"), **changes)
    assert not (tmp_path / "ardca.safetensors").exists()


def test_strangers_are_no_family_and_the_error_names_the_remedy(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    letters = list("ACDEFGHIKLMNPQRSTVWY")
    strangers = ["".join(chance.choice(letters, size=30 + number)) for number in range(12)]
    with pytest.raises(MolgenError, match="no family that could be aligned here .* give an alignment .*autoregressive"):
        fitted(fasta(strangers, tmp_path / "set.fasta"))


def test_rows_of_uneven_length_in_an_alignment_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="is not aligned: s0 .* has 9 columns"):
        fitted(stockholm([*ROWS, "MKAC"], tmp_path / "family.sto"))


def relatives(n: int, seed: int = 0) -> list[str]:
    """Rows of thirty columns, a quarter of them mutated."""
    chance = np.random.default_rng(seed)
    states = np.tile(np.random.default_rng(99).integers(20, size=30), (n, 1))
    changed = chance.random(states.shape) < 0.25
    states[changed] = chance.integers(20, size=changed.sum())
    return rows_of(states)


def test_unaligned_relatives_come_into_the_columns_that_they_were_taken_from(tmp_path: Path) -> None:
    """Every fifth row lacks three residues, every seventh has two more: all other residues find their columns."""
    rows = relatives(60)
    cut = ["".join((row[:10], "---", row[13:])) if number % 5 == 0 else row for number, row in enumerate(rows)]
    longer = [row[:20] + "GG" + row[20:] if number % 7 == 3 else row for number, row in enumerate(cut)]
    states, dropped = aligning.align(ungapped(longer))
    assert states.shape == (60, 30) and dropped >= 2
    assert (states == states_of(cut)).mean() > 0.95
    assert aligning.relatives(states, ["".join(reversed(row)) for row in rows]).mean() < 0.1
    source = fasta(ungapped(longer), tmp_path / "family.fasta")
    assert not holds_alignment(source) and holds_alignment(fasta(rows, tmp_path / "aligned.fasta"))
    card = load_baseline(fitted(source, "profile")).card
    assert card["data"]["aligned_here"] and card["data"]["columns"] == 30


def test_a_family_in_fasta_is_that_of_the_same_rows_in_stockholm(tmp_path: Path) -> None:
    one = read_family(fasta(ROWS, tmp_path / "family.fa"))
    other = read_family(stockholm(ROWS, tmp_path / "family.sto"))
    assert one.states.tolist() == other.states.tolist() and one.dropped == 1


@pytest.mark.parametrize("family", ["ngram", "resample"])
def test_designs_as_they_are_spelled_are_fitted_too(tmp_path: Path, family: str) -> None:
    recipe = ("n=3",) if family == "ngram" else ()
    model = load_baseline(fitted(stockholm(ROWS, tmp_path / "family.sto"), family, recipe=recipe))
    assert model.card["data"]["used"] == 8 and model.card["recipe"].get("n", 3) == 3
    drawn = model.sample(50, 0)
    assert set(drawn) <= set(ungapped(ROWS)) if family == "resample" else len(drawn) == 50


def test_an_alignment_goes_through_the_command_line_to_designs_compared_with_it(tmp_path: Path) -> None:
    source, out = stockholm(relatives(40), tmp_path / "family.sto"), tmp_path / "run"
    words = ["--modality", "protein", "--generator", "ardca", "--train", str(source), "--samples", "30"]
    assert cli.main(["design", *words, "--out", str(out), "--workers", "1"]) == 0
    table = pd.read_csv(out / "candidates.csv")
    assert len(table) == 30 and table["nearest_similarity"].max() > 0.4
    (weights,) = tmp_path.glob("run.prior-*.safetensors")
    assert isinstance(load_baseline(weights), Ardca)


def test_a_motif_is_refused_before_and_after_a_fit(tmp_path: Path) -> None:
    source = stockholm(ROWS, tmp_path / "family.sto")
    told = {"modality": "protein", "samples": 5, "reference": "none", "out": tmp_path / "run", "motif": "X[5-9]"}
    with pytest.raises(MolgenError, match="--generator ardca keeps none"):
        design(DesignSettings(**told, generator="ardca", train=str(source)), Serial())
    assert list(tmp_path.glob("run*")) == []
    with pytest.raises(MolgenError, match="'profile' keeps no motif"):
        load_baseline(fitted(source, "profile")).with_motif("X[5-9]")
    with pytest.raises(MolgenError, match="no prior of the family ardca ships"):
        design(DesignSettings(**told | {"motif": ""}, generator="ardca"), Serial())


def test_lower_case_sequences_of_uneven_lengths_are_no_alignment(tmp_path: Path) -> None:
    path = tmp_path / "lower.fasta"
    path.write_text(">a\nmvlspadk\n>b\nglfdivkkva\n")
    assert not holds_alignment(path)
