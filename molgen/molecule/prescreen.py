"""Many substructure patterns against many molecules: first a count of what a match needs, then RDKit for what is left.

The atoms of a pattern match different atoms of a molecule, and so do its bonds. A pattern that holds the atom query
`[#7]` twice, or the bond `[#6]=[#16]` once, therefore cannot match a molecule with fewer such atoms or bonds; and an
atom in a ring of the pattern matches one in a ring no larger. Counting for all patterns at once costs less than trying
one pattern in twenty; what passes is tried by RDKit, so that the answer is RDKit's own. Atoms are counted by class:
everything that a query without recursion may ask for.

Molecules are those that RDKit parsed from SMILES. One with an atom that is unusual here (a metal, a hydrogen in the
graph, a dummy) is tried with every pattern.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

# What a query may ask for so that the class of an atom, or of a bond, decides it. (Ring bonds have no class.)
_ATOM_QUERIES = frozenset({
    "AtomNull", "AtomAnd", "AtomOr", "AtomType", "AtomAtomicNum", "AtomIsAromatic", "AtomIsAliphatic", "AtomInRing",
    "AtomFormalCharge", "AtomHCount", "AtomTotalDegree", "AtomExplicitDegree", "AtomInNRings", "AtomTotalValence",
    "AtomIsotope",
})  # fmt: skip
_BOND_QUERIES = frozenset({"BondNull", "BondAnd", "BondOr", "BondOrder", "SingleOrAromaticBond"})
# Elements between which there are no dative bonds, whose order passes for single.
_USUAL = frozenset({6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53})

ANY = "BondNull\n"  # how RDKit describes the query of any bond

Atom = tuple[str, int]  # its query as RDKit describes it, and the size of its smallest ring in the pattern, 0 for none
Bond = tuple[Atom, Atom, str]  # its ends in order, and its query


@dataclass(frozen=True)
class Graphs:
    """The atoms and bonds of a chunk of n molecules, each with the molecule that it belongs to and with its class."""

    mols: Sequence[Chem.Mol]
    atoms: np.ndarray  # (atoms, 3) int64: molecule, index in it, class
    bonds: np.ndarray  # (bonds, 4) int64: molecule, rows of both ends in `atoms`, twice the order
    odd: np.ndarray  # (n,) bool: bonds without an order

    @classmethod
    def of(cls, mols: Sequence[Chem.Mol]) -> "Graphs":
        parts = [_graph(mol) for mol in mols]
        classes = [np.zeros(0, dtype=np.int64), *(part for part, _ in parts)]
        sizes = np.array([mol.GetNumAtoms() for mol in mols], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        owners = np.repeat(np.arange(len(mols)), sizes)
        atoms = np.column_stack([owners, np.arange(len(owners)) - starts[owners], np.concatenate(classes)])
        bonds = [np.zeros((0, 4), dtype=np.int64)]
        bonds += [
            _rows(part, owner, int(start)) for owner, ((_, part), start) in enumerate(zip(parts, starts, strict=True))
        ]
        odd = [len(part) != mol.GetNumBonds() for (_, part), mol in zip(parts, mols, strict=True)]
        return cls(mols, atoms, np.concatenate(bonds), np.array(odd, dtype=bool))


def _graph(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray]:
    """The class of each atom (a,) int64, and the bonds (b, 3): both ends and twice the order.

    RDKit's invariant stands for element, degree, hydrogens, charge, isotope and whether in a ring; beside it are twice
    the sum of the bond orders (7 bits), whether one of them is aromatic (1), the number of rings (8), the smallest (8).
    """
    orders = (2 * Chem.GetAdjacencyMatrix(mol, useBO=True)).astype(np.int64)
    invariants = np.array(rdMolDescriptors.GetConnectivityInvariants(mol), dtype=np.int64)
    rings, smallest = np.zeros(len(orders), dtype=np.int64), np.full(len(orders), 255)
    for ring in mol.GetRingInfo().AtomRings():
        atoms = list(ring)
        rings[atoms] += 1
        smallest[atoms] = np.minimum(smallest[atoms], len(atoms))
    aromatic = (orders == 3).any(axis=1) if len(orders) else np.zeros(0, dtype=bool)
    first, second = np.nonzero(np.triu(orders))
    flags = (orders.sum(axis=1) << 17) | (aromatic.astype(np.int64) << 16) | (rings << 8) | smallest
    classes = (invariants << 24) | flags
    return classes, np.stack([first, second, orders[first, second]], axis=1)


def _rows(bonds: np.ndarray, owner: int, start: int) -> np.ndarray:
    return np.column_stack([np.full(len(bonds), owner), bonds[:, :2] + start, bonds[:, 2]])


class Prescreen:
    """A list of patterns, ready to be matched.

    Args:
        patterns: as `Chem.MolFromSmarts` gives them.
        hydrogens: match against molecules with their hydrogens added, as patterns with `[H]` or `[#1]` need.
    """

    def __init__(self, patterns: Sequence[Chem.Mol], *, hydrogens: bool = False) -> None:
        self.patterns = list(patterns)
        self.hydrogens = hydrogens
        needs = [_needs(pattern, hydrogens) for pattern in self.patterns]
        self._table = _Table.of(self.patterns, needs)
        keys = sorted({(feature, count) for need in needs for feature, count in need.items()}, key=str)
        self._column = np.array([self._table.columns[feature] for feature, _ in keys], dtype=np.int64)
        self._count = np.array([count for _, count in keys], dtype=np.int64)
        place = {key: row for row, key in enumerate(keys)}
        self._asks = np.zeros((len(keys), len(needs)), dtype=np.float32)
        for number, need in enumerate(needs):
            self._asks[[place[key] for key in need.items()], number] = 1

    def hits(self, graphs: Graphs) -> list[list[int]]:
        """For each molecule the numbers of the patterns that it contains, ascending."""
        targets = [Chem.AddHs(mol) if self.hydrogens else mol for mol in graphs.mols]
        return [
            [int(number) for number in np.flatnonzero(row) if target.HasSubstructMatch(self.patterns[number])]
            for row, target in zip(self.candidates(graphs, targets), targets, strict=True)
        ]

    def candidates(self, graphs: Graphs, targets: Sequence[Chem.Mol]) -> np.ndarray:
        """(n, patterns) bool: which patterns a molecule may contain. targets: the molecules as they will be matched."""
        counts, odd = self._table.count(graphs, targets)
        lacking = counts[:, self._column] < self._count
        return (lacking.astype(np.float32) @ self._asks == 0) | odd[:, None]


@dataclass
class _Table:
    """Which features each class of atoms and of bonds has: filled when a class is first seen, on an example of it."""

    columns: dict[Atom | Bond, int]  # of each feature, atoms first
    atoms: list[tuple[Chem.Atom, int]]  # the query of each atom feature, and its ring
    bonds: np.ndarray  # (bond features, 3): the numbers of both atom queries and of the bond query
    bond_queries: list[Chem.Bond]
    owners: list[Chem.Mol]  # keeps the queries alive
    atom_rows: dict[int, np.ndarray] = field(default_factory=dict)  # (atom features,) float32 of 0 and 1
    bond_rows: dict[tuple[int, int, int], np.ndarray] = field(default_factory=dict)
    unusual: set[int] = field(default_factory=set)  # classes of unusual atoms

    @classmethod
    def of(cls, patterns: list[Chem.Mol], needs: list[Counter[Atom | Bond]]) -> "_Table":
        wanted = {feature for need in needs for feature in need}
        bonds = sorted(feature for feature in wanted if len(feature) == 3)
        atoms = sorted(feature for feature in wanted if len(feature) == 2)
        links = sorted({query for _, _, query in bonds})
        any_bond = Chem.MolFromSmarts("*~*")
        examples = {atom.DescribeQuery(): atom for pattern in patterns for atom in pattern.GetAtoms()}
        bonded = {bond.DescribeQuery(): bond for pattern in [*patterns, any_bond] for bond in pattern.GetBonds()}
        numbers = [(atoms.index(a), atoms.index(b), links.index(query)) for a, b, query in bonds]
        return cls(
            {feature: column for column, feature in enumerate([*atoms, *bonds])},
            [(examples[query], ring) for query, ring in atoms],
            np.array(numbers, dtype=np.int64).reshape(-1, 3),
            [bonded[query] for query in links],
            [*patterns, any_bond],
        )

    def count(self, graphs: Graphs, targets: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """How many atoms and bonds of each molecule have each feature (n, features); which molecules are odd (n,)."""
        n = len(graphs.mols)
        owner, index, classes = graphs.atoms.T
        distinct, examples, which = np.unique(classes, return_index=True, return_inverse=True)
        rows = [
            self._atom(int(name), targets[owner[place]].GetAtomWithIdx(int(index[place])))
            for name, place in zip(distinct, examples, strict=True)
        ]
        unusual = np.array([int(name) in self.unusual for name in distinct], dtype=bool)
        odd = graphs.odd.copy()
        odd[owner[unusual[which]]] = True
        atoms = _tally(owner, which, n, len(distinct)) @ _stacked(rows, len(self.atoms))
        return np.concatenate([atoms, self._count_bonds(graphs, targets, distinct, which)], axis=1), odd

    def _count_bonds(
        self, graphs: Graphs, targets: Sequence[Chem.Mol], distinct: np.ndarray, which: np.ndarray
    ) -> np.ndarray:
        """distinct: the classes of atoms; which: for each atom its place among them."""
        owner, first, second, order = graphs.bonds.T
        ends = np.sort(np.stack([which[first], which[second]]), axis=0)
        size = max(len(distinct), 1)
        keys, examples, number = np.unique(
            (ends[0] * size + ends[1]) * 16 + order, return_index=True, return_inverse=True
        )
        rows = []
        for key, place in zip(keys, examples, strict=True):
            a, b = (int(distinct[end]) for end in divmod(int(key) // 16, size))
            places = (int(graphs.atoms[end[place], 1]) for end in (first, second))
            rows.append(self._bond((a, b, int(key) % 16), targets[owner[place]].GetBondBetweenAtoms(*places)))
        return _tally(owner, number, len(graphs.mols), len(keys)) @ _stacked(rows, len(self.bonds))

    def _atom(self, name: int, example: Chem.Atom) -> np.ndarray:
        if name not in self.atom_rows:
            smallest = name & 255
            fits = [query.Match(example) and (not ring or smallest <= ring) for query, ring in self.atoms]
            self.atom_rows[name] = np.array(fits, dtype=np.float32)
            if example.GetAtomicNum() not in _USUAL:
                self.unusual.add(name)
        return self.atom_rows[name]

    def _bond(self, key: tuple[int, int, int], example: Chem.Bond) -> np.ndarray:
        if key not in self.bond_rows:
            links = np.array([query.Match(example) for query in self.bond_queries], dtype=np.float32)
            first, second, link = self.bonds.T
            a, b = (self.atom_rows[end] for end in key[:2])
            self.bond_rows[key] = links[link] * np.maximum(a[first] * b[second], b[first] * a[second])
        return self.bond_rows[key]


def _tally(owner: np.ndarray, kind: np.ndarray, n: int, kinds: int) -> np.ndarray:
    """How often each kind occurs in each molecule: (n, kinds) float32."""
    return np.bincount(owner * kinds + kind, minlength=n * kinds).reshape(n, kinds).astype(np.float32)


def _stacked(rows: list[np.ndarray], width: int) -> np.ndarray:
    return np.stack(rows) if rows else np.zeros((0, width), dtype=np.float32)


def _needs(pattern: Chem.Mol, hydrogens: bool) -> Counter[Atom | Bond]:
    """How often a pattern needs each feature; what a class does not decide is left out, or taken for any bond."""
    Chem.FastFindRings(pattern)
    size = pattern.GetRingInfo().MinAtomRingSize
    decided = [atom for atom in pattern.GetAtoms() if _is_decided(atom, hydrogens)]
    atoms = {atom.GetIdx(): (atom.DescribeQuery(), size(atom.GetIdx())) for atom in decided}
    found: Counter[Atom | Bond] = Counter(atoms.values())
    for bond in pattern.GetBonds():
        begin, end, query = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.DescribeQuery()
        if begin in atoms and end in atoms:
            first, second = sorted((atoms[begin], atoms[end]))
            found[(first, second, query if _asks_only(query, _BOND_QUERIES) else ANY)] += 1
    return found


def _is_decided(atom: Chem.Atom, hydrogens: bool) -> bool:
    """Whether the class of an atom says if it matches; hydrogens that were added are not counted and have no class."""
    return _asks_only(atom.DescribeQuery(), _ATOM_QUERIES) and not (hydrogens and atom.Match(_hydrogen()))


def _asks_only(described: str, known: frozenset[str]) -> bool:
    words = re.findall(r"^\s*(\w+)", described, flags=re.MULTILINE)
    return bool(words) and set(words) <= known


def _hydrogen() -> Chem.Atom:
    """A hydrogen as `AddHs` makes it; its molecule lives as long as it does."""
    return Chem.AddHs(Chem.MolFromSmiles("C")).GetAtomWithIdx(1)
