"""What a network is told of a design as a whole: properties, each of which may stay unsaid."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from molgen.sequences import Sequences

UNTOLD = 0.15  # share of the designs that are told nothing in training (Ho and Salimans 2022, arXiv:2207.12598)


def moments(data: Sequences) -> tuple[Tensor, Tensor]:
    """Mean and deviation (P,) of the labels of data, float64, of each over the designs that have it."""
    labels = torch.from_numpy(data.labels).double()
    told = [column[~column.isnan()] for column in labels.T]
    means, spreads = ([f(column) for column in told] for f in (torch.mean, partial(torch.std, correction=0)))
    return torch.stack(means), torch.stack(spreads).clamp(min=1e-6)


def standardised(labels: Tensor, centre: Tensor, spread: Tensor) -> Tensor:
    """Properties (B, P), NaN where not told -> (B, 2 P): in deviations from the mean, and which are told.

    ValueError where there are not as many properties as means: one would be spread over all.
    """
    if labels.shape[1:] != centre.shape:
        raise ValueError(f"{labels.shape[1]} properties are told, the network knows {len(centre)}")
    told = ~labels.isnan()
    return torch.cat([torch.where(told, (labels - centre) / spread, 0.0), told.float()], dim=1)


def in_part(labels: Tensor, chance: torch.Generator) -> Tensor:
    """Properties (B, P) as training tells them: of some designs none; of the others, if there are several, a part."""
    numbers = torch.rand(len(labels), labels.shape[1] + 1, generator=chance, device=labels.device)
    kept = numbers[:, 1:] < (0.5 if labels.shape[1] > 1 else 1.0)
    return labels.masked_fill(~kept | (numbers[:, :1] < UNTOLD), torch.nan)


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
        for buffer, value in zip((self.centre, self.spread), moments(data), strict=True):
            buffer.copy_(value)

    def forward(self, labels: Tensor) -> Tensor:
        """labels (B, P) -> (B, 2 P)."""
        return standardised(labels, self.centre, self.spread)

    def in_part(self, labels: Tensor, chance: torch.Generator) -> Tensor:
        """`in_part` of labels (B, P) -> (B, 2 P)."""
        return self(in_part(labels, chance))
