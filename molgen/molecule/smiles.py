"""Writes graph-building tokens as SMILES, in one pass and without a molecule object. Imports only the vocabulary.

The tokens run through the graph depth first, as a SMILES does: a step back to an atom closes the parenthesis around
its latest branch, and a ring closure is a number at both of its atoms.
"""

from __future__ import annotations

from collections.abc import Sequence

from molgen.errors import MolgenError
from molgen.molecule.vocabulary import ADD, BACK, END, RING, Atom, Token, Vocabulary

BONDS = ("", "", "=", "#")
# Element and valence of atoms whose hydrogens SMILES implies.
ORGANIC = {("B", 3), ("C", 4), ("N", 3), ("O", 2), ("P", 3), ("S", 2), ("F", 1), ("Cl", 1), ("Br", 1), ("I", 1)}


def write_smiles(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """The Kekulé SMILES that tokens spell, up to the first `end`.

    Raises:
        MolgenError: a token that steps back beyond the first atom, or does not begin with an atom.
    """
    writer = _Writer(vocabulary)
    for step, place in enumerate(tokens):
        token = vocabulary.tokens[place]
        if token.kind == END:
            break
        writer.take(step, token)
    return writer.text()


class _Writer:
    """Pieces of the text, atom by atom: what stands before an atom, its class, its used valence, its ring numbers."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.before: list[str] = []
        self.atoms: list[int] = []
        self.used: list[int] = []
        self.rings: list[str] = []
        self.after: list[str] = []
        self.path: list[int] = []
        self.branch: dict[int, int] = {}  # the latest child of each atom
        self.closed = 0

    def take(self, step: int, token: Token) -> None:
        if token.kind == ADD:
            self._add(token.atom, token.order)
        elif token.back >= len(self.path):
            raise MolgenError(f"token {step} steps {token.back} back on a path of {len(self.path)} atoms")
        elif token.kind == RING:
            self._close(self.path[-1 - token.back], self.path[-1], token.order)
        elif token.kind == BACK:
            self._step_back(token.back)

    def _add(self, atom: int, order: int) -> None:
        here = len(self.atoms)
        bonded = order if self.path else 0
        if self.path:
            self.used[self.path[-1]] += order
            self.branch[self.path[-1]] = here
        self.before.append(BONDS[bonded])
        self.atoms.append(atom)
        self.used.append(bonded)
        self.rings.append("")
        self.after.append("")
        self.path.append(here)

    def _close(self, opened: int, here: int, order: int) -> None:
        self.closed += 1
        number = str(self.closed) if self.closed < 10 else f"%({self.closed})"
        self.rings[opened] += number
        self.rings[here] += BONDS[order] + number
        self.used[opened] += order
        self.used[here] += order

    def _step_back(self, k: int) -> None:
        del self.path[len(self.path) - k :]
        child = self.branch[self.path[-1]]
        self.before[child] = "(" + self.before[child]
        self.after[-1] += ")"

    def text(self) -> str:
        atoms = (_symbol(self.vocabulary.atoms[a], used) for a, used in zip(self.atoms, self.used, strict=True))
        return "".join(map("".join, zip(self.before, atoms, self.rings, self.after, strict=True)))


def _symbol(atom: Atom, used: int) -> str:
    """An atom with its hydrogens: plain where SMILES implies them, else in brackets."""
    if not atom.charge and (atom.symbol, atom.valence) in ORGANIC:
        return atom.symbol
    hydrogens = atom.valence - used
    count = "" if hydrogens <= 0 else "H" if hydrogens == 1 else f"H{hydrogens}"
    charge = f"{atom.charge:+d}".removesuffix("1") if atom.charge else ""
    return f"[{atom.symbol}{count}{charge}]"
