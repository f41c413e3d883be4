"""How a design without pairs is drawn: positions come back out of noise, within what is allowed of each.

With the absorbing kernel all that is not fixed is hidden at first, and filled in so many steps: one position at a time,
in random order, is a draw of the order-agnostic model itself (Hoogeboom et al. 2022, arXiv:2110.02037); several at a
time are drawn as if they did not depend on each other. With other kernels all positions step back together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from molgen.batch import Fields
from molgen.nn.filling import drawn, entropies, limited, paced
from molgen.nn.graph_drawing import GROUP, numbers
from molgen.nn.graph_transformer import Seen
from molgen.nn.tokens import nucleus
from molgen.noise import Kernel, Window, distorted


@dataclass(frozen=True)
class SequenceDrawing:
    """The way from noise to designs.

    Attributes:
        logits: of the true classes (B, L, K), of what is seen.
        order: "random"; "paced", at random until a fair share of all entropy is spent; "surest", likewise, the least
            entropy first.
        most_share: residues of a class that fills more of a design are hidden again and drawn once more (the repair of
            repeats of DPLM, Wang et al. 2024, arXiv:2402.18567, there 0.25); 1: never.
    """

    device: torch.device
    logits: Callable[[Seen], Tensor]
    kernel: Kernel
    hides: bool
    steps: int
    order: str
    power: float
    top_p: float
    most_share: float

    def draw(
        self, sizes: Tensor, allowed: Tensor, told: Tensor | None, chance: torch.Generator, first: int | None = None
    ) -> Fields:
        """Designs of the given sizes (B,), a group of nearly one size after another; numbers come from the CPU.

        allowed (B, L, K) bool: the classes that positions may take; told (1, Z). Rows from `first` on may be left out,
        their classes 0: the others are as if all were drawn.
        """
        rows, most, device = len(sizes), int(sizes.max()), self.device
        position, mask = torch.zeros(rows, most, dtype=torch.int64), torch.arange(most) < sizes[:, None]
        for group in sizes.argsort(stable=True).split(GROUP):
            size = int(sizes[group].max())
            if first is not None and int(group.min()) >= first and self._passed_over((len(group), size), chance):
                continue
            own = None if told is None else told.expand(len(group), -1)
            found = self._group(sizes[group].to(device), allowed[group, :size].to(device), own, chance)
            position[group, :size] = found.cpu()
        return Fields(torch.where(mask, position, 0).to(device), None, mask.to(device))

    def _passed_over(self, shape: tuple[int, int], chance: torch.Generator) -> bool:
        """Takes the numbers of a group that nobody needs; False where only a draw tells how many these are."""
        if self.hides and self.most_share < 1:
            return False
        self.kernel.noise(shape, torch.device("cpu"), chance)
        for _ in range(1 if self.hides else self.steps):
            numbers((2, *shape) if self.hides else shape, chance, torch.device("cpu"))
        return True

    def _group(self, sizes: Tensor, allowed: Tensor, told: Tensor | None, chance: torch.Generator) -> Tensor:
        """Classes (B, L); those behind a design's last position mean nothing."""
        start = self.kernel.noise(allowed.shape[:2], torch.device("cpu"), chance).to(sizes.device)
        fixed, first = allowed.sum(2) == 1, allowed.int().argmax(2)
        position = torch.where(fixed, first, start)
        seen = Seen(position, position[:, :0], sizes, torch.ones(len(sizes), device=sizes.device), told)
        if not self.hides:
            return self._back(seen, allowed, fixed, chance).position
        seen = self._filled(seen, allowed, chance)
        if self.most_share < 1 and bool((again := self._repeated(seen, allowed) & ~fixed).any()):
            hidden = torch.where(again, allowed.shape[2], seen.position)
            seen = self._filled(replace(seen, position=hidden), allowed, chance)
        return seen.position

    def _nats(self, seen: Seen, allowed: Tensor) -> Tensor:
        """Log-probabilities (B, L, K) over what is allowed, of that the nucleus."""
        nats = limited(self.logits(seen), allowed)
        if self.top_p < 1:
            return nucleus(nats.flatten(0, 1), self.top_p).view_as(nats).log_softmax(2)
        return nats

    def _filled(self, seen: Seen, allowed: Tensor, chance: torch.Generator) -> Seen:
        """All that is hidden filled. Each position has one number, and one place in the random order."""
        uniform, rank = numbers((2, *seen.position.shape), chance, seen.sizes.device)
        seen = replace(seen, time=torch.zeros_like(seen.time))
        total = self._hidden(seen).sum(1)
        steps = min(self.steps, int(total.max())) if self.order == "random" else self.steps
        for step in range(steps):
            hidden = self._hidden(seen)
            if not bool(hidden.any()):
                break
            nats = self._nats(seen, allowed)
            if self.order == "random":
                chosen = _first(hidden, rank, hidden.sum(1) - total * (steps - step - 1) // steps)
            else:
                entropy = entropies(nats)
                chosen = paced(entropy, entropy if self.order == "surest" else rank, hidden, steps - step)
            seen = replace(seen, position=torch.where(chosen, drawn(nats, uniform), seen.position))
        return seen

    def _hidden(self, seen: Seen) -> Tensor:
        """(B, L) bool; `hidden` is the last class of the kernel."""
        return (seen.position == len(self.kernel.limit) - 1) & seen.mask

    def _repeated(self, seen: Seen, allowed: Tensor) -> Tensor:
        """(B, L) bool: positions whose class fills more than its share of the design."""
        shown = torch.where(seen.mask, seen.position, allowed.shape[2])
        counts = torch.nn.functional.one_hot(shown, allowed.shape[2] + 1).sum(1)
        return seen.mask & (counts.gather(1, shown) > self.most_share * seen.sizes[:, None])

    def _back(self, seen: Seen, allowed: Tensor, fixed: Tensor, chance: torch.Generator) -> Seen:
        """All positions step by step out of noise; what is fixed stays. At the last step p(x_0) itself is drawn."""
        window, shape, device = Window(), seen.position.shape, seen.sizes.device
        for step in range(self.steps):
            t, s = (distorted(torch.tensor(k / self.steps), self.power).to(device) for k in (step, step + 1))
            seen = replace(seen, time=t.expand(len(seen.sizes)))
            back = self.kernel.reverse(
                seen.position, self._nats(seen, allowed).exp(), window.alpha(s)[None, None], window.alpha(t)[None, None]
            )
            found = drawn(back.log(), numbers(shape, chance, device))
            seen = replace(seen, position=torch.where(fixed, seen.position, found))
        return seen


def _first(hidden: Tensor, rank: Tensor, count: Tensor) -> Tensor:
    """(B, L) bool: `count` (B,) of the hidden positions, by rising rank (B, L)."""
    return hidden & (rank.masked_fill(~hidden, torch.inf).argsort(1).argsort(1) < count[:, None])
