"""A residual network of vectors."""

from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Module):
    """Blocks x + W_2 silu(W_1 norm(x)) between two linear maps."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(depth)
        )
        self.leave = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) -> (B, outputs)."""
        x = self.enter(x)
        for block in self.blocks:
            x = x + block(x)
        return self.leave(x)
