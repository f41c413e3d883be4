"""How many positions a design has, where a family decides that first."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_sizes(shares: Tensor, rows: int, chance: torch.Generator) -> Tensor:
    """`rows` sizes from 1 on (B,), on the CPU; shares (S,) by size from 0, which need not sum to one."""
    cumulative = shares.cpu().double().cumsum(0)
    uniform = torch.rand(rows, generator=chance).double()
    return torch.searchsorted(cumulative, uniform * cumulative[-1]).clamp(1, len(shares) - 1)
