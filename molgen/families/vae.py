"""The variational autoencoder (Kingma and Welling 2014, arXiv:1312.6114): a graph encoder, a decoder of tokens.

Loss: E_q(z|x)[-log p(x | z)] + beta sum_d max(KL_d, free_nats), KL_d to the prior N(0, I), averaged over the batch
before the maximum (free bits: Kingma et al. 2016, arXiv:1606.04934): a strong decoder would otherwise ignore z.
beta far below one gives a latent to navigate in, beta = 1 one to generate from; one VAE cannot have both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from molgen.batch import Batch, Grammar
from molgen.nn.decoder import CausalDecoder
from molgen.nn.graph import GraphEncoder
from molgen.nn.stepping import Exact, Stepper, for_drawing
from molgen.nn.tokens import write
from molgen.players import Player
from molgen.sequences import Sequences


@dataclass(frozen=True)
class VaeRecipe:
    """The networks: `encoder_width` to `readout` of the encoder, the others of the decoder; and the loss."""

    kind: Literal["vae"] = "vae"
    width: int = 480
    depth: int = 3
    inputs: int = 256
    origins: int = 1
    latent: int = 64
    encoder_width: int = 64
    encoder_depth: int = 3
    readout: int = 64
    beta: float = 1.0
    free_nats: float = 0.2  # a dimension of the latent
    dropout: float = 0.0  # in training, of the decoder: what it cannot see it must be told by z
    glance: int = 0  # rank at which each step sees its part of z; 0: all see the same


class Vae(nn.Module):
    """The family's module. Z latent dimensions."""

    habits: ClassVar = {"rate": 1e-3, "batch": 256}

    def __init__(self, grammar: Grammar, recipe: VaeRecipe) -> None:
        super().__init__()
        self.grammar, self.recipe = grammar, recipe
        self.encoder = GraphEncoder(grammar, recipe.encoder_width, recipe.encoder_depth, recipe.readout)
        self.posterior = nn.Linear(self.encoder.size, 2 * recipe.latent)
        origins = min(recipe.origins, grammar.origins)
        self.decoder = CausalDecoder(
            grammar,
            recipe.width,
            recipe.depth,
            recipe.inputs,
            origins,
            recipe.latent,
            recipe.dropout,
            recipe.glance,
        )
        for linear in self.decoder.condition.maps:
            nn.init.normal_(linear.weight, std=0.02)  # from zero, neither z nor its weight would get a gradient
        self.stepper: Stepper | None = None  # made once for a copy that only draws

    @property
    def arithmetic(self) -> str:
        """In which a copy for drawing multiplies."""
        return type(self.stepper.arithmetic).__name__ if self.stepper else "Exact"

    def prepare(self, data: Sequences) -> None:
        """Nothing is learned beforehand."""

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, Z) of q(z | x)."""
        mean, log_variance = self.posterior(self.encoder(batch.fields)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 4)

    def sample_posterior(self, batch: Batch, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """z ~ q(z | x) (B, Z), and log q(z | x) (B,)."""
        mean, log_variance = self.encode(batch)
        z, noise = _reparameterised(mean, log_variance, chance)
        return z, -0.5 * (noise.square() + log_variance + math.log(2 * math.pi)).sum(dim=1)

    def reconstruction_nats(self, batch: Batch, z: Tensor, dropout: torch.Generator | None = None) -> Tensor:
        """-log p(x | z) of every design (B,); `dropout` decides what is dropped in training."""
        return self.decoder.nats(batch, z, dropout)

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """What training minimises: nats per design, with the KL weighted and free up to `free_nats`."""
        nll, kl = self._bound(batch, chance, trains=True)
        held = kl.mean(dim=0).clamp(min=self.recipe.free_nats).sum()
        return {"nats": nll.mean() + self.recipe.beta * held}

    def players(self) -> dict[str, Player]:
        """One objective trains everything."""
        return {"nats": Player(list(self.parameters()), clip=30.0)}

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """The negative ELBO of every design (B,), nats, and its two parts."""
        nll, kl = self._bound(batch, chance)
        return {"nats": nll + kl.sum(dim=1), "reconstruction_nats": nll, "kl_nats": kl.sum(dim=1)}

    def _bound(self, batch: Batch, chance: torch.Generator, trains: bool = False) -> tuple[Tensor, Tensor]:
        """-log p(x | z) (B,) with one z ~ q(z | x), and KL_d = (mu^2 + sigma^2 - 1 - log sigma^2) / 2 (B, Z)."""
        mean, log_variance = self.encode(batch)
        z, _ = _reparameterised(mean, log_variance, chance)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return self.reconstruction_nats(batch, z, chance if trains else None), kl

    def for_drawing(self, device: torch.device) -> Vae:
        """A copy that draws in the fastest arithmetic of the device: exact but for rounding."""
        return for_drawing(self, device)

    def draw(self, rows: int, chance: torch.Generator, temperature: float = 1.0, top_p: float = 1.0) -> Tensor:
        """Draws z from the prior N(0, I), then tokens (B, T)."""
        z = torch.randn(rows, self.recipe.latent, generator=chance)
        return self.decode(z, chance, temperature, top_p)

    def decode(self, z: Tensor, chance: torch.Generator, temperature: float = 1.0, top_p: float = 1.0) -> Tensor:
        """Latents (B, Z) -> drawn tokens (B, T)."""
        uniform = torch.rand(len(z), self.grammar.longest, generator=chance)
        stepper = self.stepper or Stepper(self.decoder, Exact())
        return write(stepper, self.grammar, uniform, temperature, top_p, z.to(stepper.decoder.head.weight.device))


def _reparameterised(mean: Tensor, log_variance: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """z = mean + sigma e, through which gradients pass, and e ~ N(0, I): (B, Z) each."""
    noise = torch.randn(mean.shape, generator=chance, device=mean.device)
    return mean + noise * (0.5 * log_variance).exp(), noise
