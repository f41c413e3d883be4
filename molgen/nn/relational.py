"""The critic of designs whose classes may be soft: relational message passing beside what the order of atoms says.

Three views of a design are joined before the score: its fields laid flat in their own order; what its structure is
(capacity left and overdrawn, degrees, rings of three to five, what can be reached from the first position); and graph
convolutions with weights of their own for every pair class (R-GCN: Schlichtkrull et al. 2018, arXiv:1703.06103, as in
MolGAN) by torch-geometric, read out by gates (Li et al. 2016, arXiv:1511.05493, equation 7). All of it can be
differentiated twice, since gradients are penalised.

Axis letters: B batch, L positions, K position classes, P = L (L - 1) / 2 pairs in the order (1,0), (2,0), (2,1), ...,
C pair classes, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import DenseGraphConv

from molgen.batch import Fields, Grammar

SYMBOLS = 8  # numbers that stand for the class of a position where a design is laid flat
VIEWS = 7  # numbers that describe the structure at each position


@dataclass(frozen=True)
class Soft:
    """Designs as shares of classes; 0 where a design has no such position or pair. One-hot where they are real."""

    position: Tensor  # (B, L, K) float
    pair: Tensor  # (B, P, C) float
    mask: Tensor  # (B, L) float

    @property
    def pair_mask(self) -> Tensor:
        """(B, P) float."""
        later, earlier = corners(self.mask.shape[1], self.mask.device)
        return self.mask[:, later] * self.mask[:, earlier]


def corners(positions: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(later, earlier) position of every pair (P,)."""
    later, earlier = torch.tril_indices(positions, positions, -1, device=device)
    return later, earlier


def one_hot(fields: Fields, positions: int, classes: int, pair_classes: int) -> Soft:
    """Designs of at most `positions` positions, one-hot."""
    missing = positions - fields.mask.shape[1]
    mask = functional.pad(fields.mask, (0, missing)).float()
    position = functional.one_hot(functional.pad(fields.position, (0, missing)), classes)
    later, earlier = corners(positions, mask.device)
    pair = functional.one_hot(functional.pad(fields.pair, (0, missing, 0, missing))[:, later, earlier], pair_classes)
    return masked(position.float(), pair.float(), mask)


def masked(position: Tensor, pair: Tensor, mask: Tensor) -> Soft:
    """Shares of classes (B, L, K), (B, P, C) with nothing where a design has no position."""
    later, earlier = corners(mask.shape[1], mask.device)
    return Soft(position * mask[..., None], pair * (mask[:, later] * mask[:, earlier])[..., None], mask)


def squares(pair: Tensor, positions: int) -> list[Tensor]:
    """(B, P, C) -> C times (B, L, L), symmetric, 0 on the diagonal. Products: their gradients are too, no scatters."""
    later, earlier = corners(positions, pair.device)
    place = torch.arange(len(later), device=pair.device)
    spread = pair.new_zeros(len(later), positions * positions)
    spread[place, later * positions + earlier] = 1
    spread[place, earlier * positions + later] = 1
    return [(one @ spread).unflatten(1, (positions, positions)) for one in pair.unbind(2)]


def reached(bonded: Tensor) -> Tensor:
    """(B, L): where a lazy random walk from the first position is after 8 steps; 0 at what is not connected to it.

    bonded (B, L, L): how much each two positions are bonded. The walk stays with probability 1 / (1 + degree).
    """
    itself = torch.eye(bonded.shape[1], device=bonded.device, dtype=bonded.dtype)
    walk = (bonded + itself) / (1 + bonded.sum(1, keepdim=True))
    for _ in range(3):
        walk = walk @ walk
    return walk[:, :, 0]


