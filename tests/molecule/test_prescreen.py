"""The prescreen finds what RDKit finds by trying every pattern, and spares most of the trying."""

import numpy as np
import pytest
from hard_molecules import HARD
from rdkit import Chem
from rdkit.Chem import QED

from molgen.molecule.prescreen import Graphs, Prescreen
from molgen.molecule.rules import ACIDS, REACTIVE_GROUPS

# Out of MOSES' MCF and PAINS: hydrogens in the pattern, recursion, rings, ring bonds, any atom, any bond.
WITH_HYDROGENS = [
    "[#6]=&!@[#6]-[#6]#[#7]",
    "[#6]=&!@[#6&!H0]-&!@[#6](=[#8])-&!@[#7]",
    "[H]C([H])([#6])[F,Cl,Br,I]",
    "[#6]1-[#8]-[#6]-1",
    "[#6]=!@[#6](-[!#1])-@[#6](=!@[!#6&!#1])-@[#6](=!@[#6])-[!#1]",
    "c:1:c:c(:c:c:c:1-[#6;X4]-c:2:c:c:c(:c:c:2)-[#7&H2,$([#7;!H0]-[#6;X4])])-[#7&H2,$([#7;!H0]-[#6;X4])]",
    "c:1(:c(:c(:c(:c(:c:1-[#1])-[#1])-[$([#8]),$([#7]),$([#6](-[#1])-[#1])])-[#1])-[#1])-[#7](-[#1])-[#1]",
    "[#6](-[#1])(-[#1])-[#7](-[#6](-[#1])-[#1])-c:1:c(:c(:c(:c(:c:1-[#1])-[#1])-[#6]=,:[#6])-[#1])-[#1]",
    "[#7]-1-[#6](=[#16])-[#16]-[#6](=[#6])-[#6]-1=[#8]",
    "c:2:c:c:c:1:c(:c:c:c:1):c:c:2",
    "[#1]-[#1]",
    "*~*",
    "[!#6]",
    "[#6]-1-[#6]-[#6]-[#6]-1",
    "[r3]",
    "[x3]",
    "[D1;v1]",
]
WITHOUT = [*REACTIVE_GROUPS.values(), *ACIDS.values(), *(smarts for smarts in WITH_HYDROGENS if "#1" not in smarts)]


def read(texts: list[str]) -> list[Chem.Mol]:
    return [Chem.MolFromSmiles(text) for text in texts]


def by_rdkit(mols: list[Chem.Mol], patterns: list[Chem.Mol]) -> list[list[int]]:
    return [[number for number, one in enumerate(patterns) if mol.HasSubstructMatch(one)] for mol in mols]


@pytest.fixture(scope="module")
def mols(drug_like: list[str]) -> list[Chem.Mol]:
    return read([*HARD, *drug_like[::60]])


def test_hits_with_hydrogens_are_rdkits(mols: list[Chem.Mol]) -> None:
    patterns = [Chem.MolFromSmarts(smarts) for smarts in WITH_HYDROGENS]
    found = Prescreen(patterns, hydrogens=True).hits(Graphs.of(mols))
    assert found == by_rdkit([Chem.AddHs(mol) for mol in mols], patterns)
    assert {number for hits in found for number in hits} >= set(range(12)) - {4, 9}


@pytest.mark.parametrize("chunk", [1, 1000])
def test_hits_without_hydrogens_are_rdkits(mols: list[Chem.Mol], chunk: int) -> None:
    patterns = [*(Chem.MolFromSmarts(smarts) for smarts in WITHOUT), *QED.StructuralAlerts]
    screen = Prescreen(patterns)  # one for all chunks: it remembers classes
    part = mols if chunk > 1 else mols[:40]
    found = [hits for i in range(0, len(part), chunk) for hits in screen.hits(Graphs.of(part[i : i + chunk]))]
    assert found == by_rdkit(part, patterns)


def test_few_patterns_are_left_to_try(drug_like: list[str]) -> None:
    mols = read(drug_like[::60])
    tried = Prescreen(QED.StructuralAlerts).candidates(Graphs.of(mols), mols)
    assert tried.mean() < 0.12
    hits = np.array([[mol.HasSubstructMatch(one) for one in QED.StructuralAlerts] for mol in mols])
    assert not (hits & ~tried).any()


@pytest.mark.parametrize(
    ("smarts", "can", "cannot"),
    [
        ("[#7].[#7]", "NCCN", "NCCO"),  # two nitrogens need two
        ("C=S", "CC(C)=S", "CC(C)=O"),
        ("C1CC1", "CC1CC1", "CC1CCC1"),  # a ring no larger
        ("[cH]", "c1ccccc1", "Cc1c(C)c(C)c(C)c(C)c1C"),
        ("[CX4]!@[NX3]", "CN", "C1CN1C(C)=O"),  # a bond by its ring: taken for any bond, so the second is tried, too
    ],
)
def test_what_a_pattern_needs(smarts: str, can: str, cannot: str) -> None:
    mols = read([can, cannot])
    tried = Prescreen([Chem.MolFromSmarts(smarts)]).candidates(Graphs.of(mols), mols)
    assert tried[0, 0]
    assert tried[1, 0] == ("!@" in smarts)


def test_an_unusual_molecule_is_tried_with_every_pattern() -> None:
    mols = read(["CCO", "CC[Hg]C", "[H][H]", "*CC"])
    tried = Prescreen(QED.StructuralAlerts).candidates(Graphs.of(mols), mols)
    assert tried.all(axis=1).tolist() == [False, True, True, True]


def test_no_molecule_gives_no_hits() -> None:
    assert Prescreen(QED.StructuralAlerts).hits(Graphs.of([])) == []
