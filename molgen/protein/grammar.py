"""The grammar of protein sequences: one token a residue, then `end`; what a motif fixes is kept.

Token 0 is `end`, token k the residue of class k - 1. Under a motif each row of a draw is laid out before it is written:
how many residues it has, and where between its ends the motif's parts stand. The walk allows nothing else.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from molgen.batch import Fields, Guide
from molgen.errors import MolgenError
from molgen.protein.alphabet import RESIDUES
from molgen.protein.blosum import BLOSUM62
from molgen.protein.motif import compile_motif
from molgen.seeds import rng

CLASSES = len(RESIDUES)
PLACES = 256  # places along the sequence that the context tells apart; those beyond are one
MOST = 512  # residues of the longest protein
RARE = 0.01  # weight of all lengths that no design was seen to have


class ProteinGrammar:
    """Which token sequences are designs: those of `shortest` to `longest` residues that match the motif ('': all).

    Proteins have no pairs: `Fields.pair` is None, so that nothing grows with the square of the length. What a motif
    leaves of the mask is not told to networks, which learn without one (see `Guide.told`).
    """

    origins = 0
    end = 0
    size = CLASSES + 1
    position_classes = CLASSES
    pair_classes = 1
    capacities = (0,) * CLASSES
    exchange = BLOSUM62

    def __init__(self, longest: int = 50, shortest: int = 5, motif: str = "") -> None:
        if not 1 <= shortest <= longest <= MOST:
            wanted = f"1 <= shortest <= longest <= {MOST}"
            raise MolgenError(f"no grammar of sequences of {shortest} to {longest} residues: {wanted} must hold")
        self.most_positions, self.shortest, self.motif = longest, shortest, motif
        self.longest = longest + 1
        self.lengths = np.ones(longest + 1)  # weights: how long designs are that are laid out by a motif
        self.context_sizes = (min(longest, PLACES) + 1,)
        if not self.possible_sizes().any():
            raise MolgenError(f"no sequence of {shortest} to {longest} residues, as this prior draws them, is {motif}")

    def settings(self) -> dict[str, Any]:
        """Plain values for a card; `ProteinGrammar.of` takes them back."""
        return {"longest": self.most_positions, "shortest": self.shortest, "motif": self.motif}

    @classmethod
    def of(cls, settings: dict[str, Any]) -> ProteinGrammar:
        """The grammar of a card."""
        return cls(**settings)

    def with_motif(self, text: str) -> ProteinGrammar:
        """The same grammar under a motif.

        Raises:
            MolgenError: what is no motif, or none of a sequence of this length.
        """
        return ProteinGrammar(self.most_positions, self.shortest, text)

    def as_long_as(self, sizes: Tensor) -> ProteinGrammar:
        """The same grammar, that lays a motif out over designs as long as those of the given sizes (N,)."""
        other = copy.copy(self)
        counted = np.bincount(sizes.numpy(), minlength=self.most_positions + 1).astype(float)
        other.lengths = counted / counted.sum() + RARE / len(counted)
        return other

    def walk(
        self, rows: int, steps: int, device: torch.device | str = "cpu", uniform: Tensor | None = None
    ) -> ProteinWalk:
        """Starts `rows` empty sequences that end within `steps` tokens; a motif is laid out by `uniform` (B, T).

        Raises:
            MolgenError: too few steps for the shortest sequence.
        """
        most = min(steps, self.longest) - 1
        if not self.possible_sizes()[: most + 1].any():
            shortest = int(self.possible_sizes().argmax())
            raise MolgenError(f"{steps} steps are too few for {shortest} residues and an end")
        laid_out = self._laid_out(most, uniform) if self.motif and uniform is not None else None
        return ProteinWalk(self, rows, most, torch.device(device), laid_out)

    def _laid_out(self, most: int, uniform: Tensor) -> Tensor:
        """(B, most + 1, V) bool: the tokens that each step of a row may take.

        A row's size and layout come from its own numbers (B, T), and from those of no other row.
        """
        weights = (self.lengths * self.possible_sizes())[: most + 1]
        allowed = np.zeros((len(uniform), most + 1, self.size), dtype=bool)
        for tokens, numbers in zip(allowed, uniform.cpu().numpy(), strict=True):
            chance = rng(0, "layout", numbers.tobytes().hex())
            size = int(chance.choice(len(weights), p=weights / weights.sum()))
            tokens[:size, 1:] = compile_motif(self.motif).drawn_layout(size, chance)
            tokens[size:, self.end] = True
        return torch.from_numpy(allowed)

    def fields(self, tokens: Tensor) -> Fields:
        """Residue classes (B, L) of finished sequences (B, T); no pairs."""
        mask = (tokens == self.end).cumsum(dim=1) == 0
        mask = mask[:, : max(1, int(mask.sum(dim=1).max()))]
        return Fields(torch.where(mask, tokens[:, : mask.shape[1]] - 1, 0), None, mask)

    def possible_sizes(self) -> np.ndarray:
        """(longest + 1,) bool: how many residues a design may have."""
        sizes = np.arange(self.most_positions + 1) >= self.shortest
        return sizes & compile_motif(self.motif).lengths(self.most_positions) if self.motif else sizes

    def layouts(self, sizes: Tensor, chance: np.random.Generator) -> Tensor:
        """(B, L, 20) bool: the classes that positions of designs of the given sizes (B,) may be, the motif spread out.

        For families that draw sizes and fill positions. Beyond its size a row may be anything.

        Raises:
            MolgenError: a size that the motif does not have.
        """
        allowed = torch.ones(1, 1, 1, dtype=torch.bool).expand(len(sizes), int(sizes.max()), CLASSES)
        if not self.motif:
            return allowed
        allowed, motif = allowed.clone(), compile_motif(self.motif)
        for row, size in enumerate(sizes.tolist()):
            allowed[row, :size] = torch.from_numpy(motif.drawn_layout(size, chance))
        return allowed


class ProteinWalk:
    """A batch of sequences being written. State: `ended` (B,)."""

    def __init__(
        self, grammar: ProteinGrammar, rows: int, most: int, device: torch.device, laid_out: Tensor | None
    ) -> None:
        self.grammar, self.most, self.step = grammar, most, 0
        self.ended = torch.zeros(rows, dtype=torch.bool, device=device)
        self.laid_out = None if laid_out is None else laid_out.to(device)  # (B, most + 1, V)

    @property
    def done(self) -> Tensor:
        """(B,) bool."""
        return self.ended

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but those numbered."""
        self.ended = self.ended[rows]
        self.laid_out = None if self.laid_out is None else self.laid_out[rows]

    def guide(self) -> Guide:
        """Allowed tokens; context: the place along the sequence; no origins."""
        rows, device = len(self.ended), self.ended.device
        plain = torch.empty(rows, CLASSES + 1, dtype=torch.bool, device=device)
        plain[:, 1:] = (~self.ended & (self.step < self.most))[:, None]
        plain[:, 0] = self.ended | (self.step >= self.grammar.shortest)
        place = torch.full((rows, 1), min(self.step, self.grammar.context_sizes[0] - 1), device=device)
        origin = torch.zeros(rows, 0, dtype=torch.int64, device=device)
        if self.laid_out is None:
            return Guide(plain, place, origin)
        return Guide(self.laid_out[:, min(self.step, self.most)], place, origin, told=plain)

    def advance(self, tokens: Tensor) -> None:
        """Takes one token (B,) a row."""
        self.step += 1
        self.ended = self.ended | (tokens == self.grammar.end)
