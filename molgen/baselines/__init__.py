"""Generators without a network, to compare every other one with: resampling, an n-gram model, a genetic algorithm."""

from pathlib import Path
from typing import Any

from molgen.baselines.genetic import Genetic, GeneticRecipe
from molgen.baselines.ngram import Ngram, NgramRecipe
from molgen.baselines.resample import Resample, ResampleRecipe
from molgen.errors import MolgenError
from molgen.generator import read_card

BASELINES: dict[str, type[Resample | Ngram | Genetic]] = {"resample": Resample, "ngram": Ngram, "genetic": Genetic}

__all__ = [
    "BASELINES", "Genetic", "GeneticRecipe", "Ngram", "NgramRecipe", "Resample", "ResampleRecipe", "load_baseline",
]  # fmt: skip


def load_baseline(path: Path) -> Resample | Ngram | Genetic:
    """The baseline of a file that one of them saved.

    Raises:
        MolgenError: no such file, or one of another generator.
    """
    kind = dict[str, Any](read_card(path)["recipe"]).get("kind")
    if kind not in BASELINES:
        raise MolgenError(f"{path} holds a generator of the kind {kind!r}; baselines are {', '.join(BASELINES)}")
    return BASELINES[kind].load(path)
