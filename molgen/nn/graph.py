"""A message-passing encoder of designs: graph convolutions over the pairs, then a readout along the positions.

Convolutions are GINE (Hu et al. 2020, arXiv:1905.12265) of torch-geometric, with a residual around each. A sum over
atoms forgets in which order a design is written; the readout runs a GRU both ways along it instead.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GINEConv

from molgen.batch import Fields, Grammar


class GraphEncoder(nn.Module):
    """Fields -> one vector a design (B, 2 * readout + width)."""

    def __init__(self, grammar: Grammar, width: int, depth: int, readout: int) -> None:
        super().__init__()
        self.position = nn.Embedding(grammar.position_classes, width)
        self.place = nn.Embedding(grammar.most_positions, width)
        self.pair = nn.Embedding(grammar.pair_classes + 1, width)  # the last stands for 'next along the design'
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.convolutions = nn.ModuleList(GINEConv(_mlp(width)) for _ in range(depth))
        self.ahead = nn.GRU(width, readout, batch_first=True)
        self.behind = nn.GRU(width, readout, batch_first=True)
        self.size = 2 * readout + width

    def forward(self, fields: Fields) -> Tensor:
        """(B, size)."""
        mask = fields.mask
        places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
        x = self.position(fields.position[mask]) + self.place(places[mask])  # (nodes, D)
        edges, kinds = edges_of(fields, self.pair.num_embeddings - 1)
        told = self.pair(kinds).to(x.dtype)
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = x + convolution(norm(x).to(x.dtype), edges, told)
        return self._readout(x, mask)

    def _readout(self, x: Tensor, mask: Tensor) -> Tensor:
        last = mask.sum(dim=1) - 1
        rows, places = mask.nonzero(as_tuple=True)
        padded = x.new_zeros(*mask.shape, x.shape[1])
        flipped = torch.zeros_like(padded)
        padded[rows, places] = x
        flipped[rows, last[rows] - places] = x
        each = torch.arange(len(mask), device=mask.device)
        ahead, behind = self.ahead(padded)[0][each, last], self.behind(flipped)[0][each, last]
        mean = padded.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return torch.cat([ahead.float(), behind.float(), mean.float()], dim=1)


def edges_of(fields: Fields, along: int) -> tuple[Tensor, Tensor]:
    """Edges (2, E) both ways between the positions that exist, counted through the batch, and their classes (E,).

    Beside the pairs whose class is not 0, each position is joined to the next one, by the class `along`.
    """
    mask, pair = fields.mask, fields.pair
    number = (mask.flatten().cumsum(dim=0) - 1).view_as(mask)
    b, k = (mask[:, 1:]).nonzero(as_tuple=True)
    before, after = number[b, k], number[b, k + 1]
    along_both = torch.full_like(torch.cat([b, b]), along)
    if pair is None:
        return torch.stack([torch.cat([before, after]), torch.cat([after, before])]), along_both
    row, i, j = pair.nonzero(as_tuple=True)
    sender = torch.cat([number[row, i], before, after])
    receiver = torch.cat([number[row, j], after, before])
    return torch.stack([sender, receiver]), torch.cat([pair[row, i, j], along_both])


def _mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
