"""A graph transformer over positions and pairs, lean enough for a CPU.

Two streams: nodes (B, L, D) and edges (B, P, E), where P = L (L - 1) / 2 counts each pair once. A block lets every edge
see its two nodes, sums edges into nodes, and lets nodes attend to each other with a bias that their edge gives (the
idea of Ying et al. 2021, arXiv:2106.05234, and of the edge stream of DiGress, arXiv:2209.14734). Nodes are gathered for
pairs, and edges summed for nodes, by products with constant matrices: on a CPU these beat indexing, whose gradient is a
scatter. Pairs stand in the order (1,0), (2,0), (2,1), (3,0), ...: those of a smaller design come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

PATHS = 7  # bonds up to which the length of a path is told
FAR, APART = PATHS + 1, PATHS + 2  # connected by more bonds, not connected


@dataclass(frozen=True)
class Layout:
    """Where pairs stand, for L positions."""

    later: Tensor  # (P,) the greater position of each pair
    earlier: Tensor  # (P,)
    ends: Tensor  # (P, 2 L) float: picks the later from the first L rows and the earlier from the last L
    grid: Tensor  # (2 P,) places in a flat (L, L) of (later, earlier), then of (earlier, later)


@lru_cache(maxsize=128)
def layout(positions: int, device: torch.device) -> Layout:
    """The layout for so many positions, kept: of ordinary tensors, since training may follow a draw."""
    with torch.inference_mode(False):
        later, earlier = torch.tril_indices(positions, positions, -1, device=device)
        ends = torch.zeros(len(later), 2 * positions, device=device)
        pair = torch.arange(len(later), device=device)
        ends[pair, later] = 1
        ends[pair, positions + earlier] = 1
        return Layout(later, earlier, ends, torch.cat([later * positions + earlier, earlier * positions + later]))


def flat_pairs(square: Tensor) -> Tensor:
    """(B, L, L) symmetric -> (B, P)."""
    place = layout(square.shape[1], square.device)
    return square[:, place.later, place.earlier]


def square_pairs(flat: Tensor, positions: int) -> Tensor:
    """(B, P) -> (B, L, L) symmetric, zero on the diagonal."""
    return _Square.apply(torch.cat([flat, flat], dim=-1), positions)


class _Square(torch.autograd.Function):
    """(..., 2 P) -> (..., L, L), zero on the diagonal. Every entry has one place, so the gradient is a gather."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, positions: int) -> Tensor:
        ctx.positions = positions
        square = flat.new_zeros(*flat.shape[:-1], positions * positions)
        square.index_copy_(-1, layout(positions, flat.device).grid, flat)
        return square.unflatten(-1, (positions, positions))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.flatten(-2).index_select(-1, layout(ctx.positions, grad.device).grid), None


@dataclass(frozen=True)
class Seen:
    """Noisy designs as the network sees them. One more class than the designs have stands for 'hidden'."""

    position: Tensor  # (B, L) int64
    pair: Tensor  # (B, P) int64
    sizes: Tensor  # (B,) int64
    time: Tensor  # (B,) in [0, 1]
    told: Tensor | None = None  # (B, Z) what is known of each design as a whole

    @property
    def mask(self) -> Tensor:
        """(B, L) bool: positions that a design has."""
        return torch.arange(self.position.shape[1], device=self.sizes.device) < self.sizes[:, None]

    @property
    def pair_mask(self) -> Tensor:
        """(B, P) bool: pairs that a design has; pairs stand in the order of their later position."""
        count = self.sizes * (self.sizes - 1) // 2
        return torch.arange(self.pair.shape[1], device=self.sizes.device) < count[:, None]


