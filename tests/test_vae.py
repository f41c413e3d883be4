"""The variational autoencoder: its bound, its encoder, and what it reconstructs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from molgen.families.vae import Vae
from molgen.nn.stepping import Exact, Stepper
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.train import Plan, measure, train
from tests.tiny import EIGHT, GRAMMAR, TINY_VAE, eight, whole


@pytest.fixture(scope="module", params=[0, 8], ids=["without a glance", "with a glance"])
def trained(request: pytest.FixtureRequest) -> Vae:
    model = build(replace(TINY_VAE, glance=request.param), GRAMMAR)
    train(model, eight(), Plan(steps=300, batch=8, rate=1e-2, warm_up=10, average=0.9))
    return model.eval()


def test_eight_designs_come_back_from_their_latents(trained: Vae) -> None:
    data = eight()
    mean, _ = trained.encode(whole(data))
    drawn = trained.decode(mean, torch_rng(0, "decode"), temperature=1e-4)
    longest = data.padded(np.arange(8), GRAMMAR.end).shape[1]
    assert torch.equal(drawn[:, :longest], data.padded(np.arange(8), GRAMMAR.end)), EIGHT


def test_the_bound_has_the_divergence_of_two_gaussians(trained: Vae) -> None:
    batch = whole(eight())
    found = trained.held_out(batch, torch_rng(0, "bound"))
    mean, log_variance = trained.encode(batch)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=1)
    assert torch.allclose(found["kl_nats"], expected, rtol=1e-4)
    assert torch.allclose(found["nats"], found["kl_nats"] + found["reconstruction_nats"], rtol=1e-5)


def test_many_samples_bound_the_likelihood_from_below(trained: Vae) -> None:
    """log p(x) by importance sampling with 500 latents lies above the mean ELBO (Burda et al. 2016)."""
    batch, terms, bounds = whole(eight()), [], []
    for k in range(500):
        z, log_q = trained.sample_posterior(batch, torch_rng(k, "importance"))
        log_prior = Normal(0.0, 1.0).log_prob(z).sum(dim=1)
        terms.append(log_prior - log_q - trained.reconstruction_nats(batch, z))
        bounds.append(-trained.held_out(batch, torch_rng(k, "elbo"))["nats"])
    importance = torch.logsumexp(torch.stack(terms), dim=0) - torch.tensor(500.0).log()
    assert bool((importance > torch.stack(bounds).mean(dim=0)).all())


def test_free_nats_are_not_paid_for(trained: Vae) -> None:
    batch = whole(eight())
    kl = trained.held_out(batch, torch_rng(0, "free"))
    with_free = Vae(GRAMMAR, replace(trained.recipe, beta=1.0, free_nats=1e3))
    with_free.load_state_dict(trained.state_dict())
    loss = with_free.objectives(batch, torch_rng(0, "free"))["nats"]
    assert loss.item() == pytest.approx(kl["reconstruction_nats"].mean().item() + 4 * 1e3, rel=1e-5)


def test_padding_and_company_do_not_change_a_latent(trained: Vae) -> None:
    data = eight()
    together, _ = trained.encode(whole(data))
    for row in range(8):
        alone, _ = trained.encode(data.batch(np.array([row]), GRAMMAR))
        assert torch.allclose(alone[0], together[row], atol=1e-5)


def test_the_encoder_sees_every_atom_bond_and_place() -> None:
    model = build(TINY_VAE, GRAMMAR)
    pairs = [("CCO", "CCN"), ("CC=O", "CCO"), ("CCCO", "CCOC")]
    from molgen.molecule.codec import MoleculeCodec
    from molgen.sequences import Sequences

    for pair in pairs:
        data = Sequences.of([e.tokens for e in MoleculeCodec().encode(pair)])
        mean, _ = model.encode(data.batch(np.arange(2), GRAMMAR))
        assert not torch.allclose(mean[0], mean[1], atol=1e-4), pair


@pytest.mark.parametrize("glance", [0, 8])
def test_every_parameter_gets_a_gradient(glance: int) -> None:
    model = build(replace(TINY_VAE, glance=glance), GRAMMAR)
    model.objectives(whole(eight()), torch_rng(0, "gradient"))["nats"].backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()] == []


def test_a_latent_of_use_makes_designs_likelier_than_one_of_another(trained: Vae) -> None:
    batch = whole(eight())
    mean, _ = trained.encode(batch)
    own = trained.reconstruction_nats(batch, mean)
    assert bool((own < trained.reconstruction_nats(batch, mean.roll(1, dims=0)) - 1).all())
    assert measure(trained, eight())["reconstruction_nats"] < 1.0


def test_each_step_glances_at_its_own_part_of_the_latent() -> None:
    """The logits' part at step t is V (p_t * (W z)), and drawing step by step sees what the whole sequence sees."""
    model = build(replace(TINY_VAE, glance=8), GRAMMAR).eval()
    batch, z = whole(eight()), torch.randn(8, TINY_VAE.latent, generator=torch_rng(0, "z"))
    glance = model.decoder.glance
    inputs, logits = glance(glance.whole(z), slice(5))
    by_hand = (glance.steps.weight[3] * (z[2] @ glance.whole.weight.T)) @ glance.logits.weight.T
    assert torch.allclose(logits[2, 3], by_hand, atol=1e-6) and inputs.shape == (8, 5, TINY_VAE.inputs)
    expected, walk = model.decoder(batch.tokens, batch.guide, z), GRAMMAR.walk(8, GRAMMAR.longest)
    stepper = Stepper(model.decoder, Exact())
    state, previous = stepper.start(8, batch.tokens.shape[1], z), torch.full((8,), model.decoder.inputs.start)
    for step in range(batch.tokens.shape[1]):
        found = stepper.step(previous, walk.guide(), state)
        real = batch.weight[:, step] > 0
        assert torch.allclose(found[real], expected[real, step], atol=1e-4), step
        previous = batch.tokens[:, step]
        walk.advance(previous)
