"""Scores and fingerprints in bulk are RDKit's own, on drugs and on what breaks shortcuts."""

import numpy as np
import pytest
from hard_molecules import HARD
from rdkit import Chem
from rdkit.Chem import QED, Crippen
from rdkit.Contrib.SA_Score import sascorer

from molgen.molecule import bulk, distance
from molgen.molecule.prescreen import Graphs


@pytest.fixture
def texts(drug_like: list[str]) -> list[str]:
    return [*HARD, *drug_like[::40]]


def read(texts: list[str]) -> list[Chem.Mol]:
    return [Chem.MolFromSmiles(text) for text in texts]


def test_qed_is_rdkits(texts: list[str]) -> None:
    mols = read(texts)
    found = bulk.qed(Graphs.of(mols), [Crippen.MolLogP(mol) for mol in mols])
    assert np.array_equal(found, [QED.qed(mol) for mol in read(texts)])


def test_the_synthetic_accessibility_is_rdkits(texts: list[str]) -> None:
    mols = read(texts)
    found = bulk.synthetic_accessibility(mols, bulk.environments(mols))
    assert found == pytest.approx([sascorer.calculateScore(mol) for mol in read(texts)], abs=1e-12)
    assert found.min() >= 1.0 and found.max() > 5.0


def test_fingerprints_from_environments_are_the_usual_ones(texts: list[str]) -> None:
    mols = read(texts)
    assert np.array_equal(bulk.fingerprints(bulk.environments(mols)), distance.morgan(mols))
    assert bulk.fingerprints([]).shape == (0, 128)


def test_hydrogens_in_the_graph_do_not_change_qed() -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("CC(=O)Nc1ccc(OCCCC)cc1"))
    assert bulk.qed(Graphs.of([mol]), [Crippen.MolLogP(mol)]).tolist() == [QED.qed(mol)]
