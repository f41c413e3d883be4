"""Drawing and likelihood of models that give the columns of an alignment one after another.

Axis letters: B rows, C columns, 21 states (the residues and the gap).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

from molgen.baselines import storage
from molgen.errors import MolgenError
from molgen.generator import ROWS, in_blocks
from molgen.nn.tokens import inverse_cdf, nucleus
from molgen.protein.alignment import fitting, rows_of, states_of, ungapped
from molgen.seeds import torch_rng

# (column, rows of which the columns before it are known (B, C)) -> log p of its states up to a constant (B, 21)
Logits = Callable[[int, Tensor], Tensor]
Progress = Callable[[int], None] | None


class ByColumns(ABC):
    """A baseline that gives each state from those of the columns before it. The subclass says how, in its own order."""

    columns: int  # C of the alignment
    card: dict[str, Any]

    @abstractmethod
    def _logits(self, column: int, states: Tensor) -> Tensor:
        """log p of a column's states up to a constant (B, 21), of states (B, C) whose earlier columns are known."""

    def _placed(self, rows: list[str]) -> list[str]:
        """Rows in the order of drawing -> in that of the alignment."""
        return rows

    def _ordered(self, designs: Sequence[str]) -> Sequence[str]:
        """The inverse of `_placed`; a text that is no row of the alignment stays none."""
        return designs

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Progress = None,
    ) -> list[str]:
        """`n` sequences as drawn, without their gaps. The first k of n are those that k alone would give."""
        return ungapped(self.sample_aligned(n, seed, temperature=temperature, top_p=top_p, progress=progress))

    def sample_aligned(
        self, n: int, seed: int, *, temperature: float = 1.0, top_p: float = 1.0, progress: Progress = None
    ) -> list[str]:
        """The same `n` designs as rows of the alignment, gaps as '-'."""
        return self._placed(drawn_rows(self.columns, self._logits, n, seed, temperature, top_p, progress))

    def with_motif(self, text: str) -> NoReturn:
        """MolgenError: it keeps no motif."""
        storage.refuse_motif(self.card, text)

    def log_likelihood(self, designs: Sequence[str]) -> Tensor:
        """log p of aligned rows, nats (n,), exact; NaN where a design does not have the columns of the alignment."""
        return log_likelihood(self.columns, self._logits, self._ordered(designs))


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
