"""The diffusion family: designs dissolve class by class, and a network learns the way back.

Positions and pairs are noised apart, each by its kernel (molgen/noise.py), and predicted together by a graph
transformer. With the absorbing kernel, which hides (MDLM, Sahoo et al. 2024, arXiv:2406.07524), the loss is the
continuous-time bound, the cross-entropy of hidden classes weighted by -alpha'/(1 - alpha); with the others it is the
bound of `TIMES` steps, one step at random (D3PM, Austin et al. 2021, arXiv:2107.03006; marginal noise: DiGress, Vignac
et al. 2023, arXiv:2209.14734). The number of positions is drawn from the sizes of the training data.

While hidden classes are filled in, the rules of molgen/nn/filling.py say what each may still become.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from molgen.batch import Batch, Fields, Grammar
from molgen.errors import MolgenError
from molgen.nn.filling import Rules, drawn, entropies, limited, paced, settled
from molgen.nn.graph_transformer import GraphTransformer, Seen, flat_pairs, square_pairs
from molgen.nn.sizes import draw_sizes
from molgen.nn.tokens import nucleus
from molgen.noise import Kernel, Window, absorbing, distorted, hidden_nats, marginal, spread_times, uniform
from molgen.players import Player
from molgen.seeds import rng
from molgen.sequences import Sequences

TIMES = 500  # steps of the bound of kernels that do not absorb
LOOKS = 2  # times at which a held-out design is looked at
SAMPLE = 200_000  # designs from which sizes and frequencies are counted
RARE = -14.0  # log frequency of a class that was not seen
GROUP = 64  # rows that are drawn together, of nearly one size


@dataclass(frozen=True)
class DiffusionRecipe:
    """The network, the noise, and how to draw.

    Attributes:
        width, edge_width, depth, heads: of the graph transformer.
        kernel: what noise does: hide, mix with the frequencies of the data, or with all classes alike.
        lead: by how much positions come back before pairs: 0 both all the time, 1 all positions first.
        steps: of drawing.
        order: which hidden classes a step fills: as many as time says, at random ("random"); at random, until a fair
            share of all entropy is spent ("paced"); or the surest first, likewise ("surest").
        power: of the distortion of time in drawing, for random order; above 1 the last steps are smaller.
        valence_mask: whether classes that break a capacity are forbidden, in training and in drawing.
        connect: whether positions that would stay apart are joined, likewise.
        pair_temperature: of pairs, times the temperature asked for.
    """

    kind: Literal["diffusion"] = "diffusion"
    width: int = 192
    edge_width: int = 48
    depth: int = 6
    heads: int = 6
    kernel: Literal["absorbing", "marginal", "uniform"] = "absorbing"
    lead: float = 1.0
    steps: int = 50
    order: Literal["random", "paced", "surest"] = "surest"
    power: float = 1.0
    valence_mask: bool = True
    connect: bool = True
    pair_temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise MolgenError(f"width={self.width} must be a multiple of heads={self.heads}")


class Diffusion(nn.Module):
    """The family's module: a bound to train by, and a way to draw."""

    habits: ClassVar = {"rate": 1.5e-3, "batch": 256, "fields": True}

    def __init__(self, grammar: Grammar, recipe: DiffusionRecipe) -> None:
        super().__init__()
        self.grammar, self.recipe = grammar, recipe
        classes, pairs, most = grammar.position_classes, grammar.pair_classes, grammar.most_positions
        self.network = GraphTransformer(
            grammar.capacities, pairs, most, recipe.width, recipe.edge_width, recipe.depth, recipe.heads
        )
        self.register_buffer("sizes", torch.full((most + 1,), 1 / most).index_fill_(0, torch.tensor(0), 0))
        self.register_buffer("position_prior", torch.zeros(classes))  # log frequencies
        self.register_buffer("pair_prior", torch.zeros(most, pairs))  # by the distance of the two positions
        self.windows = (Window(recipe.lead / (1 + recipe.lead), 1.0), Window(0.0, 1 / (1 + recipe.lead)))
        self.rules = Rules(grammar.capacities, pairs, recipe.connect)

    @property
    def arithmetic(self) -> str:
        """In which a copy for drawing multiplies."""
        return str(next(self.parameters()).dtype).removeprefix("torch.")

    @property
    def kernels(self) -> tuple[Kernel, Kernel]:
        """The noise of positions and of pairs."""
        classes, pairs = self.grammar.position_classes, self.grammar.pair_classes
        if self.recipe.kernel == "absorbing":
            return absorbing(classes), absorbing(pairs)
        if self.recipe.kernel == "uniform":
            return uniform(classes), uniform(pairs)
        return marginal(self.position_prior.float().exp()), marginal(self._pair_frequencies())

    def _pair_frequencies(self) -> Tensor:
        """(C,) of all pairs: those at each distance, weighted by how many pairs of a design are that far apart."""
        size, distance = torch.arange(len(self.sizes)), torch.arange(len(self.pair_prior))
        pairs = ((size - distance[:, None]).clamp(min=0) * (distance[:, None] > 0)).to(self.sizes.device)
        return ((pairs * self.sizes).sum(dim=1, keepdim=True) * self.pair_prior.float().exp()).sum(dim=0)

    def prepare(self, data: Sequences) -> None:
        """Counts sizes and class frequencies of the training data (of at most `SAMPLE` designs).

        A model that is trained further keeps its frequencies, to which its weights are fitted, and takes the new sizes.
        """
        rows = rng(0, "prepare").permutation(len(data))[:SAMPLE]
        rows = rows[np.argsort(data.lengths[rows], kind="stable")]
        sizes, position = torch.zeros_like(self.sizes).double(), torch.zeros_like(self.position_prior).double()
        pair = torch.zeros_like(self.pair_prior).double()
        for start in range(0, len(rows), 4096):
            fields = data.batch(rows[start : start + 4096], self.grammar, self.sizes.device).fields
            sizes += torch.bincount(fields.sizes, minlength=len(sizes))
            position += torch.bincount(fields.position[fields.mask], minlength=len(position))
            pair += _pairs_by_distance(fields, *pair.shape)
        self.sizes.copy_(sizes / sizes.sum())
        if not bool(self.position_prior.any()):
            self.position_prior.copy_(_log_share(position))
            self.pair_prior.copy_(_log_share(pair))

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """What training minimises: the bound of -log p, nats per design."""
        times = spread_times(len(batch.tokens), chance, batch.tokens.device)
        return {"nats": self.bound(batch.fields, times, chance).mean()}

    def players(self) -> dict[str, Player]:
        """One objective trains everything."""
        return {"nats": Player(list(self.parameters()), clip=20.0)}

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """The bound for every design (B,), nats: a mean over `LOOKS` random times."""
        rows, device = len(batch.tokens), batch.tokens.device
        times = spread_times(LOOKS * rows, chance, device).view(LOOKS, rows)
        return {"nats": torch.stack([self.bound(batch.fields, t, chance) for t in times]).mean(0)}

    def bound(self, fields: Fields, time: Tensor, chance: torch.Generator) -> Tensor:
        """The bound at the given times (B,): its mean over uniform times bounds -log p (size and all), nats (B,)."""
        true = fields.position, flat_pairs(fields.pair)
        if self.recipe.kernel != "absorbing":
            return self._steps_bound(true, fields.sizes, time, chance) - self._size_nats(fields.sizes)
        alphas = [window.alpha(time)[:, None] for window in self.windows]
        noisy = [k.noised(x, a, chance) for k, x, a in zip(self.kernels, true, alphas, strict=True)]
        seen = Seen(noisy[0], noisy[1], fields.sizes, time)
        nats = self.predict(seen)
        total = -self._size_nats(fields.sizes)
        for x, x_0, p, window, mask in zip(noisy, true, nats, self.windows, (seen.mask, seen.pair_mask), strict=True):
            own = -p.gather(2, x_0[..., None]).squeeze(2)
            total = total + hidden_nats(own, (x == p.shape[2]) & mask, window.weight(time)[:, None])
        return total

    def _size_nats(self, sizes: Tensor) -> Tensor:
        """log p(size) (B,)."""
        return self.sizes.float().clamp(min=1e-7).log()[sizes]

    def _steps_bound(self, true: tuple[Tensor, Tensor], sizes: Tensor, time: Tensor, chance: torch.Generator) -> Tensor:
        """`TIMES` times the divergence of one step, from the time on the grid above `time` to the one below it."""
        later = (time * TIMES).ceil() / TIMES
        alphas = [(w.alpha(later - 1 / TIMES)[:, None], w.alpha(later)[:, None]) for w in self.windows]
        noisy = [k.noised(x, a, chance) for k, x, (_, a) in zip(self.kernels, true, alphas, strict=True)]
        seen = Seen(noisy[0], noisy[1], sizes, later)
        total = torch.zeros_like(time)
        parts = zip(self.kernels, noisy, true, self.predict(seen), alphas, (seen.mask, seen.pair_mask), strict=True)
        for kernel, x, x_0, p, (alpha_s, alpha_t), mask in parts:
            total = total + TIMES * (kernel.step_nats(x, x_0, p.exp(), alpha_s, alpha_t) * mask).sum(1)
        return total

    def predict(self, seen: Seen, temperature: float = 1.0, top_p: float = 1.0) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the true classes (B, L, K), (B, P, C), over what the rules allow."""
        if self.recipe.kernel == "absorbing":  # what is hidden says all that the time could
            seen = replace(seen, time=torch.zeros_like(seen.time))
        position, pair = self.network(seen)
        prior, by_distance = self.position_prior.float(), self.pair_prior.float()
        place = flat_pairs(_distances(position.shape[1], position.device)[None])[0]
        position = (position + prior) / temperature
        pair = (pair + by_distance[place]) / (temperature * self.recipe.pair_temperature)
        position, pair = self.limit(position, pair, seen)
        if top_p < 1:
            position, pair = (nucleus(x.flatten(0, 1), top_p).view_as(x).log_softmax(2) for x in (position, pair))
        return position, pair

    def limit(self, position: Tensor, pair: Tensor, seen: Seen) -> tuple[Tensor, Tensor]:
        """Logits, normalised over what the rules allow where they apply."""
        if self.recipe.kernel != "absorbing" or not self.recipe.valence_mask:
            return position.log_softmax(2), pair.log_softmax(2)
        standing = self.rules.standing(seen)
        return limited(position, self.rules.positions(standing)), limited(pair, self.rules.pair_classes(standing))

    def for_drawing(self, device: torch.device) -> Diffusion:
        """A copy that draws in half precision, through float16, as a file keeps weights: it draws alike after it."""
        kind = torch.bfloat16 if device.type == "cpu" else torch.float16
        copied = copy.deepcopy(self).half().float().to(device).eval()
        copied.network.to(kind)
        return copied

    @torch.inference_mode()
    def draw(self, rows: int, chance: torch.Generator, temperature: float = 1.0, top_p: float = 1.0) -> Fields:
        """Draws fields of `rows` designs. All numbers come from `chance`, on the CPU, in an order of their own."""
        sizes = draw_sizes(self.sizes, rows, chance)
        order = sizes.argsort(stable=True)
        most = int(sizes.max())
        position, pair = torch.zeros(rows, most, dtype=torch.int64), torch.zeros(rows, most, most, dtype=torch.int64)
        for group in order.split(GROUP):
            size = int(sizes[group].max())
            seen = self._draw_group(sizes[group], chance, temperature, top_p)
            square = square_pairs(torch.where(seen.pair_mask, seen.pair, 0), size)
            position[group, :size] = torch.where(seen.mask, seen.position, 0).cpu()
            pair[group, :size, :size] = square.cpu()
        device = self.sizes.device
        return Fields(position.to(device), pair.to(device), (torch.arange(most) < sizes[:, None]).to(device))

    def _draw_group(self, sizes: Tensor, chance: torch.Generator, temperature: float, top_p: float) -> Seen:
        """Designs of nearly one size, from noise to classes, in the steps of the recipe."""
        device, steps, size = self.sizes.device, self.recipe.steps, int(sizes.max())
        shapes = (len(sizes), size), (len(sizes), size * (size - 1) // 2)
        start = [k.noise(s, torch.device("cpu"), chance).to(device) for k, s in zip(self.kernels, shapes, strict=True)]
        sizes = sizes.to(device)
        seen = Seen(start[0], start[1], sizes, torch.ones(len(sizes), device=device))
        due = [self._due(window, shape, chance) for window, shape in zip(self.windows, shapes, strict=True)]
        for step in range(steps):
            times = [distorted(torch.tensor(k / steps), self.recipe.power) for k in (step, step + 1)]
            seen = replace(seen, time=times[0].to(device).expand(len(sizes)))
            predicted = self.predict(seen, temperature, top_p)
            if self.recipe.kernel == "absorbing":
                chosen = self._chosen(seen, predicted, step, times[1], due)
                seen = self.fill(seen, predicted, chosen, chance)
            else:
                seen = self._step_back(seen, predicted, times, chance)
        return seen

    def _due(self, window: Window, shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
        """The time at which each variable comes back: uniform in its window, on the device."""
        when = window.begin + (window.end - window.begin) * torch.rand(shape, generator=chance)
        return when.to(self.sizes.device)

    def _chosen(
        self, seen: Seen, predicted: tuple[Tensor, Tensor], step: int, until: Tensor, due: list[Tensor]
    ) -> list[Tensor]:
        """Which hidden positions and pairs this step fills (B, L), (B, P)."""
        hidden = (seen.position == predicted[0].shape[2]) & seen.mask, (seen.pair == predicted[1].shape[2])
        hidden = hidden[0], hidden[1] & seen.pair_mask
        if self.recipe.order == "random":
            return [h & (when >= until) for h, when in zip(hidden, due, strict=True)]
        chosen = []
        for h, nats, when, window in zip(hidden, predicted, due, self.windows, strict=True):
            left = round(self.recipe.steps * (1 - window.begin)) - step
            began = step >= round(self.recipe.steps * (1 - window.end))
            entropy = entropies(nats)
            rank = entropy if self.recipe.order == "surest" else -when
            chosen.append(paced(entropy, rank, h, left) if began else torch.zeros_like(h))
        return chosen

    def fill(self, seen: Seen, predicted: tuple[Tensor, Tensor], chosen: list[Tensor], chance: torch.Generator) -> Seen:
        """Draws the chosen positions, then the chosen pairs within what is left to them."""
        position = drawn(predicted[0], self._numbers(chosen[0].shape, chance))
        seen = replace(seen, position=torch.where(chosen[0], position, seen.position))
        nats = predicted[1]
        uniforms, priority, again = self._numbers((3, *chosen[1].shape), chance)
        if not self.recipe.valence_mask:
            return replace(seen, pair=torch.where(chosen[1], drawn(nats, uniforms), seen.pair))
        nats = limited(nats, self.rules.pair_classes(self.rules.standing(seen)))
        pair = drawn(nats, uniforms)
        return replace(seen, pair=settled(pair, chosen[1], nats, seen, self.rules, priority, again))

    def _step_back(
        self, seen: Seen, predicted: tuple[Tensor, Tensor], times: list[Tensor], chance: torch.Generator
    ) -> Seen:
        """x_s of p(x_s | x_t) for kernels that do not absorb."""
        found = []
        for kernel, x, p, window in zip(self.kernels, (seen.position, seen.pair), predicted, self.windows, strict=True):
            alpha_t, alpha_s = (window.alpha(t).to(x.device).expand(x.shape) for t in times)
            back = kernel.reverse(x, p.exp(), alpha_s, alpha_t)
            found.append(drawn(back.log(), self._numbers(x.shape, chance)))
        return replace(seen, position=found[0], pair=found[1])

    def _numbers(self, shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
        """Uniform in [0, 1), drawn on the CPU: a seed means the same on every device."""
        return torch.rand(shape, generator=chance).to(self.sizes.device)


def _distances(positions: int, device: torch.device) -> Tensor:
    """(L, L): how far apart two positions are."""
    place = torch.arange(positions, device=device)
    return (place[:, None] - place).abs()


def _pairs_by_distance(fields: Fields, distances: int, classes: int) -> Tensor:
    """Counts (distances, classes) of the classes of pairs."""
    both = (fields.mask[:, :, None] & fields.mask[:, None]).tril(-1)
    apart = _distances(fields.mask.shape[1], fields.mask.device).expand_as(fields.pair)
    found = torch.bincount(apart[both] * classes + fields.pair[both], minlength=distances * classes)
    return found.view(distances, classes)


def _log_share(counts: Tensor) -> Tensor:
    """Log frequencies along the last axis; `RARE` at the least, alike where nothing was counted."""
    counts = counts + (counts.sum(-1, keepdim=True) == 0)
    return (counts / counts.sum(-1, keepdim=True)).log().clamp(min=RARE)
