"""Dropout by numbers of a generator of its own: a run that is gone on with drops the same."""

from __future__ import annotations

import torch
from torch import Tensor


def dropped(x: Tensor, share: float, chance: torch.Generator | None) -> Tensor:
    """Each number 0 with probability `share`, the others scaled up (Srivastava 2014); x itself without chance."""
    if chance is None or not share:
        return x
    kept = torch.rand(x.shape, device=x.device, generator=chance) >= share
    return x * kept / (1 - share)
