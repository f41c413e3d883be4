"""A GAN that draws small graphs in one pass (MolGAN: De Cao and Kipf 2018, arXiv:1805.11973), kept from collapsing.

The generator G is a cascade: z ~ N(0, I) and a size say which positions are bonded, these how strongly, and these which
class each position has (as MoFlow draws bonds before atoms: Zang and Wang 2020, arXiv:2006.10137). Each class is the
greatest one, with the gradient of the softmax (straight-through: Bengio et al. 2013, arXiv:1308.3432). Designs come in
the order of their data, depth first, so no graphs are matched. With s = softplus, a critic D, and pairs of a real
design x and one drawn of equal size (R3GAN: Huang et al. 2024, arXiv:2501.05441, equations 2 and 4):

    loss_D = E[s(D(G(z)) - D(x))] + penalty / 2 (E|grad D(x)|^2 + E|grad D(G(z))|^2)
    loss_G = game E[s(D(x) - D(G(z)))] + coverage E_q(z|x)[-log p_G(x | z) + beta KL(q(z|x) || N(0, I))]

The last term asks that every real design has a place in the latent space from which G draws it (VAE/GAN: Larsen et al.
2016, arXiv:1512.09300; VEEGAN: Srivastava et al. 2017, arXiv:1705.07761). `coverage` 0 plays the game alone, `game` 0
has no critic to play against.
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
from molgen.nn.relational import SYMBOLS, Critic, Flat, Soft, corners, one_hot, scores_and_slopes, squared
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
        latent, width, depth: of generator and encoder; `depth` blocks say what is bonded, one each what follows.
        critic_width, critic_depth, relational_width, relational_depth: of the critic's two parts.
        penalty, game, coverage, beta: as in the losses.
        rules: when drawing, take no class for which there is no room, and join each position to an earlier one.
    """

    kind: Literal["adjacency_gan"] = "adjacency_gan"
    positions: int = 9
    latent: int = 48
    width: int = 256
    depth: int = 3
    critic_width: int = 192
    critic_depth: int = 2
    relational_width: int = 32
    relational_depth: int = 1
    penalty: float = 0.05
    game: float = 1.0
    coverage: float = 0.2
    beta: float = 0.5
    rules: bool = True


class Cascade(nn.Module):
    """The generator's three networks: what is bonded, by which class, and the positions' classes. D = Z + L + 1."""

    def __init__(self, grammar: Grammar, positions: int, latent: int, width: int, depth: int) -> None:
        super().__init__()
        pairs, orders, told = positions * (positions - 1) // 2, grammar.pair_classes - 1, latent + positions + 1
        self.bonded = Residual(told, pairs, width, depth)
        self.orders = Residual(told + pairs + positions, pairs * orders, width, 1)
        self.symbols = Residual(told + pairs * orders + positions, positions * SYMBOLS, width, 1)
        self.naming = nn.Linear(SYMBOLS, grammar.position_classes)
        later, earlier = corners(positions, torch.device("cpu"))
        ends = functional.one_hot(later, positions) + functional.one_hot(earlier, positions)
        self.register_buffer("ends", ends.float(), persistent=False)  # (P, L)
        self.register_buffer("order", torch.arange(1.0, orders + 1), persistent=False)

    def bonded_logits(self, told: Tensor) -> Tensor:
        """(B, D) -> (B, P)."""
        return self.bonded(told)

    def order_logits(self, told: Tensor, bonded: Tensor) -> Tensor:
        """(B, D) and what is bonded (B, P) -> (B, P, C - 1)."""
        degrees = bonded @ self.ends / 2
        return self.orders(torch.cat([told, bonded, degrees], 1)).unflatten(1, (bonded.shape[1], -1))

    def position_logits(self, told: Tensor, pair: Tensor) -> Tensor:
        """(B, D) and classes of pairs (B, P, C - 1) -> (B, L, K)."""
        symbols = self.symbols(torch.cat([told, pair.flatten(1), self.used(pair) / 2], 1))
        return self.naming(symbols.unflatten(1, (-1, SYMBOLS)))

    def used(self, pair: Tensor) -> Tensor:
        """What the classes of pairs (B, P, C - 1) sum to at each position (B, L)."""
        return (pair @ self.order) @ self.ends


