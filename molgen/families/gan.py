"""A Wasserstein GAN over the latent space of a VAE (as LatentGAN: Prykhodko et al. 2019): one pass per design.

Critic D and generator G (Gulrajani et al. 2017, arXiv:1704.00028, equation 3), on latents z ~ q(z | x) of real designs:

    loss_D = E[D(G(e))] - E[D(z)] + penalty E[(|grad D(z')| - 1)^2],   loss_G = -E[D(G(e))],   e ~ N(0, I)

Both move at every step, the critic faster (two time scales: Heusel et al. 2017, arXiv:1706.08500). G begins near
the identity, so that training begins at what N(0, I) gives through the same decoder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from molgen.batch import Batch, Grammar
from molgen.families.latent_prior import LatentPrior
from molgen.families.vae import VaeRecipe
from molgen.nn.residual import Residual
from molgen.players import Player


@dataclass(frozen=True)
class GanRecipe:
    """The networks: residual blocks of `width`, `depth` of them each; the VAE that lends its latent space."""

    kind: Literal["gan"] = "gan"
    width: int = 512
    depth: int = 3
    penalty: float = 10.0
    autoencoder: VaeRecipe = field(default_factory=VaeRecipe)


class LatentGan(LatentPrior):
    """The family's module."""

    habits: ClassVar = {"rate": 3e-4, "batch": 1024, "fields": True}

    def __init__(self, grammar: Grammar, recipe: GanRecipe) -> None:
        super().__init__(grammar, recipe.autoencoder)
        self.recipe = recipe
        size = recipe.autoencoder.latent
        self.generator = Residual(size, size, recipe.width, recipe.depth)
        self.critic = Residual(size, 1, recipe.width, recipe.depth)
        nn.init.normal_(self.generator.leave.weight, std=1e-3)
        nn.init.zeros_(self.generator.leave.bias)

    def made(self, noise: Tensor) -> Tensor:
        """e ~ N(0, I) (B, Z) -> z (B, Z)."""
        return noise + self.generator(noise)

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """The losses of critic and generator."""
        with torch.no_grad():
            real, _ = self.autoencoder.sample_posterior(batch, chance)
        with torch.autocast(real.device.type, enabled=False):
            made = self.made(torch.randn(real.shape, generator=chance, device=real.device))
            gap = self.critic(made.detach()).mean() - self.critic(real).mean()
            critic = gap + self.recipe.penalty * self._penalty(real, made.detach(), chance)
            return {"critic": critic, "generator": -self.critic(made).mean()}

    def _penalty(self, real: Tensor, made: Tensor, chance: torch.Generator) -> Tensor:
        """E[(|grad D(z')| - 1)^2] at z' between real and made."""
        share = torch.rand(len(real), 1, generator=chance, device=real.device)
        between = (share * real + (1 - share) * made).requires_grad_()
        (gradient,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        return (gradient.norm(dim=1) - 1).square().mean()

    def players(self) -> dict[str, Player]:
        """Each loss trains its own network."""
        return {
            "critic": Player(list(self.critic.parameters()), betas=(0.0, 0.9)),
            "generator": Player(list(self.generator.parameters()), rate=0.3, betas=(0.0, 0.9)),
        }

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """How much higher the critic puts real latents than made ones (B,): its estimate of their distance."""
        real, _ = self.autoencoder.sample_posterior(batch, chance)
        with torch.autocast(real.device.type, enabled=False):
            made = self.made(torch.randn(real.shape, generator=chance, device=real.device))
            return {"critic_gap": (self.critic(real) - self.critic(made)).squeeze(1)}
