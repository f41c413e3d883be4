"""MOSES' filters, on molecules that each break one of them, and on its own files."""

import csv
from pathlib import Path

import numpy as np
import plain
import pytest
from hard_molecules import HARD
from rdkit import Chem

from molgen import datasets
from molgen.errors import MolgenError
from molgen.molecule.prescreen import Graphs
from molgen.moses import filters
from molgen.moses.filters import passes, read_filters


def judged(texts: list[str], smarts: tuple[str, ...] = ()) -> list[bool]:
    mols = [Chem.MolFromSmiles(text) for text in texts]
    return passes(Graphs.of(mols), [Chem.MolToSmiles(mol) for mol in mols], smarts).tolist()


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("CC(=O)Nc1ccc(O)cc1", True),  # paracetamol
        ("c1ccc2[nH]ccc2c1", True),
        ("FC(Cl)(Br)C#N", True),
        ("N[C@@H](C)C(=O)O", True),  # stereochemistry is no reason
        ("C[N+](=O)[O-]", False),  # charged, if neutral as a whole
        ("CC(=O)[O-]", False),
        ("CI", False),
        ("CP", False),
        ("CB(O)O", False),
        ("C[Si](C)(C)C", False),
        ("C[Se]C", False),
        ("*C", False),
        ("C1CCCCCC1", True),  # a ring of seven
        ("C1CCCCCCC1", False),  # of eight
        ("C1CC2CCC1CC2", True),  # two rings of six that share three bonds
    ],
)
def test_elements_charges_and_rings(text: str, good: bool) -> None:
    assert judged([text]) == [good]


def test_patterns_see_hydrogens() -> None:
    methylene_halide = ("[H]C([H])([#6])[F,Cl,Br,I]",)
    assert judged(["CCCl", "CC(C)Cl", "CCl"], methylene_halide) == [False, True, True]


def test_each_molecule_passes_as_in_a_plain_loop(drug_like: list[str]) -> None:
    smarts = ("[#7]-[#7]", "c1ccncc1", "[#6](-[#1])(-[#1])-[#8]-[#6]", "[$([#7]-[#1])]-[#6]=[#8]")
    texts = [*HARD, *drug_like[::60]]
    patterns = [Chem.MolFromSmarts(one) for one in smarts]
    expected = [plain.passes(Chem.MolFromSmiles(text), patterns) for text in texts]
    assert judged(texts, smarts) == expected
    assert 0.1 < np.mean(expected) < 0.9


def test_the_files_are_read_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "moses-mcf").write_text('names,smarts\nMCF1,"C=C,N"\nMCF2,CCl\n')
    with (tmp_path / "moses-pains").open("w", newline="") as file:
        csv.writer(file).writerows([["c:1:c   ", '<regId="one">'], ["N,O", "two"]])
    monkeypatch.setattr(filters.datasets, "locate", lambda name: tmp_path / name)
    assert read_filters() == ("C=C,N", "CCl", "c:1:c", "N,O")


def test_what_is_no_smarts_is_named() -> None:
    with pytest.raises(MolgenError, match=r"'C\(' is no SMARTS; run `molgen data fetch moses`"):
        judged(["C"], ("CC", "C("))


@pytest.mark.slow
def test_all_patterns_of_moses_hit_what_they_hit_one_by_one() -> None:
    smarts = read_filters()
    assert len(smarts) == 502
    texts = [*HARD, *datasets.read_smiles("zinc250k")[::500]]
    patterns = [Chem.MolFromSmarts(one) for one in smarts]
    mols = [Chem.MolFromSmiles(text) for text in texts]
    with_hydrogens = [Chem.AddHs(mol) for mol in mols]
    expected = [[i for i, one in enumerate(patterns) if mol.HasSubstructMatch(one)] for mol in with_hydrogens]
    assert filters._patterns(smarts).hits(Graphs.of(mols)) == expected
    assert sum(map(len, expected)) > 40
