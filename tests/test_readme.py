"""The README's commands, run as written but for smaller numbers and a prior that was trained here."""

import re
import shlex
from pathlib import Path

import pytest

from molgen import cli
from molgen.executor import Serial
from molgen.training_run import TrainSettings, train_generator

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SMALLER = {"--samples": "40", "--minutes": "0.02"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("molgen ")]


def smaller(words: list[str], prior: Path) -> list[str]:
    """The same command in a minute's time, with the tests' prior where it would take the shipped one."""
    found = [SMALLER.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    if words[0] == "design" and "--train" in words:  # what is fitted to an alignment takes no steps
        return found if "ardca" in words else [*found, "--train-steps", "2"]
    own = {"--prior", "--generator", "antimicrobial_peptide"}  # what ships draws peptides at once
    needs_prior = words[0] in ("design", "generate") and not own & set(words)
    return [*found, "--prior", str(prior)] if needs_prior else found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, drug_like: list[str]) -> Path:
    """A folder with a user's molecules and a prior trained on them for a moment."""
    folder = tmp_path_factory.mktemp("readme")
    mine, prior = folder / "my_molecules.csv", folder / "tiny.safetensors"
    mine.write_text("\n".join(["id,SMILES", *(f"m{i},{text}" for i, text in enumerate(drug_like[:60]))]))
    peptides = "".join(f">p{i}\nGIGKFL{'K' * (i + 1)}AKKFGKAFVKILKK\n" for i in range(12))
    for name in ("family.fasta", "peptides.fasta"):
        (folder / name).write_text(peptides)
    aligned = "".join(f"p{i} GIGKFL{'K' * (i + 1):-<12}AKKFGKAFVKILKK\n" for i in range(12))
    (folder / "family.sto").write_text(f"# STOCKHOLM 1.0\n{aligned}//\n")
    tested = [f"GIGKFL{'K' * (i + 1)}AKKFGKAFV,{i % 2}" for i in range(12)]
    (folder / "tested.csv").write_text("\n".join(["sequence,active", *tested]))
    train_generator(TrainSettings(str(mine), str(prior), steps=3, recipe=("width=16", "depth=1")), Serial())
    return folder


def test_there_are_commands_of_every_kind() -> None:
    assert {words[0] for words in commands()} == {"design", "screen", "train", "generate", "data", "doctor"}


def test_the_commands_run_in_their_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for words in commands():
        allowed = (0, 1) if words == ["doctor"] else (0,)  # a doctor may find something wrong with this machine
        assert cli.main(smaller(words, folder / "tiny.safetensors")) in allowed, shlex.join(words)
    assert (folder / "runs" / "cns" / "report.html").is_file()
    assert (folder / "my.safetensors").is_file() and (folder / "designs.csv").is_file()


def test_the_python_lines_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (block,) = blocks("python")
    shorter = block.replace("samples=2000", "samples=40, workers=1, prior='tiny.safetensors'")
    assert shorter != block
    exec(compile(shorter, "README.md", "exec"), {"__name__": "__main__"})
