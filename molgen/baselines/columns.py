"""Drawing and likelihood of models that give the columns of an alignment one after another.

Axis letters: B rows, C columns, 21 states (the residues and the gap).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from molgen.errors import MolgenError
from molgen.generator import ROWS, in_blocks
from molgen.nn.tokens import inverse_cdf, nucleus
from molgen.protein.alignment import fitting, rows_of, states_of
from molgen.seeds import torch_rng

# (column, rows of which the columns before it are known (B, C)) -> log p of its states up to a constant (B, 21)
Logits = Callable[[int, Tensor], Tensor]
Progress = Callable[[int], None] | None


def drawn_rows(
    columns: int, logits: Logits, n: int, seed: int, temperature: float, top_p: float, progress: Progress
) -> list[str]:
    """`n` aligned rows, gaps as '-', each state decided by one uniform number. The first k of n are those of k alone.

    Raises:
        MolgenError: n below zero, temperature not above it, or top_p outside of (0, 1].
    """

    def draw(block: range) -> list[str]:
        uniform = torch.rand(ROWS, columns, generator=torch_rng(seed, "draw", block.start // ROWS))
        return rows_of(_drawn(uniform, logits, temperature, top_p)[: len(block)].numpy())

    return in_blocks(n, temperature, top_p, progress, draw)


def _drawn(uniform: Tensor, logits: Logits, temperature: float, top_p: float) -> Tensor:
    """uniform (B, C) -> states (B, C)."""
    states = torch.zeros(uniform.shape, dtype=torch.int64)
    for column in range(uniform.shape[1]):
        cooled = logits(column, states) / temperature
        states[:, column] = inverse_cdf(nucleus(cooled, top_p) if top_p < 1 else cooled, uniform[:, column])
    return states


def log_likelihood(columns: int, logits: Logits, texts: Sequence[str]) -> Tensor:
    """log p of aligned rows, nats (n,), exact; NaN where a text is no row of that many columns."""
    found, places = torch.full((len(texts),), torch.nan), fitting(texts, columns)
    for start in range(0, len(places), ROWS):
        part = places[start : start + ROWS]
        found[part] = log_p(logits, torch.from_numpy(states_of([texts[place] for place in part])).long()).float()
    return found


def log_p(logits: Logits, states: Tensor) -> Tensor:
    """sum over i of log p(a_i | a_<i) of states (B, C) -> (B,) float64, nats."""
    found = torch.zeros(len(states), dtype=torch.float64)
    for column in range(states.shape[1]):
        normalised = logits(column, states).double().log_softmax(dim=1)
        found += normalised.gather(1, states[:, column, None]).squeeze(1)
    return found


def refuse_no_alignment(states: object) -> None:
    """MolgenError where there are no rows or no columns to fit on."""
    shape = getattr(states, "shape", ())
    if len(shape) != 2 or 0 in shape:
        raise MolgenError(f"an alignment of shape {tuple(shape)}: give rows of residues and gaps, all of one length")
