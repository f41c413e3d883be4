"""The notebook on a latent space runs from top to bottom with a small VAE, and is committed without outputs."""

from pathlib import Path

import nbformat
import pytest

from molgen.generator import NeuralGenerator
from molgen.recipes import build, settings_of
from molgen.train import Plan, train
from tests import notebooks
from tests.notebooks import is_without_outputs, shown
from tests.tiny import GRAMMAR, TINY_VAE, eight

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "latent_space.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook, walking from ethanol to benzene with a VAE of eight molecules."""
    folder = tmp_path_factory.mktemp("latent")
    model = build(TINY_VAE, GRAMMAR)
    train(model, eight(), Plan(steps=300, batch=8, rate=1e-2, warm_up=10, average=0.9))
    card = {"family": "vae", "modality": "molecule", "recipe": settings_of(TINY_VAE), "grammar": GRAMMAR.settings()}
    NeuralGenerator(model, card).save(folder / "tiny.safetensors")
    told = {"MOLGEN_PRIOR": str(folder / "tiny.safetensors"), "MOLGEN_START": "CCO", "MOLGEN_END": "c1ccccc1"}
    return notebooks.executed(NOTEBOOK, folder / "kernel", told)


def test_it_is_committed_without_outputs() -> None:
    assert is_without_outputs(NOTEBOOK)


def test_it_shows_both_ends_as_they_come_back_and_the_walk_with_structures(executed: nbformat.NotebookNode) -> None:
    assert shown(executed, "back").count("<svg") == 2
    assert shown(executed, "walk").count("<svg") == 11
    assert "of 11 points are neither drug" in shown(executed, "between")


def test_it_looks_around_the_first(executed: nbformat.NotebookNode) -> None:
    assert shown(executed, "around").count("mean similarity") == 3
