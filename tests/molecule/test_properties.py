"""Properties of named drugs, against sums done by hand, published values and RDKit's own documentation."""

import csv
from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from molgen.candidates import SCHEMA
from molgen.molecule import properties, synthesis

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
CAFFEINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"


def score(name: str, smiles: str) -> float:
    found = {item.name: item for item in (*properties.SCORES, *synthesis.SCORES)}[name]([Chem.MolFromSmiles(smiles)])
    assert found.status == ("",)
    return found.values[0]


def drugs() -> list[dict[str, str]]:
    with Path(__file__).with_name("drugs.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("drug", drugs(), ids=lambda drug: drug["name"])
def test_the_drugs_of_the_tests_are_what_their_names_say(drug: dict[str, str]) -> None:
    assert CalcMolFormula(Chem.MolFromSmiles(drug["smiles"])) == drug["formula"]


def test_aspirin_weighs_what_its_formula_says() -> None:
    assert score("mw", ASPIRIN) == pytest.approx(9 * 12.011 + 8 * 1.008 + 4 * 15.999, abs=1e-3)


def test_polar_surfaces_are_the_sums_of_ertls_contributions() -> None:
    assert score("tpsa", ASPIRIN) == pytest.approx(2 * 17.07 + 9.23 + 20.23, abs=1e-6)  # two C=O, ester O, OH
    assert score("tpsa", CAFFEINE) == pytest.approx(2 * 17.07 + 3 * 4.93 + 12.89, abs=1e-6)  # C=O, n-C, n


def test_the_logp_of_benzene_is_the_sum_of_wildman_and_crippens_contributions() -> None:
    # Table 1 of the paper: aromatic CH (C18) 0.1581, hydrogen on carbon (H1) 0.1230
    assert score("logp", "c1ccccc1") == pytest.approx(6 * 0.1581 + 6 * 0.1230, abs=1e-9)
    assert score("logp", ASPIRIN) == pytest.approx(1.3101, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("heavy_atoms", 13),
        ("hbd", 1),  # the acid's OH
        ("hba", 3),  # both C=O and the phenolic ester O; the acid's OH only gives
        ("rotatable", 2),  # ring to O and ring to COOH; the ester bond is left out
        ("rings", 1),
        ("aromatic_rings", 1),
        ("charge", 0),
        ("fsp3", 1 / 9),
        ("stereo_unassigned", 0),
    ],
)
def test_the_counts_of_aspirin(name: str, value: float) -> None:
    assert score(name, ASPIRIN) == pytest.approx(value)


def test_lipinskis_counts_are_atoms_not_groups() -> None:
    aspirin = Chem.MolFromSmiles(ASPIRIN)
    assert (properties.lipinski_donors(aspirin), properties.lipinski_acceptors(aspirin)) == (1, 4)
    assert properties.lipinski_donors(Chem.MolFromSmiles("NCCc1ccc(O)c(O)c1")) == 4  # dopamine: NH2 and two OH


@pytest.mark.parametrize(
    ("smiles", "qed"),
    [  # the examples of RDKit's QED documentation, which it cuts after three digits
        ("N=C(CCSCc1csc(N=C(N)N)n1)NS(N)(=O)=O", 0.253),
        ("CNC(=NCCSCc1nc[nH]c1C)NC#N", 0.234),
        ("CCCCCNC(=N)NN=Cc1c[nH]c2ccc(CO)cc12", 0.234),
    ],
)
def test_qed_is_that_of_rdkits_documentation(smiles: str, qed: float) -> None:
    assert qed <= score("qed", smiles) < qed + 0.001


@pytest.mark.parametrize(
    ("smiles", "count"),
    [
        ("CC(F)Cl", 1),
        ("C[C@H](F)Cl", 0),
        ("CC=CC", 1),
        ("C/C=C/C", 0),
        ("OC1CCC(O)CC1", 2),  # cis or trans
        ("CC(C)Cc1ccc(cc1)C(C)C(=O)O", 1),  # ibuprofen, a racemate
        ("COc1ccc2[nH]c(nc2c1)S(=O)Cc1ncc(C)c(OC)c1C", 1),  # omeprazole, at sulfur
        ("CC(=NO)c1ccccc1", 1),  # an oxime has two isomers
        ("CN(C)C(=N)NC(N)=N", 0),  # metformin: a guanidine has not
        ("CN=C(N)NC", 0),
        ("CC(=N)CC", 0),  # nor has an imine with hydrogen
        ("CCN=[N+]=[N-]", 0),
        ("CC1CCCCC1", 0),
    ],
)
def test_undefined_stereo_is_counted_where_it_matters(smiles: str, count: int) -> None:
    assert score("stereo_unassigned", smiles) == count


def test_every_score_has_its_column_in_the_candidate_table_with_the_same_unit() -> None:
    columns = {column.name: column for column in SCHEMA}
    for item in (*properties.SCORES, *synthesis.SCORES):
        assert columns[item.name].score
        assert columns[item.name].unit == item.unit