class AdjacencyGan(nn.Module):
    """The family's module. B batch, L positions, K their classes, P pairs, C their classes, Z latent dimensions."""

    # Unsorted batches (a pool of one): beside designs of one length the critic would judge draws by their length.
    habits: ClassVar = {"rate": 1e-3, "batch": 128, "fields": True, "pool": 1}

    def __init__(self, grammar: Grammar, recipe: AdjacencyGanRecipe) -> None:
        super().__init__()
        if grammar.pair_classes == 1:
            raise ValueError("it draws pairs, and these designs have none")
        if not (recipe.game or recipe.coverage):
            raise ValueError("game and coverage are both 0, so nothing is learned")
        self.grammar, self.recipe, most = grammar, recipe, recipe.positions
        self.generator = Cascade(grammar, most, recipe.latent, recipe.width, recipe.depth)
        self.flat = Flat(grammar, most)
        self.encoder = Residual(self.flat.size, 2 * recipe.latent, recipe.width, 1)
        parts = recipe.critic_width, recipe.critic_depth, recipe.relational_width, recipe.relational_depth
        self.critic = Critic(grammar, most, *parts)
        self.register_buffer("sizes", torch.full((most + 1,), 1.0 / (most + 1)))  # shares, from size 0
        self.register_buffer("position_prior", torch.zeros(most, grammar.position_classes))  # log shares
        self.register_buffer("pair_prior", torch.zeros(most * (most - 1) // 2, grammar.pair_classes))
        self.register_buffer("capacities", torch.tensor(grammar.capacities), persistent=False)

    @property
    def arithmetic(self) -> str:
        """In which a copy for drawing multiplies."""
        return str(self.generator.naming.weight.dtype).removeprefix("torch.")

    def prepare(self, data: Sequences) -> None:
        """Counts sizes, and the classes of every position and pair.

        Raises:
            MolgenError: a design of more positions than the recipe has.
        """
        sizes, position, pair = (
            torch.zeros_like(x, dtype=torch.float64) for x in (self.sizes, self.position_prior, self.pair_prior)
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

    def _told(self, z: Tensor, sizes: Tensor) -> Tensor:
        return torch.cat([z, functional.one_hot(sizes, self.recipe.positions + 1).to(z.dtype)], dim=1)

    def bonded_logits(self, told: Tensor) -> Tensor:
        """(B, P): log-odds of being bonded."""
        return self.generator.bonded_logits(told) + self.pair_prior[:, 1:].logsumexp(1) - self.pair_prior[:, 0]

    def order_logits(self, told: Tensor, bonded: Tensor) -> Tensor:
        """(B, P, C - 1)."""
        return self.generator.order_logits(told, bonded) + self.pair_prior[:, 1:]

    def position_logits(self, told: Tensor, pair: Tensor) -> Tensor:
        """(B, L, K)."""
        return self.generator.position_logits(told, pair) + self.position_prior

    def made(self, z: Tensor, sizes: Tensor) -> Soft:
        """Latents (B, Z) and sizes (B,) -> one-hot designs, which carry the gradient of the softmax."""
        mask = (torch.arange(self.recipe.positions, device=sizes.device) < sizes[:, None]).float()
        later, earlier = corners(mask.shape[1], mask.device)
        told, present = self._told(z, sizes), mask[:, later] * mask[:, earlier]
        odds = functional.pad(self.bonded_logits(told)[..., None], (1, 0))
        bonded = _straight_through(odds)[..., 1] * present
        pair = bonded[..., None] * _straight_through(self.order_logits(told, bonded))
        position = _straight_through(self.position_logits(told, pair)) * mask[..., None]
        return Soft(position, torch.cat([(present - bonded)[..., None], pair], dim=2), mask)

    def _drawn(self, sizes: Tensor, chance: torch.Generator) -> Soft:
        return self.made(torch.randn(len(sizes), self.recipe.latent, generator=chance, device=sizes.device), sizes)

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """The losses of critic and generator, from one pass of each, in 32 bits."""
        with torch.autocast(batch.tokens.device.type, enabled=False):
            real = self._soft(batch.fields)
            losses = self._game(real, batch.fields.sizes, chance) if self.recipe.game else {}
            generator = self.recipe.game * losses["generator"] if losses else 0.0
            if self.recipe.coverage:
                nats, kl = self.coverage(real, batch.fields.sizes, chance)
                generator = generator + self.recipe.coverage * (nats + self.recipe.beta * kl).mean()
            return losses | {"generator": generator}

    def _game(self, real: Soft, sizes: Tensor, chance: torch.Generator) -> dict[str, Tensor]:
        made = self._drawn(sizes, chance)
        scores, *slopes = scores_and_slopes(self.critic, _stacked(real, made))
        of_real, of_made = scores.chunk(2)
        # Real and made are as many: the mean over both is half the sum of the two means.
        critic = functional.softplus(of_made - of_real).mean() + self.recipe.penalty * squared(*slopes).mean()
        game = functional.softplus(of_real - of_made).mean()
        line = _through(made, [s.chunk(2)[1] for s in slopes], -torch.sigmoid(of_real - of_made)).mean()
        return {"critic": critic, "generator": line + (game - line).detach()}  # the loss's value, the line's gradient

    def coverage(self, real: Soft, sizes: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """-log p_G(x | z) (B,) of real designs with one z ~ q(z | x), and KL(q(z | x) || N(0, I)) (B,), nats."""
        mean, log_variance = self.encoder(self.flat(real)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-8, 2)
        noise = torch.randn(mean.shape, generator=chance, device=mean.device)
        told = self._told(mean + noise * (0.5 * log_variance).exp(), sizes)
        pair, present = real.pair[..., 1:], real.pair.sum(2)
        bonded, odds = pair.sum(2), self.bonded_logits(told)
        orders, positions = self.order_logits(told, bonded), self.position_logits(told, pair)
        nats = (functional.softplus(torch.where(bonded > 0, -odds, odds)) * present).sum(1)
        nats = nats - (orders.log_softmax(2) * pair).sum((1, 2))
        nats = nats - (positions.log_softmax(2) * real.position).sum((1, 2))
        return nats, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)

    def players(self) -> dict[str, Player]:
        """The encoder plays with the generator."""
        parts = self.generator, self.flat, self.encoder
        generator = Player([p for part in parts for p in part.parameters()], betas=(0.5, 0.99), clip=10.0)
        critic = Player(list(self.critic.parameters()), betas=(0.0, 0.99), clip=10.0)
        return {"critic": critic, "generator": generator} if self.recipe.game else {"generator": generator}

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """Of every design (B,): how much higher the critic puts it than a drawn one, and what its place in z costs."""
        with torch.autocast(batch.tokens.device.type, enabled=False):
            sizes, real = batch.fields.sizes, self._soft(batch.fields)
            gap = self.critic(real) - self.critic(self._drawn(sizes, chance))
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
        z = (temperature * torch.randn(rows, self.recipe.latent, generator=chance)).to(device)
        return self.by_rules(z, sizes) if self.recipe.rules else _fields(self.made(z, sizes))

    def by_rules(self, z: Tensor, sizes: Tensor) -> Fields:
        """Latents (B, Z) and sizes (B,) -> fields whose pairs keep to the capacities of the classes in the data."""
        most = int(self.capacities[(self.position_prior > NEVER).any(0)].max())
        told, mask = self._told(z, sizes), torch.arange(self.recipe.positions, device=z.device) < sizes[:, None]
        bonded = join(self.bonded_logits(told), mask, most)
        order = strengthen(self.order_logits(told, bonded.to(z.dtype)), bonded, mask.shape[1], most)
        pair = functional.one_hot(order, self.grammar.pair_classes)[..., 1:].to(z.dtype)
        full = self.capacities < self.generator.used(pair)[..., None]
        logits = self.position_logits(told, pair).masked_fill(full, 2 * NEVER)
        return Fields(logits.argmax(2) * mask, _square(order, mask.shape[1]), mask)


def join(logits: Tensor, mask: Tensor, most: int) -> Tensor:
    """Which pairs are bonded (B, P) bool: each position to the earlier one of greatest logit, and where logits are > 0.

    No position gets more than `most` bonds. They are taken in the order of the positions, the nearest earlier first.
    logits (B, P), mask (B, L).
    """
    rows, free = torch.arange(len(mask), device=mask.device), torch.full_like(mask, most, dtype=torch.int64)
    bonded = torch.zeros_like(logits, dtype=torch.bool)
    for later in range(1, mask.shape[1]):
        start = later * (later - 1) // 2
        wanted = logits[:, start : start + later].masked_fill(free[:, :later] <= 0, float("-inf"))
        parent = wanted.argmax(1)
        joined = mask[:, later] & wanted[rows, parent].isfinite()
        bonded[rows, start + parent] = joined
        free[rows, parent] -= joined.long()
        free[:, later] -= joined.long()
        for earlier in reversed(range(later)):
            room = torch.minimum(free[:, earlier], free[:, later]) > 0
            taken = (wanted[:, earlier] > 0) & (parent != earlier) & mask[:, later] & room
            bonded[:, start + earlier] |= taken
            free[:, earlier] -= taken.long()
            free[:, later] -= taken.long()
    return bonded


def strengthen(logits: Tensor, bonded: Tensor, positions: int, most: int) -> Tensor:
    """Classes of pairs (B, P): of every bonded one the greatest for which both ends have room, one after another.

    logits (B, P, C - 1) of the classes from 1 on, bonded (B, P) bool; classes at a position sum to `most` at the most.
    """
    later, earlier = (end.tolist() for end in corners(positions, logits.device))
    more = torch.arange(logits.shape[2], device=logits.device)
    free = most - _square(bonded.long(), positions).sum(2)
    chosen = bonded.long()
    for pair, (i, j) in enumerate(zip(later, earlier, strict=True)):
        room = torch.minimum(free[:, i], free[:, j]).clamp(min=0)
        best = logits[:, pair].masked_fill(more > room[:, None], float("-inf")).argmax(1) * bonded[:, pair]
        chosen[:, pair] += best
        free[:, i] -= best
        free[:, j] -= best
    return chosen


def _fields(designs: Soft) -> Fields:
    mask = designs.mask.bool()
    return Fields(designs.position.argmax(2) * mask, _square(designs.pair.argmax(2), mask.shape[1]), mask)


def _square(pair: Tensor, positions: int) -> Tensor:
    """(B, P) -> (B, L, L)."""
    later, earlier = corners(positions, pair.device)
    half = pair.new_zeros(len(pair), positions, positions)
    half[:, later, earlier] = pair
    return half + half.transpose(1, 2)


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
