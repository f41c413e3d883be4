"""The vocabulary of molecules: atom classes, and the tokens that build a Kekulé structure depth first.

A sequence is a list of steps on a molecule under construction. The *path* runs from the first atom to the current one.

    add atom a by bond b      a new atom, bonded to the current one, becomes current (the first atom ignores the bond)
    close ring k by bond b    a bond from the current atom to the atom k steps back on the path
    back k                    the atom k steps back on the path becomes current
    end

Plain Python: the codec, whose worker processes have no torch, and the grammar, which has no RDKit, share it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

END, ADD, RING, BACK = range(4)


@dataclass(frozen=True)
class Atom:
    """An atom class: element, formal charge and total valence. What bonds leave free is hydrogen."""

    symbol: str
    charge: int
    valence: int

    def __str__(self) -> str:
        sign = "" if not self.charge else f"{abs(self.charge)}{'+' if self.charge > 0 else '-'}"
        return f"{self.symbol}{sign} with valence {self.valence}"


@dataclass(frozen=True)
class Token:
    """One step: its kind, and of atom class, bond order and distance along the path those that the kind uses."""

    kind: int
    atom: int = 0
    order: int = 0
    back: int = 0


# Every atom class of MOSES and of ZINC250k, and the boron, silicon and selenium that users bring.
ATOMS = (
    Atom("C", 0, 4), Atom("N", 0, 3), Atom("O", 0, 2), Atom("S", 0, 2), Atom("F", 0, 1), Atom("Cl", 0, 1),
    Atom("Br", 0, 1), Atom("S", 0, 6), Atom("S", 0, 4), Atom("I", 0, 1), Atom("P", 0, 5), Atom("P", 0, 3),
    Atom("N", 1, 4), Atom("O", -1, 1), Atom("N", -1, 2), Atom("S", -1, 1), Atom("S", 1, 3), Atom("O", 1, 3),
    Atom("P", 1, 4), Atom("C", -1, 3), Atom("B", 0, 3), Atom("B", -1, 4), Atom("Si", 0, 4), Atom("Se", 0, 2),
)  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """Atom classes and limits, and the tokens that follow from them.

    Attributes:
        atoms: the atom classes; their order is the class of the field `atom`.
        longest_ring: greatest k of a ring closure (a ring of k + 1 atoms along the path).
        longest_back: greatest k of a step back.
        most_atoms: heavy atoms of the largest molecule.
        longest: most tokens of a sequence, `end` included.
    """

    atoms: tuple[Atom, ...] = ATOMS
    longest_ring: int = 24
    longest_back: int = 40
    most_atoms: int = 64
    longest: int = 100

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Every token; its place is its class."""
        atoms = enumerate(self.atoms)
        adds = [Token(ADD, atom=a, order=o) for a, atom in atoms for o in (1, 2, 3) if o <= atom.valence]
        rings = [Token(RING, order=o, back=k) for k in range(2, self.longest_ring + 1) for o in (1, 2)]
        return (Token(END), *adds, *rings, *(Token(BACK, back=k) for k in range(1, self.longest_back + 1)))

    @cached_property
    def index(self) -> dict[Token, int]:
        """The class of each token."""
        return {token: place for place, token in enumerate(self.tokens)}

    def settings(self) -> dict[str, Any]:
        """Plain values for a card; `Vocabulary.of` takes them back."""
        return {**asdict(self), "atoms": [asdict(atom) for atom in self.atoms]}

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Vocabulary:
        """The vocabulary of a card."""
        return cls(**{**settings, "atoms": tuple(Atom(**atom) for atom in settings["atoms"])})
