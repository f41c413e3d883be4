"""A normalizing flow over the latent space of a VAE: p(x) = E_{z ~ f(N(0, I))} p(x | z), f with an exact Jacobian.

Loss: -E_{x, z ~ q(z|x)} log p_f(z), the latents of the training designs under the flow. Coupling transforms of rational
quadratic splines (Durkan et al. 2019, arXiv:1906.04032), from the library zuko. The bound of a design is
log p(x) >= E_q[log p(x | z) + log p_f(z) - log q(z | x)].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
import zuko
from torch import Tensor

from molgen.batch import Batch, Grammar
from molgen.families.latent_prior import LatentPrior
from molgen.families.vae import VaeRecipe
from molgen.players import Player


@dataclass(frozen=True)
class FlowRecipe:
    """The flow: `transforms` couplings by networks of `depth` layers of `width`; the VAE that lends its latent."""

    kind: Literal["flow"] = "flow"
    transforms: int = 6
    width: int = 256
    depth: int = 2
    bins: int = 8
    autoencoder: VaeRecipe = field(default_factory=VaeRecipe)


class LatentFlow(LatentPrior):
    """The family's module."""

    habits: ClassVar = {"rate": 1e-3, "batch": 1024, "fields": True}

    def __init__(self, grammar: Grammar, recipe: FlowRecipe) -> None:
        super().__init__(grammar, recipe.autoencoder)
        self.recipe = recipe
        hidden = (recipe.width,) * recipe.depth
        size = recipe.autoencoder.latent
        self.flow = zuko.flows.NSF(
            size, transforms=recipe.transforms, bins=recipe.bins, hidden_features=hidden, passes=2
        )

    def made(self, noise: Tensor) -> Tensor:
        """z = f(e): e ~ N(0, I) (B, Z) -> z (B, Z)."""
        return self.flow().transform.inv(noise)

    def latent_log_likelihood(self, z: Tensor) -> Tensor:
        """log p_f(z) (B,), exact: log N(f^-1(z)) + log |det d f^-1 / dz|."""
        with torch.autocast(z.device.type, enabled=False):
            return self.flow().log_prob(z.float())

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """What training minimises: nats per latent vector."""
        with torch.no_grad():
            z, _ = self.autoencoder.sample_posterior(batch, chance)
        return {"latent_nats": -self.latent_log_likelihood(z).mean()}

    def players(self) -> dict[str, Player]:
        """One objective trains the flow."""
        return {"latent_nats": Player(list(self.flow.parameters()), clip=30.0)}

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """The negative bound of every design (B,), nats; -log p_f(z), and the same under N(0, I)."""
        z, log_q = self.autoencoder.sample_posterior(batch, chance)
        latent = -self.latent_log_likelihood(z)
        normal = 0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)
        nats = self.autoencoder.reconstruction_nats(batch, z) + log_q + latent
        return {"nats": nats, "latent_nats": latent, "normal_nats": normal}
