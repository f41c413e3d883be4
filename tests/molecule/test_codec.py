"""SMILES -> fields -> tokens -> text and back, on hard molecules as well as on drug-like ones."""

import numpy as np
import pytest
from rdkit import Chem, rdBase

from molgen.errors import MolgenError
from molgen.molecule.codec import Graph, MoleculeCodec, Unspeakable
from molgen.molecule.vocabulary import ADD, BACK, END, RING, Atom, Token, Vocabulary

CODEC = MoleculeCodec()

HARD = {
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "nitrobenzene, two charges": "[O-][N+](=O)c1ccccc1",
    "quaternary ammonium": "C[N+](C)(C)C",
    "carboxylate": "CC(=O)[O-]",
    "sulfone and sulfoxide": "CS(=O)(=O)CS(C)=O",
    "phosphate": "CP(=O)(O)O",
    "sulfonium": "C[S+](C)C",
    "protonated ketone": "CC(C)=[OH+]",
    "pyrrole hydrogen": "c1cc[nH]c1",
    "norbornane": "C1CC2CCC1C2",
    "cubane, five ring closures": "C12C3C4C1C5C2C3C45",
    "spiro three-ring": "C1CC12CC2",
    "cyclic peptide": "CC(C)CC1NC(=O)C(C)NC(=O)CNC(=O)C(CC(C)C)NC1=O",
    "macrocycle of 20": "C1CCCCCCCCCCCCCCCCCCC1",
    "cyclooctatetraene, not aromatic": "C1=CC=CC=CC=C1",
    "boronic acid and borate": "OB(O)c1ccc([B-](F)(F)F)cc1",
    "hydrogen on sulfur of valence 4": "C[SH](C)C",
    "azide": "CN=[N+]=[N-]",
    "fulvene-like aromatic sulfur": "c1csc2ccsc12",
    "iodine, bromine, silicon, selenium": "C[Si](C)(C)c1c(I)cc(Br)c2[se]ccc12",
    "methane": "C",
}


def flat_canonical(text: str) -> str:
    """Canonical SMILES without stereochemistry, by RDKit alone."""
    mol = Chem.MolFromSmiles(text)
    Chem.RemoveStereochemistry(mol)
    return Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(mol)))


@pytest.mark.parametrize("text", HARD.values(), ids=HARD.keys())
def test_a_hard_molecule_comes_back_exactly(text: str) -> None:
    encoded = CODEC.encode([text])[0]
    assert encoded.reason == ""
    assert Chem.CanonSmiles(CODEC.decode([encoded.tokens])[0]) == flat_canonical(text)


def test_drug_like_molecules_come_back_exactly(drug_like: list[str]) -> None:
    texts = drug_like[:500]
    encoded = CODEC.encode(texts)
    drawn = CODEC.decode([e.tokens for e in encoded])
    assert [Chem.CanonSmiles(d) for d in drawn] == [flat_canonical(t) for t in texts]


def test_the_text_writer_agrees_with_rdkit_writing_the_same_graph(drug_like: list[str]) -> None:
    rows = [e.tokens for e in CODEC.encode([*HARD.values(), *drug_like[:500]])]
    fast = [Chem.CanonSmiles(text) for text in CODEC.decode(rows)]
    assert fast == [Chem.CanonSmiles(CODEC.text(CODEC.read(row))) for row in rows]


def test_every_writing_of_a_molecule_has_the_same_tokens() -> None:
    mol = Chem.MolFromSmiles(HARD["cyclic peptide"])
    texts = [Chem.MolToSmiles(mol, doRandom=True) for _ in range(20)]
    assert len(set(texts)) > 5
    assert len({e.tokens for e in CODEC.encode(texts)}) == 1


