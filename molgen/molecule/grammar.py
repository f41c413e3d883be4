"""The grammar of molecular graphs: before each token, the mask of those allowed, and where the walk stands.

Since every step is checked against the free valences, each allowed sequence is a molecule. Each graph with a fixed
depth-first order has exactly one allowed spelling: rings close at once and in rising k, and a step back is followed by
an atom. The walk is batched torch on any device; training and sampling share it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from molgen.batch import Fields, Guide
from molgen.molecule.vocabulary import ADD, BACK, END, RING, Vocabulary


class MoleculeGrammar:
    """Which token sequences of a vocabulary are molecules."""

    origins = 2  # the step at which the current atom became current, and that of its parent
    end = 0
    pair_classes = 4  # no bond, single, double, triple
    exchange = None  # nothing says how alike atom classes are

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        self.vocabulary = vocabulary or Vocabulary()
        self.capacities = tuple(atom.valence for atom in self.vocabulary.atoms)
        self.position_classes, self.most_positions = len(self.vocabulary.atoms), self.vocabulary.most_atoms
        self.size, self.longest = len(self.vocabulary.tokens), self.vocabulary.longest
        self.most_valence = max(atom.valence for atom in self.vocabulary.atoms)
        self.context_sizes = (len(self.vocabulary.atoms) * (self.most_valence + 1) + 1, self.vocabulary.most_atoms + 1)

    def settings(self) -> dict[str, Any]:
        """Plain values for a card; `MoleculeGrammar.of` takes them back."""
        return self.vocabulary.settings()

    @classmethod
    def of(cls, settings: dict[str, Any]) -> MoleculeGrammar:
        """The grammar of a card."""
        return cls(Vocabulary.of(settings))

    def walk(
        self, rows: int, steps: int, device: torch.device | str = "cpu", uniform: Tensor | None = None
    ) -> MoleculeWalk:
        """Starts `rows` empty molecules that end within `steps` tokens; nothing is fixed that `uniform` could place."""
        return MoleculeWalk(self, rows, min(steps, self.longest), torch.device(device))

    def fields(self, tokens: Tensor) -> Fields:
        """Atom classes (B, L) and bond orders (B, L, L) of finished molecules (B, T), atoms as they were added."""
        kind, atom, order, back = (column[tokens] for column in self._columns(tokens.device))
        adds = kind == ADD
        place = adds.cumsum(dim=1) - 1  # of the atom added last
        mask = torch.arange(int(place.max()) + 1, device=tokens.device) <= place[:, -1:]
        position = torch.zeros_like(mask, dtype=torch.int64)
        rows, steps = adds.nonzero(as_tuple=True)
        position[rows, place[rows, steps]] = atom[rows, steps]
        depth = place - torch.where(kind == BACK, back, 0).cumsum(dim=1)
        here, there = _ends(adds, place, depth, torch.where(adds, 1, back))
        rows, steps = ((adds & (place > 0)) | (kind == RING)).nonzero(as_tuple=True)
        pair = torch.zeros(*mask.shape, mask.shape[1], dtype=torch.int64, device=tokens.device)
        i, j = here[rows, steps], there[rows, steps]
        pair[rows, i, j] = pair[rows, j, i] = order[rows, steps]
        return Fields(position, pair, mask)

    def _columns(self, device: torch.device) -> list[Tensor]:
        """(V,) each: kind, atom class, bond order and steps back of every token."""
        tokens = self.vocabulary.tokens
        return [torch.tensor([getattr(t, n) for t in tokens], device=device) for n in ("kind", "atom", "order", "back")]


def _ends(adds: Tensor, place: Tensor, depth: Tensor, back: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T) each: the current atom after every token, and the atom `back` steps back on the path."""
    path = torch.zeros_like(place)
    here, there = torch.empty_like(place), torch.empty_like(place)
    for step in range(place.shape[1]):
        at = depth[:, step : step + 1].clamp(min=0)
        path.scatter_(1, at, torch.where(adds[:, step : step + 1], place[:, step : step + 1], path.gather(1, at)))
        here[:, step] = path.gather(1, at).squeeze(1)
        there[:, step] = path.gather(1, (at - back[:, step : step + 1]).clamp(min=0)).squeeze(1)
    return here, there


