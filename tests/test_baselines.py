"""Baselines: the n-gram model against counts by hand, resampling, and the genetic algorithm."""

import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rdkit import Chem, rdBase

from molgen.baselines import (
    Genetic,
    GeneticRecipe,
    Ngram,
    NgramRecipe,
    Resample,
    ResampleRecipe,
    counts,
    genetic,
    load_baseline,
    storage,
)
from molgen.baselines.counts import START, Counts, Level, extended, first_context, probabilities
from molgen.errors import MolgenError
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.generator import ROWS, NeuralGenerator, card_path
from molgen.molecule.codec import MoleculeCodec
from molgen.molecule.grammar import MoleculeGrammar
from molgen.molecule.vocabulary import Atom, Vocabulary
from molgen.recipes import build, settings_of
from molgen.sequences import Sequences
from tests.tiny import EIGHT, GRAMMAR, eight

TINY = MoleculeGrammar(
    Vocabulary((Atom("C", 0, 4), Atom("O", 0, 2)), longest_ring=2, longest_back=2, most_atoms=3, longest=9)
)


def spelled(texts: list[str], grammar: MoleculeGrammar = GRAMMAR) -> Sequences:
    return Sequences.of([e.tokens for e in MoleculeCodec(grammar.vocabulary).encode(texts)])


def after(*tokens: int) -> np.ndarray:
    """The context of these tokens."""
    context = first_context(1)
    for token in tokens:
        context = extended(context, np.array([token]))
    return context


# the n-gram model


def test_probabilities_are_those_of_witten_and_bell_by_hand() -> None:
    """Of the sequences 1 2 end and 1 1 end (end is 0), three tokens in all.

    Alone: 1 three times, end twice, 2 once of 6, 3 kinds: (3 + 3/3) / 9, (2 + 1) / 9, (1 + 1) / 9. After 1: each once
    of 3, 3 kinds: (1 + 3 p) / 6. At the start: 1 twice of 2, one kind: (2 + 4/9) / 3. After 2: end, (1 + 3/9) / 2.
    """
    levels = Counts.of(Sequences.of([[1, 2, 0], [1, 1, 0]]), 2).levels()
    p = probabilities(levels[:1], after(), 3)[0]
    assert p == pytest.approx([3 / 9, 4 / 9, 2 / 9])
    assert probabilities(levels, after(1), 3)[0] == pytest.approx([6 / 18, 7 / 18, 5 / 18])
    assert probabilities(levels, after(), 3)[0] == pytest.approx([3 / 27, 22 / 27, 2 / 27])
    assert probabilities(levels, after(1, 2), 3)[0] == pytest.approx([6 / 9, 2 / 9, 1 / 9])
    assert probabilities(levels, after(0), 3)[0] == pytest.approx(p), "a context that was never seen changes nothing"


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_n_grams_are_counted_as_a_loop_counts_them(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "CHUNK", 7)
    chance = np.random.default_rng(0)
    rows = [[*chance.integers(1, 4, size=chance.integers(1, 9)).tolist(), 0] for _ in range(40)]
    expected = Counter(
        tuple(([START] * n + row)[place + 1 : place + 1 + n]) for row in rows for place in range(len(row))
    )
    found = Counts.of(Sequences.of(rows), n)
    told = [tuple(int(key) >> 8 * back & 255 for back in reversed(range(n))) for key in found.keys]
    assert dict(zip(told, found.counts.tolist(), strict=True)) == expected
    assert found.keys.tolist() == sorted(found.keys.tolist())


def test_counts_of_shorter_n_grams_follow_from_longer_ones() -> None:
    data = Sequences.of([[1, 2, 1, 2, 0], [2, 1, 0]])
    long, short = Counts.of(data, 4), Counts.of(data, 2)
    for field in ("contexts", "starts", "tokens", "counts"):
        of_long, of_short = (getattr(Level.of(c.keys, c.counts, 2), field).tolist() for c in (long, short))
        assert of_long == of_short


def test_longer_contexts_explain_held_out_molecules_better(drug_like: list[str]) -> None:
    train, test = spelled(drug_like[:5000:12]), spelled(drug_like[5000::10])
    nats = [-Ngram.fit(train, GRAMMAR, NgramRecipe(n=n)).score(test).mean() for n in (1, 2, 3, 5)]
    assert nats == sorted(nats, reverse=True)
    assert nats[0] - nats[-1] > 10


def test_draws_come_as_often_as_their_likelihood_says() -> None:
    model = Ngram.fit(spelled(["CCO", "C=O", "CO", "C1CO1", "C"], TINY), TINY, NgramRecipe(n=3))
    rows = [row for block in range(8) for row in model.draw(0, block).tolist()]
    times = Counter(tuple(row[: row.index(TINY.end) + 1]) for row in rows)
    common = [list(row) for row, _ in times.most_common(20)]
    expected = np.exp(model.score(Sequences.of(common))) * len(rows)
    for row, mean in zip(common, expected.tolist(), strict=True):
        assert abs(times[tuple(row)] - mean) < 5 * math.sqrt(mean), "beyond five deviations of a Poisson count"


