"""Walks through the latent space of a VAE: between two designs, and around one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from rdkit import Chem
from torch import Tensor

from molgen.errors import MolgenError
from molgen.generator import NeuralGenerator
from molgen.molecule import chemistry
from molgen.molecule.distance import ReferenceIndex
from molgen.molecule.properties import LOGP, MW, QED_SCORE
from molgen.molecule.synthesis import SA_SCORE
from molgen.seeds import torch_rng


def slerp(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985): sin((1-t) w) / sin w a + sin(t w) / sin w b, w the angle of a and b.

    Latents of many dimensions lie near a sphere; a straight line would leave it. Lengths are interpolated linearly.

    Args:
        a, b: (Z,).
        share: (n,) in [0, 1].

    Returns:
        (n, Z).
    """
    lengths = torch.lerp(a.norm(), b.norm(), share)[:, None]
    one, other = a / a.norm(), b / b.norm()
    angle = torch.arccos((one @ other).clamp(-1, 1))
    if angle < 1e-4:  # the same direction
        return lengths * one
    weights = torch.stack([torch.sin((1 - share) * angle), torch.sin(share * angle)], dim=1) / torch.sin(angle)
    return lengths * (weights @ torch.stack([one, other]))


def interpolate(generator: NeuralGenerator, start: str, end: str, points: int = 9) -> list[str]:
    """The designs at `points` equal steps from one design to another, both ends included as they are reconstructed."""
    a, b = _encoded(generator, [start, end])
    return generator.decode(slerp(a, b, torch.linspace(0, 1, points)))


def neighbours(generator: NeuralGenerator, design: str, n: int, seed: int, spread: float = 0.5) -> list[str]:
    """`n` designs around one: its latent with Gaussian noise of standard deviation `spread` a dimension."""
    (centre,) = _encoded(generator, [design])
    noise = torch.randn(n, len(centre), generator=torch_rng(seed, "neighbours"))
    return generator.decode(centre + spread * noise, seed)


def described(designs: Sequence[str], *others: str) -> pd.DataFrame:
    """One row a valid design: canonical `design`, its place in the list, likeness to `others`, and what it is like.

    Likeness is the Tanimoto similarity of Morgan fingerprints of radius 2.
    """
    judged = [(place, one) for place, one in enumerate(chemistry.judge(designs, organic=False)) if one.mol is not None]
    mols = [one.mol for _, one in judged]
    table = pd.DataFrame({"place": [place for place, _ in judged], "design": [one.canonical for _, one in judged]})
    for number, other in enumerate(others, 1):
        _, similarity = ReferenceIndex.build([other]).nearest(mols)
        table[f"like_{number}"] = similarity
    for score in (QED_SCORE, SA_SCORE, LOGP, MW):
        table[score.name] = score(mols).values
    return table


def between(table: pd.DataFrame, ends: Sequence[str]) -> pd.DataFrame:
    """The rows whose design is neither end."""
    same = {Chem.CanonSmiles(end) for end in ends}
    return table[~table["design"].isin(same)]


def _encoded(generator: NeuralGenerator, designs: list[str]) -> Tensor:
    latents = generator.encode(designs)
    for design, latent in zip(designs, latents, strict=True):
        if latent.isnan().any():
            reason = generator.codec.encode([design])[0].reason
            raise MolgenError(f"{design!r} cannot be encoded: {reason}")
    return latents
