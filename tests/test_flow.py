"""The flow over a latent space: its density is exact, and it learns what N(0, I) misses."""

import math

import pytest
import torch

from molgen.families.flow import FlowRecipe, LatentFlow
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.train import Plan, measure, train
from tests.tiny import GRAMMAR, TINY_VAE, eight, whole

RECIPE = FlowRecipe(transforms=3, width=32, depth=1, autoencoder=TINY_VAE)


@pytest.fixture
def model() -> LatentFlow:
    return build(RECIPE, GRAMMAR)


def test_the_density_is_that_of_the_jacobian_by_autograd(model: LatentFlow) -> None:
    z = torch.randn(5, 4, generator=torch_rng(0, "z"))
    transform = model.flow().transform
    for row, found in zip(z, model.latent_log_likelihood(z), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: transform(one), row)
        noise = transform(row)
        normal = -0.5 * (noise.square() + math.log(2 * math.pi)).sum()
        assert found.item() == pytest.approx((normal + torch.linalg.slogdet(jacobian)[1]).item(), abs=1e-4)


def test_the_inverse_undoes_the_flow(model: LatentFlow) -> None:
    z = torch.randn(50, 4, generator=torch_rng(1, "z"))
    transform = model.flow().transform
    assert torch.allclose(transform.inv(transform(z)), z, atol=1e-4)


def test_it_learns_a_density_above_the_normal_one_and_leaves_the_autoencoder_alone(model: LatentFlow) -> None:
    with torch.no_grad():
        model.autoencoder.posterior.bias[:4] += 2.0  # the mean of every posterior
    before = {name: w.clone() for name, w in model.autoencoder.state_dict().items()}
    train(model, eight(), Plan(steps=150, batch=8, rate=5e-3, warm_up=10, average=0.9))
    found = measure(model, eight())
    assert found["latent_nats"] < found["normal_nats"] - 4
    assert all(torch.equal(w, before[name]) for name, w in model.autoencoder.state_dict().items())


def test_only_the_flow_is_trained(model: LatentFlow) -> None:
    model.objectives(whole(eight()), torch_rng(0, "gradient"))["latent_nats"].backward()
    touched = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    assert touched == {"flow"}
