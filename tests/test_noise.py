"""Noise over classes against matrices written out, and its bounds against a likelihood summed by hand."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from molgen.noise import (
    Exchange,
    Kernel,
    Window,
    absorbing,
    counted_nats,
    distorted,
    doubly_stochastic,
    exchange,
    hidden_at_random,
    hidden_nats,
    marginal,
    mixture,
    spread_times,
    uniform,
)
from molgen.seeds import torch_rng

SCORES = torch.randn(5, 5, generator=torch_rng(0, "scores"))
SCORES = SCORES + SCORES.T + 2 * torch.eye(5)
KERNELS = {
    "exchange": exchange(SCORES),
    "absorbing": absorbing(4),
    "uniform": uniform(5),
    "marginal": marginal(torch.tensor([5.0, 1.0, 2.0, 0.5, 1.5])),
}


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """A kernel with five classes of x_t."""
    return KERNELS[request.param]


def matrix(kernel: Kernel, alpha: float) -> Tensor:
    """(5, 5) Q, rows x_0, columns x_t."""
    if isinstance(kernel, Exchange):
        return kernel.matrix(torch.tensor(alpha)).float()
    return alpha * torch.eye(5) + (1 - alpha) * kernel.limit.expand(5, 5)


def test_the_limits_are_hidden_alike_and_the_frequencies() -> None:
    assert absorbing(2).limit.tolist() == [0, 0, 1]
    assert uniform(4).limit.tolist() == [0.25] * 4
    assert marginal(torch.tensor([1.0, 3.0])).limit.tolist() == [0.25, 0.75]


def test_noised_classes_come_as_often_as_their_row_of_the_matrix_says(kernel: Kernel) -> None:
    n, x_0 = 40_000, 2
    drawn = kernel.noised(torch.full((n,), x_0), torch.tensor(0.3), torch_rng(0, "noise"))
    share = torch.bincount(drawn, minlength=5) / n
    assert torch.allclose(share, matrix(kernel, 0.3)[x_0], atol=4 * (0.25 / n) ** 0.5)


def test_the_posterior_is_bayes_over_the_matrices(kernel: Kernel) -> None:
    alpha_s, alpha_t = 0.7, 0.2
    to_s, step = matrix(kernel, alpha_s), matrix(kernel, alpha_t / alpha_s)
    assert torch.allclose(to_s @ step, matrix(kernel, alpha_t), atol=1e-6)
    for i, j in itertools.product(range(5), range(5)):
        joint = to_s[i] * step[:, j]
        if joint.sum() == 0:  # x_0 = i never leads to x_t = j
            continue
        found = kernel.posterior(torch.tensor([j]), torch.tensor([i]), torch.tensor(alpha_s), torch.tensor(alpha_t))
        assert torch.allclose(found[0], joint / joint.sum(), atol=1e-6)


def test_the_way_back_is_the_posterior_averaged_over_what_is_predicted(kernel: Kernel) -> None:
    alpha_s, alpha_t = torch.tensor(0.6), torch.tensor(0.25)
    chance = torch_rng(0, "predicted")
    for j in range(5):
        predicted = torch.rand(5, generator=chance)
        if kernel is KERNELS["absorbing"]:
            predicted[4] = 0  # no design is hidden
            predicted = predicted if j == 4 else torch.eye(5)[j]  # what is not hidden is known
        predicted /= predicted.sum()
        parts = [kernel.posterior(torch.tensor([j]), torch.tensor([i]), alpha_s, alpha_t)[0] for i in range(5)]
        found = kernel.reverse(torch.tensor([j]), predicted[None], alpha_s, alpha_t)[0]
        assert torch.allclose(found, sum(w * p for w, p in zip(predicted, parts, strict=True)), atol=1e-6)
        assert found.sum().item() == pytest.approx(1, abs=1e-6)


def test_the_last_step_back_ends_at_what_is_predicted(kernel: Kernel) -> None:
    predicted = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.0])
    found = kernel.reverse(torch.tensor([4]), predicted[None], torch.tensor(1.0), torch.tensor(0.0))[0]
    assert torch.allclose(found, predicted, atol=1e-6)


def test_where_all_is_noise_before_and_after_a_step_changes_nothing(kernel: Kernel) -> None:
    predicted = torch.full((5,), 0.2)
    found = kernel.reverse(torch.tensor([4]), predicted[None], torch.tensor(0.0), torch.tensor(0.0))[0]
    assert found.tolist() == pytest.approx([0, 0, 0, 0, 1])


def test_what_has_not_changed_yet_stays_though_it_is_predicted_to_be_impossible() -> None:
    found = uniform(3).reverse(torch.tensor([1]), torch.tensor([[0.5, 0.0, 0.5]]), torch.tensor(1.0), torch.tensor(1.0))
    assert found.tolist() == [[0.0, 1.0, 0.0]]


# Exchange


def test_a_matrix_made_doubly_stochastic_sums_to_one_both_ways_and_keeps_its_odds() -> None:
    given = SCORES.double().softmax(1)
    found = doubly_stochastic(given)
    assert torch.allclose(found.sum(0), torch.ones(5).double()) and torch.allclose(found.sum(1), torch.ones(5).double())
    odds = [m[0, 1] * m[2, 3] / (m[0, 3] * m[2, 1]) for m in (given, found)]  # scaling rows and columns leaves these
    assert odds[0].item() == pytest.approx(odds[1].item())


def test_powers_of_exchange_are_stochastic_and_follow_one_another() -> None:
    kernel = exchange(SCORES)
    for alpha in (1.0, 0.999, 0.5, 1e-3, 0.0):
        found = kernel.matrix(torch.tensor(alpha))
        assert float(found.min()) >= 0 and torch.allclose(found.sum(1), torch.ones(5).double())
    a, b = kernel.matrix(torch.tensor(0.5)), kernel.matrix(torch.tensor(0.25))
    assert torch.allclose(a @ a, b)
    assert torch.allclose(kernel.matrix(torch.tensor(1.0)), torch.eye(5).double())
    assert torch.allclose(kernel.matrix(torch.tensor(0.0)), torch.full((5, 5), 0.2).double())


def test_exchange_is_the_exponential_of_its_matrix_with_the_mean_rate_of_uniform_noise() -> None:
    balanced = doubly_stochastic(SCORES.double().softmax(1))
    rate = torch.eye(5) - balanced
    rate *= 4 / rate.trace()
    assert torch.allclose(exchange(SCORES).matrix(torch.tensor(0.3)), torch.matrix_exp(math.log(0.3) * rate), atol=1e-6)


def test_where_all_scores_are_alike_exchange_is_uniform_noise() -> None:
    same = exchange(torch.zeros(5, 5))
    assert torch.allclose(same.matrix(torch.tensor(0.3)).float(), matrix(uniform(5), 0.3))


def test_classes_of_great_scores_are_exchanged_first() -> None:
    scores = torch.full((5, 5), -3.0) + 7 * torch.eye(5)
    scores[0, 1] = scores[1, 0] = 3.0
    found = exchange(scores).matrix(torch.tensor(0.7))
    assert found[0, 1] > 10 * found[0, 2]


def test_scores_that_differ_there_and_back_are_refused() -> None:
    with pytest.raises(ValueError, match="symmetric"):
        exchange(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))


def test_the_mixture_is_the_way_back_of_a_chain_summed_over_all_its_paths() -> None:
    """Five classes, three steps, all random; the shortcut without the division, and p taken twice, are not it."""
    chance = torch_rng(0, "chain")
    steps = (2 * torch.randn(3, 5, 5, generator=chance, dtype=torch.float64)).softmax(2)
    steps[0, 1, 2] = steps[1, :, 3] = 0
    steps /= steps.sum(2, keepdim=True)
    data = torch.rand(5, generator=chance, dtype=torch.float64)
    data /= data.sum()
    paths = torch.zeros(5, 5, 5, dtype=torch.float64)  # (x_0, x_2, x_3), summed over x_1
    for a, b, c, d in itertools.product(range(5), repeat=4):
        paths[a, c, d] += data[a] * steps[0, a, b] * steps[1, b, c] * steps[2, c, d]
    before = steps[0] @ steps[1]
    led, forward = (before @ steps[2]).T, steps[2].T  # rows: x_3
    true_p = (paths.sum(1) / paths.sum((0, 1))).T
    true_back = (paths.sum(0) / paths.sum((0, 1))).T
    assert torch.allclose(mixture(true_p, forward, before, led), true_back, atol=1e-12)
    shortcut = forward * (true_p @ before)
    squared = forward * ((true_p**2 / led) @ before)
    for wrong in (shortcut, squared):
        assert (wrong / wrong.sum(1, keepdim=True) - true_back).abs().sum(1).max() > 2e-3


def test_what_cannot_have_led_to_x_t_counts_nothing() -> None:
    before, step = torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.eye(2)
    found = mixture(torch.tensor([[0.9, 0.1]]), step[:, 1][None], before, (before @ step)[:, 1][None])
    assert found.tolist() == [[0.0, 1.0]]  # x_t is 1, which class 0 never becomes


# Windows


def test_a_window_dissolves_between_its_ends_and_its_weight_is_the_slope_of_log_one_minus_alpha() -> None:
    window = Window(0.25, 0.75)
    t = torch.tensor([0.0, 0.25, 0.3, 0.5, 0.74, 0.8], dtype=torch.float64)
    assert window.alpha(t).tolist() == pytest.approx([1, 1, 0.9, 0.5, 0.02, 0])
    h = 1e-6
    slope = (torch.log(1 - window.alpha(t + h)) - torch.log(1 - window.alpha(t - h))) / (2 * h)
    assert window.weight(t)[2:5].tolist() == pytest.approx(slope[2:5].tolist(), rel=1e-4)
    assert window.weight(t)[[0, 1, 5]].tolist() == [0, 0, 0]


def test_distorted_time_runs_from_one_to_zero_and_slows_down_at_the_end() -> None:
    share = torch.linspace(0, 1, 5)
    assert distorted(share, 1).tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert distorted(share, 2).tolist() == [1, 0.5625, 0.25, 0.0625, 0]


def test_spread_times_are_one_in_each_slice() -> None:
    times = spread_times(50, torch_rng(0, "times"), torch.device("cpu"))
    start = times.min()
    assert ((times - start) * 50).round().sort().values.tolist() == list(range(50))
    assert times.tolist() != times.sort().values.tolist()


# A closed problem: designs of two variables with two classes, and a model that predicts each from what it sees.

DESIGNS = torch.tensor(list(itertools.product(range(2), repeat=2)))
CLOSED = [absorbing(2), uniform(2), marginal(torch.tensor([3.0, 1.0]))]


def states(kernel: Kernel) -> Tensor:
    """(S, 2) every x_t."""
    return torch.tensor(list(itertools.product(range(len(kernel.limit)), repeat=2)))


def prediction(seen: Tensor) -> Tensor:
    """seen (S, 2) -> (S, 2 variables, 2 classes): any function of what is seen would do."""
    weights = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)[seen]
    score = torch.stack([weights[:, 0] - 0.7 * weights[:, 1], 0.2 + 4 * weights[:, 0] * weights[:, 1]], dim=1)
    return torch.stack([score, -score], dim=2).softmax(2)


def predicted(kernel: Kernel, seen: Tensor) -> Tensor:
    """(S, 2, K): over all classes of x_t; what is not hidden is known."""
    found = prediction(seen)
    if len(kernel.limit) == 2:
        return found
    known = torch.nn.functional.one_hot(seen, 3).double()
    hidden = torch.nn.functional.pad(found, (0, 1))
    return torch.where((seen == 2)[..., None], hidden, known)


def steps_model(kernel: Kernel, alphas: list[float]) -> Tensor:
    """log p(x_0) (S,) of the chain that runs back over all alphas, summed over all states of both variables."""
    seen, limit = states(kernel), kernel.limit.double()
    found = limit[seen].prod(1)
    for alpha_s, alpha_t in zip(alphas[-2::-1], alphas[:0:-1], strict=True):
        back = kernel.reverse(seen, predicted(kernel, seen), *double(alpha_s, alpha_t))
        found = found @ (back[:, 0, :, None] * back[:, 1, None, :]).flatten(1)
    return found.log()


def double(*numbers: float) -> list[Tensor]:
    return [torch.tensor(number, dtype=torch.float64) for number in numbers]


def steps_bound(kernel: Kernel, alphas: list[float]) -> Tensor:
    """(4,) the bound of every design, expected over x_t by enumeration."""
    seen = states(kernel)
    x_t, x_0 = seen[None].expand(4, -1, 2), DESIGNS[:, None].expand(4, len(seen), 2)
    total = torch.zeros(4, dtype=torch.float64)
    for alpha_s, alpha_t in itertools.pairwise(alphas):
        chance = (alpha_t * (x_t == x_0) + (1 - alpha_t) * kernel.limit.double()[x_t]).prod(2)
        nats = kernel.step_nats(x_t, x_0, predicted(kernel, seen).expand(4, -1, -1, -1), *double(alpha_s, alpha_t))
        total += torch.where(chance > 0, chance * nats.sum(2), 0.0).sum(1)
    return total


@pytest.mark.parametrize("kernel", CLOSED, ids=["absorbing", "uniform", "marginal"])
def test_the_bound_of_steps_is_above_the_exact_nats_of_every_design(kernel: Kernel) -> None:
    alphas = [1 - k / 10 for k in range(11)]
    log_p = steps_model(kernel, alphas)
    exact = -log_p[(states(kernel) < 2).all(1)]
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-6)
    assert exact.exp().isfinite().all()
    assert bool((steps_bound(kernel, alphas) > exact).all())


@pytest.mark.parametrize("kernel", CLOSED, ids=["absorbing", "uniform", "marginal"])
def test_the_bound_of_one_variable_is_its_entropy_where_the_prediction_is_bayes(kernel: Kernel) -> None:
    """Then the chain back is the noise reversed, and the mean of the bound is the entropy of the data."""
    share = torch.tensor([0.8, 0.2], dtype=torch.float64)
    classes, alphas = len(kernel.limit), [1 - k / 10 for k in range(11)]
    seen = torch.arange(classes)
    total = 0.0
    for alpha_s, alpha_t in itertools.pairwise(alphas):
        likely = torch.stack([alpha_t * (seen == i) + (1 - alpha_t) * kernel.limit.double() for i in range(2)])
        joint = share[:, None] * likely  # (x_0, x_t)
        bayes = (joint / joint.sum(0).clamp(min=1e-12)).T
        guess = torch.nn.functional.pad(bayes, (0, classes - 2))
        for i in range(2):
            nats = kernel.step_nats(seen, torch.full_like(seen, i), guess, *double(alpha_s, alpha_t))
            total += torch.where(joint[i] > 0, joint[i] * nats, 0.0).sum().item()
    assert total == pytest.approx(-(share * share.log()).sum().item(), abs=1e-6)


def test_the_absorbing_bound_is_the_mean_over_orders_and_that_of_many_steps_tends_to_it() -> None:
    """In continuous time variables come back one at a time, so the bound is the mean nats over both orders."""
    exact = (order_nats(first=0) + order_nats(first=1)) / 2
    fine = steps_bound(absorbing(2), [1 - k / 400 for k in range(401)])[DESIGN]
    assert fine.item() == pytest.approx(exact, abs=2e-3)
    assert estimated(Window(), Window(), seed=0) == pytest.approx(exact, abs=0.02)


def test_variables_with_windows_apart_give_the_nats_of_one_order() -> None:
    """The first variable dissolves after the second, so it comes back before it."""
    assert estimated(Window(0.5, 1.0), Window(0.0, 0.5), seed=1) == pytest.approx(order_nats(first=0), abs=0.02)


def test_so_many_positions_are_hidden_as_was_said_each_as_often_as_the_others() -> None:
    mask = torch.arange(6) < torch.tensor([[6], [3]])
    hidden = hidden_at_random(mask.repeat(5000, 1), torch.tensor([2, 1]).repeat(5000), torch_rng(0, "hide"))
    assert hidden.sum(1).view(-1, 2).unique(dim=0).tolist() == [[2, 1]]
    share = hidden.float().view(-1, 2, 6).mean(0)
    assert torch.allclose(share[0], torch.full((6,), 1 / 3), atol=0.03)
    assert torch.allclose(share[1], torch.tensor([1 / 3, 1 / 3, 1 / 3, 0, 0, 0]), atol=0.03)


def test_the_bound_by_counts_is_the_bound_in_continuous_time() -> None:
    """Summed over all sets of hidden variables: those of a size are alike, and each size comes as often."""
    design, total = DESIGNS[DESIGN], 0.0
    for chosen in ([True, False], [False, True], [True, True]):
        hidden = torch.tensor([chosen])
        nats = -prediction(torch.where(hidden, 2, design)).gather(2, design[None, :, None]).squeeze(2).log()
        odds = 0.5 / (2 if sum(chosen) == 1 else 1)
        total += odds * counted_nats(nats, hidden, torch.tensor([2])).item()
    assert total == pytest.approx((order_nats(first=0) + order_nats(first=1)) / 2, abs=1e-9)


DESIGN = 2  # (1, 0)


def order_nats(first: int) -> float:
    """Nats of the design (1, 0) when one variable is drawn unseen, the other given it."""
    design = DESIGNS[DESIGN]
    half = torch.full((2,), 2)
    half[first] = design[first]
    unseen, given = prediction(torch.full((1, 2), 2))[0], prediction(half[None])[0]
    return -(unseen[first, design[first]] * given[1 - first, design[1 - first]]).log().item()


def estimated(*windows: Window, seed: int) -> float:
    """The bound of the design (1, 0) by its mean over many times, as training estimates it."""
    n, chance = 200_000, torch_rng(seed, "bound")
    times = spread_times(n, chance, torch.device("cpu"))
    true = DESIGNS[DESIGN].expand(n, 2)
    x_t = absorbing(2).noised(true, torch.stack([w.alpha(times) for w in windows], dim=1), chance)
    nats = -prediction(x_t).gather(2, true[..., None]).squeeze(2).log()
    return hidden_nats(nats, x_t == 2, torch.stack([w.weight(times) for w in windows], dim=1)).mean().item()


@pytest.mark.parametrize("kernel", [uniform(4), marginal(torch.tensor([0.7, 0.2, 0.1, 0.0])), exchange(SCORES[:4, :4])])
def test_the_last_step_back_has_a_finite_gradient(kernel: Kernel) -> None:
    """At the step to time 0 the true posterior is one class: 0 log 0 must not become a gradient of 0 / 0."""
    logits = torch.randn(6, 4, generator=torch_rng(0, "gradient"), requires_grad=True)
    x_0, x_t = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 1, 2, 1, 2, 0])
    kernel.step_nats(x_t, x_0, logits.softmax(1), torch.ones(1), torch.full((1,), 0.998)).sum().backward()
    assert bool(torch.isfinite(logits.grad).all()) and bool(logits.grad.abs().sum() > 0)