def test_a_temperature_near_zero_or_a_small_nucleus_always_draws_the_likeliest_tokens() -> None:
    model = Ngram.fit(spelled(["CCO", "CCO", "CN", "c1ccccc1"]), GRAMMAR)
    cold, nucleus = model.sample(50, 0, temperature=1e-3), model.sample(50, 0, top_p=1e-3)
    assert set(cold) == set(nucleus) == {"CCO"}
    assert len(set(model.sample(50, 0))) > 2


def test_a_likelihood_depends_on_no_other_row() -> None:
    model, data = Ngram.fit(eight(), GRAMMAR, NgramRecipe(n=4)), spelled([*EIGHT, "CCCCCCCCCCCC"])
    alone = np.concatenate([model.score(data.take(np.array([row]))) for row in range(len(data))])
    assert model.score(data) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("n", [0, 9])
def test_an_n_gram_that_no_number_holds_is_refused(n: int) -> None:
    with pytest.raises(MolgenError, match=f"of {n} tokens: n must be 1 to 8"):
        NgramRecipe(n=n)


def test_a_vocabulary_of_more_tokens_than_a_byte_tells_apart_is_refused() -> None:
    large = MoleculeGrammar(Vocabulary(longest_ring=100))
    with pytest.raises(MolgenError, match="more than the 255"):
        Ngram.fit(spelled(["CCO"], large), large)


# resampling


def test_with_replacement_every_row_is_drawn_alike() -> None:
    times = Counter(Resample.fit(["C", "CC", "CCC", "C"]).sample(4000, 0))
    assert set(times) == {"C", "CC", "CCC"}
    for design, mean in (("C", 2000), ("CC", 1000), ("CCC", 1000)):
        assert abs(times[design] - mean) < 5 * math.sqrt(mean)


def test_without_replacement_no_design_comes_again_before_all_have_come() -> None:
    designs = [f"C{'C' * n}" for n in range(600)]
    drawn = Resample.fit(designs, ResampleRecipe(replace=False)).sample(1500, 3)
    first, second = drawn[:600], drawn[600:1200]
    assert sorted(first) == sorted(second) == sorted(designs) and first != second
    assert len(set(drawn[1200:])) == 300


@pytest.mark.parametrize("model", [Resample.fit(EIGHT), Ngram.fit(eight(), GRAMMAR)], ids=["resample", "ngram"])
def test_every_block_of_draws_is_another_one(model: Resample | Ngram) -> None:
    drawn = model.sample(2 * ROWS + 7, 0)
    assert drawn[:ROWS] != drawn[ROWS : 2 * ROWS]
    assert drawn[: ROWS + 3] == model.sample(ROWS + 3, 0)


# the genetic algorithm

DRUGS = ["CC(=O)Nc1ccc(O)cc1", "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CN1CCC[C@H]1c1cccnc1", "CCOC(=O)c1ccc(N)cc1"]


def test_children_are_made_of_the_parents_and_are_hardly_ever_parents() -> None:
    drawn = Genetic.fit(DRUGS).sample(40, 0)
    parents = {Chem.CanonSmiles(text) for text in DRUGS}
    assert len(set(drawn)) > 30 and sum(text in parents for text in drawn) <= 2
    pattern = Chem.MolFromSmarts("c1ccccc1")
    assert sum(Chem.MolFromSmiles(text).HasSubstructMatch(pattern) for text in drawn) > 10


def test_mutants_alone_keep_all_but_a_few_atoms() -> None:
    drawn = Genetic.fit(["CCCCCCCCCC"], GeneticRecipe(mutants=1.0)).sample(20, 0)
    assert all(9 <= Chem.MolFromSmiles(text).GetNumAtoms() <= 11 for text in drawn)


def test_where_no_operator_makes_a_child_a_parent_is_drawn() -> None:
    """Methane has no bond to cut; a set that gives nothing must not be tried for ever."""
    recipe = GeneticRecipe(mutants=0.0, tries=3)
    assert Genetic.fit(["C"], recipe).sample(5, 0) == ["C"] * 5


def test_the_operators_leave_rdkits_log_as_it_was() -> None:
    before = rdBase.LogStatus()
    assert "rdApp.error:enabled" in before
    Genetic.fit(DRUGS).sample(2, 0)
    genetic.evolve(DRUGS, lambda texts: [1.0] * len(texts), GeneticRecipe(generations=1, offspring=4), 0)
    assert rdBase.LogStatus() == before


