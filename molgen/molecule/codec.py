"""The only door between molecules as text and as tensors: SMILES <-> tokens <-> fields <-> torch-geometric `Data`.

Kekulé structures carry exact hydrogens: an atom class has a total valence, and what its bonds leave free is hydrogen.
Stereochemistry and isotopes cannot be expressed; `encode` drops stereochemistry and says so, and refuses isotopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem, rdBase

from molgen.codec import Encoded
from molgen.errors import MolgenError
from molgen.molecule.smiles import ORGANIC, write_smiles
from molgen.molecule.vocabulary import ADD, BACK, END, RING, Atom, Token, Vocabulary

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from molgen.batch import Fields

ORDERS = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}
BONDS = {order: bond for bond, order in ORDERS.items()}


@dataclass(frozen=True)
class Graph:
    """A constitution: `atom` (L,) classes and `bond` (L, L) orders (0: none), atoms in depth-first order."""

    atom: np.ndarray
    bond: np.ndarray


class Unspeakable(MolgenError):
    """A molecule outside of the vocabulary; the message says what is missing."""


class MoleculeCodec:
    """SMILES to tensors and back, for a vocabulary."""

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        self.vocabulary = vocabulary or Vocabulary()

    @cached_property
    def _classes(self) -> dict[tuple[str, int, int], int]:
        return {(a.symbol, a.charge, a.valence): i for i, a in enumerate(self.vocabulary.atoms)}

    # text -> fields -> tokens

    def encode(self, texts: Iterable[str]) -> list[Encoded]:
        """Tokens of every text, or the reason why it has none. RDKit's log stays out of the user's way."""
        with rdBase.BlockLogs():
            return [self._encode_one(text) for text in texts]

    def _encode_one(self, text: str) -> Encoded:
        mol = Chem.MolFromSmiles(text) if text.strip() else None
        if mol is None or not mol.GetNumAtoms():
            return Encoded(None, "empty" if not text.strip() else "unparsable SMILES")
        try:
            return Encoded(tuple(self.spell(self.fields(mol))), "", has_stereo(mol))
        except Unspeakable as missing:
            return Encoded(None, str(missing))
        except Chem.MolSanitizeException as problem:  # RDKit finds no Kekulé structure once stereochemistry is gone
            return Encoded(None, f"no Kekulé structure: {problem}")

    def fields(self, mol: Chem.Mol) -> Graph:
        """The fields of a molecule, atoms in the order of its canonical SMILES without stereochemistry.

        Raises:
            Unspeakable: more than one fragment, too many atoms, or an atom or bond outside of the vocabulary.
        """
        self._check_size(mol)
        flat = Chem.Mol(mol)
        Chem.RemoveStereochemistry(flat)
        for a in flat.GetAtoms():
            a.SetAtomMapNum(0)  # they would steer the canonical order
        Chem.MolToSmiles(flat)
        order = list(flat.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
        Chem.Kekulize(flat, clearAromaticFlags=True)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        atom = np.empty(len(order), dtype=np.int64)
        for a in flat.GetAtoms():
            atom[place[a.GetIdx()]] = self._class_of(a)
        return Graph(atom, self._bonds(flat, place))

    def _check_size(self, mol: Chem.Mol) -> None:
        if mol.GetNumAtoms() > self.vocabulary.most_atoms:
            limit = self.vocabulary.most_atoms
            raise Unspeakable(f"{mol.GetNumAtoms()} heavy atoms, more than the {limit} that this vocabulary spells")
        if len(Chem.GetMolFrags(mol)) > 1:
            raise Unspeakable("more than one fragment; keep the parent molecule only")

    def _class_of(self, atom: Chem.Atom) -> int:
        if atom.GetIsotope() or atom.GetNumRadicalElectrons():
            raise Unspeakable(f"isotope or radical at {atom.GetSymbol()}{atom.GetIdx() + 1}")
        valence = atom.GetValence(Chem.ValenceType.EXPLICIT) + atom.GetValence(Chem.ValenceType.IMPLICIT)
        found = self._classes.get((atom.GetSymbol(), atom.GetFormalCharge(), valence))
        if found is None:
            missing = Atom(atom.GetSymbol(), atom.GetFormalCharge(), valence)
            raise Unspeakable(f"atom {missing} is not in the vocabulary")
        return found

    def _bonds(self, mol: Chem.Mol, place: np.ndarray) -> np.ndarray:
        bond = np.zeros((len(place), len(place)), dtype=np.int64)
        for b in mol.GetBonds():
            order = ORDERS.get(b.GetBondType())
            if order is None:
                raise Unspeakable(f"bond type {b.GetBondType().name.lower()} is not in the vocabulary")
            i, j = place[b.GetBeginAtomIdx()], place[b.GetEndAtomIdx()]
            bond[i, j] = bond[j, i] = order
        return bond

    def spell(self, graph: Graph) -> list[int]:
        """The tokens that build a graph, `end` included. The atoms must stand in a depth-first order.

        Every atom's earlier neighbours are then its ancestors: the latest is its parent, the others close rings.
        """
        atoms, bond = graph.atom.tolist(), graph.bond
        starts, ends = np.nonzero(np.tril(bond))
        earlier: list[list[int]] = [[] for _ in atoms]
        for i, j in zip(starts.tolist(), ends.tolist(), strict=True):
            earlier[i].append(j)
        path: list[int] = []
        tokens: list[int] = []
        for here, before in enumerate(earlier):
            parent = before[-1] if before else None
            tokens += self._step_back(path, parent)
            tokens.append(self._token(Token(ADD, atom=atoms[here], order=int(bond[here, parent]) if before else 1)))
            path.append(here)
            tokens += self._close(path, here, before[:-1], bond)
        tokens.append(self.vocabulary.index[Token(END)])
        if len(tokens) > self.vocabulary.longest:
            raise Unspeakable(f"{len(tokens)} tokens, more than {self.vocabulary.longest}")
        return tokens

    def _step_back(self, path: list[int], parent: int | None) -> list[int]:
        k = 0 if parent is None else _steps_back(path, parent)
        del path[len(path) - k :]
        return [self._token(Token(BACK, back=k))] if k else []

    def _close(self, path: list[int], here: int, ancestors: list[int], bond: np.ndarray) -> list[int]:
        rings = ((_steps_back(path, j), int(bond[here, j])) for j in reversed(ancestors))
        return [self._token(Token(RING, order=order, back=k)) for k, order in rings]

    def _token(self, token: Token) -> int:
        found = self.vocabulary.index.get(token)
        if found is None:
            step = {ADD: "a bond", RING: "a ring closure", BACK: "a step back"}[token.kind]
            raise Unspeakable(f"{step} over {token.back + 1} atoms (bond order {token.order}) is not in the vocabulary")
        return found

    # tokens -> fields -> text

    def read(self, tokens: Sequence[int]) -> Graph:
        """The graph that tokens build, up to the first `end`.

        Raises:
            MolgenError: a token that cannot follow (no such atom on the path).
        """
        atoms: list[int] = []
        bonds: list[tuple[int, int, int]] = []
        path: list[int] = []
        for step, place in enumerate(tokens):
            token = self.vocabulary.tokens[place]
            if token.kind == END:
                break
            if token.back >= max(len(path), 1) or (not path and token.kind != ADD):
                raise MolgenError(f"token {step} steps {token.back} back on a path of {len(path)} atoms")
            if token.kind == ADD:
                bonds += [(path[-1], len(atoms), token.order)] if path else []
                path.append(len(atoms))
                atoms.append(token.atom)
            elif token.kind == RING:
                bonds.append((path[-1 - token.back], path[-1], token.order))
            else:
                del path[len(path) - token.back :]
        return _graph(atoms, bonds)

    def text(self, graph: Graph) -> str:
        """The Kekulé SMILES of a graph, as drawn: nothing is repaired. Fragments are joined by dots."""
        mol = self._write(graph)
        return Chem.MolToSmiles(mol, canonical=False, kekuleSmiles=False)

    def decode(self, tokens: Iterable[Sequence[int]]) -> list[str]:
        """The text of every token sequence, as drawn: a Kekulé SMILES in the order of its tokens.

        Raises:
            MolgenError: a token that cannot follow.
        """
        return [write_smiles(self.vocabulary, row) for row in tokens]

    def texts(self, fields: Fields, n: int) -> list[str]:
        """The text of the first `n` molecules of fields, as drawn; see `text`. Atoms without any bond stand alone."""
        position, pair, sizes = (x.cpu().numpy() for x in (fields.position[:n], fields.pair[:n], fields.sizes[:n]))
        graphs = (Graph(p[:k], b[:k, :k]) for p, b, k in zip(position, pair, sizes.tolist(), strict=True))
        return [self.text(graph) for graph in graphs]

    def _write(self, graph: Graph) -> Chem.Mol:
        mol = Chem.RWMol()
        used = graph.bond.sum(axis=1)
        for place, bonded in zip(graph.atom.tolist(), used.tolist(), strict=True):
            kind = self.vocabulary.atoms[place]
            atom = Chem.Atom(kind.symbol)
            atom.SetFormalCharge(kind.charge)
            hydrogens = kind.valence - bonded
            if kind.charge or (kind.symbol, kind.valence) not in ORGANIC:
                atom.SetNoImplicit(True)
                atom.SetNumExplicitHs(max(hydrogens, 0))
            mol.AddAtom(atom)
        for i, j in zip(*np.nonzero(np.triu(graph.bond)), strict=True):
            mol.AddBond(int(i), int(j), BONDS[int(graph.bond[i, j])])
        return mol.GetMol()

    # torch-geometric

    def to_data(self, graph: Graph) -> Data:
        """A torch-geometric graph: atom classes `x` (L,), `edge_index` (2, E) both ways, orders `edge_attr` (E,)."""
        import torch
        from torch_geometric.data import Data

        edges = np.stack(np.nonzero(graph.bond))
        orders = torch.from_numpy(graph.bond[tuple(edges)])
        return Data(x=torch.from_numpy(graph.atom), edge_index=torch.from_numpy(edges), edge_attr=orders)

    def from_data(self, data: Data) -> Graph:
        """The graph of `to_data`."""
        atom = data.x.numpy()
        bond = np.zeros((len(atom), len(atom)), dtype=np.int64)
        bond[tuple(data.edge_index.numpy())] = data.edge_attr.numpy()
        return Graph(atom, bond)

    def settings(self) -> dict[str, Any]:
        """Plain values for a card."""
        return self.vocabulary.settings()


def _steps_back(path: list[int], atom: int) -> int:
    if atom not in path:
        raise Unspeakable("its atoms do not stand in a depth-first order")
    return len(path) - 1 - path.index(atom)


def _graph(atoms: list[int], bonds: list[tuple[int, int, int]]) -> Graph:
    bond = np.zeros((len(atoms), len(atoms)), dtype=np.int64)
    for i, j, order in bonds:
        bond[i, j] = bond[j, i] = order
    return Graph(np.array(atoms, dtype=np.int64), bond)


def has_stereo(mol: Chem.Mol) -> bool:
    """Whether a molecule carries tetrahedral or double-bond stereochemistry that a graph does not express."""
    return any(a.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for a in mol.GetAtoms()) or any(
        b.GetStereo() != Chem.BondStereo.STEREONONE for b in mol.GetBonds()
    )