def test_tokens_of_isopropanol_are_those_written_by_hand() -> None:
    # CC(C)O: C, -C, -C, back 1, -O, end
    carbon, oxygen = 0, 2
    expected = [
        Token(ADD, atom=carbon, order=1), Token(ADD, atom=carbon, order=1), Token(ADD, atom=carbon, order=1),
        Token(BACK, back=1), Token(ADD, atom=oxygen, order=1), Token(END),
    ]  # fmt: skip
    tokens = CODEC.encode(["CC(C)O"])[0].tokens
    assert [CODEC.vocabulary.tokens[t] for t in tokens] == expected


def test_a_ring_closes_to_the_atom_k_steps_back() -> None:
    tokens = [CODEC.vocabulary.tokens[t] for t in CODEC.encode(["C1CCC1"])[0].tokens]
    assert tokens[-2:] == [Token(RING, order=1, back=3), Token(END)]


def test_a_graph_out_of_order_is_refused() -> None:
    atom, bond = np.zeros(4, dtype=np.int64), np.zeros((4, 4), dtype=np.int64)
    for i, j in ((0, 1), (0, 2), (1, 3)):  # atom 3 belongs to the branch of 1, which was left for 2
        bond[i, j] = bond[j, i] = 1
    with pytest.raises(Unspeakable, match="depth-first order"):
        CODEC.spell(Graph(atom, bond))


def test_atom_maps_change_nothing() -> None:
    mapped, plain = CODEC.encode(["[CH3:2][CH2:9][OH:1]", "CCO"])
    assert mapped.tokens == plain.tokens


def test_read_undoes_spell() -> None:
    graph = CODEC.fields(Chem.MolFromSmiles(HARD["cubane, five ring closures"]))
    again = CODEC.read(CODEC.spell(graph))
    assert np.array_equal(again.atom, graph.atom) and np.array_equal(again.bond, graph.bond)


def test_data_of_torch_geometric_comes_back_exactly() -> None:
    graph = CODEC.fields(Chem.MolFromSmiles("CC(=O)Nc1ccc(O)cc1"))
    data = CODEC.to_data(graph)
    assert data.num_nodes == 11 and data.num_edges == 22
    again = CODEC.from_data(data)
    assert np.array_equal(again.atom, graph.atom) and np.array_equal(again.bond, graph.bond)


def test_dropped_stereochemistry_is_told() -> None:
    chiral, flat = CODEC.encode(["C[C@H](N)C(=O)O", "CC(N)C(=O)O"])
    assert (chiral.stereo_dropped, flat.stereo_dropped) == (True, False)
    assert chiral.tokens == flat.tokens


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("xyz", "unparsable"),
        ("[Fe]", "atom Fe with valence 0"),
        ("CC(=O)[O-].[Na+]", "more than one fragment"),
        ("[13CH4]", "isotope"),
        ("C" * 65, "65 heavy atoms, more than the 64"),
        ("C1" + "C" * 29 + "1", "a ring closure over 30 atoms"),
    ],
)
def test_a_molecule_outside_of_the_vocabulary_is_refused_with_what_is_missing(text: str, told: str) -> None:
    encoded = CODEC.encode([text])[0]
    assert encoded.tokens is None and told in encoded.reason


def test_tokens_that_leave_the_path_are_refused() -> None:
    back = CODEC.vocabulary.index[Token(BACK, back=3)]
    carbon = CODEC.vocabulary.index[Token(ADD, atom=0, order=1)]
    for tokens in ([carbon, back], [back]):
        with pytest.raises(MolgenError, match="steps 3 back"):
            CODEC.decode([tokens])
        with pytest.raises(MolgenError, match="steps 3 back"):
            CODEC.read(tokens)


def test_encoding_leaves_rdkits_log_as_it_was() -> None:
    before = rdBase.LogStatus()
    CODEC.encode(["xyz"])
    assert rdBase.LogStatus() == before


def test_a_vocabulary_survives_its_card() -> None:
    small = Vocabulary(atoms=(Atom("C", 0, 4), Atom("N", 1, 4)), longest_ring=6)
    assert Vocabulary.of(small.settings()) == small
    assert len(small.tokens) == 1 + 3 + 3 + 5 * 2 + 40