class MoleculeWalk:
    """A batch of molecules under construction; only what lies on the path is kept, since nothing else can still change.

    State: `depth` (B,) of the current atom on the path (-1: no atom yet), and along the path (B, P) the free valence,
    the atom class and the step at which the atom became current.
    """

    def __init__(self, grammar: MoleculeGrammar, rows: int, steps: int, device: torch.device) -> None:
        self.grammar, self.vocabulary, self.steps, self.step = grammar, grammar.vocabulary, steps, 0
        path = (rows, min(grammar.vocabulary.most_atoms, steps) + 1)
        self.free = torch.zeros(path, dtype=torch.int64, device=device)
        self.atom = torch.zeros(path, dtype=torch.int64, device=device)
        self.origin = torch.zeros(path, dtype=torch.int64, device=device)
        self.depth = torch.full((rows,), -1, dtype=torch.int64, device=device)
        self.count = torch.zeros_like(self.depth)
        self.ring = torch.zeros_like(self.depth)  # greatest k closed here; above every k where none may close
        self.stepped = torch.zeros(rows, dtype=torch.bool, device=device)  # after a step back: an atom follows
        self.ended = torch.zeros(rows, dtype=torch.bool, device=device)
        self._tables(device)

    def _tables(self, device: torch.device) -> None:
        def column(name: str, kind: int | None = None) -> Tensor:
            tokens = [t for t in self.vocabulary.tokens if kind is None or t.kind == kind]
            return torch.tensor([getattr(t, name) for t in tokens], dtype=torch.int64, device=device)

        self.kinds, self.atoms, self.orders, self.backs = (column(n) for n in ("kind", "atom", "order", "back"))
        self.add_orders, self.ring_orders = column("order", ADD), column("order", RING)
        self.ring_backs, self.step_backs = column("back", RING), column("back", BACK)
        farthest = max(self.vocabulary.longest_ring, self.vocabulary.longest_back)
        self.distances = torch.arange(1, farthest + 1, device=device)
        self.valences = torch.tensor([a.valence for a in self.vocabulary.atoms], dtype=torch.int64, device=device)

    @property
    def done(self) -> Tensor:
        """(B,) bool."""
        return self.ended

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but those numbered."""
        for name in ("free", "atom", "origin", "depth", "count", "ring", "stepped", "ended"):
            setattr(self, name, getattr(self, name)[rows])

    def guide(self) -> Guide:
        """Allowed tokens; context: current atom with free valence, depth; origins: steps of current atom and parent."""
        here = self.depth.clamp(min=0)[:, None]
        free = self.free.gather(1, here).squeeze(1)
        return Guide(self._allowed(free), self._context(here, free), self._origins(here))

    def _allowed(self, free: Tensor) -> Tensor:
        """(B, V). Near the last step only what leaves room for `end` is allowed."""
        left = self.steps - self.step
        started = self.depth >= 0
        room = (self.count < self.vocabulary.most_atoms) & (left >= 2) & ~self.ended
        free = torch.where(started, free, 3)  # the first atom is added by any bond that its valence has; spelled with 1
        place = self.depth[:, None] - self.distances
        ahead = self.free.gather(1, place.clamp(min=0)).masked_fill_(place < 0, 0)  # free valence k steps back
        add = (self.add_orders <= free[:, None]) & room[:, None] & (started[:, None] | (self.add_orders == 1))
        ring = torch.minimum(ahead[:, self.ring_backs - 1], free[:, None]) >= self.ring_orders
        ring &= (self.ring_backs > self.ring[:, None]) & (~self.ended & (left >= 2))[:, None]
        back = (ahead[:, self.step_backs - 1] > 0) & (room & ~self.stepped & (left >= 3))[:, None]
        end = self.ended | (started & ~self.stepped)
        return torch.cat([end[:, None], add, ring, back], dim=1)

    def _context(self, here: Tensor, free: Tensor) -> Tensor:
        atom = self.atom.gather(1, here).squeeze(1)
        place = torch.where(self.depth >= 0, atom * (self.grammar.most_valence + 1) + free + 1, 0)
        return torch.stack([place, self.depth + 1], dim=1)

    def _origins(self, here: Tensor) -> Tensor:
        return torch.cat([self.origin.gather(1, here), self.origin.gather(1, (here - 1).clamp(min=0))], dim=1)

    def advance(self, tokens: Tensor) -> None:
        """Takes one token (B,) a row. Tokens are trusted to be allowed; `MoleculeCodec.read` checks foreign ones."""
        kind, order, k = self.kinds[tokens], self.orders[tokens], self.backs[tokens]
        adds, rings, backs = kind == ADD, kind == RING, kind == BACK
        self.step += 1
        here = self.depth.clamp(min=0)[:, None]
        used = torch.where((adds & (self.depth >= 0)) | rings, order, 0)
        self.free.scatter_add_(1, here, -used[:, None])
        self.free.scatter_add_(1, (here - k[:, None]).clamp(min=0), -torch.where(rings, order, 0)[:, None])
        self.depth = self.depth + adds.long() - torch.where(backs, k, 0)
        self._place(adds, self.valences[self.atoms[tokens]] - torch.where(self.depth > 0, order, 0), self.atoms[tokens])
        self.count = self.count + adds.long()
        closed = torch.where(rings, k, torch.where(backs, self.vocabulary.longest_ring + 1, self.ring))
        self.ring = torch.where(adds, 0, closed)
        self.stepped = backs
        self.ended = self.ended | (kind == END)

    def _place(self, adds: Tensor, free: Tensor, atom: Tensor) -> None:
        """Writes the new current atom of the rows that added one."""
        here = self.depth.clamp(min=0)[:, None]
        for path, value in ((self.free, free), (self.atom, atom), (self.origin, torch.full_like(atom, self.step))):
            path.scatter_(1, here, torch.where(adds[:, None], value[:, None], path.gather(1, here)))
