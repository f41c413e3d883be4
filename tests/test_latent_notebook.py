"""The notebook on a latent space runs from top to bottom with a small VAE, and is committed without outputs."""

import os
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

from molgen.generator import NeuralGenerator
from molgen.recipes import build, settings_of
from molgen.train import Plan, train
from tests.tiny import GRAMMAR, TINY_VAE, eight

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "latent_space.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook, walking from ethanol to benzene with a VAE of eight molecules. Sockets are files."""
    folder = tmp_path_factory.mktemp("latent")
    model = build(TINY_VAE, GRAMMAR)
    train(model, eight(), Plan(steps=300, batch=8, rate=1e-2, warm_up=10, average=0.9))
    card = {"family": "vae", "modality": "molecule", "recipe": settings_of(TINY_VAE), "grammar": GRAMMAR.settings()}
    NeuralGenerator(model, card).save(folder / "tiny.safetensors")
    sockets = {"transport": "ipc", "ip": str(folder / "kernel")} if os.name == "posix" else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLGEN_PRIOR", str(folder / "tiny.safetensors"))
        patch.setenv("MOLGEN_START", "CCO")
        patch.setenv("MOLGEN_END", "c1ccccc1")
        patch.setenv("PYTHONPATH", str(ROOT))
        return NotebookClient(
            nbformat.read(NOTEBOOK, 4),
            km=AsyncKernelManager(kernel_name="python3", **sockets),
            timeout=240,
            resources={"metadata": {"path": NOTEBOOK.parent}},
        ).execute()


def shown(executed: nbformat.NotebookNode, cell: str) -> str:
    outputs = next(one["outputs"] for one in executed.cells if one["id"] == cell)
    return "".join(output.get("text", "") + str(output.get("data", {}).get("text/html", "")) for output in outputs)


def test_it_is_committed_without_outputs() -> None:
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert cells and all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_it_shows_both_ends_as_they_come_back_and_the_walk_with_structures(executed: nbformat.NotebookNode) -> None:
    assert shown(executed, "back").count("<svg") == 2
    assert shown(executed, "walk").count("<svg") == 11
    assert "of 11 points are neither drug" in shown(executed, "between")


def test_it_looks_around_the_first(executed: nbformat.NotebookNode) -> None:
    assert shown(executed, "around").count("mean similarity") == 3
