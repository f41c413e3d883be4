"""What hidden positions and pairs may still become, and how several are filled at once without breaking a capacity.

Positions have capacities (the valence of an atom class) and pairs use them up (bond orders). Designs are also connected
in their own order: every position but the first has a pair that is not 0 with an earlier one, which is the rule of a
depth-first order. Both rules hold of all data, so a network's probabilities are normalised over what they allow, in
training as in drawing. A position *waits* while no pair joins it to an earlier one; a hidden pair is its *last chance*
when no other can. What is needed to join is kept free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from molgen.nn.graph_transformer import Layout, Seen, layout

NEVER = float("-inf")


def by_later(flat: Tensor, positions: int) -> Tensor:
    """Sums (B, P) over the pairs in which a position is the later: (B, L)."""
    return flat.float() @ layout(positions, flat.device).ends[:, :positions]


def by_earlier(flat: Tensor, positions: int) -> Tensor:
    """Sums (B, P) over the pairs in which a position is the earlier: (B, L)."""
    return flat.float() @ layout(positions, flat.device).ends[:, positions:]


@dataclass(frozen=True)
class Standing:
    """Where partly filled designs stand."""

    free: Tensor  # (B, L) capacity that is left; a hidden position may become the class of greatest capacity
    used: Tensor  # (B, L)
    waiting: Tensor  # (B, L) bool
    chance: Tensor  # (B, P) bool: hidden pairs that could join their later position
    last: Tensor  # (B, P) bool: those that alone can
    owed: Tensor  # (B, L) what must be kept for joining
    room: Tensor  # (B, P) the greatest class that a hidden pair may take


@dataclass(frozen=True)
class Rules:
    """The capacities of position classes, the number of pair classes; one class more stands for 'hidden'."""

    capacities: tuple[int, ...]
    pairs: int
    connected: bool = True

    def standing(self, seen: Seen) -> Standing:
        """What is used, free, waited for and owed."""
        size = seen.position.shape[1]
        place = layout(size, seen.position.device)
        shown = torch.where((seen.pair < self.pairs) & seen.pair_mask, seen.pair, 0)
        used = by_later(shown, size) + by_earlier(shown, size)
        free = self._whole(seen.position) - used
        waiting = (by_later(shown > 0, size) == 0) & seen.mask & self.connected
        waiting[:, 0] = False
        chance = (seen.pair == self.pairs) & seen.pair_mask & waiting[:, place.later]
        chance &= torch.minimum(free[:, place.later], free[:, place.earlier]) > 0
        last = chance & (by_later(chance, size) == 1)[:, place.later]
        owed = waiting + by_earlier(last, size)
        return Standing(free, used, waiting, chance, last, owed, self._room(free - owed, waiting, last, place))

    def sound(self, seen: Seen) -> Tensor:
        """(B,) bool: no capacity is broken, and nothing speaks against joining all that wait.

        Each that waits has a chance, the last chances of all are kept free, and before each enough is free: joining one
        takes 1 from it and 1 from an earlier position. (For every set of waiting positions the same would have to hold;
        these are the sets that occur.)
        """
        standing = self.standing(seen)
        ahead = (standing.free - 2 * standing.waiting.float()).cumsum(1).roll(1, dims=1)
        lost = standing.waiting & ((by_later(standing.chance, ahead.shape[1]) == 0) | (ahead < 1))
        return (standing.free >= standing.owed).all(1) & ~lost.any(1)

    def within(self, seen: Seen) -> Tensor:
        """(B,) bool: no capacity is broken."""
        return (self.standing(seen).free >= 0).all(1)

    def _whole(self, position: Tensor) -> Tensor:
        """(B, L): the capacity of each position, of a hidden one the greatest."""
        whole = torch.tensor([*self.capacities, max(self.capacities)], device=position.device, dtype=torch.float32)
        return whole[position]

    def _room(self, spare: Tensor, waiting: Tensor, last: Tensor, place: Layout) -> Tensor:
        """A pair that joins may use what is owed to it."""
        later = spare[:, place.later] + waiting[:, place.later]
        return torch.minimum(later, spare[:, place.earlier] + last)

    def positions(self, standing: Standing) -> Tensor:
        """(B, L, K) bool: classes whose capacity holds what is used and what is owed."""
        capacities = torch.tensor(self.capacities, device=standing.used.device)
        return capacities >= (standing.used + standing.owed)[..., None]

    def pair_classes(self, standing: Standing) -> Tensor:
        """(B, P, C) bool: classes within the room of both ends; not 0 where a position has its last chance to join."""
        classes = torch.arange(self.pairs, device=standing.room.device)
        allowed = classes <= standing.room[..., None].clamp(min=0)
        allowed[..., 0] &= ~(standing.last & (standing.room > 0))
        return allowed


def limited(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log-probabilities over the allowed classes (..., K); where none is, over all.

    Allowed classes of which none has a chance (they were outside of the nucleus) are alike.
    """
    allowed = allowed | ~allowed.any(-1, keepdim=True)
    hopeless = ~(allowed & torch.isfinite(logits)).any(-1, keepdim=True)
    return torch.where(hopeless, 0.0, logits).masked_fill(~allowed, NEVER).log_softmax(-1)


