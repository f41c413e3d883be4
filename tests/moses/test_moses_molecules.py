"""What is computed of each molecule: fragments, scaffolds, and how designs are read."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from molgen.moses.molecules import Describe, Molecules, describe, fragments, read, scaffold


def mol(text: str) -> Chem.Mol:
    return Chem.MolFromSmiles(text)


def test_fragments_are_cut_at_brics_bonds() -> None:
    # Diphenyl ether: both C-O bonds are cut; the oxygen is of type 3, each ring of type 16.
    assert Counter(fragments(mol("c1ccccc1Oc1ccccc1"))) == {"[16*]c1ccccc1": 2, "[3*]O[3*]": 1}
    assert fragments(mol("CCC")) == ["CCC"]
    assert fragments(mol("CC.O")) == ["CC", "O"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CCO", ""),
        ("Cc1ccccc1", ""),  # one ring does not count
        ("Cc1ccc(-c2ccccc2)cc1", "c1ccc(-c2ccccc2)cc1"),
        ("O=C(Nc1ccccc1)c1ccccc1C", "O=C(Nc1ccccc1)c1ccccc1"),  # atoms on a double bond stay
        ("C[C@@H]1CC[C@H](c2ccccc2)CC1", "c1ccc(C2CCCCC2)cc1"),
        ("C1CC2CCC1CC2", "C1CC2CCC1CC2"),
    ],
)
def test_scaffolds_have_two_rings_or_more(text: str, found: str) -> None:
    assert scaffold(mol(text)) == found


def test_a_text_is_read_by_way_of_its_canonical_form() -> None:
    for text in ("C(O)C", "CCO"):
        found = read(text)
        assert found is not None and found[1] == "CCO"
        assert [atom.GetSymbol() for atom in found[0].GetAtoms()] == ["C", "C", "O"]
    assert read("") is None and read("C(") is None and read("c1cccc1") is None


def test_descriptions_of_parts_join_to_that_of_the_whole(drug_like: list[str]) -> None:
    texts = [*drug_like[:20], "CC(", "CCO.[Na+]", "N[C@@H](C)C(=O)O"]
    whole = describe(texts, ("[#7]-[#7]",))
    joined = Molecules.join([Describe(("[#7]-[#7]",))(part) for part in (texts[:7], texts[7:8], texts[8:], [])])
    for name, value in vars(whole).items():
        other = getattr(joined, name)
        assert np.array_equal(value, other) if isinstance(value, np.ndarray) else value == other, name
    assert (whole.n, len(whole.canonical)) == (23, 22)
    assert whole.connected.tolist() == [True] * 20 + [False, True]
    assert whole.constitutions[-1] == "CC(N)C(=O)O" and "@" in whole.canonical[-1]


def test_the_processes_that_describe_molecules_load_no_torch() -> None:
    script = (
        "import sys\n"
        "from molgen.moses.molecules import Describe\n"
        "Describe(('[#7]-[#7]',))(['CCO', 'c1ccccc1', 'CC('])\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0
