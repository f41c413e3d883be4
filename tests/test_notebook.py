"""The notebook runs from top to bottom on a run of real molecules, and is committed without its outputs."""

import gzip
from pathlib import Path

import nbformat
import pytest

from molgen import pipeline
from molgen.report import notebook
from molgen.runs import Run
from molgen.settings import ScreenSettings
from tests import notebooks
from tests.notebooks import is_without_outputs, shown

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
    """The notebook, run on the folder of the run."""
    return notebooks.executed(NOTEBOOK, run.folder.parent / "kernel", {"MOLGEN_RUN": str(run.folder)})


def test_it_is_committed_without_outputs():
    assert is_without_outputs(NOTEBOOK)


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
