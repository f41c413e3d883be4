"""Walks through the latent space of a VAE: between two designs, and around one."""

from __future__ import annotations

import torch
from torch import Tensor

from molgen.errors import MolgenError
from molgen.generator import NeuralGenerator
from molgen.seeds import torch_rng


def slerp(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985): sin((1-t) w) / sin w a + sin(t w) / sin w b, w the angle of a and b.

    Latents of many dimensions lie near a sphere; a straight line would leave it. Lengths are interpolated linearly.

    Args:
        a, b: (Z,).
        share: (n,) in [0, 1].

    Returns:
        (n, Z).
    """
    lengths = torch.lerp(a.norm(), b.norm(), share)[:, None]
    one, other = a / a.norm(), b / b.norm()
    angle = torch.arccos((one @ other).clamp(-1, 1))
    if angle < 1e-4:  # the same direction
        return lengths * one
    weights = torch.stack([torch.sin((1 - share) * angle), torch.sin(share * angle)], dim=1) / torch.sin(angle)
    return lengths * (weights @ torch.stack([one, other]))


def interpolate(generator: NeuralGenerator, start: str, end: str, points: int = 9) -> list[str]:
    """The designs at `points` equal steps from one design to another, both ends included as they are reconstructed."""
    a, b = _encoded(generator, [start, end])
    return generator.decode(slerp(a, b, torch.linspace(0, 1, points)))


def neighbours(generator: NeuralGenerator, design: str, n: int, seed: int, spread: float = 0.5) -> list[str]:
    """`n` designs around one: its latent with Gaussian noise of standard deviation `spread` a dimension."""
    (centre,) = _encoded(generator, [design])
    noise = torch.randn(n, len(centre), generator=torch_rng(seed, "neighbours"))
    return generator.decode(centre + spread * noise, seed)


def _encoded(generator: NeuralGenerator, designs: list[str]) -> Tensor:
    latents = generator.encode(designs)
    for design, latent in zip(designs, latents, strict=True):
        if latent.isnan().any():
            reason = generator.codec.encode([design])[0].reason
            raise MolgenError(f"{design!r} cannot be encoded: {reason}")
    return latents
