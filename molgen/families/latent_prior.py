"""What families over the latent space of a VAE share: the frozen VAE, and drawing through it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor, nn

from molgen.batch import Grammar
from molgen.families.vae import Vae, VaeRecipe
from molgen.sequences import Sequences


class LatentPrior(nn.Module, ABC):
    """A density of latents z, made from noise e ~ N(0, I); the VAE, frozen, decodes them. Z latent dimensions."""

    def __init__(self, grammar: Grammar, autoencoder: VaeRecipe) -> None:
        super().__init__()
        self.grammar = grammar
        self.autoencoder = Vae(grammar, autoencoder).requires_grad_(False)

    @abstractmethod
    def made(self, noise: Tensor) -> Tensor:
        """e ~ N(0, I) (B, Z) -> z (B, Z)."""

    @property
    def arithmetic(self) -> str:
        """In which a copy for drawing multiplies."""
        return self.autoencoder.arithmetic

    def prepare(self, data: Sequences) -> None:
        """Nothing is learned beforehand."""

    def for_drawing(self, device: torch.device) -> Self:
        """A copy that draws: its own networks in 32 bits, the decoder in the fastest arithmetic of the device."""
        copied = copy.deepcopy(self).half().float().to(device).eval()
        copied.autoencoder = self.autoencoder.for_drawing(device)
        return copied

    @torch.inference_mode()
    def draw(self, rows: int, chance: torch.Generator, temperature: float = 1.0, top_p: float = 1.0) -> Tensor:
        """Draws z, then tokens (B, T)."""
        noise = torch.randn(rows, self.autoencoder.recipe.latent, generator=chance)
        z = self.made(noise.to(next(self.parameters()).device))
        return self.autoencoder.decode(z, chance, temperature, top_p)
