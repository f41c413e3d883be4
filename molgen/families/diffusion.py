"""The diffusion family: designs dissolve class by class, and a network learns the way back.

Positions and pairs are noised apart, each by its kernel (molgen/noise.py), and predicted together by a graph
transformer; where the grammar has no pairs, positions alone by a transformer over the sequence. With the absorbing
kernel, which hides (MDLM, Sahoo et al. 2024, arXiv:2406.07524), the loss is the continuous-time bound, the
cross-entropy of hidden classes weighted by -alpha'/(1 - alpha), or for positions alone its order-agnostic form
(Hoogeboom et al. 2022, arXiv:2110.02037; EvoDiff); with the others it is the bound of `TIMES` steps, one step at random
(D3PM, Austin et al. 2021, arXiv:2107.03006; marginal noise: DiGress, Vignac et al. 2023, arXiv:2209.14734). The number
of positions is drawn from the sizes of the training data.

How designs are drawn: molgen/nn/graph_drawing.py, molgen/nn/sequence_drawing.py. Properties, where there are no pairs:
the network is told them or not, and a draw leans to them by classifier-free guidance (Ho and Salimans 2022,
arXiv:2207.12598).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from molgen.batch import Batch, Fields, Grammar
from molgen.errors import MolgenError
from molgen.nn.filling import Rules, limited
from molgen.nn.frequencies import Frequencies, distances, log_share
from molgen.nn.graph_drawing import GraphDrawing
from molgen.nn.graph_transformer import GraphTransformer, Seen, flat_pairs
from molgen.nn.sequence_drawing import SequenceDrawing
from molgen.nn.sequence_transformer import SequenceTransformer
from molgen.nn.sizes import draw_sizes
from molgen.nn.tokens import nucleus
from molgen.nn.told import Told
from molgen.noise import (
    Kernel,
    Window,
    absorbing,
    counted_nats,
    exchange,
    hidden_at_random,
    hidden_nats,
    marginal,
    spread_times,
    uniform,
)
from molgen.players import Player
from molgen.seeds import rng
from molgen.sequences import Sequences

TIMES = 500  # steps of the bound of kernels that do not absorb
LOOKS = 2  # times at which a held-out design is looked at
SEQUENCE_LOOKS = 8  # where there are no pairs: a look costs little


@dataclass(frozen=True)
class DiffusionRecipe:
    """The network, the noise, and how to draw.

    Attributes:
        width, depth, heads: of the transformer; edge_width: where there are pairs.
        kernel: what noise does: hide, mix with the frequencies of the data, or with all classes alike; or exchange
            classes for similar ones, by the grammar's scores (only where there are no pairs).
        steps: of drawing.
        order: which hidden classes a step fills: as many as time says, at random ("random"); at random, until a fair
            share of all entropy is spent ("paced"); or the surest first, likewise ("surest"). None: surest where there
            are pairs, else random, which with as many steps as positions is exact.
        power: of the distortion of time in drawing, for random order or kernels that do not hide; above 1 the last
            steps are smaller.

    Where there are pairs:
        lead: by how much positions come back before pairs: 0 both all the time, 1 all positions first.
        valence_mask: whether classes that break a capacity are forbidden, in training and in drawing.
        connect: whether positions that would stay apart are joined, likewise.
        pair_temperature: of pairs, times the temperature asked for.

    Where there are none:
        dropout: of the transformer in training.
        most_share: positions whose class fills a greater share of a drawn design are drawn once more; 1: none.
        properties: names of those that may be wanted.
        guidance: how far a draw leans to what is wanted where nothing else is asked for; 1 as the data do, above 1
            farther, 0 not at all.
    """

    kind: Literal["diffusion"] = "diffusion"
    width: int = 192
    edge_width: int = 48
    depth: int = 6
    heads: int = 6
    kernel: Literal["absorbing", "marginal", "uniform", "exchange"] = "absorbing"
    lead: float = 1.0
    steps: int = 50
    order: Literal["random", "paced", "surest"] | None = None
    power: float = 1.0
    valence_mask: bool = True
    connect: bool = True
    pair_temperature: float = 1.0
    dropout: float = 0.0
    most_share: float = 1.0
    properties: tuple[str, ...] = ()
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise MolgenError(f"width={self.width} must be a multiple of heads={self.heads}")


class Diffusion(nn.Module):
    """The family's module: a bound to train by, and a way to draw."""

    habits: ClassVar = {"rate": 1.5e-3, "batch": 256, "fields": True}
    draws_in_part: ClassVar = True  # `draw` takes `first`

    def __init__(self, grammar: Grammar, recipe: DiffusionRecipe) -> None:
        super().__init__()
        self.grammar, self.recipe, self.paired = grammar, recipe, grammar.pair_classes > 1
        if self.paired and (recipe.properties or recipe.kernel == "exchange"):
            raise MolgenError(f"{recipe}: properties and the exchange kernel are for designs without pairs")
        classes, most = grammar.position_classes, grammar.most_positions
        self.network = self._network()
        self.register_buffer("sizes", torch.full((most + 1,), 1 / most).index_fill_(0, torch.tensor(0), 0))
        self.register_buffer("position_prior", torch.zeros(classes))  # log frequencies
        if self.paired:
            self.register_buffer("pair_prior", torch.zeros(most, grammar.pair_classes))  # by distance of the positions
        self.told = Told(len(recipe.properties)) if recipe.properties else None
        self.wanted: Tensor | None = None  # (P,) what a copy for drawing draws to order, NaN: free
        self.guidance = recipe.guidance
        leading = Window(recipe.lead / (1 + recipe.lead), 1.0), Window(0.0, 1 / (1 + recipe.lead))
        self.windows = leading if self.paired else (Window(),)
        self.rules = Rules(grammar.capacities, grammar.pair_classes, recipe.connect)
        self.exchange = _exchange(grammar) if recipe.kernel == "exchange" else None

    def _network(self) -> nn.Module:
        grammar, recipe = self.grammar, self.recipe
        if self.paired:
            sizes = recipe.width, recipe.edge_width, recipe.depth, recipe.heads
            return GraphTransformer(grammar.capacities, grammar.pair_classes, grammar.most_positions, *sizes)
        return SequenceTransformer(
            grammar.position_classes,
            recipe.width,
            recipe.depth,
            recipe.heads,
            dropout=recipe.dropout,
            timed=not self.hides,
            told=2 * len(recipe.properties),
        )

    @property
    def hides(self) -> bool:
        """Whether noise hides classes: then what is hidden says all that the time could."""
        return self.recipe.kernel == "absorbing"

    @property
    def arithmetic(self) -> str:
        """In which a copy for drawing multiplies."""
        return str(next(self.parameters()).dtype).removeprefix("torch.")

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The noise of positions, and of pairs where there are any."""
        classes = [self.grammar.position_classes, self.grammar.pair_classes][: len(self.windows)]
        if self.exchange is not None:
            return (self.exchange,)
        if self.recipe.kernel == "marginal":
            position = marginal(self.position_prior.float().exp())
            return (position, marginal(self._pair_frequencies())) if self.paired else (position,)
        return tuple((absorbing if self.hides else uniform)(k) for k in classes)

    def _pair_frequencies(self) -> Tensor:
        """(C,) of all pairs: those at each distance, weighted by how many pairs of a design are that far apart."""
        size, distance = torch.arange(len(self.sizes)), torch.arange(len(self.pair_prior))
        pairs = ((size - distance[:, None]).clamp(min=0) * (distance[:, None] > 0)).to(self.sizes.device)
        return ((pairs * self.sizes).sum(dim=1, keepdim=True) * self.pair_prior.float().exp()).sum(dim=0)

    def prepare(self, data: Sequences) -> None:
        """Counts sizes and class frequencies of the training data.

        A model that is trained further keeps its frequencies, to which its weights are fitted, and takes the new sizes.
        """
        found = Frequencies.of(data, self.grammar, self.sizes.device)
        self.sizes.copy_(found.sizes / found.sizes.sum())
        if not bool(self.position_prior.any()):
            self.position_prior.copy_(log_share(found.position))
            if found.pair is not None:
                self.pair_prior.copy_(log_share(found.pair))
        if self.told is not None:
            self.told.learn(data)

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """What training minimises: the bound of -log p, nats per design."""
        times = spread_times(len(batch.tokens), chance, batch.tokens.device)
        told = None if self.told is None or batch.labels is None else self.told.in_part(batch.labels, chance)
        return {"nats": self.bound(batch.fields, times, chance, told, trains=True).mean()}

    def players(self) -> dict[str, Player]:
        """One objective trains everything."""
        return {"nats": Player(list(self.parameters()), clip=20.0)}

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """The bound for every design (B,), nats: a mean over some random times."""
        looks, rows, device = LOOKS if self.paired else SEQUENCE_LOOKS, len(batch.tokens), batch.tokens.device
        times = spread_times(looks * rows, chance, device).view(looks, rows)
        return {"nats": torch.stack([self.bound(batch.fields, t, chance) for t in times]).mean(0)}

    def bound(
        self, fields: Fields, time: Tensor, chance: torch.Generator, told: Tensor | None = None, trains: bool = False
    ) -> Tensor:
        """The bound at the given times (B,): its mean over uniform times bounds -log p (size and all), nats (B,).

        told (B, Z): of `Told`; `trains`: with dropout.
        """
        true = (fields.position,) if fields.pair is None else (fields.position, flat_pairs(fields.pair))
        if not self.hides:
            dropout = chance if trains else None
            nats = self._steps_bound(true, fields.sizes, time, chance, told, dropout)
            return nats - self._size_nats(fields.sizes)
        if not self.paired:
            return self._counted_bound(fields, time, chance, told, trains) - self._size_nats(fields.sizes)
        alphas = [window.alpha(time)[:, None] for window in self.windows]
        noisy = [k.noised(x, a, chance) for k, x, a in zip(self.kernels, true, alphas, strict=True)]
        seen = Seen(noisy[0], noisy[1], fields.sizes, time)
        nats = self.predict(seen)
        total = -self._size_nats(fields.sizes)
        for x, x_0, p, window, mask in zip(noisy, true, nats, self.windows, (seen.mask, seen.pair_mask), strict=True):
            own = -p.gather(2, x_0[..., None]).squeeze(2)
            total = total + hidden_nats(own, (x == p.shape[2]) & mask, window.weight(time)[:, None])
        return total

    def _counted_bound(
        self, fields: Fields, time: Tensor, chance: torch.Generator, told: Tensor | None, trains: bool
    ) -> Tensor:
        """The order-agnostic bound of positions: times in (0, 1) say how many of them are hidden, 1 to all."""
        hidden = hidden_at_random(fields.mask, (time * fields.sizes).ceil().clamp(min=1), chance)
        position = torch.where(hidden, self.grammar.position_classes, fields.position)
        seen = Seen(position, position[:, :0], fields.sizes, time, told)
        (nats,) = self.predict(seen, dropout=chance if trains else None)
        return counted_nats(-nats.gather(2, fields.position[..., None]).squeeze(2), hidden, fields.sizes)

    def _size_nats(self, sizes: Tensor) -> Tensor:
        """log p(size) (B,)."""
        return self.sizes.float().clamp(min=1e-7).log()[sizes]

    def _steps_bound(
        self,
        true: tuple[Tensor, ...],
        sizes: Tensor,
        time: Tensor,
        chance: torch.Generator,
        told: Tensor | None,
        dropout: torch.Generator | None,
    ) -> Tensor:
        """`TIMES` times the divergence of one step, from the time on the grid above `time` to the one below it."""
        later, kernels = (time * TIMES).ceil() / TIMES, self.kernels
        alphas = [(w.alpha(later - 1 / TIMES)[:, None], w.alpha(later)[:, None]) for w in self.windows]
        noisy = [k.noised(x, a, chance) for k, x, (_, a) in zip(kernels, true, alphas, strict=True)]
        seen = Seen(noisy[0], noisy[1] if self.paired else noisy[0][:, :0], sizes, later, told)
        total, masks = torch.zeros_like(time), (seen.mask, seen.pair_mask)[: len(true)]
        parts = zip(kernels, noisy, true, self.predict(seen, dropout=dropout), alphas, masks, strict=True)
        for kernel, x, x_0, p, (alpha_s, alpha_t), mask in parts:
            total = total + TIMES * (kernel.step_nats(x, x_0, p.exp(), alpha_s, alpha_t) * mask).sum(1)
        return total

    def predict(
        self, seen: Seen, temperature: float = 1.0, top_p: float = 1.0, dropout: torch.Generator | None = None
    ) -> tuple[Tensor, ...]:
        """Log-probabilities of the true classes (B, L, K), and (B, P, C) where there are pairs, over what is allowed.

        Dropout, where there are no pairs, takes its numbers from `dropout`.
        """
        if self.hides:
            seen = replace(seen, time=torch.zeros_like(seen.time))
        if not self.paired:
            return ((self.network(seen, dropout) + self.position_prior.float()).log_softmax(2),)
        position, pair = self.network(seen)
        prior, by_distance = self.position_prior.float(), self.pair_prior.float()
        place = flat_pairs(distances(position.shape[1], position.device)[None])[0]
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
        if not self.paired:  # sizes, means and deviations need their digits
            for name, value in self.named_buffers():
                copied.get_buffer(name).copy_(value)
        return copied

    @torch.inference_mode()
    def draw(
        self, rows: int, chance: torch.Generator, temperature: float = 1.0, top_p: float = 1.0, first: int | None = None
    ) -> Fields:
        """Draws fields of `rows` designs. All numbers come from `chance`, on the CPU, in an order of their own.

        Where there are no pairs, designs from row `first` on may have their sizes alone.
        """
        sizes, device, recipe = draw_sizes(self._possible_sizes(), rows, chance), self.sizes.device, self.recipe
        if self.paired:
            rules, order = self.rules if recipe.valence_mask else None, recipe.order or "surest"
            way = GraphDrawing(self.kernels, self.windows, rules, self.hides, recipe.steps, order, recipe.power)
            return way.draw(lambda seen: self.predict(seen, temperature, top_p), sizes, device, chance)
        fixed = self.grammar.layouts(sizes, rng(int(torch.randint(2**62, (), generator=chance)), "layouts"))
        told = None if self.told is None or self.wanted is None else self.told(self.wanted[None])
        how = recipe.steps, recipe.order or "random", recipe.power, top_p, recipe.most_share
        leaning = partial(self._leaning, temperature=temperature)
        way = SequenceDrawing(device, leaning, self.kernels[0], self.hides, *how)
        return way.draw(sizes, fixed, told, chance, first)

    def _leaning(self, seen: Seen, temperature: float) -> Tensor:
        """Logits (B, L, K) that lean from what is free to what is told: free + w (told - free)."""
        (found,) = self.predict(seen)
        if seen.told is not None and self.guidance != 1:
            (free,) = self.predict(replace(seen, told=None))
            found = free + self.guidance * (found - free)
        return found / temperature

    def _possible_sizes(self) -> Tensor:
        """Shares of sizes as in the training data; without pairs, of those that the grammar admits.

        Raises:
            MolgenError: it admits none of them.
        """
        if self.paired:
            return self.sizes
        shares = self.sizes * torch.from_numpy(self.grammar.possible_sizes()).to(self.sizes)
        if not bool(shares.any()):
            raise MolgenError("no training design has as many positions as what is fixed asks for: fix less of it")
        return shares


def _exchange(grammar: Grammar) -> Kernel:
    """The noise by the grammar's scores of exchange. MolgenError where it has none."""
    if grammar.exchange is None:
        raise MolgenError('kernel="exchange": the grammar has no scores of exchange; take "uniform" or "marginal"')
    return exchange(torch.tensor(grammar.exchange))
