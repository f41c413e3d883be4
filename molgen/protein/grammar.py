"""The grammar of protein sequences: one token a residue, then `end`; what a motif fixes is kept.

Token 0 is `end`, token k the residue of class k - 1. Under a motif the walk keeps the places of its automaton at which
a row may stand, and allows only what can still be completed within the steps that are left: every draw matches.
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

CLASSES = len(RESIDUES)
PLACES = 256  # places along the sequence that the context tells apart; those beyond are one
MOST = 512  # residues of the longest protein
RARE = 0.01  # weight of all lengths that no design was seen to have
TINY = 1e-300


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
        self.lengths = np.ones(longest + 1)  # weights: how long designs are, as far as a motif must know
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
        """The same grammar, that expects designs to be as long as those of the given sizes (N,).

        A motif is kept either way; this says by when it should be complete (see `ProteinWalk`).
        """
        other = copy.copy(self)
        counted = np.bincount(sizes.numpy(), minlength=self.most_positions + 1).astype(float)
        other.lengths = counted / counted.sum() + RARE / len(counted)
        return other

    def walk(self, rows: int, steps: int, device: torch.device | str = "cpu") -> ProteinWalk:
        """Starts `rows` empty sequences that end within `steps` tokens."""
        return ProteinWalk(self, rows, min(steps, self.longest), torch.device(device))

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

        For families that fill positions. Beyond its size a row may be anything.

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
    """A batch of sequences being written.

    State: `ended` (B,), and under a motif of S places, `places` (B, S): those at which what was written may stand.

    A mask alone would put off what a motif asks for until nothing else is allowed: `X*RGDX*` would always end in RGD,
    at the greatest length. So draws lean to residues by how likely the motif is completed after them in time: p(token)
    h(after it), Doob's h-transform, with h that of random residues and of the lengths that free designs have.
    """

    def __init__(self, grammar: ProteinGrammar, rows: int, steps: int, device: torch.device) -> None:
        self.grammar, self.most, self.step = grammar, steps - 1, 0
        if self.most < grammar.shortest:
            raise MolgenError(f"{steps} steps are too few for {grammar.shortest} residues and an end")
        self.ended = torch.zeros(rows, dtype=torch.bool, device=device)
        self.places: Tensor | None = None
        if grammar.motif:
            automaton = compile_motif(grammar.motif).automaton
            completes = automaton.completes(grammar.shortest, self.most)
            self.places = torch.from_numpy(automaton.start).to(device).expand(rows, -1)
            self.odds = torch.from_numpy(automaton.odds(self._stops())).to(device)
            self.completes = torch.from_numpy(completes).to(device)
            self.residues = torch.from_numpy(automaton.residues).to(device).float()
            self.follow = torch.from_numpy(automaton.follow).to(device).float()

    def _stops(self) -> np.ndarray:
        """(steps,) of designs with p residues or more, the share that has just p."""
        weights = (self.grammar.lengths * self.grammar.possible_sizes())[: self.most + 1]
        return weights / np.maximum(weights[::-1].cumsum()[::-1], TINY)

    @property
    def done(self) -> Tensor:
        """(B,) bool."""
        return self.ended

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but those numbered."""
        self.ended = self.ended[rows]
        self.places = None if self.places is None else self.places[rows]

    def guide(self) -> Guide:
        """Allowed tokens; context: the place along the sequence; no origins."""
        rows, device = len(self.ended), self.ended.device
        plain = torch.empty(rows, CLASSES + 1, dtype=torch.bool, device=device)
        plain[:, 1:] = (~self.ended & (self.step < self.most))[:, None]
        plain[:, 0] = self.ended | (self.step >= self.grammar.shortest)
        place = torch.full((rows, 1), min(self.step, self.grammar.context_sizes[0] - 1), device=device)
        origin = torch.zeros(rows, 0, dtype=torch.int64, device=device)
        if self.places is None:
            return Guide(plain, place, origin)
        return Guide(self._kept(plain, self.places), place, origin, plain, self._lean(self.places))

    def _kept(self, plain: Tensor, places: Tensor) -> Tensor:
        """(B, V): of the tokens those under which the motif can still be completed; `end` where nothing can."""
        kept = plain.clone()
        if self.step < self.most:
            leads = (self.follow @ self.completes[self.step + 1].float()) > 0  # (S,) places that may be written now
            kept[:, 1:] &= (places & leads).float() @ self.residues > 0
        kept[:, 0] &= self.ended | places[:, -1]
        kept[:, 0] |= ~kept.any(dim=1)
        return kept

    def _lean(self, places: Tensor) -> Tensor:
        """(B, V) log h: of `end` 0, since only a motif that is complete allows it."""
        lean = torch.zeros(len(places), CLASSES + 1, device=places.device)
        if self.step < self.most:
            after = (self.follow.double() @ self.odds[self.step + 1]).clamp(max=1)
            lean[:, 1:] = ((places * after) @ self.residues.double()).clamp(min=TINY, max=1).log()
        return lean

    def advance(self, tokens: Tensor) -> None:
        """Takes one token (B,) a row. What the motif does not allow leaves no place to stand at."""
        self.step += 1
        self.ended = self.ended | (tokens == self.grammar.end)
        if self.places is not None:
            written = self.places & (self.residues.T[(tokens - 1).clamp(min=0)] > 0)
            self.places = (written.float() @ self.follow > 0) & ~self.ended[:, None]
