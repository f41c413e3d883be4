"""How a design of positions and pairs is drawn: from noise to classes, in steps.

While hidden classes are filled in, the rules of molgen/nn/filling.py say what each may still become.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from molgen.batch import Fields
from molgen.nn.filling import Rules, drawn, entropies, limited, paced, settled
from molgen.nn.graph_transformer import Seen, square_pairs
from molgen.noise import Kernel, Window, distorted

GROUP = 64  # rows that are drawn together, of nearly one size
Predict = Callable[[Seen], tuple[Tensor, ...]]  # log-probabilities of positions (B, L, K) and pairs (B, P, C)


@dataclass(frozen=True)
class GraphDrawing:
    """The way from noise to designs. `hides`: the kernels absorb; `rules`: None where nothing is forbidden."""

    kernels: tuple[Kernel, ...]
    windows: tuple[Window, ...]
    rules: Rules | None
    hides: bool
    steps: int
    order: str
    power: float

    def draw(self, predict: Predict, sizes: Tensor, device: torch.device, chance: torch.Generator) -> Fields:
        """Designs of the given sizes (B,), a group of nearly one size after another; numbers come from the CPU."""
        rows, most = len(sizes), int(sizes.max())
        position, pair = torch.zeros(rows, most, dtype=torch.int64), torch.zeros(rows, most, most, dtype=torch.int64)
        for group in sizes.argsort(stable=True).split(GROUP):
            size = int(sizes[group].max())
            seen = self._group(predict, sizes[group].to(device), size, chance)
            square = square_pairs(torch.where(seen.pair_mask, seen.pair, 0), size)
            position[group, :size] = torch.where(seen.mask, seen.position, 0).cpu()
            pair[group, :size, :size] = square.cpu()
        return Fields(position.to(device), pair.to(device), (torch.arange(most) < sizes[:, None]).to(device))

    def _group(self, predict: Predict, sizes: Tensor, size: int, chance: torch.Generator) -> Seen:
        """From noise to classes, in the steps of the recipe."""
        device, steps = sizes.device, self.steps
        shapes = (len(sizes), size), (len(sizes), size * (size - 1) // 2)
        start = [k.noise(s, torch.device("cpu"), chance).to(device) for k, s in zip(self.kernels, shapes, strict=True)]
        seen = Seen(start[0], start[1], sizes, torch.ones(len(sizes), device=device))
        due = [_due(window, shape, chance, device) for window, shape in zip(self.windows, shapes, strict=True)]
        for step in range(steps):
            times = [distorted(torch.tensor(k / steps), self.power) for k in (step, step + 1)]
            seen = replace(seen, time=times[0].to(device).expand(len(sizes)))
            predicted = predict(seen)
            if self.hides:
                chosen = self._chosen(seen, predicted, step, times[1], due)
                seen = self._fill(seen, predicted, chosen, chance)
            else:
                seen = self._step_back(seen, predicted, times, chance)
        return seen

    def _chosen(
        self, seen: Seen, predicted: tuple[Tensor, ...], step: int, until: Tensor, due: list[Tensor]
    ) -> list[Tensor]:
        """Which hidden positions and pairs this step fills (B, L), (B, P)."""
        hidden = (seen.position == predicted[0].shape[2]) & seen.mask, (seen.pair == predicted[1].shape[2])
        hidden = hidden[0], hidden[1] & seen.pair_mask
        if self.order == "random":
            return [h & (when >= until) for h, when in zip(hidden, due, strict=True)]
        chosen = []
        for h, nats, when, window in zip(hidden, predicted, due, self.windows, strict=True):
            left = round(self.steps * (1 - window.begin)) - step
            began = step >= round(self.steps * (1 - window.end))
            entropy = entropies(nats)
            rank = entropy if self.order == "surest" else -when
            chosen.append(paced(entropy, rank, h, left) if began else torch.zeros_like(h))
        return chosen

    def _fill(self, seen: Seen, predicted: tuple[Tensor, ...], chosen: list[Tensor], chance: torch.Generator) -> Seen:
        """Draws the chosen positions, then the chosen pairs within what is left to them."""
        device = seen.sizes.device
        position = drawn(predicted[0], numbers(chosen[0].shape, chance, device))
        seen = replace(seen, position=torch.where(chosen[0], position, seen.position))
        nats = predicted[1]
        uniforms, priority, again = numbers((3, *chosen[1].shape), chance, device)
        if self.rules is None:
            return replace(seen, pair=torch.where(chosen[1], drawn(nats, uniforms), seen.pair))
        nats = limited(nats, self.rules.pair_classes(self.rules.standing(seen)))
        pair = drawn(nats, uniforms)
        return replace(seen, pair=settled(pair, chosen[1], nats, seen, self.rules, priority, again))

    def _step_back(
        self, seen: Seen, predicted: tuple[Tensor, ...], times: list[Tensor], chance: torch.Generator
    ) -> Seen:
        """x_s of p(x_s | x_t) for kernels that do not absorb."""
        found = []
        for kernel, x, p, window in zip(self.kernels, (seen.position, seen.pair), predicted, self.windows, strict=True):
            alpha_t, alpha_s = (window.alpha(t).to(x.device).expand(x.shape) for t in times)
            back = kernel.reverse(x, p.exp(), alpha_s, alpha_t)
            found.append(drawn(back.log(), numbers(x.shape, chance, x.device)))
        return replace(seen, position=found[0], pair=found[1])


def _due(window: Window, shape: tuple[int, ...], chance: torch.Generator, device: torch.device) -> Tensor:
    """The time at which each variable comes back: uniform in its window, on the device."""
    when = window.begin + (window.end - window.begin) * torch.rand(shape, generator=chance)
    return when.to(device)


def numbers(shape: tuple[int, ...], chance: torch.Generator, device: torch.device) -> Tensor:
    """Uniform in [0, 1), drawn on the CPU: a seed means the same on every device."""
    return torch.rand(shape, generator=chance).to(device)
