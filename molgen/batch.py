"""What every network sees: integer classes over positions with a mask, and the grammar that guards the next token.

Axis letters: B batch, T steps, V token vocabulary. Nothing here knows chemistry or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Guide:
    """What the grammar says before one step (leading axes B) or before every step (leading axes B, T)."""

    allowed: Tensor  # (..., V) bool: the tokens that may come next
    context: Tensor  # (..., C) int64: small integers about the place, each below its `context_sizes`
    origin: Tensor  # (..., O) int64: earlier steps that this step builds on (for a molecule: current atom, its parent)


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

    def walk(self, rows: int, steps: int, device: torch.device | str = "cpu") -> Walk:
        """Starts `rows` empty sequences that must end within `steps` tokens."""
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
    )


@dataclass(frozen=True)
class Batch:
    """Token sequences with the grammar's guide, ready for a network."""

    tokens: Tensor  # (B, T) int64, padded with `end`
    weight: Tensor  # (B, T) float: 1 up to and including the first `end`, 0 after it
    guide: Guide

    @classmethod
    def of(cls, grammar: Grammar, tokens: Tensor) -> Batch:
        """Walks the grammar along `tokens` (B, T)."""
        ended = (tokens == grammar.end).cumsum(dim=1)
        weight = ((ended == 0) | ((ended == 1) & (tokens == grammar.end))).float()
        return cls(tokens, weight, guide_along(grammar, tokens))
