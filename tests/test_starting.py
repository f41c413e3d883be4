"""What a training begins from, and the settings of a recipe as a user writes them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from molgen import starting
from molgen.errors import MolgenError
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.generator import NeuralGenerator
from molgen.modality import MOLECULE, PROTEIN
from molgen.recipes import build, settings_of
from tests.tiny import GRAMMAR, TINY_VAE

SMALL = AutoregressiveRecipe(width=32, depth=1, inputs=16)


def saved(recipe: object, path: Path, seed: int = 5) -> starting.Origin:
    card = {"modality": "molecule", "recipe": settings_of(recipe), "grammar": GRAMMAR.settings()}
    NeuralGenerator(build(recipe, GRAMMAR, seed), card).save(path)
    origin = starting.find_origin(str(path))
    assert origin is not None
    return origin


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("wdith=3", "has no setting 'wdith'; it has width, depth"),
        ("width=wide", "width must be a number such as 480"),
        ("width=0", "width must be 1 or more"),
        ("width=-3", "width must be 1 or more"),
    ],
)
def test_a_wrong_setting_is_told_with_its_remedy(word: str, told: str) -> None:
    with pytest.raises(MolgenError, match=told):
        starting.recipe("autoregressive", (word,), None)


@pytest.mark.parametrize("word", ["kernel=marginl", "valence_mask=on", "steps=0", "power=nan"])
def test_choices_switches_and_numbers_are_checked(word: str) -> None:
    with pytest.raises(MolgenError, match="must be"):
        starting.recipe("diffusion", (word,), None)


def test_settings_are_read_as_what_they_are() -> None:
    recipe = starting.recipe("diffusion", ("kernel=uniform", "connect=no", "steps=7", "power=1.5"), None)
    assert (recipe.kernel, recipe.connect, recipe.steps, recipe.power) == ("uniform", False, 7, 1.5)
    assert starting.recipe("autoregressive", ("properties=logp, tpsa", "origins=0"), None).properties == (
        "logp",
        "tpsa",
    )


def test_settings_that_do_not_go_together_say_so() -> None:
    with pytest.raises(MolgenError, match="width=192 must be a multiple of heads=5"):
        starting.recipe("diffusion", ("heads=5",), None)


def test_a_vae_takes_the_decoder_of_an_autoregressive_prior(tmp_path: Path) -> None:
    origin = saved(SMALL, tmp_path / "ar.safetensors")
    vae = build(TINY_VAE, GRAMMAR, seed=1)
    assert starting.take(vae, origin, tmp_path / "vae.safetensors")["from"]["file"] == "ar.safetensors"
    given = build(SMALL, GRAMMAR, 5).decoder.layers[0].weight_hh_l0
    assert torch.allclose(vae.decoder.layers[0].weight_hh_l0, given, atol=1e-3)
    assert not starting.goes_further(TINY_VAE, origin)


def test_the_same_network_goes_further_and_another_width_does_not(tmp_path: Path) -> None:
    origin = saved(SMALL, tmp_path / "ar.safetensors")
    assert starting.goes_further(SMALL, origin) and not starting.goes_further(replace(SMALL, width=16), origin)
    assert starting.goes_further(replace(SMALL, properties=("logp",)), origin)


def test_maps_of_other_properties_are_not_taken_over(tmp_path: Path) -> None:
    taught = replace(SMALL, properties=("logp",))
    model = build(taught, GRAMMAR, 5)
    torch.nn.init.ones_(model.decoder.condition.maps[0].weight)
    model.centre = torch.tensor([2.0])
    card = {"modality": "molecule", "recipe": settings_of(taught), "grammar": GRAMMAR.settings()}
    NeuralGenerator(model, card).save(tmp_path / "taught.safetensors")
    origin = starting.find_origin(str(tmp_path / "taught.safetensors"))
    for properties, kept in ((("logp",), 1.0), (("tpsa",), 0.0)):
        other = build(replace(SMALL, properties=properties), GRAMMAR)
        starting.take(other, origin, tmp_path / "new.safetensors")
        assert other.decoder.condition.maps[0].weight.mean().item() == kept
        assert other.centre.item() == 2.0 * kept


def test_what_fits_nowhere_is_refused(tmp_path: Path) -> None:
    origin = saved(SMALL, tmp_path / "ar.safetensors")
    diffusion = build(starting.recipe("diffusion", ("width=32", "edge_width=16", "depth=1", "heads=2"), None), GRAMMAR)
    with pytest.raises(MolgenError, match="has no weights that fit the diffusion family"):
        starting.take(diffusion, origin, tmp_path / "new.safetensors")


def test_latent_families_ask_for_their_autoencoder(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="give the VAE with --from"):
        starting.recipe("flow", (), None)
    origin = saved(TINY_VAE, tmp_path / "vae.safetensors")
    recipe = starting.recipe("flow", ("transforms=2", "width=16", "depth=1"), origin)
    assert recipe.autoencoder == TINY_VAE
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(MolgenError, match="will need its autoencoder beside it"):
        starting.take(build(recipe, GRAMMAR), origin, tmp_path / "elsewhere" / "flow.safetensors")
    borrows = starting.take(build(recipe, GRAMMAR), origin, tmp_path / "flow.safetensors")["borrows"]
    assert borrows["prefix"] == "autoencoder." and borrows["file"] == "vae.safetensors"


def test_a_fresh_grammar_has_the_limits_asked_for() -> None:
    assert starting.grammar(PROTEIN, ("longest=180", "shortest=20"), None).settings() == {
        "longest": 180, "shortest": 20, "motif": "",
    }  # fmt: skip
    assert starting.grammar(MOLECULE, ("most_atoms=80",), None).most_positions == 80
    assert starting.grammar(MOLECULE, (), None).settings() == GRAMMAR.settings()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("motif=X*C", "the grammar of a protein has no limit 'motif'; it has longest, shortest"),
        ("longest=many", "longest must be a whole number above zero, such as 50"),
        ("longest=0", "longest must be a whole number above zero"),
        ("longest=513", "5 to 513 residues"),
    ],
)
def test_a_wrong_limit_is_told_with_its_remedy(word: str, told: str) -> None:
    with pytest.raises(MolgenError, match=told):
        starting.grammar(PROTEIN, (word,), None)


def test_a_prior_brings_its_grammar_and_its_modality(tmp_path: Path) -> None:
    origin = saved(SMALL, tmp_path / "ar.safetensors")
    assert starting.grammar(MOLECULE, (), origin) is origin.grammar
    with pytest.raises(MolgenError, match="is the prior of a molecule: say --modality molecule"):
        starting.grammar(PROTEIN, (), origin)
    with pytest.raises(MolgenError, match="brings its own grammar"):
        starting.grammar(MOLECULE, ("most_atoms=80",), origin)
