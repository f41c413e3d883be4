"""Walks through a latent space."""

import math

import pytest
import torch
from rdkit import Chem

from molgen.errors import MolgenError
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.generator import NeuralGenerator
from molgen.latent import between, described, interpolate, neighbours, slerp
from molgen.recipes import build, settings_of
from molgen.train import Plan, train
from tests.tiny import EIGHT, GRAMMAR, TINY_VAE, eight


@pytest.fixture(scope="module")
def generator() -> NeuralGenerator:
    model = build(TINY_VAE, GRAMMAR)
    train(model, eight(), Plan(steps=300, batch=8, rate=1e-2, warm_up=10, average=0.9))
    card = {"modality": "molecule", "recipe": settings_of(TINY_VAE), "grammar": GRAMMAR.settings()}
    return NeuralGenerator(model, card)


def canonical(texts: list[str]) -> list[str]:
    return [Chem.CanonSmiles(text) for text in texts]


def test_designs_come_back_and_a_stranger_is_not_a_number(generator: NeuralGenerator) -> None:
    latents = generator.encode([*EIGHT, "[U]", "CCO.CC"])
    assert latents.shape == (10, 4) and bool(latents[8:].isnan().all()) and not latents[:8].isnan().any()
    assert canonical(generator.decode(latents[:8])) == canonical(EIGHT)


def test_a_walk_begins_and_ends_at_its_ends(generator: NeuralGenerator) -> None:
    walk = canonical(interpolate(generator, "CCO", "c1ccccc1", points=5))
    assert len(walk) == 5 and walk[0] == "CCO" and walk[-1] == "c1ccccc1"


def test_neighbours_are_decided_by_the_seed_and_go_farther_with_more_spread(generator: NeuralGenerator) -> None:
    near, same, other = (neighbours(generator, "CC#N", 50, seed, 0.5) for seed in (0, 0, 1))
    assert near == same != other
    kept = [sum(c == "CC#N" for c in canonical(neighbours(generator, "CC#N", 50, 0, s))) for s in (1e-3, 3.0)]
    assert kept[0] == 50 > kept[1]


def test_a_quarter_circle_is_cut_in_equal_angles() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    found = slerp(a, b, torch.tensor([0.0, 1 / 3, 1.0]))
    third = math.pi / 6
    expected = torch.tensor([[2.0, 0.0], [8 / 3 * math.cos(third), 8 / 3 * math.sin(third)], [0.0, 4.0]])
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.allclose(slerp(a, 2 * a, torch.tensor([0.5])), torch.tensor([[3.0, 0.0]]))


def test_what_has_no_latent_space_says_so(generator: NeuralGenerator) -> None:
    recipe = AutoregressiveRecipe(width=16, depth=1, inputs=8)
    card = {"modality": "molecule", "recipe": settings_of(recipe), "grammar": GRAMMAR.settings()}
    with pytest.raises(MolgenError, match="no latent space"):
        NeuralGenerator(build(recipe, GRAMMAR), card).encode(["CCO"])
    with pytest.raises(MolgenError, match=r"'\[U\]' cannot be encoded: atom U"):
        interpolate(generator, "[U]", "CCO")


def test_designs_are_described_with_their_likeness_and_ends_are_left_out() -> None:
    table = described(["CCO", "not one", "c1ccccc1", "OCC"], "CCO", "c1ccccc1")
    assert table["place"].tolist() == [0, 2, 3] and table["design"].tolist() == ["CCO", "c1ccccc1", "CCO"]
    assert table["like_1"].tolist() == [1.0, 0.0, 1.0] and table["like_2"].tolist() == [0.0, 1.0, 0.0]
    assert table["mw"].tolist() == pytest.approx([46.069, 78.114, 46.069], abs=1e-2)
    assert between(table, ["OCC"])["design"].tolist() == ["c1ccccc1"]
