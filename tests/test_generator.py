"""The contract of a generator: always n designs, decided by the seed alone, kept by its file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rdkit import Chem

from molgen.errors import MolgenError
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.generator import ROWS, NeuralGenerator, card_path, load_generator
from molgen.molecule.grammar import MoleculeGrammar
from molgen.recipes import build, recipe_of, settings_of
from molgen.seeds import torch_rng

RECIPE = AutoregressiveRecipe(width=16, depth=1, inputs=8)


def made(seed: int = 0) -> NeuralGenerator:
    grammar = MoleculeGrammar()
    card = {"modality": "molecule", "recipe": settings_of(RECIPE), "grammar": grammar.settings()}
    return NeuralGenerator(build(RECIPE, grammar, seed), card)


@pytest.fixture(scope="module")
def generator() -> NeuralGenerator:
    return made()


def test_an_untrained_network_draws_n_designs_all_valid(generator: NeuralGenerator) -> None:
    designs = generator.sample(ROWS + 10, seed=0)
    assert len(designs) == ROWS + 10
    assert all(Chem.MolFromSmiles(text) is not None for text in designs)
    assert generator.sample(0, seed=0) == []


def test_the_seed_decides_the_designs_and_nothing_else(generator: NeuralGenerator) -> None:
    torch.manual_seed(1)
    first = generator.sample(50, seed=0)
    torch.manual_seed(2)
    assert generator.sample(50, seed=0) == first
    assert generator.sample(30, seed=0) == first[:30]
    assert generator.sample(50, seed=1) != first


def test_sampling_leaves_the_global_random_state_alone(generator: NeuralGenerator) -> None:
    before = torch.get_rng_state()
    generator.sample(5, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_progress_counts_every_design_once(generator: NeuralGenerator) -> None:
    counted: list[int] = []
    generator.sample(ROWS + 5, seed=0, progress=counted.append)
    assert counted == [ROWS, 5]


def test_a_temperature_near_zero_always_draws_the_likeliest_design(generator: NeuralGenerator) -> None:
    assert len(set(generator.sample(100, 0, temperature=1e-4))) == 1
    assert len(set(generator.sample(100, 0, temperature=1.0))) > 90


def test_saved_and_loaded_it_draws_the_same(generator: NeuralGenerator, tmp_path: Path) -> None:
    generator.save(tmp_path / "a.safetensors")
    again = load_generator(tmp_path / "a.safetensors", "cpu")
    again.save(tmp_path / "b.safetensors")
    assert again.sample(100, seed=5) == generator.sample(100, seed=5)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_likelihood_outside_of_the_vocabulary_is_not_a_number(generator: NeuralGenerator) -> None:
    found = generator.log_likelihood(["CCO", "[Fe]", "CCN"])
    assert found.isnan().tolist() == [False, True, False]
    assert bool((found[[0, 2]] < 0).all())


@pytest.mark.parametrize(("n", "temperature"), [(-1, 1.0), (5, 0.0), (5, -2.0)])
def test_a_senseless_draw_is_refused(generator: NeuralGenerator, n: int, temperature: float) -> None:
    with pytest.raises(MolgenError, match="temperature above 0"):
        generator.sample(n, 0, temperature=temperature)


def test_what_is_wrong_with_a_prior_is_told(generator: NeuralGenerator, tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="no prior at"):
        load_generator(tmp_path / "none.safetensors")
    path = tmp_path / "p.safetensors"
    generator.save(path)
    card = json.loads(card_path(path).read_text())
    for changed, told in (
        ({**card, "modality": "sugar"}, "unknown modality 'sugar'"),
        ({**card, "recipe": {**card["recipe"], "width": 24}}, "do not fit their card"),
        ({**card, "recipe": {"kind": "energy"}}, "unknown family 'energy'"),
        ({"family": "x"}, "lacks grammar, modality, recipe"),
        (["a", "list"], "is not the card"),
        ({**card, "grammar": {"atoms": [{"symbol": "C"}]}}, "is damaged"),
    ):
        card_path(path).write_text(json.dumps(changed))
        with pytest.raises(MolgenError, match=told):
            load_generator(path, "cpu")
    card_path(path).write_text("{")
    with pytest.raises(MolgenError, match="is no JSON"):
        load_generator(path, "cpu")
    card_path(path).write_text(json.dumps(card))
    path.write_bytes(b"no weights")
    with pytest.raises(MolgenError, match="is damaged or no file of weights"):
        load_generator(path, "cpu")
    card_path(path).unlink()
    with pytest.raises(MolgenError, match="no card p.json"):
        load_generator(path, "cpu")


def test_a_recipe_comes_back_from_its_card_and_a_strange_setting_is_named() -> None:
    assert recipe_of(settings_of(RECIPE)) == RECIPE
    with pytest.raises(MolgenError, match="no setting 'wdith'"):
        recipe_of({"kind": "autoregressive", "wdith": 3})


def taught() -> NeuralGenerator:
    """A generator of two properties, whose untrained network hears them."""
    recipe, grammar = replace(RECIPE, properties=("logp", "active")), MoleculeGrammar()
    module = build(recipe, grammar, 0)
    for linear in module.decoder.condition.maps:
        torch.nn.init.normal_(linear.weight, generator=torch_rng(0, "condition"))
    card = {"modality": "molecule", "recipe": settings_of(recipe), "grammar": grammar.settings()}
    return NeuralGenerator(module, card)


def test_a_guidance_of_1_draws_as_before_one_of_0_draws_freely_and_another_otherwise() -> None:
    generator = taught()
    wanted = {"active": 1.0}
    to_order, free = generator.conditioned(wanted).sample(200, 0), generator.sample(200, 0)
    assert to_order != free
    assert generator.conditioned(wanted, 1.0).sample(200, 0) == to_order
    assert generator.conditioned(wanted, 0.0).sample(200, 0) == free
    leaning = generator.conditioned(wanted, 2.0)
    assert leaning.sample(200, 0) not in (to_order, free)
    assert leaning.sample(200, 0)[:50] == leaning.sample(50, 0) and generator.sample(200, 0) == free


def test_what_was_not_taught_cannot_be_wanted() -> None:
    with pytest.raises(MolgenError, match="not taught the property 'tpsa'; it knows logp, active"):
        taught().conditioned({"tpsa": 60.0}, 2.0)
