"""How often sizes and classes come in training data: where a network that fills fields begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from molgen.batch import Fields, Grammar
from molgen.seeds import rng
from molgen.sequences import Sequences

SAMPLE = 200_000  # designs from which is counted
RARE = -14.0  # log frequency of a class that was not seen


@dataclass(frozen=True)
class Frequencies:
    """Counts, float64."""

    sizes: Tensor  # (most positions + 1,) designs of each size
    position: Tensor  # (K,)
    pair: Tensor | None  # (distances, C) by how far apart the two positions are; None where there are no pairs

    @classmethod
    def of(cls, data: Sequences, grammar: Grammar, device: torch.device) -> Frequencies:
        """Counts over the data (at most `SAMPLE` designs)."""
        rows = rng(0, "prepare").permutation(len(data))[:SAMPLE]
        rows = rows[np.argsort(data.lengths[rows], kind="stable")]
        sizes = torch.zeros(grammar.most_positions + 1, dtype=torch.float64, device=device)
        position = torch.zeros(grammar.position_classes, dtype=torch.float64, device=device)
        pair = torch.zeros(grammar.most_positions, grammar.pair_classes, dtype=torch.float64, device=device)
        for start in range(0, len(rows), 4096):
            fields = data.batch(rows[start : start + 4096], grammar, device).fields
            sizes += torch.bincount(fields.sizes, minlength=len(sizes))
            position += torch.bincount(fields.position[fields.mask], minlength=len(position))
            if fields.pair is not None:
                pair += pairs_by_distance(fields, *pair.shape)
        return cls(sizes, position, pair if grammar.pair_classes > 1 else None)


def distances(positions: int, device: torch.device) -> Tensor:
    """(L, L): how far apart two positions are."""
    place = torch.arange(positions, device=device)
    return (place[:, None] - place).abs()


def pairs_by_distance(fields: Fields, far: int, classes: int) -> Tensor:
    """Counts (far, classes) of the classes of pairs."""
    both = (fields.mask[:, :, None] & fields.mask[:, None]).tril(-1)
    apart = distances(fields.mask.shape[1], fields.mask.device).expand_as(fields.pair)
    found = torch.bincount(apart[both] * classes + fields.pair[both], minlength=far * classes)
    return found.view(far, classes)


def log_share(counts: Tensor) -> Tensor:
    """Log frequencies along the last axis; `RARE` at the least, alike where nothing was counted."""
    counts = counts + (counts.sum(-1, keepdim=True) == 0)
    return (counts / counts.sum(-1, keepdim=True)).log().clamp(min=RARE)
