"""What a network is told of a design as a whole: properties, each of which may stay unsaid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molgen.sequences import Sequences

UNTOLD = 0.15  # share of the designs that are told nothing in training (Ho and Salimans 2022, arXiv:2207.12598)


class Told(nn.Module):
    """Properties (B, P), NaN where not told -> (B, 2 P): standardised, and which are told."""

    def __init__(self, properties: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(properties))
        self.register_buffer("spread", torch.ones(properties))

    def learn(self, data: Sequences) -> None:
        """Takes mean and deviation from the data; those that are known already are kept: weights are fitted to them."""
        if data.labels is None or bool(self.centre.any()):
            return
        labels = torch.from_numpy(data.labels).double()
        labels = labels[~labels.isnan().any(dim=1)]
        self.centre.copy_(labels.mean(dim=0))
        self.spread.copy_(labels.std(dim=0, correction=0).clamp(min=1e-6))

    def forward(self, labels: Tensor) -> Tensor:
        """labels (B, P) -> (B, 2 P)."""
        told = ~labels.isnan()
        return torch.cat([torch.where(told, (labels - self.centre) / self.spread, 0.0), told.float()], dim=1)

    def in_part(self, labels: Tensor, chance: torch.Generator) -> Tensor:
        """For training: nothing of some designs; of the others, where there are several properties, some of them."""
        numbers = torch.rand(len(labels), labels.shape[1] + 1, generator=chance, device=labels.device)
        kept = numbers[:, 1:] < (0.5 if labels.shape[1] > 1 else 1.0)
        return self(labels.masked_fill(~kept | (numbers[:, :1] < UNTOLD), torch.nan))
