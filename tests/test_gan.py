"""The Wasserstein GAN over a latent space."""

import pytest
import torch

from molgen.families.gan import GanRecipe, LatentGan
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.train import Plan, train
from tests.tiny import GRAMMAR, TINY_VAE, eight, whole

RECIPE = GanRecipe(width=32, depth=1, autoencoder=TINY_VAE)


@pytest.fixture
def model() -> LatentGan:
    return build(RECIPE, GRAMMAR)


def test_it_begins_at_the_normal_prior(model: LatentGan) -> None:
    noise = torch.randn(20, 4, generator=torch_rng(0, "noise"))
    assert torch.allclose(model.made(noise), noise, atol=0.2)


def test_the_penalty_of_a_linear_critic_is_its_slope_less_one_squared(model: LatentGan) -> None:
    slope = torch.tensor([[3.0, 4.0, 0.0, 0.0]])  # norm 5
    model.critic = torch.nn.Linear(4, 1, bias=False)
    model.critic.weight = torch.nn.Parameter(slope)
    real, made = torch.randn(6, 4), torch.randn(6, 4)
    assert model._penalty(real, made, torch_rng(0, "penalty")).item() == pytest.approx(16.0, rel=1e-5)


def test_each_loss_trains_its_own_network_and_neither_the_autoencoder(model: LatentGan) -> None:
    losses = model.objectives(whole(eight()), torch_rng(0, "gradient"))
    for name, player in model.players().items():
        model.zero_grad(set_to_none=True)
        losses[name].backward(inputs=player.parameters, retain_graph=True)
        touched = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum()}
        assert touched == {name}


def test_made_latents_come_nearer_to_a_shifted_posterior() -> None:
    model = build(RECIPE, GRAMMAR)
    with torch.no_grad():
        model.autoencoder.posterior.bias[:4] += 3.0  # the mean of every posterior
    noise = torch.randn(500, 4, generator=torch_rng(0, "noise"))
    train(model, eight(), Plan(steps=400, batch=8, rate=2e-3, warm_up=10, average=0.9))
    assert abs(model.made(noise).mean().item() - 3.0) < 1.0