def drawn(nats: Tensor, uniform: Tensor) -> Tensor:
    """Classes (...) by inverse cumulative distribution; nats (..., K) log-probabilities, uniform (...) in [0, 1)."""
    cumulative = nats.exp().cumsum(-1)
    whole = cumulative[..., -1:]
    number = torch.minimum(
        uniform[..., None] * whole, torch.nextafter(whole, torch.zeros_like(whole))
    )  # not rounded up
    return (number >= cumulative).sum(-1)


def entropies(nats: Tensor) -> Tensor:
    """(..., K) log-probabilities -> (...) nats."""
    return torch.special.entr(nats.exp()).sum(-1)


def paced(entropy: Tensor, rank: Tensor, hidden: Tensor, left: int) -> Tensor:
    """Which variables to fill in this step of `left`: in rising rank, as many as spend a fair share of all entropy.

    What a step loses by drawing variables apart is at most the entropy of all but one of them (EB-Sampler, Ben-Hamu et
    al. 2025, arXiv:2505.24857); so those that are nearly sure come many at a time, the others one by one.
    entropy, rank, hidden (B, N) -> (B, N) bool.
    """
    if left <= 1:
        return hidden
    share = (entropy * hidden).sum(1, keepdim=True) / left
    place = torch.where(hidden, rank, torch.inf).argsort(dim=1, stable=True)
    ordered = (entropy * hidden).gather(1, place)
    before = ordered.cumsum(1) - ordered
    return hidden & torch.zeros_like(hidden).scatter(1, place, before <= share)


def settled(
    pair: Tensor, chosen: Tensor, nats: Tensor, seen: Seen, rules: Rules, priority: Tensor, uniform: Tensor
) -> Tensor:
    """Fills the chosen pairs as drawn where the design stays sound; in the other designs draws them again in turn.

    There each pair, by rising priority, takes a class out of those that keep the design sound, by its probabilities;
    where none does, out of those that break no capacity.
    pair, chosen, priority, uniform (B, P), nats (B, P, C) log-probabilities -> pairs (B, P).
    """
    filled = torch.where(chosen, pair, seen.pair)
    rows = (~rules.sound(replace(seen, pair=filled))).nonzero().squeeze(1)
    if not len(rows):
        return filled
    part = Seen(seen.position[rows], seen.pair[rows], seen.sizes[rows], seen.time[rows])
    order = torch.where(chosen[rows], priority[rows], torch.inf).argsort(dim=1)
    for place in order.split(1, dim=1)[: int(chosen[rows].sum(1).max())]:
        classes = limited(
            nats[rows].gather(1, place[..., None].expand(-1, -1, rules.pairs))[:, 0], _keeping(part, place, rules)
        )
        found = drawn(classes, uniform[rows].gather(1, place)[:, 0])[:, None]
        found = torch.where(chosen[rows].gather(1, place), found, part.pair.gather(1, place))
        part = replace(part, pair=part.pair.scatter(1, place, found))
    return filled.index_copy(0, rows, part.pair)


def _keeping(seen: Seen, place: Tensor, rules: Rules) -> Tensor:
    """(B, C) bool: the classes of the pairs at `place` (B, 1) that keep designs sound, or else within capacities."""
    rows, times = len(seen.sizes), rules.pairs
    every = Seen(*(x.repeat(times, *[1] * (x.dim() - 1)) for x in (seen.position, seen.pair, seen.sizes, seen.time)))
    classes = torch.arange(times, device=place.device).repeat_interleave(rows)[:, None]
    every = replace(every, pair=every.pair.scatter(1, place.repeat(times, 1), classes))
    sound, within = (ask(every).view(times, rows).T for ask in (rules.sound, rules.within))
    return torch.where(sound.any(1, keepdim=True), sound, within)
