"""The autoregressive family: p(x) = prod_t p(x_t | x_<t) over the tokens that build a design.

Loss: the negative log-likelihood, with probabilities normalised over the tokens that the grammar allows, so that
exp(log_likelihood) sums to one over all sequences of the grammar. Draws take one uniform number a token, through the
inverse of the cumulative distribution; those of `for_drawing` are exact but for rounding.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from molgen.batch import Batch, Grammar
from molgen.nn.decoder import CausalDecoder
from molgen.nn.stepping import Exact, Stepper, fastest

WORTH_DROPPING = 0.5  # ended rows are dropped once fewer than this share are still open: dropping copies the state


@dataclass(frozen=True)
class AutoregressiveRecipe:
    """The network. `origins`: how many earlier steps send messages (0 none, 1 current atom, 2 its parent too)."""

    kind: Literal["autoregressive"] = "autoregressive"
    width: int = 480
    depth: int = 3
    inputs: int = 256
    origins: int = 1


class Autoregressive(nn.Module):
    """The family's module: an objective to train by, and a way to draw."""

    def __init__(self, grammar: Grammar, recipe: AutoregressiveRecipe) -> None:
        super().__init__()
        self.grammar, self.recipe = grammar, recipe
        origins = min(recipe.origins, grammar.origins)
        self.decoder = CausalDecoder(grammar, recipe.width, recipe.depth, recipe.inputs, origins)
        self.stepper: Stepper | None = None  # made once for a copy that only draws

    def objectives(self, batch: Batch) -> dict[str, Tensor]:
        """What training minimises: nats per token."""
        return {"nats_per_token": -self.log_likelihood(batch).sum() / batch.weight.sum()}

    def log_likelihood(self, batch: Batch) -> Tensor:
        """log p(x) of every row, nats (B,), exact."""
        logits = self.decoder(batch.tokens, batch.guide)
        nats = nn.functional.cross_entropy(logits.flatten(0, 1), batch.tokens.flatten(), reduction="none")
        return -(nats.view_as(batch.weight) * batch.weight).sum(dim=1)

    def for_drawing(self, device: torch.device) -> Autoregressive:
        """A copy that draws in the fastest arithmetic of the device: exact but for rounding.

        Through half precision, as a file keeps the weights: a generator draws alike before it was saved and after.
        """
        kind = torch.bfloat16 if device.type == "cpu" else torch.float16
        copied = copy.deepcopy(self).half().to(device, kind).eval()
        copied.stepper = Stepper(copied.decoder, fastest(device))
        return copied

    @torch.inference_mode()
    def draw(self, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """Draws as many sequences as `uniform` (B, T) has rows, each number deciding one token -> tokens (B, T).

        Every row that is started is finished: refilling rows until n were done would favour short designs.
        """
        rows, steps = uniform.shape
        device = self.decoder.head.weight.device
        drawn = torch.full((rows, steps), self.grammar.end, device=device)
        stepper = self.stepper or Stepper(self.decoder, Exact())
        walk, state = self.grammar.walk(rows, steps, device), stepper.start(rows, steps)
        previous = torch.full((rows,), self.decoder.inputs.start, device=device)
        open_rows, numbers = torch.arange(rows, device=device), uniform.to(device)
        for step in range(steps):
            logits = stepper.step(previous, walk.guide(), state)
            previous = inverse_cdf(logits / temperature, numbers[:, step])
            drawn[open_rows, step] = previous
            walk.advance(previous)
            left = (~walk.done).nonzero().squeeze(1)
            if not len(left):
                break
            if len(left) < WORTH_DROPPING * len(open_rows):
                walk.keep(left)
                state.keep(left)
                previous, open_rows, numbers = previous[left], open_rows[left], numbers[left]
        return drawn


def inverse_cdf(logits: Tensor, uniform: Tensor) -> Tensor:
    """The class whose slice of the cumulative distribution holds the number.

    logits (B, V), uniform (B,) in [0, 1) -> classes (B,).
    """
    cumulative = logits.softmax(dim=1).cumsum(dim=1)
    # Below one in float32, the number stays below a total of about one: forbidden classes have no slice to hold it.
    return torch.searchsorted(cumulative, uniform[:, None] * cumulative[:, -1:], right=True).squeeze(1)
