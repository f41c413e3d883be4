"""The autoregressive family: p(x) = prod_t p(x_t | x_<t) over the tokens that build a design.

Loss: the negative log-likelihood, with probabilities normalised over the tokens that the grammar allows, so that
exp(log_likelihood) sums to one over all sequences of the grammar. Draws take one uniform number a token, through the
inverse of the cumulative distribution; those of `for_drawing` are exact but for rounding.

p(x | y) for any of the recipe's properties y: their values enter the decoder as its condition. In training some of the
designs are told none, the others, where there are several, each property with even chance (molgen/nn/told.py), so that
one network draws freely and to order, and leans to the order by classifier-free guidance (molgen/nn/guiding.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from molgen.batch import Batch, Grammar
from molgen.nn.decoder import CausalDecoder
from molgen.nn.guiding import Guided
from molgen.nn.stepping import Exact, Stepper, for_drawing
from molgen.nn.tokens import write
from molgen.nn.told import in_part, moments, standardised
from molgen.players import Player
from molgen.sequences import Sequences


@dataclass(frozen=True)
class AutoregressiveRecipe:
    """The network. `origins`: how many earlier steps send messages (0 none, 1 current atom, 2 its parent too).

    `properties`: names of those that may be wanted.
    """

    kind: Literal["autoregressive"] = "autoregressive"
    width: int = 480
    depth: int = 3
    inputs: int = 256
    origins: int = 1
    dropout: float = 0.0  # in training: of the decoder's inputs and of what its layers give
    properties: tuple[str, ...] = ()


class Autoregressive(nn.Module):
    """The family's module: an objective to train by, and a way to draw."""

    habits: ClassVar = {"rate": 2e-3, "batch": 256}

    def __init__(self, grammar: Grammar, recipe: AutoregressiveRecipe) -> None:
        super().__init__()
        self.grammar, self.recipe = grammar, recipe
        origins = min(recipe.origins, grammar.origins)
        told = len(recipe.properties)
        self.decoder = CausalDecoder(
            grammar, recipe.width, recipe.depth, recipe.inputs, origins, 2 * told, recipe.dropout
        )
        if told:
            self.register_buffer("centre", torch.zeros(told))
            self.register_buffer("spread", torch.ones(told))
        self.stepper: Stepper | None = None  # made once for a copy that only draws
        self.wanted: Tensor | None = None  # (P,) what such a copy draws to order, NaN: free
        self.guidance = 1.0  # how far it leans to that

    @property
    def arithmetic(self) -> str:
        """In which a copy for drawing multiplies."""
        return type(self.stepper.arithmetic).__name__ if self.stepper else "Exact"

    def prepare(self, data: Sequences) -> None:
        """Learns mean and deviation of the properties; a prior that is trained further keeps those it was taught by."""
        if data.labels is None or bool(self.centre.any()):
            return
        self.centre, self.spread = (value.float() for value in moments(data))

    def condition(self, labels: Tensor) -> Tensor:
        """Properties (B, P), NaN where not told -> what the decoder sees (B, 2 P): standardised, and which are told."""
        return standardised(labels, self.centre, self.spread)

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """What training minimises: nats per design."""
        if batch.labels is None:
            return {"nats": self.decoder.nats(batch, None, chance).mean()}
        told = self.condition(in_part(batch.labels, chance))
        return {"nats": self.decoder.nats(batch, told, chance).mean()}

    def players(self) -> dict[str, Player]:
        """One objective trains everything."""
        return {"nats": Player(list(self.parameters()), clip=30.0)}

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """Nats of every design (B,), exact."""
        return {"nats": -self.log_likelihood(batch)}

    def log_likelihood(self, batch: Batch, labels: Tensor | None = None) -> Tensor:
        """log p(x) of every row, or log p(x | labels (B, P)); nats (B,), exact."""
        return -self.decoder.nats(batch, None if labels is None else self.condition(labels))

    def for_drawing(self, device: torch.device) -> Autoregressive:
        """A copy that draws in the fastest arithmetic of the device: exact but for rounding."""
        copied = for_drawing(self, device)
        for name, value in self.named_buffers():  # means and deviations need their digits
            setattr(copied, name, value.to(device))
        return copied

    def draw(self, rows: int, chance: torch.Generator, temperature: float = 1.0, top_p: float = 1.0) -> Tensor:
        """Draws tokens (B, T)."""
        uniform = torch.rand(rows, self.grammar.longest, generator=chance)
        told = self.wanted is not None and self.guidance != 0
        condition = self.condition(self.wanted.expand(rows, -1)) if told else None
        stepper: Stepper | Guided = self.stepper or Stepper(self.decoder, Exact())
        if told and self.guidance != 1:
            stepper = Guided(stepper, self.guidance)
        return write(stepper, self.grammar, uniform, temperature, top_p, condition)
