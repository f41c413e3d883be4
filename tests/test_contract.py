"""One battery for everything that draws designs: the neural families and the baselines keep the same contract.

A new generator is one more line in SUBJECTS.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem, rdBase

from molgen.baselines import Genetic, Ngram, NgramRecipe, Resample, ResampleRecipe, load_baseline
from molgen.batch import Grammar
from molgen.errors import MolgenError
from molgen.families.adjacency_gan import AdjacencyGanRecipe
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.families.diffusion import DiffusionRecipe
from molgen.families.flow import FlowRecipe
from molgen.families.gan import GanRecipe
from molgen.generator import Generator, NeuralGenerator, card_path, load_generator
from molgen.modality import MOLECULE, PROTEIN, Modality
from molgen.protein.grammar import ProteinGrammar
from molgen.protein.motif import compile_motif
from molgen.recipes import build, settings_of
from molgen.science import columns
from molgen.seeds import torch_rng
from molgen.sequences import Sequences
from molgen.train import Plan, train
from tests.test_autoregressive import TINY, all_sequences
from tests.tiny import EIGHT, GRAMMAR, TINY_VAE


@dataclass(frozen=True)
class Kind:
    """A modality under test: designs, grammars, and what a design of it is."""

    modality: Modality
    eight: tuple[str, ...]
    grammar: Grammar
    another: str  # a design that can be spelled, and is none of the eight
    unspeakable: str
    small: Grammar  # one of few designs
    small_designs: tuple[str, ...]
    small_size: int
    is_design: Callable[[str], bool]
    canonical: Callable[[str], str]

    def spelled(self, designs: Sequence[str], grammar: Grammar) -> Sequences:
        """The tokens of designs that can be spelled."""
        return Sequences.of([e.tokens for e in self.modality.codec(grammar.settings()).encode(designs)])


def is_molecule(text: str) -> bool:
    mol = Chem.MolFromSmiles(text)
    return mol is not None and len(Chem.GetMolFrags(mol)) == 1


def is_protein(text: str) -> bool:
    return 5 <= len(text) <= 50 and set(text) <= set("ACDEFGHIKLMNPQRSTVWY")


MOLECULES = Kind(
    MOLECULE, tuple(EIGHT), GRAMMAR, "O=C(NCCBr)c1ccc2ccccc2n1", "[Fe]", TINY, ("CCO", "C=O", "CO"), 81, is_molecule,
    Chem.CanonSmiles,
)  # fmt: skip
PROTEINS = Kind(
    PROTEIN,
    ("GIGKFLHSAK", "KLAKLAK", "RRWWRF", "ILPWKW", "GLFDIV", "CYCRIPACIA", "KWKLFKK", "VRRFPWWWPFLRR"),
    ProteinGrammar(), "MKTAYIAKQRQISFVKSHFSRQ", "MKTAXIAK", ProteinGrammar(2, 1), ("KL", "K", "LK"), 20 + 20**2,
    is_protein, str.upper,
)  # fmt: skip

# (designs, kind, grammar, seed, training steps) -> a fitted generator
Fit = Callable[[Sequence[str], Kind, Grammar, int, int], Generator]
# log p of token sequences, nats
LogP = Callable[[Any, Sequences], np.ndarray]


@dataclass(frozen=True)
class Subject:
    """A generator under test, and how much it is expected to have learned of eight designs in `steps`."""

    name: str
    fit: Fit
    load: Callable[[Path], Generator] = load_baseline
    likelihood: bool = False  # `log_likelihood` gives nats, or a bound of them
    exact: LogP | None = None  # the likelihood of any token sequence, where it is no bound
    steps: int = 200
    nats: float = math.inf  # one of the designs costs less on average; log(8) = 2.08 is the least, 17 before training
    known: float = 0.0  # share of draws that are training designs
    kind: Kind = MOLECULES

    def fitted_on_eight(self, seed: int, steps: int) -> Generator:
        """One that has seen the eight designs of its kind."""
        return self.fit(self.kind.eight, self.kind, self.kind.grammar, seed, steps)

    @property
    def title(self) -> str:
        return f"{self.name}, {columns(self.kind.modality.name).NOUNS[1]}"


def neural(recipe: Any) -> Fit:
    """A network, trained on the designs."""

    def fit(designs: Sequence[str], kind: Kind, grammar: Grammar, seed: int, steps: int) -> Generator:
        model = build(recipe, grammar, seed)
        plan = Plan(steps=steps, batch=len(designs), rate=1e-2, warm_up=10, average=0.9, seed=seed)
        train(model, kind.spelled(designs, grammar), plan)
        card = {"modality": kind.modality.name, "recipe": settings_of(recipe), "grammar": grammar.settings()}
        return NeuralGenerator(model, card)

    return fit


def networks_log_p(generator: NeuralGenerator, data: Sequences) -> np.ndarray:
    batch = data.batch(np.arange(len(data)), generator.module.grammar)
    with torch.no_grad():
        return -generator.module.held_out(batch, torch_rng(0, "test"))["nats"].double().numpy()


def load_network(path: Path) -> Generator:
    return load_generator(path, "cpu")


def ngram(n: int) -> Fit:
    def fit(designs: Sequence[str], kind: Kind, grammar: Grammar, seed: int, steps: int) -> Generator:
        return Ngram.fit(kind.spelled(designs, grammar), grammar, NgramRecipe(n=n), modality=kind.modality.name)

    return fit


def resample(replace: bool) -> Fit:
    def fit(designs: Sequence[str], kind: Kind, grammar: Grammar, seed: int, steps: int) -> Generator:
        return Resample.fit(designs, ResampleRecipe(replace=replace), modality=kind.modality.name)

    return fit


def genetic(designs: Sequence[str], kind: Kind, grammar: Grammar, seed: int, steps: int) -> Generator:
    return Genetic.fit(designs, seed=seed)


TINY_GRU = AutoregressiveRecipe(width=16, depth=1, inputs=8)
TINY_GAN = GanRecipe(width=16, depth=1, autoencoder=TINY_VAE)
TINY_FLOW = FlowRecipe(transforms=2, width=16, depth=1, bins=4, autoencoder=TINY_VAE)

TINY_DIFFUSION = DiffusionRecipe(width=32, edge_width=16, depth=1, heads=2, steps=8)
TINY_ADJACENCY = AdjacencyGanRecipe()

OF_BOTH = [
    Subject("autoregressive", neural(TINY_GRU), load_network, True, networks_log_p, nats=2.3, known=0.8),
    Subject("vae", neural(TINY_VAE), load_network, True, steps=300, nats=10.0, known=0.8),
    Subject("gan", neural(TINY_GAN), load_network, steps=20),
    Subject("flow", neural(TINY_FLOW), load_network, steps=20),
    Subject("diffusion", neural(TINY_DIFFUSION), load_network, True, steps=100),
    Subject("resample", resample(replace=True), known=1.0),
    Subject("resample without replacement", resample(replace=False), known=1.0),
    Subject("3-gram", ngram(3), likelihood=True, exact=Ngram.score, nats=4.0, known=0.15),
    Subject("8-gram", ngram(8), likelihood=True, exact=Ngram.score, nats=2.3, known=0.8),
]
OF_MOLECULES = [  # their operators and their rules are those of molecular graphs
    Subject("adjacency GAN", neural(TINY_ADJACENCY), load_network, steps=5),
    Subject("genetic", genetic),
]
CHANGED: dict[str, Any] = {"autoregressive": {"steps": 300}, "3-gram": {"nats": 8.5, "known": 0.0}}  # more tokens each
OF_PROTEINS = [replace(subject, kind=PROTEINS, **CHANGED.get(subject.name, {})) for subject in OF_BOTH]
SUBJECTS = [*OF_BOTH, *OF_MOLECULES, *OF_PROTEINS]


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.title)
def subject(request: pytest.FixtureRequest) -> Subject:
    return request.param


@cache
def fitted(subject: Subject) -> Generator:
    """On the eight designs; made once, since nothing that is tested may change it."""
    return subject.fitted_on_eight(0, subject.steps)


@pytest.fixture
def generator(subject: Subject) -> Generator:
    return fitted(subject)


def test_it_gives_as_many_designs_as_asked_for_and_counts_each_once(generator: Generator) -> None:
    for n in (0, 1, 19):
        counted: list[int] = []
        assert len(generator.sample(n, 0, progress=counted.append)) == n == sum(counted)


@pytest.mark.parametrize("asked", [{"n": -1}, {"temperature": 0.0}, {"top_p": 0.0}, {"top_p": 1.1}])
def test_a_senseless_draw_is_refused(generator: Generator, asked: dict[str, Any]) -> None:
    with pytest.raises(MolgenError, match="cannot draw"):
        generator.sample(**({"n": 1, "seed": 0} | asked))


def test_the_seed_decides_the_designs_and_nothing_else(generator: Generator) -> None:
    torch.manual_seed(1)
    first = generator.sample(12, seed=0)
    torch.manual_seed(2)
    np.random.seed(2)
    random.seed(2)
    assert generator.sample(12, seed=0) == first
    assert generator.sample(5, seed=0) == first[:5]
    assert generator.sample(12, seed=1) != first


def test_drawing_leaves_random_states_and_rdkits_log_as_they_were(generator: Generator) -> None:
    def states() -> list[Any]:
        return [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate(), rdBase.LogStatus()]

    before = states()
    generator.sample(5, seed=3)
    assert states() == before


def test_every_draw_is_a_valid_design_in_one_piece(subject: Subject, generator: Generator) -> None:
    assert [text for text in generator.sample(30, seed=4) if not subject.kind.is_design(text)] == []


def test_saved_and_loaded_it_draws_the_same(subject: Subject, generator: Generator, tmp_path: Path) -> None:
    generator.save(tmp_path / "a.safetensors")
    again = subject.load(tmp_path / "a.safetensors")
    again.save(tmp_path / "b.safetensors")
    assert again.sample(20, seed=5) == generator.sample(20, seed=5)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_the_card_comes_back_from_its_file(subject: Subject, generator: Generator, tmp_path: Path) -> None:
    generator.save(tmp_path / "a.safetensors")
    card = json.loads(card_path(tmp_path / "a.safetensors").read_text(encoding="utf-8"))
    assert card == json.loads(json.dumps(generator.card, allow_nan=False))
    assert subject.load(tmp_path / "a.safetensors").card == card
    assert card["modality"] == subject.kind.modality.name and {"recipe", "grammar"} <= card.keys()


def test_fitted_twice_it_is_the_same_to_the_byte(subject: Subject, tmp_path: Path) -> None:
    for name in ("a", "b"):
        subject.fitted_on_eight(7, 3).save(tmp_path / f"{name}.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_eight_designs_are_memorised(subject: Subject, generator: Generator) -> None:
    if subject.nats < math.inf:
        assert -generator.log_likelihood(subject.kind.eight).mean().item() < subject.nats
    canonical = subject.kind.canonical
    drawn = [canonical(text) for text in generator.sample(60 if subject.known else 0, seed=6)]
    known = {canonical(text) for text in subject.kind.eight}
    assert sum(text in known for text in drawn) >= subject.known * len(drawn)


LIKELY = [subject for subject in SUBJECTS if subject.likelihood]
EXACT = [subject for subject in SUBJECTS if subject.exact]


@pytest.mark.parametrize("subject", LIKELY, ids=lambda subject: subject.title)
def test_a_likelihood_is_finite_at_most_one_and_no_number_outside_of_the_vocabulary(subject: Subject) -> None:
    kind = subject.kind
    found = fitted(subject).log_likelihood([*kind.eight, kind.another, kind.unspeakable])
    assert found.dtype == torch.float32 and found.shape == (10,)
    assert bool(found[:9].isfinite().all()) and bool((found[:9] <= 0).all()) and bool(found[9].isnan())


@pytest.mark.parametrize("subject", EXACT, ids=lambda subject: subject.title)
@pytest.mark.parametrize("steps", [1, 30])
def test_the_likelihoods_of_all_designs_of_a_small_grammar_sum_to_one(subject: Subject, steps: int) -> None:
    kind = subject.kind
    generator = subject.fit(kind.small_designs, kind, kind.small, 0, steps)
    rows = all_sequences(kind.small)
    assert len(rows) == kind.small_size
    assert np.exp(subject.exact(generator, Sequences.of(rows))).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("subject", EXACT, ids=lambda subject: subject.title)
def test_the_likelihood_of_a_design_is_that_of_its_tokens(subject: Subject) -> None:
    kind = subject.kind
    of_tokens = subject.exact(fitted(subject), kind.spelled(kind.eight, kind.grammar))
    assert fitted(subject).log_likelihood(kind.eight).numpy() == pytest.approx(of_tokens, rel=1e-4)


WITH_MOTIFS = [s for s in SUBJECTS if s.kind is PROTEINS and not s.name.startswith("resample")]


@pytest.mark.parametrize("subject", WITH_MOTIFS, ids=lambda subject: subject.title)
@pytest.mark.parametrize("text", ["XXXXC[3-8]CXXX", "X*RGDX*"])
def test_every_draw_keeps_a_motif_and_the_generator_itself_stays_free(subject: Subject, text: str) -> None:
    free, motif = fitted(subject), compile_motif(text)
    before = free.sample(20, seed=8)
    bound = free.with_motif(text).sample(20, seed=8)
    assert all(map(motif.matches, bound)) and all(map(PROTEINS.is_design, bound)) and len(set(bound)) > 5
    assert free.sample(20, seed=8) == before and not all(map(motif.matches, before))


@pytest.mark.parametrize("subject", WITH_MOTIFS, ids=lambda subject: subject.title)
def test_a_motif_ends_designs_as_often_as_it_begins_them(subject: Subject) -> None:
    """A writer under a mask alone puts the motif off until nothing else is left: it then ends nearly all designs."""
    designs = fitted(subject).with_motif("X*RGDX*").sample(400, seed=8)
    first, last = np.mean([(one.startswith("RGD"), one.endswith("RGD")) for one in designs], axis=0)
    assert abs(first - last) < 0.12 and first + last < 0.5  # five standard errors at a fifth each


@pytest.mark.parametrize("name", ["autoregressive", "3-gram"])
def test_a_modality_without_motifs_refuses_one(name: str) -> None:
    subject = next(one for one in SUBJECTS if one.name == name and one.kind is MOLECULES)
    with pytest.raises(MolgenError, match="a molecule has no motif: leave out the motif 'X\\*RGDX\\*'"):
        fitted(subject).with_motif("X*RGDX*")
