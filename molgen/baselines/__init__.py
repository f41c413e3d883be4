"""Generators without a network, to compare every other one with: resampling, an n-gram model, a genetic algorithm.

Of one protein family, from its alignment: a profile, a profile HMM, arDCA.
"""

from pathlib import Path
from typing import Any

from molgen.baselines.ardca import Ardca, ArdcaRecipe
from molgen.baselines.genetic import Genetic, GeneticRecipe
from molgen.baselines.hmm import Hmm, HmmRecipe
from molgen.baselines.ngram import Ngram, NgramRecipe
from molgen.baselines.profile import Profile, ProfileRecipe
from molgen.baselines.resample import Resample, ResampleRecipe
from molgen.errors import MolgenError
from molgen.generator import read_card

Baseline = Resample | Ngram | Genetic | Profile | Hmm | Ardca

BASELINES: dict[str, type[Baseline]] = {
    "resample": Resample, "ngram": Ngram, "genetic": Genetic, "profile": Profile, "hmm": Hmm, "ardca": Ardca,
}  # fmt: skip
RECIPES: dict[str, type[Any]] = {
    "resample": ResampleRecipe, "ngram": NgramRecipe, "genetic": GeneticRecipe, "profile": ProfileRecipe,
    "hmm": HmmRecipe, "ardca": ArdcaRecipe,
}  # fmt: skip

__all__ = [
    "BASELINES", "RECIPES", "Ardca", "ArdcaRecipe", "Baseline", "Genetic", "GeneticRecipe", "Hmm", "HmmRecipe", "Ngram",
    "NgramRecipe", "Profile", "ProfileRecipe", "Resample", "ResampleRecipe", "load_baseline",
]  # fmt: skip


def load_baseline(path: Path) -> Baseline:
    """The baseline of a file that one of them saved.

    Raises:
        MolgenError: no such file, or one of another generator.
    """
    kind = dict[str, Any](read_card(path)["recipe"]).get("kind")
    if kind not in BASELINES:
        raise MolgenError(f"{path} holds a generator of the kind {kind!r}; baselines are {', '.join(BASELINES)}")
    return BASELINES[kind].load(path)