SMALL = GeneticRecipe(generations=3, population=8, offspring=8)


def carbons(texts: list[str]) -> list[float]:
    return [float(text.upper().count("C")) for text in texts]


def test_with_a_score_the_parents_evolve_towards_it() -> None:
    evolved = Genetic.fit(DRUGS, SMALL, score=carbons)
    assert len(evolved.parents) == 8 and len(set(evolved.parents)) == 8
    found = carbons(evolved.parents)
    assert found == sorted(found, reverse=True) and found[0] > max(carbons(DRUGS))
    assert Genetic.fit(DRUGS, SMALL, score=carbons, seed=1).parents != evolved.parents


def test_no_molecule_is_scored_twice_and_what_cannot_be_scored_never_stays() -> None:
    seen: list[str] = []

    def score(texts: list[str]) -> list[float]:
        seen.extend(texts)
        return [math.nan if "N" in text else 1.0 for text in texts]

    parents = genetic.evolve(DRUGS, score, SMALL, 0)
    assert len(seen) == len(set(seen)) > len(DRUGS)
    assert parents and not any("N" in text for text in parents)
    with pytest.raises(MolgenError, match="none of 4 designs could be scored"):
        genetic.evolve(DRUGS, lambda texts: [math.nan] * len(texts), SMALL, 0)


def test_a_population_that_makes_nothing_new_ends_the_evolution(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def stall(*arguments: Any) -> set[str]:
        asked.append(arguments)
        return {DRUGS[0]}

    monkeypatch.setattr(genetic, "_operators", lambda: SimpleNamespace(graph_ga_blended_generation=stall))
    recipe = GeneticRecipe(generations=10**6, patience=3)
    assert sorted(genetic.evolve(DRUGS, carbons, recipe, 0)) == sorted(DRUGS)
    assert len(asked) == 3


def test_the_order_of_python_sets_decides_nothing() -> None:
    """Texts hash differently in every process; the evolution and the draws are those of the seed all the same."""
    script = (
        "import json, sys\n"
        "from molgen.baselines.genetic import Genetic, GeneticRecipe\n"
        "recipe = GeneticRecipe(generations=3, population=8, offspring=8)\n"
        "evolved = Genetic.fit(sys.argv[1:], recipe, score=lambda texts: [1.0] * len(texts))\n"
        "print(json.dumps([evolved.parents, evolved.sample(5, 0)]))\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", script, *DRUGS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    evolved = Genetic.fit(DRUGS, SMALL, score=lambda texts: [1.0] * len(texts))
    assert json.loads(done.stdout) == [evolved.parents, evolved.sample(5, 0)]


# files


def test_designs_come_back_from_bytes_and_a_line_break_is_refused() -> None:
    assert storage.as_designs(storage.as_array(["CCO", "", "C#N"])) == ["CCO", "", "C#N"]
    with pytest.raises(MolgenError, match="line break"):
        storage.as_array(["CCO", "C\nC"])


def test_nothing_to_fit_on_is_refused() -> None:
    for fit in (lambda: Resample.fit([]), lambda: Genetic.fit([]), lambda: Ngram.fit(spelled([]), GRAMMAR)):
        with pytest.raises(MolgenError, match="no design to fit"):
            fit()


def test_a_card_says_what_it_was_fitted_on(tmp_path: Path) -> None:
    data = {"name": "qm9-train", "sha256": "0" * 64}
    Ngram.fit(eight(), GRAMMAR, NgramRecipe(n=2), data=data).save(tmp_path / "n.safetensors")
    card = load_baseline(tmp_path / "n.safetensors").card
    assert card["data"] == data and card["family"] == "ngram" and card["recipe"] == {"kind": "ngram", "n": 2}


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.safetensors"
    with pytest.raises(MolgenError, match="no prior at"):
        load_baseline(path)
    Resample.fit(EIGHT).save(path)
    with pytest.raises(MolgenError, match="holds a generator of the kind 'resample', not 'ngram'"):
        Ngram.load(path)
    card = json.loads(card_path(path).read_text())
    card_path(path).write_text(json.dumps(card | {"recipe": {"kind": "genetic"}}))
    with pytest.raises(MolgenError, match="lacks parents"):
        load_baseline(path)
    card_path(path).write_text(json.dumps(card))
    path.write_bytes(b"no arrays")
    with pytest.raises(MolgenError, match="is damaged or no file of weights"):
        load_baseline(path)
    recipe = AutoregressiveRecipe(width=16, depth=1, inputs=8)
    network = {"modality": "molecule", "recipe": settings_of(recipe), "grammar": GRAMMAR.settings()}
    NeuralGenerator(build(recipe, GRAMMAR), network).save(path)
    with pytest.raises(MolgenError, match="kind 'autoregressive'; baselines are resample, ngram, genetic"):
        load_baseline(path)
