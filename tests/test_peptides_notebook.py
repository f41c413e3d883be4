"""The notebook on antimicrobial peptides runs from top to bottom, and is committed without outputs."""

import re
from pathlib import Path

import nbformat
import pytest

from molgen.protein import activity
from tests import notebooks
from tests.notebooks import is_without_outputs, shown

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "peptides.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook with 150 draws, which is enough for a dozen that pass."""
    folder = tmp_path_factory.mktemp("peptides")
    return notebooks.executed(NOTEBOOK, folder / "kernel", {"MOLGEN_SAMPLES": "150", "MOLGEN_OUT": str(folder)})


def test_it_is_committed_without_outputs() -> None:
    assert is_without_outputs(NOTEBOOK)


@pytest.mark.slow
def test_it_designs_peptides_and_shows_their_wheels_and_the_funnel(executed: nbformat.NotebookNode) -> None:
    passed = re.search(r"150 drawn, (\d+) passed every rule", shown(executed, "design"))
    assert passed is not None and int(passed[1]) > 5
    assert shown(executed, "selected").count("<svg") > 3 and "cysteines" in shown(executed, "funnel")
    assert "<circle" in shown(executed, "best") and "100 degrees" in shown(executed, "moment")


@pytest.mark.slow
def test_it_names_places_and_keeps_the_motif(executed: nbformat.NotebookNode) -> None:
    assert "<th>position</th>" in shown(executed, "liabilities")
    assert "150 of 150 keep GIGKFL[2-9]AKKFX*" in shown(executed, "motif")


@pytest.mark.slow
def test_a_classifier_stands_beside_its_control_or_is_said_to_lack(executed: nbformat.NotebookNode) -> None:
    said = shown(executed, "activity")
    assert ("of the same shuffled" in said) if activity.available() else ("macrel is not installed" in said)


@pytest.mark.slow
def test_it_walks_from_one_known_peptide_to_another(executed: nbformat.NotebookNode) -> None:
    rows = re.findall(r"<th>([A-Z]+)</th>\s*<td>([\d.]+)</td>\s*<td>([\d.]+)</td>", shown(executed, "walk"))
    assert len(rows) == 9 and float(rows[0][1]) > 0.9 and float(rows[-1][2]) > 0.9
    assert len({text for text, _, _ in rows}) > 4