def structure(by_class: list[Tensor], capacity: Tensor) -> Tensor:
    """What a design is as a graph, at each position (B, L, VIEWS).

    by_class C - 1 times (B, L, L): pairs by class, 'none' left out; capacity (B, L) of the positions' classes. In turn:
    capacity left, capacity overdrawn, degree, closed walks of 3, 4 and 5 steps, log of where a walk has come to.
    """
    bonded = sum(by_class[1:], by_class[0])
    left = capacity - sum(order * one.sum(2) for order, one in enumerate(by_class, 1))
    degree, two = bonded.sum(2), bonded @ bonded
    three = two @ bonded
    walks = (two * bonded).sum(2) / 4, (two.square().sum(2) - degree) / 8, (three * two).sum(2) / 16
    return torch.stack([left / 2, (-left).relu(), degree / 2, *walks, (reached(bonded) + 1e-2).log()], dim=2)


class Relational(nn.Module):
    """Graph convolutions with weights of their own for every pair class, and a gated sum over the positions."""

    def __init__(self, inputs: int, relations: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.convolutions = nn.ModuleList(
            nn.ModuleList(DenseGraphConv(width, width, aggr="add", bias=r == 0) for r in range(relations))
            for _ in range(depth)
        )
        self.gate, self.content = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, by_class: list[Tensor], mask: Tensor) -> Tensor:
        """Positions (B, L, inputs), pairs C - 1 times (B, L, L), mask (B, L) -> designs (B, D)."""
        present = mask[..., None]
        h = self.enter(x) * present
        for relations in self.convolutions:
            told = [convolution(h, adjacency) for convolution, adjacency in zip(relations, by_class, strict=True)]
            h = h + functional.silu(sum(told[1:], told[0])) * present
        return (self.gate(h).sigmoid() * self.content(h).tanh() * present).sum(1)


class Flat(nn.Module):
    """Designs laid flat in their own order: `size` numbers."""

    def __init__(self, grammar: Grammar, positions: int) -> None:
        super().__init__()
        self.symbols = nn.Linear(grammar.position_classes, SYMBOLS, bias=False)
        self.size = positions * (SYMBOLS + 1) + positions * (positions - 1) // 2 * (grammar.pair_classes - 1)

    def forward(self, designs: Soft) -> Tensor:
        """(B, size)."""
        return torch.cat([self.symbols(designs.position).flatten(1), designs.pair[..., 1:].flatten(1), designs.mask], 1)


class Critic(nn.Module):
    """A score per design, higher for what looks real. No normalisation: it would hide what the penalty bounds."""

    def __init__(
        self, grammar: Grammar, positions: int, width: int, depth: int, relational_width: int, relational_depth: int
    ) -> None:
        super().__init__()
        classes, relations = grammar.position_classes, grammar.pair_classes - 1
        self.register_buffer("capacities", torch.tensor(grammar.capacities, dtype=torch.float32), persistent=False)
        self.flat = Flat(grammar, positions)
        self.relational = Relational(classes + VIEWS, relations, relational_width, relational_depth)
        self.enter = nn.Linear(self.flat.size + positions * VIEWS + relational_width, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)) for _ in range(depth)
        )
        self.leave = nn.Sequential(nn.SiLU(), nn.Linear(width, 1))

    def forward(self, designs: Soft) -> Tensor:
        """Scores (B,)."""
        by_class = squares(designs.pair[..., 1:], designs.mask.shape[1])
        views = structure(by_class, designs.position @ self.capacities) * designs.mask[..., None]
        graph = self.relational(torch.cat([designs.position, views], dim=2), by_class, designs.mask)
        x = self.enter(torch.cat([self.flat(designs), views.flatten(1), graph], dim=1))
        for block in self.blocks:
            x = x + block(x)
        return self.leave(x).squeeze(1)


def scores_and_slopes(critic: Critic, designs: Soft) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (B,), and their gradients by positions (B, L, K) and by pairs (B, P, C), themselves differentiable."""
    position, pair = (x.detach().requires_grad_() for x in (designs.position, designs.pair))
    scores = critic(Soft(position, pair, designs.mask))
    by_position, by_pair = torch.autograd.grad(scores.sum(), (position, pair), create_graph=True)
    return scores, by_position, by_pair


def squared(by_position: Tensor, by_pair: Tensor) -> Tensor:
    """(B,): the squared norm of a gradient."""
    return by_position.square().sum((1, 2)) + by_pair.square().sum((1, 2))
