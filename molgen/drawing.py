"""Draws from a generator, by chunks that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from molgen import resources
from molgen.deadline import Until
from molgen.errors import MolgenError
from molgen.line import Line
from molgen.progress import progress
from molgen.provenance import code_digest, sha256_of, version_of
from molgen.seeds import spawn
from molgen.settings import DesignSettings, GenerateSettings, wanted
from molgen.store import Ref, Store, digest

VERSION = "2"
CHUNK = 10_240  # draws in one unit: whole blocks of 1,024, as generators draw them
SHIPPED = {  # the prior that ships for each family: of molecules learned from MOSES, of peptides from APD3
    "molecule": {
        "autoregressive": "moses",
        "vae": "moses_vae",
        "gan": "moses_gan",
        "diffusion": "moses_diffusion",
        "flow": "moses_flow",
    },
    "protein": {
        "autoregressive": "amp",
        "vae": "amp_vae",
        "gan": "amp_gan",
        "diffusion": "amp_diffusion",
        "flow": "amp_flow",
    },
}
CODE = ("families", "nn", "baselines", "batch.py", "generator.py", "modality.py", "recipes.py", "seeds.py")
CODE += ("codec.py", "noise.py", "molecule/codec.py", "molecule/grammar.py", "molecule/smiles.py")
CODE += (
    "molecule/vocabulary.py",
    *(f"protein/{name}.py" for name in ("alphabet", "alignment", "blosum", "codec", "grammar", "motif")),
)


class Carded(Protocol):
    """What has the card of a generator."""

    @property
    def card(self) -> Mapping[str, Any]: ...


class Draws(Carded, Protocol):
    """What the pipeline needs of a generator: its card and its draws."""

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]: ...

    def conditioned(self, wanted: Mapping[str, float], guidance: float | None = None) -> Draws: ...

    def with_motif(self, text: str) -> Draws: ...


Load = Callable[[Path, str], Draws]


@dataclass(frozen=True)
class Unloaded:
    """A prior of which only the card was read."""

    card: Mapping[str, Any]


def load(path: Path, device: str) -> Draws:
    """The generator of a file of weights, or a baseline."""
    from molgen.baselines import BASELINES, load_baseline
    from molgen.generator import load_generator, read_card

    if read_card(path)["recipe"].get("kind") in BASELINES:
        return load_baseline(path)
    return load_generator(path, device)  # type: ignore[arg-type]


def load_card(path: Path, device: str) -> Unloaded:
    """The card alone, for checks before anything is spent: the weights stay in their file."""
    from molgen.generator import read_card

    return Unloaded(read_card(path))


def find_prior(settings: DesignSettings | GenerateSettings, modality: str) -> Path:
    """The file of weights: the prior that is named by its path or name, or the one that ships for the family."""
    if settings.prior and settings.generator != "autoregressive":
        raise MolgenError(f"--generator {settings.generator} and --prior {settings.prior}: give one of them")
    if settings.prior:
        return resources.find("priors", settings.prior)
    name = SHIPPED[modality].get(settings.generator, "")
    if name not in resources.names("priors"):
        known = ", ".join(resources.names("priors")) or "none"
        raise MolgenError(
            f"no prior of the family {settings.generator} ships with this copy of molgen ({known} do): make one with "
            f"`molgen train --modality {modality} --family {settings.generator}` and give it with --prior"
        )
    return resources.find("priors", name)


def refuse_untaught(settings: DesignSettings | GenerateSettings, card: Mapping[str, Any]) -> None:
    """MolgenError where a property is wanted that the prior of this card was not taught."""
    known = card.get("recipe", {}).get("properties", ())
    if strange := sorted(set(wanted(settings)) - set(known)):
        taught = ", ".join(known) or "none"
        raise MolgenError(f"--want {strange[0]}: this prior was not taught that property; it knows {taught}")


def card_of(prior: Path) -> Mapping[str, Any]:
    """The card of a prior; empty where there is none, which loading will tell."""
    from molgen.generator import card_path, read_card

    return read_card(prior) if card_path(prior).exists() else {}


def identity(prior: Path) -> str:
    """What decides the draws of a prior: its weights, and of its card the recipe, the grammar and what it borrows."""
    card = card_of(prior)
    deciding = {name: card.get(name) for name in ("recipe", "grammar", "borrows")}
    return digest({"weights": sha256_of(prior), **deciding})


def made_from(
    prior_sha256: str, device: str, settings: DesignSettings | GenerateSettings, motif: str = ""
) -> dict[str, Any]:
    """What decides the draws."""
    return {
        "prior": prior_sha256,
        "samples": settings.samples,
        "seed": settings.seed,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "want": wanted(settings),
        "guidance": settings.guidance,
        "motif": motif,
        "device": device,
    }


def draw(line: Line, generator: Draws, settings: DesignSettings | GenerateSettings) -> list[Ref]:
    """The units of `samples` draws; those that began before the deadline."""
    sizes = [min(CHUNK, settings.samples - start) for start in range(0, settings.samples, CHUNK)]
    if wish := wanted(settings):
        generator = generator.conditioned(wish, settings.guidance)
    if motif := line.made_from["motif"]:
        generator = generator.with_motif(motif)
    with line.record.stage("draw"), progress("draw", settings.samples) as advance:
        work = _Draw(line.store, generator, line.made_from, str(getattr(generator, "arithmetic", "")), advance)
        refs = line.executor.map("draw", Until(work, line.deadline), list(enumerate(sizes)), here=True)
    line.record.count("draw", refs)
    return [ref for ref in refs if ref is not None]


@dataclass(frozen=True)
class _Draw:
    store: Store
    generator: Draws
    made_from: Mapping[str, Any]
    arithmetic: str  # draws repeat to the byte only in the same one
    advance: Callable[[int], None]

    def __call__(self, item: tuple[int, int]) -> Ref:
        """One chunk of draws under a seed of its own; runs in the process that holds the network."""
        number, size = item
        seed = spawn(self.made_from["seed"], "draw", number)
        shape = {"temperature": self.made_from["temperature"], "top_p": self.made_from["top_p"]}
        key = {
            "prior": self.made_from["prior"],
            "device": self.made_from["device"],
            **shape,
            "want": self.made_from["want"],
            "guidance": self.made_from["guidance"],
            "motif": self.made_from["motif"],
            "seed": seed,
            "size": size,
            "torch": version_of("torch"),
            "arithmetic": self.arithmetic,
            "code": code_digest(*CODE),
        }

        def make() -> pd.DataFrame:
            texts = self.generator.sample(size, seed, **shape, progress=self.advance)
            return pd.DataFrame({"text": pd.array(texts, dtype="str")})

        ref = self.store.unit("draw", VERSION, key, make)
        if ref.reused:
            self.advance(size)
        return ref
