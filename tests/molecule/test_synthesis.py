"""The synthetic accessibility score: published values, order, and what happens without a molecule."""

import pytest
from rdkit import Chem

from molgen.molecule.synthesis import SA_SCORE
from molgen.scoring import score_chunk

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1"
MORPHINE = "CN1CC[C@]23[C@H]4Oc5c(O)ccc(C[C@@H]1[C@@H]2C=C[C@@H]4O)c35"


def sa(smiles: str) -> float:
    return SA_SCORE([Chem.MolFromSmiles(smiles)]).values[0]


def test_aspirin_has_its_well_known_score() -> None:
    assert sa(ASPIRIN) == pytest.approx(1.58, abs=0.005)


def test_the_score_rises_from_aspirin_over_imatinib_to_morphine() -> None:
    assert 1 <= sa(ASPIRIN) < sa(IMATINIB) < 4 < sa(MORPHINE) <= 10


def test_a_molecule_without_atoms_has_no_score_but_a_status() -> None:
    table = score_chunk([SA_SCORE], [Chem.Mol()])
    assert table["sa_score"].isna().all()
    assert table["score_status"].tolist() == ["sa_score: failed: a molecule without fragments has no SA score"]
