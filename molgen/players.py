"""Who is trained by which objective: one player for most families, two for a GAN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Player:
    """What one objective trains, and how."""

    parameters: list[nn.Parameter]
    rate: float = 1.0  # times the rate of the plan
    betas: tuple[float, float] = (0.9, 0.99)  # of AdamW; these suit short runs
    clip: float = 1.0  # largest norm of the gradient
