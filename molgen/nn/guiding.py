"""Classifier-free guidance of a decoder that writes token by token (Ho and Salimans 2022, arXiv:2207.12598).

    logits = free + g (told - free)

g = 1 draws as the condition says, g = 0 as if nothing were told, g > 1 leans farther. Up to a constant of each step,
logits are log-probabilities, so that this is p(x_t | x_<t) (p(x_t | x_<t, y) / p(x_t | x_<t))^g, normalised over what
the grammar allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgen.batch import Guide
from molgen.nn.decoder import CausalDecoder
from molgen.nn.stepping import State, Stepper


@dataclass
class Both:
    """The state of rows that are told, and below them that of the same rows told nothing."""

    state: State

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but the given ones, in both halves."""
        self.state.keep(torch.cat([rows, rows + len(self.state.hidden[0]) // 2]))


@dataclass(frozen=True)
class Guided:
    """A stepper that leans to its condition; both passes are rows of one."""

    stepper: Stepper
    guidance: float  # g

    @property
    def decoder(self) -> CausalDecoder:
        """The network that is stepped through."""
        return self.stepper.decoder

    def start(self, rows: int, steps: int, condition: Tensor) -> Both:
        """The state before the first token of `rows` sequences of at most `steps` tokens, under a condition (B, Z)."""
        return Both(self.stepper.start(2 * rows, steps, torch.cat([condition, torch.zeros_like(condition)])))

    def step(self, previous: Tensor, guide: Guide, state: Both) -> Tensor:
        """previous (B,), guide of one step -> logits (B, V), -inf where forbidden; advances the state in place."""
        told, free = self.stepper.step(previous.repeat(2), _twice(guide), state.state).chunk(2)
        return torch.where(guide.allowed, free + self.guidance * (told - free), -torch.inf)


def _twice(guide: Guide) -> Guide:
    told = None if guide.told is None else guide.told.repeat(2, 1)
    return Guide(guide.allowed.repeat(2, 1), guide.context.repeat(2, 1), guide.origin.repeat(2, 1), told)
