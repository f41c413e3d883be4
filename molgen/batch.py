"""What every network sees: integer classes over positions with a mask, and the grammar that guards the next token.

Axis letters: B batch, T steps, V token vocabulary, L positions, K classes. Nothing here knows chemistry or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Guide:
    """What the grammar says before one step (leading axes B) or before every step (leading axes B, T)."""

    allowed: Tensor  # (..., V) bool: the tokens that may come next
    context: Tensor  # (..., C) int64: small integers about the place, each below its `context_sizes`
    origin: Tensor  # (..., O) int64: earlier steps that this step builds on (for a molecule: current atom, its parent)
    told: Tensor | None = None  # (..., V) bool: the mask that networks see, where what a user fixed narrows `allowed`


@dataclass(frozen=True)
class Fields:
    """Designs as classes: of every position, and of every pair of positions where the modality has pairs."""

    position: Tensor  # (B, L) int64; for a molecule: the atom class
    # (B, L, L) int64, symmetric, 0 on the diagonal; for a molecule: the bond order, 0 for no bond. None where the
    # modality has no pairs (`pair_classes` is 1), so that nothing grows with the square of the length
    pair: Tensor | None
    mask: Tensor  # (B, L) bool: positions that a design has; the classes of the others are 0

    @property
    def sizes(self) -> Tensor:
        """(B,) positions of each design."""
        return self.mask.sum(dim=1)


class Walk(Protocol):
    """A batch of token sequences being written, advanced together by one token each."""

    def guide(self) -> Guide:
        """What may follow, for every row."""
        ...

    def advance(self, tokens: Tensor) -> None:
        """Takes the next token (B,) of every row; rows that have ended take only `end`."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but those numbered."""
        ...

    @property
    def done(self) -> Tensor:
        """(B,) bool: rows that have ended."""
        ...


class Grammar(Protocol):
    """The door for constraints: which token sequences are designs. Batched torch operations, on any device."""

    size: int  # V
    end: int  # the token that ends a sequence and pads it afterwards
    context_sizes: tuple[int, ...]
    origins: int  # O
    longest: int  # the most steps of a sequence, `end` included
    position_classes: int  # K of the field `position`
    pair_classes: int  # K of the field `pair`; 1: no pairs
    capacities: tuple[int, ...]  # by position class: what the classes of its pairs may sum to (valence)
    most_positions: int  # L of the largest design

    def walk(self, rows: int, steps: int, device: torch.device | str = "cpu", uniform: Tensor | None = None) -> Walk:
        """Starts `rows` empty sequences that must end within `steps` tokens.

        uniform (B, T): of a draw, the numbers that decide its tokens; by them what a user fixed gets its place, row by
        row. Without them, as for a likelihood, the walk knows nothing of it.
        """
        ...

    def fields(self, tokens: Tensor) -> Fields:
        """The fields of finished sequences (B, T), L the most positions among them."""
        ...

    @property
    def exchange(self) -> tuple[tuple[float, ...], ...] | None:
        """Symmetric scores (K, K) of how alike position classes are (BLOSUM62 for residues), if there are any."""
        ...

    def possible_sizes(self) -> np.ndarray:
        """(most_positions + 1,) bool: how many positions a design may have. Asked where there are no pairs."""
        ...

    def layouts(self, sizes: Tensor, chance: np.random.Generator) -> Tensor:
        """(B, L, K) bool: the classes that positions of designs of the given sizes (B,) may take; one at the least.

        Asked where there are no pairs, by families that fill positions: what a user fixed is kept by construction.
        """
        ...

    def settings(self) -> dict[str, Any]:
        """Plain values from which the grammar is built again."""
        ...


def guide_along(grammar: Grammar, tokens: Tensor) -> Guide:
    """The guides before every token of finished sequences (B, T): teacher forcing walks like sampling does."""
    rows, steps = tokens.shape
    walk = grammar.walk(rows, max(steps, grammar.longest), tokens.device)
    guides = []
    for step in range(steps):
        guides.append(walk.guide())
        walk.advance(tokens[:, step])
    return Guide(
        allowed=torch.stack([g.allowed for g in guides], dim=1),
        context=torch.stack([g.context for g in guides], dim=1),
        origin=torch.stack([g.origin for g in guides], dim=1),
        told=None if guides[0].told is None else torch.stack([g.told for g in guides], dim=1),
    )


@dataclass(frozen=True)
class Batch:
    """Token sequences, and what the grammar says of them, computed when a network first asks for it."""

    grammar: Grammar
    tokens: Tensor  # (B, T) int64, padded with `end`
    labels: Tensor | None = None  # (B, P) float: known properties of the designs
    unpacked: Fields | None = None  # the fields, where they were packed beforehand

    @cached_property
    def weight(self) -> Tensor:
        """(B, T) float: 1 up to and including the first `end`, 0 after it."""
        ends = self.tokens == self.grammar.end
        ended = ends.cumsum(dim=1)
        return ((ended == 0) | ((ended == 1) & ends)).float()

    @cached_property
    def guide(self) -> Guide:
        """The guide before every token."""
        with torch.no_grad():
            return guide_along(self.grammar, self.tokens)

    @cached_property
    def fields(self) -> Fields:
        """The designs as classes over positions."""
        if self.unpacked is not None:
            return self.unpacked
        with torch.no_grad():
            return self.grammar.fields(self.tokens)
