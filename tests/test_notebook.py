"""The notebook runs from top to bottom on a run of real molecules, and is committed without its outputs."""

import gzip
import os
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

from molgen import pipeline
from molgen.report import notebook
from molgen.runs import Run
from molgen.settings import ScreenSettings

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "analyse_candidates.ipynb"
MOLECULES = 150


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Molecules from all of the committed MOSES subset, and a row that is none, screened by a shipped profile."""
    folder = tmp_path_factory.mktemp("run")
    with gzip.open(ROOT / "data" / "test" / "moses_subset.csv.gz", "rt") as file:
        header, *lines = file.read().splitlines()
    chosen = lines[:: len(lines) // MOLECULES][:MOLECULES]
    (folder / "designs.csv").write_text("\n".join([header, *chosen, "C1CC,train"]) + "\n")
    return pipeline.screen(ScreenSettings(file=folder / "designs.csv", out=folder / "run", workers=1))


@pytest.fixture(scope="module")
def executed(run) -> nbformat.NotebookNode:
    """The notebook after its kernel ran it. Sockets are files: a port may be taken before the kernel binds it."""
    sockets = {"transport": "ipc", "ip": str(run.folder.parent / "kernel")} if os.name == "posix" else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLGEN_RUN", str(run.folder))
        patch.setenv("PYTHONPATH", str(ROOT))
        return NotebookClient(
            nbformat.read(NOTEBOOK, 4),
            km=AsyncKernelManager(kernel_name="python3", **sockets),
            timeout=240,
            resources={"metadata": {"path": NOTEBOOK.parent}},
        ).execute()


def shown(executed, cell: str) -> str:
    """What the cell put out, text and HTML."""
    outputs = next(one["outputs"] for one in executed.cells if one["id"] == cell)
    return "".join(output.get("text", "") + str(output.get("data", {}).get("text/html", "")) for output in outputs)


def test_it_is_committed_without_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert cells and all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_it_shows_the_selected_with_their_structures(executed, run):
    assert f"{len(run.ranked)} passed every rule, {len(run.selected)} selected" in shown(executed, "open")
    assert shown(executed, "selected").count("<svg") == min(len(run.selected), 20) > 0


def test_it_shows_funnel_and_distributions(executed, run):
    assert all(f">{stage.name}</th>" in shown(executed, "funnel") for stage in run.funnel)
    assert "QED" in shown(executed, "distributions") and "darker" not in shown(executed, "distributions")


def test_another_weight_moves_molecules(executed, run):
    assert "sa_score counts" in shown(executed, "rerank")
    assert f"0 of {len(run.ranked)} changed" not in shown(executed, "rerank")


def test_a_name_from_a_file_stays_a_name_in_the_notebook(run):
    hostile = "<img src=x onerror=alert(1)>"
    text = notebook.table(run.ranked.assign(id=hostile), rows=2)
    assert "<img" not in text and text.count("&lt;img") == 2
    assert text._repr_html_() == text
