"""Token sequences written by a decoder, one uniform number a token, under the grammar."""

from __future__ import annotations

import torch
from torch import Tensor

from molgen.batch import Grammar
from molgen.nn.guiding import Guided
from molgen.nn.stepping import Stepper

WORTH_DROPPING = 0.5  # ended rows are dropped once fewer than this share are still open: dropping copies the state


@torch.inference_mode()
def write(
    stepper: Stepper | Guided,
    grammar: Grammar,
    uniform: Tensor,
    temperature: float = 1.0,
    top_p: float = 1.0,
    condition: Tensor | None = None,
) -> Tensor:
    """Draws as many sequences as `uniform` (B, T) has rows, each number deciding one token -> tokens (B, T).

    Every row that is started is finished: refilling rows until n were done would favour short designs.
    """
    rows, steps = uniform.shape
    device = stepper.decoder.head.weight.device
    drawn = torch.full((rows, steps), grammar.end, device=device)
    walk, state = grammar.walk(rows, steps, device, uniform), stepper.start(rows, steps, condition)
    previous = torch.full((rows,), stepper.decoder.inputs.start, device=device)
    open_rows, numbers = torch.arange(rows, device=device), uniform.to(device)
    for step in range(steps):
        guide = walk.guide()
        logits = stepper.step(previous, guide, state) / temperature
        previous = inverse_cdf(nucleus(logits, top_p) if top_p < 1 else logits, numbers[:, step])
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


def nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Forbids all but the fewest likeliest classes that together hold `top_p` (Holtzman et al. 2020, arXiv:1904.09751).

    logits (B, V) -> (B, V).
    """
    ordered, place = logits.softmax(dim=1).sort(dim=1, descending=True)
    before = ordered.cumsum(dim=1) - ordered
    outside = torch.zeros_like(before, dtype=torch.bool).scatter_(1, place, before >= top_p)
    return logits.masked_fill(outside, float("-inf"))
