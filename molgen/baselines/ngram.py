"""An n-gram model over the tokens that build a design: what comes next depends on the n - 1 tokens before it.

p(x) = prod_t p(x_t | x_{t-n+1} ... x_{t-1}), smoothed by interpolation (see `molgen.baselines.counts`) and normalised
over the tokens that the grammar allows at each step, so that every draw is a design and exp(log_likelihood) sums to one
over all of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch

from molgen.baselines import storage
from molgen.baselines.counts import MOST, START, Counts, extended, first_context, probabilities
from molgen.batch import Grammar
from molgen.errors import MolgenError
from molgen.generator import ROWS, in_blocks, under_motif
from molgen.modality import Codec, modality_of
from molgen.nn.tokens import inverse_cdf, nucleus
from molgen.seeds import torch_rng
from molgen.sequences import Sequences


@dataclass(frozen=True)
class NgramRecipe:
    """`n`: tokens of an n-gram, 1 (frequencies alone) to 8."""

    kind: Literal["ngram"] = "ngram"
    n: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.n <= MOST:
            raise MolgenError(f"an n-gram of {self.n} tokens: n must be 1 to {MOST}")


DEFAULT = NgramRecipe()


class Ngram:
    """Counts, and the grammar under which they are drawn from."""

    def __init__(self, counts: Counts, card: dict[str, Any]) -> None:
        self.counts, self.card = counts, card
        self.grammar: Grammar = modality_of(card).grammar(card["grammar"])
        self._levels = counts.levels()
        if self.grammar.size > START:
            raise MolgenError(f"{self.grammar.size} tokens, more than the {START} that an n-gram's byte can tell apart")

    @classmethod
    def fit(
        cls,
        sequences: Sequences,
        grammar: Grammar,
        recipe: NgramRecipe = DEFAULT,
        *,
        modality: str = "molecule",
        data: dict[str, Any] | None = None,
    ) -> Self:
        """Counts the n-grams of token sequences; `data` is the card's entry on the training set."""
        storage.refuse_nothing(len(sequences))
        card = storage.new_card(recipe, data, modality, grammar.settings())
        return cls(Counts.of(sequences, recipe.n), card)

    @property
    def codec(self) -> Codec:
        """The door between text and tensors, in the vocabulary of the card."""
        return modality_of(self.card).codec(self.card["grammar"])

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]:
        """`n` designs as drawn. The first k of n are those that k alone would give."""
        codec = self.codec

        def draw(block: range) -> list[str]:
            drawn = self.draw(seed, block.start // ROWS, temperature, top_p)
            return codec.decode(drawn[: len(block)].tolist())

        return in_blocks(n, temperature, top_p, progress, draw)

    def with_motif(self, text: str) -> Self:
        """The same model, drawing only designs that match the motif."""
        other = copy.copy(self)
        other.grammar = under_motif(self.card, self.grammar, text, lambda: self.draw(0, 0))
        return other

    def draw(self, seed: int, block: int, temperature: float = 1.0, top_p: float = 1.0) -> torch.Tensor:
        """One block of draws: tokens (ROWS, T), each decided by one uniform number."""
        uniform = torch.rand(ROWS, self.grammar.longest, generator=torch_rng(seed, "draw", block))
        drawn = torch.full(uniform.shape, self.grammar.end)
        walk, contexts = self.grammar.walk(*uniform.shape, uniform=uniform), first_context(ROWS)
        rows = torch.arange(ROWS)
        for step in range(self.grammar.longest):
            guide = walk.guide()
            logits = self._logits(contexts, guide.allowed) / temperature
            tokens = inverse_cdf(nucleus(logits, top_p) if top_p < 1 else logits, uniform[rows, step])
            drawn[rows, step] = tokens
            walk.advance(tokens)
            left = (~walk.done).nonzero().squeeze(1)
            if not len(left):
                break
            walk.keep(left)
            rows, contexts = rows[left], extended(contexts, tokens.numpy())[left.numpy()]
        return drawn

    def _logits(self, contexts: np.ndarray, allowed: torch.Tensor) -> torch.Tensor:
        """log p (B, V) up to a constant a row; -inf where forbidden."""
        different, place = np.unique(contexts, return_inverse=True)
        log_p = np.log(probabilities(self._levels, different, self.grammar.size))
        return torch.from_numpy(log_p)[torch.from_numpy(place)].masked_fill(~allowed, float("-inf"))

    def log_likelihood(self, designs: Sequence[str]) -> torch.Tensor:
        """log p of every design, nats (n,), exact; NaN where a design is outside of the vocabulary."""
        tokens = [encoded.tokens for encoded in self.codec.encode(designs)]
        found = np.full(len(designs), np.nan)
        rows = [row for row, one in enumerate(tokens) if one is not None]
        found[rows] = self.score(Sequences.of([tokens[row] or () for row in rows]))
        return torch.from_numpy(found).float()

    def score(self, data: Sequences) -> np.ndarray:
        """log p of every token sequence, nats (n,), exact."""
        blocks = [np.arange(start, min(start + ROWS, len(data))) for start in range(0, len(data), ROWS)]
        return np.concatenate([np.zeros(0), *(self._score(data, rows) for rows in blocks)])

    def _score(self, data: Sequences, rows: np.ndarray) -> np.ndarray:
        batch = data.batch(rows, self.grammar)
        found, contexts = torch.zeros(len(rows), dtype=torch.float64), first_context(len(rows))
        for step in range(batch.tokens.shape[1]):
            log_p = self._logits(contexts, batch.guide.allowed[:, step]).log_softmax(dim=1)
            found += log_p.gather(1, batch.tokens[:, step, None]).squeeze(1) * batch.weight[:, step]
            contexts = extended(contexts, batch.tokens[:, step].numpy())
        return found.numpy()

    def save(self, path: Path) -> None:
        """Writes counts and card."""
        arrays = {"keys": self.counts.keys, "counts": self.counts.counts}
        storage.write(path, arrays, self.card)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        arrays, card = storage.read(path, "ngram", ["keys", "counts"])
        return cls(Counts(card["recipe"]["n"], arrays["keys"], arrays["counts"]), card)
