"""What becomes of a text: canonical SMILES or the reason, and what was changed on the way."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from rdkit import Chem

from molgen.molecule.chemistry import Judged, judge, scaffold, without_stereo


def one(text: str, **settings: bool | int) -> Judged:
    return judge([text], **settings)[0]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("OCC", "CCO"),
        ("C1=CC=CC=C1", "c1ccccc1"),
        ("  CCO \n", "CCO"),
        ("[H]C([H])([H])O", "CO"),
        ("C[C@H](N)C(=O)O", "C[C@H](N)C(=O)O"),
        ("F/C=C/F", "F/C=C/F"),
        ("C[C@H](C)O", "CC(C)O"),  # no stereocentre
        ("F/C(F)=C/F", "FC=C(F)F"),
        ("[2H]C([2H])([2H])O", "[2H]C([2H])([2H])O"),
        ("InChI=1S/CH4O/c1-2/h2H,1H3", "CO"),
        ("C[N+](=O)[O-]", "C[N+](=O)[O-]"),
    ],
)
def test_a_molecule_becomes_its_canonical_smiles_with_stereo_and_isotopes(text: str, canonical: str) -> None:
    found = one(text)
    assert (found.canonical, found.reason, found.note) == (canonical, None, "")
    assert found.mol is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("C\x00C", "control: U+0000 control character at character 2"),
        ("C\tC", "control: U+0009 control character at character 2"),
        ("C\u2013C", "unicode: U+2013 EN DASH at character 2"),
        ("CC\u200bO", "control: U+200B ZERO WIDTH SPACE at character 3"),
        ("CCO ethanol", "blank: at character 4; one SMILES a cell, names in another column"),
        ("CC>>CO", "reaction: one molecule is expected, not a reaction"),
        ("C1CC", "unparsable: unclosed ring"),
        ("CC(", "unparsable: syntax error near character 3"),
        ("foo", "unparsable: syntax error near character 1"),
        ("[R1]C", "unparsable: syntax error near character 2"),
        ("C(C)(C)(C)(C)C", "valence: Explicit valence for atom # 0 C, 5, is greater than permitted"),
        ("c1cccc1", "kekulize: Can't kekulize mol. Unkekulized atoms: 0 1 2 3 4"),
        ("C*", "dummy atom: 1 ('*' or an R group); draw the whole molecule"),
        ("C[CH2]", "radical: at C2"),
        ("O", "no carbon: not an organic molecule"),
        ("C[Hg]C", "metal: Hg; give the parent molecule only"),
        ("CC(=O)[O-].[Na+]", "fragments: 2; draw one molecule, or set strip_salts = true for salts"),
        ("C" * 2000, "too large: 2000 heavy atoms (limit 200)"),
        ("C" * 20_001, "too long: 20001 characters (limit 20000)"),
    ],
)
def test_a_bad_text_gets_its_reason_and_no_molecule(text: str, reason: str) -> None:
    assert one(text) == Judged(text, None, None, reason)


@pytest.mark.parametrize(
    ("text", "canonical", "note"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)O", "removed [Na+]; neutralised"),
        ("CN(C)C(=N)N=C(N)N.Cl", "CN(C)C(=N)N=C(N)N", "removed hydrogen chloride"),
        ("Cl.Cl.NCCc1ccccc1", "NCCc1ccccc1", "removed 2 hydrogen chloride"),
        ("OC(=O)/C=C/C(O)=O.CN1CCCCC1", "CN1CCCCC1", "removed fumaric acid"),
        ("C[N+](C)(C)CCO.[Cl-]", "C[N+](C)(C)CCO", "removed chloride"),
        ("[O-]c1ccccc1", "Oc1ccccc1", "neutralised"),
        ("C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)CC(=O)[O-]", ""),
        ("O.Cn1c(=O)c2c(ncn2C)n(C)c1=O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "removed water"),
    ],
)
def test_salts_are_stripped_only_on_request_and_the_note_says_it(text: str, canonical: str, note: str) -> None:
    found = one(text, strip_salts=True)
    assert (found.canonical, found.note, found.reason) == (canonical, note, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("N.N.Cl[Pt]Cl", "metal: Pt; give the parent molecule only"),  # cisplatin must not become ammonia
        ("CC(=O)[O-].CC(=O)[O-].[Cu+2]", "metal: Cu; give the parent molecule only"),
        ("[Na+].[Cl-]", "no carbon: not an organic molecule"),
        ("CC(=O)O[Cu]OC(C)=O", "metal: Cu; give the parent molecule only"),
        ("CCO[Zn]CC", "metal: Zn; give the parent molecule only"),  # an organometallic
        ("CO[Zn](OC)(OC)OC", "metal: Zn; give the parent molecule only"),  # a complex
    ],
)
def test_stripping_salts_takes_no_metal_complex_apart(text: str, reason: str) -> None:
    assert one(text, strip_salts=True).reason == reason


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("c1ccccc1.C1CCCCC1", "C1CCCCC1, c1ccccc1"),
        ("C[C@H](F)Cl.C[C@@H](F)Cl", "C[C@@H](F)Cl, C[C@H](F)Cl"),
        ("C1CNCCN1.O=C(O)CC(O)(CC(=O)O)C(=O)O", "C1CNCCN1, O=C(O)CC(O)(CC(=O)O)C(=O)O"),  # piperazine citrate
    ],
)
def test_of_two_molecules_neither_is_chosen_by_a_guess(text: str, parts: str) -> None:
    reason = f"mixture: 2 different molecules ({parts}); give the parent molecule only"
    assert one(text, strip_salts=True).reason == reason


@pytest.mark.parametrize(
    ("text", "canonical", "note"),
    [
        ("CC(=O)O[Na]", "CC(=O)O", "bonds of Na read as ionic; removed [Na+]; neutralised"),
        ("CCS[Na]", "CCS", "bonds of Na read as ionic; removed [Na+]; neutralised"),
        ("[K]Oc1ccccc1", "Oc1ccccc1", "bonds of K read as ionic; removed [K+]; neutralised"),
        ("CC(=O)O[Ca]OC(C)=O", "CC(=O)O", "bonds of Ca read as ionic; removed [Ca+2], acetic acid; neutralised"),
    ],
)  # fmt: skip
def test_a_salt_that_is_drawn_with_bonds_to_its_metal_is_a_salt(text: str, canonical: str, note: str) -> None:
    found = one(text, strip_salts=True)
    assert (found.canonical, found.note, found.reason) == (canonical, note, None)
    assert one(text).reason == f"metal: {note.split()[2]}; give the parent molecule only"


AMINE = "CC(N)Cc1ccccc1"  # amphetamine
ACID = "CC(C)Cc1ccc(C(C)C(=O)O)cc1"  # ibuprofen


@pytest.mark.parametrize(
    ("parent", "partner", "name"),
    [
        (AMINE, "O=C(O)c1ccccc1O", "salicylic acid"),
        (AMINE, "O=C(O)[C@H](O)c1ccccc1", "mandelic acid"),
        (AMINE, "O=C(O)CCCCC(=O)O", "adipic acid"),
        (AMINE, "O=C(O)[C@H](O)[C@@H](O)[C@H](O)[C@H](O)CO", "gluconic acid"),
        (AMINE, "O=C(O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O", "pamoic acid"),
        (AMINE, "O=C(O)c1ccc2ccccc2c1O", "1-hydroxy-2-naphthoic acid"),
        (AMINE, "CC1(C)[C@@H]2CC[C@@]1(CS(=O)(=O)O)C(=O)C2", "camphorsulfonic acid"),
        (AMINE, "O=S(=O)(O)CCS(=O)(=O)O", "ethanedisulfonic acid"),
        (AMINE, "Cc1ccccc1", "toluene"),
        (AMINE, "C[S+](C)[O-]", "dimethyl sulfoxide"),
        (ACID, "NCCCC[C@H](N)C(=O)O", "lysine"),
        (ACID, "N=C(N)NCCC[C@H](N)C(=O)O", "arginine"),
        (ACID, "CC(C)(C)N", "tert-butylamine"),
        (ACID, "C1COCCO1", "dioxane"),
    ],
)
def test_the_partners_of_marketed_salts_and_solvates_are_known_by_name(parent: str, partner: str, name: str) -> None:
    found = one(f"{parent}.{partner}", strip_salts=True)
    assert (found.canonical, found.reason) == (Chem.CanonSmiles(parent), None)
    assert f"removed {name}" in found.note


@pytest.mark.parametrize("text", ["O=C(O)c1cccnc1", "NCCCC[C@H](N)C(=O)O.Cl", "C[N+](C)(C)CCO.[Cl-]", "C1CNCCN1.O"])
def test_a_partner_that_comes_alone_is_the_molecule_itself(text: str) -> None:
    assert one(text, strip_salts=True).canonical == Chem.CanonSmiles(text.split(".")[0])


def test_atom_maps_and_extensions_are_dropped_with_a_note() -> None:
    assert one("[CH3:1][OH:2]").note == "atom map numbers removed"
    assert one("[CH3:1][OH:2]").canonical == "CO"
    assert one("CO |$;$|").note == "CXSMILES extension dropped"


def test_the_limit_on_atoms_is_the_callers() -> None:
    assert one("CCCC", max_heavy_atoms=3).reason == "too large: 4 heavy atoms (limit 3)"
    assert one("CCCC", max_heavy_atoms=4).reason is None


def test_every_text_gets_an_answer_in_its_place() -> None:
    assert [found.canonical for found in judge(["CO", "?", "CC"])] == ["CO", None, "CC"]


def test_judging_keeps_the_error_log_silent_and_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    judge(["C1CC", "c1cccc1", "C(C)(C)(C)(C)C"])
    assert capfd.readouterr().err == ""
    Chem.MolFromSmiles("C1CC")
    assert "unclosed ring" in capfd.readouterr().err


def test_it_agrees_with_rdkit_on_ordinary_molecules() -> None:
    with Path(__file__).with_name("drugs.csv").open() as file:
        drug_smiles = [row["smiles"] for row in csv.DictReader(file)]
    assert len(drug_smiles) == 43
    expected = [Chem.MolToSmiles(Chem.MolFromSmiles(text)) for text in drug_smiles]
    assert [found.canonical for found in judge(drug_smiles)] == expected


def test_a_mark_where_no_stereocentre_is_goes_from_the_molecule_too() -> None:
    mol = one("C[C@H](C)O").mol
    assert mol is not None
    assert {atom.GetChiralTag() for atom in mol.GetAtoms()} == {Chem.ChiralType.CHI_UNSPECIFIED}


def test_the_scaffold_of_ibuprofen_is_benzene_and_of_pentane_nothing() -> None:
    assert scaffold(Chem.MolFromSmiles("CC(C)Cc1ccc(cc1)C(C)C(=O)O")) == "c1ccccc1"
    assert scaffold(Chem.MolFromSmiles("CCCCC")) == ""
    assert scaffold(Chem.MolFromSmiles("C[C@H]1CC[C@@H](C2CC2)C1")) == "C1CCC(C2CC2)C1"


def test_the_constitution_has_neither_stereo_nor_isotopes() -> None:
    assert without_stereo(Chem.MolFromSmiles("C[C@H](N)C(=O)O")) == "CC(N)C(=O)O"


def test_the_molecule_package_imports_nothing_and_its_chemistry_no_torch() -> None:
    modules = "chemistry, properties, rules, synthesis, distance"
    code = (
        "import sys, molgen.molecule\n"
        "assert 'rdkit' not in sys.modules and 'torch' not in sys.modules\n"
        f"from molgen.molecule import {modules}\n"
        "from molgen import scoring, ranking, candidates, profile\n"
        "assert 'torch' not in sys.modules and 'prefect' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
