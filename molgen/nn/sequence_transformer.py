"""A transformer over the positions of a design that has no pairs: what is hidden, from all that is seen.

Layers normalise before they attend and think; attention knows distances by rotary positions (RoFormer, Su et al.
2021, arXiv:2104.09864). A token before the first position and one behind the last tell where a design begins and ends:
without them, hidden positions would all be alike. Memory grows with the length, attention aside, which torch fuses.

Dropout takes its numbers from a generator that is handed in, and is off without one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from molgen.nn.dropout import dropped
from molgen.nn.graph_transformer import Seen

BASE = 1000.0  # the longest wavelength of rotary positions, in positions over 2 pi
FREQUENCIES = 32  # of the sines that tell the time


class SequenceTransformer(nn.Module):
    """Logits of the true class of every position of a noisy design."""

    def __init__(
        self,
        classes: int,
        width: int,
        depth: int,
        heads: int,
        *,
        dropout: float = 0.0,
        timed: bool = False,
        told: int = 0,
    ) -> None:
        """`classes` of designs, one more stands for 'hidden'. `timed`: the time is told; `told`: Z of `Seen.told`.

        Raises:
            ValueError: heads whose width is odd, which cannot be turned.
        """
        super().__init__()
        if width % (2 * heads):
            raise ValueError(f"width={width} must be a multiple of twice heads={heads}")
        self.classes, self.width, self.head_width, self.dropout = classes, width, width // heads, dropout
        self.token = nn.Embedding(classes + 3, width)  # classes, hidden, begin, end
        waves_in = nn.Linear(2 * FREQUENCIES, width)
        self.time = nn.Sequential(waves_in, nn.SiLU(), nn.Linear(width, width)) if timed else None
        self.told = nn.Linear(told, width, bias=False) if told else None
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)
        nn.init.normal_(self.token.weight, std=0.5)
        for zero in (self.head.weight, self.head.bias, *(() if self.told is None else (self.told.weight,))):
            nn.init.zeros_(zero)

    def forward(self, seen: Seen, chance: torch.Generator | None = None) -> Tensor:
        """-> (B, L, K), float32."""
        whole = self._whole(seen)
        x = self.token(self._framed(seen)) + (0 if whole is None else whole[:, None])
        x = dropped(x, self.dropout, chance)
        turn = rotation(x.shape[1], self.head_width, x.device)
        keys = self._keys(seen)
        for block in self.blocks:
            x = block(x, turn, keys, chance)
        return self.head(self.norm(x[:, 1:-1])).float()

    def _framed(self, seen: Seen) -> Tensor:
        """(B, L + 2): begin, the positions, end right behind the last of them, and what pads."""
        framed = torch.nn.functional.pad(seen.position, (1, 1), value=self.classes + 1)
        return framed.scatter(1, seen.sizes[:, None] + 1, self.classes + 2)

    def _keys(self, seen: Seen) -> Tensor | None:
        """(B, 1, 1, L + 2) bool: what may be attended to; None where all may."""
        place = torch.arange(seen.position.shape[1] + 2, device=seen.sizes.device)
        keys = place < seen.sizes[:, None] + 2
        return None if bool(keys.all()) else keys[:, None, None]

    def _whole(self, seen: Seen) -> Tensor | None:
        """(B, D): what every position of a design is told, the time and the properties."""
        whole = None if self.time is None else self.time(waves(seen.time).to(self.time[0].weight))
        if self.told is None or seen.told is None:
            return whole
        told = self.told(seen.told.to(self.told.weight))
        return told if whole is None else whole + told


class Block(nn.Module):
    """Positions attend to each other, and think."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think_norm = nn.LayerNorm(width)
        self.think_in, self.think_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for last in (self.out, self.think_out):
            nn.init.zeros_(last.bias)
            nn.init.normal_(last.weight, std=0.3 * last.in_features**-0.5)

    def forward(self, x: Tensor, turn: Tensor, keys: Tensor | None, chance: torch.Generator | None) -> Tensor:
        """x (B, N, D), turn (2, N, H / 2) of `rotation`, keys (B, 1, 1, N) bool -> (B, N, D)."""
        x = x + dropped(self.out(self._attended(self.norm(x), turn, keys)), self.dropout, chance)
        return x + dropped(self.think_out(gelu(self.think_in(self.think_norm(x)))), self.dropout, chance)

    def _attended(self, x: Tensor, turn: Tensor, keys: Tensor | None) -> Tensor:
        rows, positions, width = x.shape
        q, k, v = self.qkv(x).view(rows, positions, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = scaled_dot_product_attention(turned(q, turn), turned(k, turn), v, attn_mask=keys)
        return found.transpose(1, 2).reshape(rows, positions, width)


def rotation(positions: int, width: int, device: torch.device) -> Tensor:
    """Cosines and sines (2, N, H / 2) of every position's angles, for heads of width H."""
    rates = BASE ** -(torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(positions, device=device)[:, None] * rates
    return torch.stack([angles.cos(), angles.sin()])


def turned(x: Tensor, turn: Tensor) -> Tensor:
    """x (..., N, H), each pair of halves turned by the angle of its position: products then know distances alone."""
    cos, sin = turn.to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def waves(time: Tensor) -> Tensor:
    """Times (B,) in [0, 1] -> sines and cosines (B, 2 F) of rising frequency."""
    angles = time[:, None].float() * torch.exp(torch.linspace(0.0, 7.0, FREQUENCIES, device=time.device))
    return torch.cat([angles.sin(), angles.cos()], dim=1)
