"""A GAN that draws small graphs in one pass (MolGAN: De Cao and Kipf 2018, arXiv:1805.11973), kept from collapsing.

The generator G maps z ~ N(0, I) and a size to logits of all positions and pairs at once; the classes are the greatest
ones, with the gradient of the softmax (straight-through: Bengio et al. 2013, arXiv:1308.3432). Designs come in the
order of their data, depth first, so that no matching of graphs is needed. With s = softplus and a critic D (R3GAN:
Huang et al. 2024, arXiv:2501.05441, equations 2 and 4; pairs of a real design x and a drawn one of equal size):

    loss_D = E[s(D(G(z)) - D(x))] + penalty / 2 (E|grad D(x)|^2 + E|grad D(G(z))|^2)
    loss_G = E[s(D(x) - D(G(z)))] + coverage E_q(z|x)[-log p_G(x | z) + beta KL(q(z|x) || N(0, I))]

The last term asks that every real design has a place in the latent space from which G draws it (VAE/GAN: Larsen et al.
2016, arXiv:1512.09300; VEEGAN: Srivastava et al. 2017, arXiv:1705.07761); `coverage` 0 plays the game alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from molgen.batch import Batch, Fields, Grammar
from molgen.errors import MolgenError
from molgen.nn.relational import SYMBOLS, Critic, Flat, Soft, corners, masked, one_hot, scores_and_slopes, squared
from molgen.nn.residual import Residual
from molgen.nn.sizes import draw_sizes
from molgen.players import Player
from molgen.sequences import Sequences

NEVER = -60.0  # logit of a class that no training design has
RARE = -10.0  # least log share of the others at one place
CHUNK = 8192


@dataclass(frozen=True)
class AdjacencyGanRecipe:
    """Sizes of the networks and weights of the losses.

    Attributes:
        positions: the most positions of a design; the networks grow with its square.
        latent, width, depth: of the generator, `width` of the encoder too.
        critic_width, critic_depth, relational_width, relational_depth: of the critic's two parts.
        penalty, coverage, beta: as in the losses.
        rules: take no class for which there is no room, and join each position to an earlier one, when drawing.
    """

    kind: Literal["adjacency_gan"] = "adjacency_gan"
    positions: int = 9
    latent: int = 48
    width: int = 384
    depth: int = 2
    critic_width: int = 192
    critic_depth: int = 2
    relational_width: int = 32
    relational_depth: int = 2
    penalty: float = 0.2
    coverage: float = 0.2
    beta: float = 0.5
    rules: bool = True


class AdjacencyGan(nn.Module):
    """The family's module. B batch, L positions, K their classes, P pairs, C their classes, Z latent dimensions."""

    habits: ClassVar = {"rate": 1e-3, "batch": 128, "fields": True}

    def __init__(self, grammar: Grammar, recipe: AdjacencyGanRecipe) -> None:
        super().__init__()
        self.grammar, self.recipe = grammar, recipe
        most, classes, pair_classes = recipe.positions, grammar.position_classes, grammar.pair_classes
        pairs = most * (most - 1) // 2
        outputs = most * SYMBOLS + pairs * (pair_classes - 1)
        self.generator = Residual(recipe.latent + most + 1, outputs, recipe.width, recipe.depth)
        self.naming = nn.Linear(SYMBOLS, classes)
        self.flat = Flat(grammar, most)
        self.encoder = Residual(self.flat.size, 2 * recipe.latent, recipe.width, 1)
        parts = recipe.critic_width, recipe.critic_depth, recipe.relational_width, recipe.relational_depth
        self.critic = Critic(grammar, most, *parts)
        self.register_buffer("sizes", torch.full((most + 1,), 1.0 / (most + 1)))  # shares, from size 0
        self.register_buffer("position_prior", torch.zeros(most, classes))  # log shares
        self.register_buffer("pair_prior", torch.zeros(pairs, pair_classes))
        self.register_buffer("capacities", torch.tensor(grammar.capacities), persistent=False)

    @property
    def arithmetic(self) -> str:
        """In which a copy for drawing multiplies."""
        return str(self.generator.leave.weight.dtype).removeprefix("torch.")

    def prepare(self, data: Sequences) -> None:
        """Counts sizes, and the classes of every position and pair.

        Raises:
            MolgenError: a design of more positions than the recipe has.
        """
        sizes, position, pair = (
            torch.zeros_like(x).double() for x in (self.sizes, self.position_prior, self.pair_prior)
        )
        for start in range(0, len(data), CHUNK):
            fields = data.batch(np.arange(start, min(start + CHUNK, len(data))), self.grammar, self.sizes.device).fields
            if (found := fields.mask.shape[1]) > (most := self.recipe.positions):
                raise MolgenError(f"a design has {found} positions, the recipe {most}: set positions={found} or more")
            real = self._soft(fields)
            sizes += torch.bincount(fields.sizes, minlength=len(sizes))
            position, pair = position + real.position.sum(0), pair + real.pair.sum(0)
        self.sizes.copy_(sizes / sizes.sum())
        self.position_prior.copy_(_log_share(position))
        self.pair_prior.copy_(_log_share(pair))

    def _soft(self, fields: Fields) -> Soft:
        grammar = self.grammar
        return one_hot(fields, self.recipe.positions, grammar.position_classes, grammar.pair_classes)

    def logits(self, z: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, Z) and sizes (B,) -> logits of positions (B, L, K) and pairs (B, P, C)."""
        told = functional.one_hot(sizes, self.recipe.positions + 1).to(z.dtype)
        flat = self.generator(torch.cat([z, told], dim=1))
        cut = self.recipe.positions * SYMBOLS
        symbols, pair = flat[:, :cut], flat[:, cut:]
        position = self.naming(symbols.unflatten(1, (-1, SYMBOLS))) + self.position_prior
        pair = pair.unflatten(1, (len(self.pair_prior), -1))  # against class 0
        return position, functional.pad(pair, (1, 0)) + self.pair_prior

    def made(self, sizes: Tensor, chance: torch.Generator) -> Soft:
        """One-hot designs of the given sizes, which carry the gradient of the softmax."""
        z = torch.randn(len(sizes), self.recipe.latent, generator=chance, device=sizes.device)
        mask = (torch.arange(self.recipe.positions, device=sizes.device) < sizes[:, None]).float()
        return masked(*(_straight_through(x) for x in self.logits(z, sizes)), mask)

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """The losses of critic and generator, from one pass of each, in 32 bits."""
        with torch.autocast(batch.tokens.device.type, enabled=False):
            sizes, real = batch.fields.sizes, self._soft(batch.fields)
            made = self.made(sizes, chance)
            scores, *slopes = scores_and_slopes(self.critic, _stacked(real, made))
            of_real, of_made = scores.chunk(2)
            critic = functional.softplus(of_made - of_real).mean()
            # Real and made are as many: the mean over both is half the sum of the two means.
            critic = critic + self.recipe.penalty * squared(*slopes).mean()
            game = functional.softplus(of_real - of_made)
            generator = _through(made, [s.chunk(2)[1] for s in slopes], -torch.sigmoid(of_real - of_made)).mean()
            generator = generator + (game.mean() - generator).detach()  # the loss's value, the line's gradient
            return {"critic": critic, "generator": generator + self._coverage(real, sizes, chance)}

    def _coverage(self, real: Soft, sizes: Tensor, chance: torch.Generator) -> Tensor | float:
        if not self.recipe.coverage:
            return 0.0
        nats, kl = self.coverage(real, sizes, chance)
        return self.recipe.coverage * (nats + self.recipe.beta * kl).mean()

    def coverage(self, real: Soft, sizes: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """-log p_G(x | z) (B,) of real designs with one z ~ q(z | x), and KL(q(z | x) || N(0, I)) (B,), nats."""
        mean, log_variance = self.encoder(self.flat(real)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-8, 2)
        noise = torch.randn(mean.shape, generator=chance, device=mean.device)
        position, pair = self.logits(mean + noise * (0.5 * log_variance).exp(), sizes)
        found = (position.log_softmax(2) * real.position).sum((1, 2)) + (pair.log_softmax(2) * real.pair).sum((1, 2))
        return -found, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)

    def players(self) -> dict[str, Player]:
        """The encoder plays with the generator."""
        parts = self.generator, self.naming, self.flat, self.encoder
        generator = [parameter for part in parts for parameter in part.parameters()]
        return {
            "critic": Player(list(self.critic.parameters()), betas=(0.0, 0.99), clip=10.0),
            "generator": Player(generator, betas=(0.5, 0.99), clip=10.0),
        }

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """Of every design (B,): how much higher the critic puts it than a drawn one, and what its place in z costs."""
        with torch.autocast(batch.tokens.device.type, enabled=False):
            sizes, real = batch.fields.sizes, self._soft(batch.fields)
            gap = self.critic(real) - self.critic(self.made(sizes, chance))
            nats, kl = self.coverage(real, sizes, chance)
        return {"critic_gap": gap, "reconstruction": nats, "kl": kl}

    def for_drawing(self, device: torch.device) -> AdjacencyGan:
        """A copy that draws in 32 bits, through half precision, as a file keeps weights: it draws alike after it."""
        return copy.deepcopy(self).half().float().to(device).eval()

    @torch.inference_mode()
    def draw(self, rows: int, chance: torch.Generator, temperature: float = 1.0, top_p: float = 1.0) -> Fields:
        """Draws fields of `rows` designs in one pass.

        `temperature` is the standard deviation of z. Classes are the greatest, not drawn: `top_p` has nothing to cut.
        """
        device = self.sizes.device
        sizes = draw_sizes(self.sizes, rows, chance).to(device)
        z = temperature * torch.randn(rows, self.recipe.latent, generator=chance)
        position, pair = self.logits(z.to(device), sizes)
        mask = torch.arange(self.recipe.positions, device=device) < sizes[:, None]
        chosen = position.argmax(2) * mask
        if self.recipe.rules:
            return Fields(chosen, under_rules(pair, mask, self.capacities[chosen]), mask)
        return Fields(chosen, greatest(pair, mask), mask)


def greatest(pair: Tensor, mask: Tensor) -> Tensor:
    """Logits (B, P, C), mask (B, L) -> the greatest class of every pair (B, L, L)."""
    later, earlier = corners(mask.shape[1], mask.device)
    half = torch.zeros(*mask.shape, mask.shape[1], dtype=torch.int64, device=mask.device)
    half[:, later, earlier] = pair.argmax(2) * mask[:, later]
    return half + half.transpose(1, 2)


def under_rules(pair: Tensor, mask: Tensor, capacities: Tensor) -> Tensor:
    """Classes of pairs (B, L, L), read position by position: the greatest for which both ends have room.

    Each position first takes the pair by which it is joined to an earlier one, the one whose odds against class 0 are
    the best; then those to the other positions, from the nearest back. logits (B, P, C), mask and capacities (B, L).
    """
    half = torch.zeros(*mask.shape, mask.shape[1], dtype=torch.int64, device=mask.device)
    free = capacities.clone()
    for later in range(1, mask.shape[1]):
        start = later * (later - 1) // 2
        logits = pair[:, start : start + later]
        parent = _join(logits, half, free, later, mask[:, later])
        for earlier in reversed(range(later)):
            room = torch.minimum(free[:, earlier], free[:, later])
            order = _greatest_within(logits[:, earlier], room) * (mask[:, later] & (parent != earlier))
            _take(half, free, later, torch.full_like(order, earlier), order)
    return half + half.transpose(1, 2)


def _join(logits: Tensor, half: Tensor, free: Tensor, later: int, present: Tensor) -> Tensor:
    """Joins the position `later` to an earlier one, in place; gives that one (B,)."""
    room = torch.minimum(free[:, :later], free[:, later : later + 1])
    orders = torch.arange(1, logits.shape[2], device=logits.device)
    odds = (logits[..., 1:] - logits[..., :1]).masked_fill(orders > room[..., None], float("-inf")).flatten(1)
    best, place = odds.max(1)
    parent, order = place // len(orders), orders[place % len(orders)]
    _take(half, free, later, parent, order * (present & best.isfinite()))
    return parent


def _greatest_within(logits: Tensor, room: Tensor) -> Tensor:
    orders = torch.arange(logits.shape[1], device=logits.device)
    return logits.masked_fill(orders > room[:, None], float("-inf")).argmax(1)


def _take(half: Tensor, free: Tensor, later: int, earlier: Tensor, order: Tensor) -> None:
    """Bonds `later` to `earlier` (B,) by `order` (B,), in place."""
    rows = torch.arange(len(order), device=order.device)
    half[rows, later, earlier] += order
    free[rows, earlier] -= order
    free[:, later] -= order


def _straight_through(logits: Tensor) -> Tensor:
    """The greatest class, one-hot, with the gradient of the softmax."""
    soft = logits.softmax(2)
    return functional.one_hot(logits.argmax(2), logits.shape[2]) - soft.detach() + soft


def _stacked(real: Soft, made: Soft) -> Soft:
    return Soft(*(torch.cat([a, b.detach()]) for a, b in zip(_tensors(real), _tensors(made), strict=True)))


def _tensors(designs: Soft) -> tuple[Tensor, Tensor, Tensor]:
    return designs.position, designs.pair, designs.mask


def _through(made: Soft, slopes: list[Tensor], weight: Tensor) -> Tensor:
    """weight <grad D, x> (B,): its gradient by the generator is that of a loss of D(x) whose derivative is `weight`.

    The critic's gradients are at hand for the penalty, so the generator needs no pass of its own through the critic.
    """
    line = (slopes[0].detach() * made.position).sum((1, 2)) + (slopes[1].detach() * made.pair).sum((1, 2))
    return weight.detach() * line


def _log_share(counts: Tensor) -> Tensor:
    """Counts (places, classes) -> log shares; `NEVER` for a class that no place has."""
    share = (counts / counts.sum(1, keepdim=True).clamp(min=1)).log().clamp(min=RARE)
    return torch.where(counts.sum(0) > 0, share, NEVER)
