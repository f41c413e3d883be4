"""The contests of generators: on which data, by which figures, and who takes part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from molgen import datasets, drawing, resources
from molgen.errors import MolgenError, NoLikelihoodError
from molgen.executor import Executor
from molgen.science import MODALITIES, columns
from molgen.seeds import rng

Figures = Callable[[list[str], int], dict[str, Any]]  # designs, seed of the bootstrap -> figures by name
# As many of the training set, drawn without return: the control of each modality.
REALS = {modality: f"real {columns(modality).NOUNS[1]}" for modality in MODALITIES}
REAL = tuple(REALS.values())
MOST_HELD_OUT = 2000  # whose likelihood is measured


def _bits(log_p: np.ndarray, designs: list[str]) -> dict[str, float]:
    """Bits a molecule, of those that the vocabulary spells, and their share."""
    spelled = log_p[~np.isnan(log_p)]
    bits = -float(spelled.mean()) / math.log(2) if len(spelled) else math.nan
    return {"bits": bits, "bits_of": len(spelled) / len(log_p)}


def _perplexity(log_p: np.ndarray, designs: list[str]) -> dict[str, float]:
    """Of a token; not of a part of the designs, which would flatter who cannot spell the others."""
    from molgen.protein.evaluation import perplexity

    if np.isnan(log_p).any():
        return {"perplexity": math.nan}
    return {"perplexity": perplexity(log_p, designs)}


@dataclass(frozen=True)
class Contest:
    """`samples`: designs of each generator; `load`: opens the references, gives the function of the figures.

    `first`: the figure that orders the table, smaller is better. `held_out`: designs whose likelihood, or a bound,
    is measured, and `surprise`: as what. `order`: tokens of the n-gram.
    """

    name: Literal["moses", "qm9", "amp"]
    train: str
    samples: int
    load: Callable[[Executor], Figures]
    held_out: str
    baselines: tuple[str, ...] = ("ngram", "genetic", "resample")
    modality: str = "molecule"
    first: str = "fcd_test"
    surprise: Callable[[np.ndarray, list[str]], dict[str, float]] = _bits
    order: int = 8

    @property
    def control(self) -> str:
        """What the row of real designs is called."""
        return REALS[self.modality]

    def likelihood(self, generator: Any) -> dict[str, float]:
        """Its surprise at held-out designs; nothing of what has no likelihood."""
        if not hasattr(generator, "log_likelihood"):
            return {}
        designs = _some(datasets.read_rows(self.held_out)[1])
        try:
            return self.surprise(np.asarray(generator.log_likelihood(designs)), designs)
        except NoLikelihoodError:
            return {}


def _some(designs: list[str]) -> list[str]:
    """`MOST_HELD_OUT` of the designs, by lot, or all."""
    return [designs[place] for place in rng(0, "held-out").permutation(len(designs))[:MOST_HELD_OUT]]


class Real:
    """The training molecules as a generator that never repeats one: what FCD and the others are at this n."""

    card: dict[str, Any] = {"family": "real"}

    def __init__(self, designs: list[str]) -> None:
        self.designs = designs

    def sample(self, n: int, seed: int, **_: Any) -> list[str]:
        """`n` different designs."""
        return [self.designs[i] for i in rng(seed, "real").choice(len(self.designs), n, replace=False)]


def _moses(executor: Executor) -> Figures:
    from molgen.metrics import chemnet
    from molgen.moses.figures import moses_figures
    from molgen.moses.reference import MosesReference

    reference, network = MosesReference.load(executor), chemnet()
    return lambda designs, seed: moses_figures(designs, reference, executor, network=network, seed=seed)


def _qm9(executor: Executor) -> Figures:
    from molgen.metrics import chemnet
    from molgen.small import SmallReference, small_figures

    network = chemnet()
    reference = SmallReference.load("qm9-train", "qm9-test", network)
    return lambda designs, seed: small_figures(designs, reference, network, seed)


def _peptides(executor: Executor) -> Figures:
    from molgen.protein.evaluation import evaluate, judge

    training, *held_out = (datasets.read_rows(f"amp-random-{part}")[1] for part in ("train", "valid", "test"))
    reference = [sequence for part in held_out for sequence in part]

    def figures(designs: list[str], seed: int) -> dict[str, Any]:
        found = evaluate(designs, training, reference, n=len(designs), seed=seed)
        values = {name: figure.value for name, figure in found.figures.items()}
        floors = {f"{name}_floor": figure.floor for name, figure in found.figures.items()}
        return {"n": float(len(designs)), **values, **floors, "gate": judge(found).verdict}

    return figures


CONTESTS = {
    "moses": Contest("moses", "moses-train", 30_000, _moses, "moses-test"),
    "qm9": Contest("qm9", "qm9-train", 10_000, _qm9, "qm9-test"),
    "amp": Contest(
        "amp",
        "amp-random-train",
        1_000,
        _peptides,
        "amp-random-test",
        baselines=("ngram", "resample"),
        modality="protein",
        first="jsd2",
        surprise=_perplexity,
        order=3,
    ),  # fmt: skip
}


def entrants(contest: Contest) -> tuple[str, ...]:
    """All that take part: the shipped priors of that very training set, the baselines, the real molecules."""
    priors = (name for name in resources.names("priors") if _trained_on(name) == contest.train)
    return (*priors, *contest.baselines, contest.control)


def _trained_on(name: str) -> str:
    return str(drawing.card_of(resources.find("priors", name)).get("data", {}).get("name", ""))


def source(name: str) -> Path | None:
    """The file of a prior; None for what is made from the training set. MolgenError for an unknown name."""
    return resources.find("priors", name) if kind(name) == "prior" else None


def kind(name: str) -> str:
    """'prior', 'baseline', or 'control'."""
    return "control" if name in REAL else "baseline" if name in CONTESTS["moses"].baselines else "prior"


def opened(name: str, path: Path | None, contest: Contest, device: str, executor: Executor) -> Any:
    """The generator of that name, fitted where it must be."""
    if path is not None:
        return drawing.load(path, device)
    designs = datasets.read_rows(contest.train)[1]
    if kind(name) == "control":
        return Real(designs)
    return _baseline(name, designs, contest, executor)


def _baseline(name: str, designs: list[str], contest: Contest, executor: Executor) -> Any:
    from molgen.baselines.genetic import Genetic
    from molgen.baselines.ngram import Ngram, NgramRecipe
    from molgen.baselines.resample import Resample

    if name == "resample":
        return Resample.fit(designs, modality=contest.modality)
    if name == "genetic":
        return Genetic.fit(designs)
    if name != "ngram":
        raise MolgenError(f"unknown baseline {name!r}; there are {', '.join(contest.baselines)}")
    from molgen.encoding import encode_training_set
    from molgen.modality import named

    modality = named(contest.modality)
    grammar = modality.grammar(modality.settings())
    encoded = encode_training_set(contest.train, None, grammar, executor, contest.modality)
    return Ngram.fit(encoded.sequences, grammar, NgramRecipe(n=contest.order), modality=contest.modality)