def path_lengths(joined: Tensor) -> Tensor:
    """joined (B, L, L) bool -> (B, L, L) int64: bonds on the shortest path up to PATHS, then FAR or APART."""
    step = joined.float() + torch.eye(joined.shape[1], device=joined.device)
    within = step.clamp(max=1)
    length = 2 - within
    for _ in range(PATHS - 1):
        within = (within @ step > 0).float()
        length += 1 - within
    reached = within
    for _ in range(max(0, (joined.shape[1] // PATHS).bit_length())):
        reached = (reached @ reached > 0).float()
    return (length + (1 - reached)).long()


class Inputs(nn.Module):
    """What is seen, and what a network cannot count: used and free valence, paths, how much is hidden."""

    def __init__(self, capacities: tuple[int, ...], pairs: int, most: int, width: int, edge_width: int) -> None:
        super().__init__()
        self.hidden, self.hidden_pair, self.largest = len(capacities), pairs, max(capacities)
        self.register_buffer("capacity", torch.tensor([*capacities, self.largest + 1]), persistent=False)
        self.position = nn.Embedding(len(capacities) + 1, width)
        self.place = nn.Embedding(most + 1, width)
        self.place_from_end = nn.Embedding(most + 1, width)
        self.used = nn.Embedding(self.largest + 2, width)
        self.free = nn.Embedding(self.largest + 2, width)
        self.counts = nn.Linear(3, width)
        self.whole = nn.Sequential(nn.Linear(4, width), nn.SiLU(), nn.Linear(width, width))
        self.pair = nn.Linear(pairs + 1 + APART + 1, edge_width, bias=False)
        self.distance = nn.Embedding(most + 1, edge_width)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """-> nodes (B, L, D), edges (B, P, E)."""
        orders = torch.where((seen.pair < self.hidden_pair) & seen.pair_mask, seen.pair, 0)
        bonds = square_pairs(orders, seen.position.shape[1])
        return self._nodes(seen, bonds), self._edges(seen, bonds)

    def _nodes(self, seen: Seen, bonds: Tensor) -> Tensor:
        place = torch.arange(seen.position.shape[1], device=bonds.device)
        used = bonds.sum(dim=2)
        free = (self.capacity[seen.position] - used).clamp(min=0)
        free = torch.where(seen.position == self.hidden, self.largest + 1, free)
        from_end = (seen.sizes[:, None] - 1 - place).clamp(min=0)
        nodes = self.position(seen.position) + self.place(place) + self.place_from_end(from_end) + self.free(free)
        nodes = nodes + self.used(used.clamp(max=self.largest + 1)) + self.counts(self._counts(seen, bonds).to(nodes))
        return nodes + self.whole(self._whole(seen).to(nodes))[:, None]

    def _counts(self, seen: Seen, bonds: Tensor) -> Tensor:
        """(B, L, 3): hidden pairs of each position, those with earlier positions, bonds to earlier positions."""
        hidden = square_pairs(((seen.pair == self.hidden_pair) & seen.pair_mask).float(), seen.position.shape[1])
        scale = seen.sizes[:, None].float()
        before = [hidden.tril().sum(2) / scale, (bonds > 0).tril().sum(2).float()]
        return torch.stack([hidden.sum(2) / scale, *before], dim=2)

    def _whole(self, seen: Seen) -> Tensor:
        """(B, 4): time, shares of hidden positions and pairs, size."""
        positions = ((seen.position == self.hidden) & seen.mask).sum(1) / seen.sizes
        pairs = ((seen.pair == self.hidden_pair) & seen.pair_mask).sum(1) / (seen.sizes**2 / 2)
        return torch.stack([seen.time, positions, pairs, seen.sizes / 16], dim=1)

    def _edges(self, seen: Seen, bonds: Tensor) -> Tensor:
        place = layout(bonds.shape[1], bonds.device)
        length = flat_pairs(path_lengths(bonds > 0))
        kinds = torch.arange(self.hidden_pair + 1, device=bonds.device), torch.arange(APART + 1, device=bonds.device)
        told = torch.cat([seen.pair[..., None] == kinds[0], length[..., None] == kinds[1]], dim=2)
        edges = self.pair(told.to(self.pair.weight.dtype))
        return edges + self.distance(place.later - place.earlier).to(edges)


class Block(nn.Module):
    """Edges see their nodes; nodes receive their edges, attend under the edges' bias, and think."""

    def __init__(self, width: int, edge_width: int, heads: int) -> None:
        super().__init__()
        self.heads, inner = heads, 2 * edge_width
        self.edge_norm, self.ends_norm = nn.LayerNorm(edge_width), nn.LayerNorm(width)
        self.edge_in, self.ends_in = nn.Linear(edge_width, inner), nn.Linear(width, 2 * inner, bias=False)
        self.edge_out, self.edge_to_node = nn.Linear(inner, edge_width), nn.Linear(2 * inner, width)
        self.bias = nn.Linear(edge_width, 2 * heads, bias=False)
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think_norm = nn.LayerNorm(width)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        for last in (self.edge_out, self.edge_to_node, self.out, self.think[2]):
            nn.init.zeros_(last.bias)
            nn.init.normal_(last.weight, std=0.3 * last.in_features**-0.5)

    def forward(self, nodes: Tensor, edges: Tensor, pad: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """nodes (B, L, D), edges (B, P, E), pad (B, 1, 1, L) added to attention, pairs (B, P, 1) 1 or 0."""
        messages = self._messages(nodes, edges, pairs)
        edges = edges + self.edge_out(messages)
        nodes = nodes + self.edge_to_node(self._received(messages, nodes.shape[1]))
        nodes = nodes + self.out(self._attended(self.norm(nodes), edges, pad))
        return nodes + self.think(self.think_norm(nodes)), edges

    def _messages(self, nodes: Tensor, edges: Tensor, pairs: Tensor) -> Tensor:
        """(B, P, M), 0 where a design has no such pair."""
        entered = self.edge_in(self.edge_norm(edges))
        ends = torch.cat(self.ends_in(self.ends_norm(nodes)).chunk(2, dim=2), dim=1)
        picked = layout(nodes.shape[1], nodes.device).ends.to(ends)
        return torch.relu(entered + picked @ ends) * pairs.to(entered)

    def _received(self, messages: Tensor, positions: int) -> Tensor:
        """(B, L, 2 M): sums over the pairs in which a position is the later, and in which it is the earlier."""
        picked = layout(positions, messages.device).ends.to(messages)
        return torch.cat((picked.T @ messages).chunk(2, dim=1), dim=2) / 4

    def _attended(self, nodes: Tensor, edges: Tensor, pad: Tensor) -> Tensor:
        """Attention among nodes. Written out: with a bias that learns, it is faster than torch's fused one on a CPU."""
        rows, positions, width = nodes.shape
        q, k, v = self.qkv(nodes).view(rows, positions, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.bias(edges).transpose(1, 2).unflatten(1, (self.heads, 2)).flatten(2)
        scores = q @ k.transpose(2, 3) * q.shape[3] ** -0.5 + _Square.apply(bias, positions) + pad.to(q)
        return (scores.softmax(dim=3).to(v) @ v).transpose(1, 2).reshape(rows, positions, width)


class GraphTransformer(nn.Module):
    """Logits of the true class of every position and pair of a noisy design."""

    def __init__(
        self, capacities: tuple[int, ...], pairs: int, most: int, width: int, edge_width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.inputs = Inputs(capacities, pairs, most, width, edge_width)
        self.blocks = nn.ModuleList(Block(width, edge_width, heads) for _ in range(depth))
        self.norm, self.edge_norm = nn.LayerNorm(width), nn.LayerNorm(edge_width)
        self.head, self.edge_head = nn.Linear(width, len(capacities)), nn.Linear(edge_width, pairs)
        for head in (self.head, self.edge_head):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """-> (B, L, K), (B, P, C), float32."""
        nodes, edges = self.inputs(seen)
        pad = torch.where(seen.mask, 0.0, -1e4)[:, None, None]
        pairs = seen.pair_mask[..., None]
        for block in self.blocks:
            nodes, edges = block(nodes, edges, pad, pairs)
        return self.head(self.norm(nodes)).float(), self.edge_head(self.edge_norm(edges)).float()
