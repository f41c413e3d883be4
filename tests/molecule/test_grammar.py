"""The mask: everything it allows is a molecule, everything that was spelled is allowed."""

import itertools

import pytest
import torch
from rdkit import Chem

from molgen.batch import Batch
from molgen.molecule.codec import MoleculeCodec
from molgen.molecule.grammar import MoleculeGrammar
from molgen.molecule.vocabulary import ADD, BACK, RING, Atom, Token, Vocabulary
from molgen.seeds import torch_rng
from molgen.sequences import Sequences

GRAMMAR = MoleculeGrammar()


def random_walk(grammar: MoleculeGrammar, rows: int, steps: int, seed: int) -> torch.Tensor:
    """Uniform draws among the allowed tokens."""
    chance = torch_rng(seed, "walk")
    walk, drawn = grammar.walk(rows, steps), []
    for _ in range(steps):
        allowed = walk.guide().allowed
        assert bool(allowed.any(dim=1).all()), "a walk reached a dead end"
        drawn.append(torch.multinomial(allowed.float(), 1, generator=chance).squeeze(1))
        walk.advance(drawn[-1])
    assert bool(walk.done.all())
    return torch.stack(drawn, dim=1)


@pytest.mark.parametrize("steps", [3, 12, 60])
def test_every_random_walk_ends_in_time_as_a_valid_connected_molecule(steps: int) -> None:
    tokens = random_walk(GRAMMAR, 400, steps, seed=steps)
    for text in MoleculeCodec().decode(tokens.tolist()):
        mol = Chem.MolFromSmiles(text)
        assert mol is not None, text
        assert len(Chem.GetMolFrags(mol)) == 1
        assert sum(a.GetNumRadicalElectrons() for a in mol.GetAtoms()) == 0


def test_the_hydrogens_of_a_random_molecule_are_the_valences_left_free() -> None:
    codec = MoleculeCodec()
    for row in random_walk(GRAMMAR, 200, 40, seed=1).tolist():
        graph = codec.read(row)
        free = sum(codec.vocabulary.atoms[a].valence for a in graph.atom) - int(graph.bond.sum())
        mol = Chem.MolFromSmiles(codec.decode([row])[0])
        assert sum(a.GetTotalNumHs() for a in mol.GetAtoms()) == free


def test_what_was_spelled_is_allowed_at_every_step(drug_like: list[str]) -> None:
    hard = ["C12C3C4C1C5C2C3C45", "CC(C)CC1NC(=O)C(C)NC(=O)CNC1=O", "[O-][N+](=O)c1ccccc1", "CS(=O)(=O)N", "C", "C#N"]
    texts = hard + drug_like[:500]
    rows = [e.tokens for e in MoleculeCodec().encode(texts)]
    data = Sequences.of(rows)
    batch = Batch(GRAMMAR, data.padded(torch.arange(len(rows)).numpy(), GRAMMAR.end))
    assert bool(batch.guide.allowed.gather(2, batch.tokens[..., None]).all())
    assert batch.weight.sum(dim=1).tolist() == [len(row) for row in rows]


def test_all_molecules_of_three_carbons_and_oxygens_are_spelled_once_each() -> None:
    # Brute force: all allowed sequences of at most three atoms of C and O, bonds counted. Each constitution has one
    # spelling per depth-first order; as SMILES they are the molecules that valences allow, and no others.
    atoms = (Atom("C", 0, 4), Atom("O", 0, 2))
    grammar = MoleculeGrammar(Vocabulary(atoms, longest_ring=2, longest_back=2, most_atoms=3))
    found = {Chem.CanonSmiles(text) for text in _all_texts(grammar, 8)}
    assert found == _all_constitutions()


def _all_texts(grammar: MoleculeGrammar, steps: int) -> list[str]:
    rows: list[list[int]] = [[]]
    ended: list[list[int]] = []
    for _ in range(steps):
        rows = [row + [t] for row in rows for t in _allowed_after(grammar, row, steps)]
        ended += [row for row in rows if row[-1] == grammar.end]
        rows = [row for row in rows if row[-1] != grammar.end]
    assert len({tuple(row) for row in ended}) == len(ended)
    return MoleculeCodec(grammar.vocabulary).decode(ended)


def _allowed_after(grammar: MoleculeGrammar, row: list[int], steps: int) -> list[int]:
    walk = grammar.walk(1, steps)
    for token in row:
        walk.advance(torch.tensor([token]))
    return walk.guide().allowed[0].nonzero().squeeze(1).tolist()


def _all_constitutions() -> set[str]:
    """Every connected graph of one to three atoms of C and O with bond orders that the valences bear."""
    found = set()
    for n in (1, 2, 3):
        pairs = list(itertools.combinations(range(n), 2))
        for atoms in itertools.product((("C", 4), ("O", 2)), repeat=n):
            for orders in itertools.product((0, 1, 2, 3), repeat=len(pairs)):
                used = [sum(o for o, pair in zip(orders, pairs, strict=True) if i in pair) for i in range(n)]
                if any(u > v for u, (_, v) in zip(used, atoms, strict=True)):
                    continue
                mol = Chem.RWMol()
                for symbol, _ in atoms:
                    mol.AddAtom(Chem.Atom(symbol))
                for order, (i, j) in zip(orders, pairs, strict=True):
                    if order:
                        mol.AddBond(i, j, Chem.BondType.values[order])
                if len(Chem.GetMolFrags(mol)) == 1:
                    found.add(Chem.CanonSmiles(Chem.MolToSmiles(mol)))
    return found


def test_the_context_is_the_current_atom_with_its_free_valence_and_the_depth() -> None:
    index = GRAMMAR.vocabulary.index
    walk = GRAMMAR.walk(1, 20)
    assert walk.guide().context.tolist() == [[0, 0]]
    for token in (Token(ADD, atom=0, order=1), Token(ADD, atom=1, order=2)):  # C=N: nitrogen has one valence left
        walk.advance(torch.tensor([index[token]]))
    assert walk.guide().context.tolist() == [[1 * (GRAMMAR.most_valence + 1) + 1 + 1, 2]]
    assert walk.guide().origin.tolist() == [[2, 1]]
    walk.advance(torch.tensor([index[Token(BACK, back=1)]]))  # on carbon, two valences left
    assert walk.guide().context.tolist() == [[0 * (GRAMMAR.most_valence + 1) + 2 + 1, 1]]
    assert walk.guide().origin[0, 0] == 1


def test_rings_close_in_rising_order_and_never_to_the_parent() -> None:
    index = GRAMMAR.vocabulary.index
    walk = GRAMMAR.walk(1, 30)
    for _ in range(5):
        walk.advance(torch.tensor([index[Token(ADD, atom=0, order=1)]]))
    ring = [index[Token(RING, order=1, back=k)] for k in (2, 3, 4, 5)]
    assert walk.guide().allowed[0, ring].tolist() == [True, True, True, False]
    walk.advance(torch.tensor([ring[1]]))
    assert walk.guide().allowed[0, ring].tolist() == [False, False, True, False]


def test_dropping_rows_leaves_the_others_unchanged() -> None:
    tokens = random_walk(GRAMMAR, 50, 30, seed=3)
    whole, part = GRAMMAR.walk(50, 30), GRAMMAR.walk(50, 30)
    keep = torch.arange(0, 50, 3)
    for step in range(10):
        whole.advance(tokens[:, step])
        part.advance(tokens[:, step])
    part.keep(keep)
    for step in range(10, 30):
        assert torch.equal(whole.guide().allowed[keep], part.guide().allowed)
        whole.advance(tokens[:, step])
        part.advance(tokens[keep, step])
