"""The contests of generators: on which data, by which figures, and who takes part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from molgen import datasets, drawing, resources
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.seeds import rng

Figures = Callable[[list[str], int], dict[str, float]]  # designs, seed of the bootstrap -> figures by name
BASELINES = ("ngram", "genetic", "resample")
REAL = "real molecules"  # as many of the training set, drawn without return: the control


@dataclass(frozen=True)
class Contest:
    """`samples`: designs of each generator; `load`: opens the references, gives the function of the figures."""

    name: Literal["moses", "qm9"]
    train: str
    samples: int
    load: Callable[[Executor], Figures]


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


CONTESTS = {
    "moses": Contest("moses", "moses-train", 30_000, _moses),
    "qm9": Contest("qm9", "qm9-train", 10_000, _qm9),
}


def entrants(contest: Contest) -> tuple[str, ...]:
    """All that take part: the shipped priors of that data, the baselines, the real molecules."""
    priors = (name for name in resources.names("priors") if name.split("_")[0] == contest.name)
    return (*priors, *BASELINES, REAL)


def source(name: str) -> Path | None:
    """The file of a prior; None for what is made from the training set. MolgenError for an unknown name."""
    return None if name in (*BASELINES, REAL) else resources.find("priors", name)


def kind(name: str) -> str:
    """'prior', 'baseline', or 'control'."""
    return "control" if name == REAL else "baseline" if name in BASELINES else "prior"


def opened(name: str, path: Path | None, contest: Contest, device: str, executor: Executor) -> Any:
    """The generator of that name, fitted where it must be."""
    if path is not None:
        return drawing.load(path, device)
    designs = datasets.read_smiles(contest.train)
    if name == REAL:
        return Real(designs)
    return _baseline(name, designs, contest, executor)


def _baseline(name: str, designs: list[str], contest: Contest, executor: Executor) -> Any:
    from molgen.baselines.genetic import Genetic
    from molgen.baselines.ngram import Ngram
    from molgen.baselines.resample import Resample

    if name == "resample":
        return Resample.fit(designs)
    if name == "genetic":
        return Genetic.fit(designs)
    if name != "ngram":
        raise MolgenError(f"unknown baseline {name!r}; there are {', '.join(BASELINES)}")
    from molgen.encoding import encode_training_set
    from molgen.molecule.grammar import MoleculeGrammar
    from molgen.sequences import Sequences

    grammar = MoleculeGrammar()
    encoded = encode_training_set(contest.train, None, grammar.vocabulary, executor)
    return Ngram.fit(Sequences(encoded.flat, encoded.offsets), grammar)
