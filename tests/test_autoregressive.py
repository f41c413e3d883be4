"""The autoregressive family on a grammar small enough to sum over everything."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from molgen.batch import Batch, guide_along
from molgen.families.autoregressive import Autoregressive, AutoregressiveRecipe
from molgen.molecule.grammar import MoleculeGrammar
from molgen.molecule.vocabulary import ADD, Atom, Vocabulary
from molgen.nn.decoder import CausalDecoder
from molgen.nn.guiding import Guided
from molgen.nn.stepping import Exact, Rounded, Stepper
from molgen.nn.tokens import inverse_cdf, nucleus, write
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.sequences import Sequences
from molgen.train import Plan, train

ATOMS = (Atom("C", 0, 4), Atom("O", 0, 2))
TINY = MoleculeGrammar(Vocabulary(ATOMS, longest_ring=2, longest_back=2, most_atoms=3, longest=9))
RECIPE = AutoregressiveRecipe(width=16, depth=2, inputs=8, origins=2)


@pytest.fixture
def model() -> Autoregressive:
    return build(RECIPE, TINY, seed=1).eval()


def all_sequences(grammar: MoleculeGrammar) -> list[list[int]]:
    """Every sequence that the grammar allows, by walking all branches."""
    rows, ended = [[]], []
    for _ in range(grammar.longest):
        grown = []
        for row in rows:
            walk = grammar.walk(1, grammar.longest)
            for token in row:
                walk.advance(torch.tensor([token]))
            grown += [row + [t] for t in walk.guide().allowed[0].nonzero().squeeze(1).tolist()]
        ended += [row for row in grown if row[-1] == grammar.end]
        rows = [row for row in grown if row[-1] != grammar.end]
    assert not rows
    return ended


def padded(rows: list[list[int]]) -> torch.Tensor:
    return torch.tensor(list(itertools.zip_longest(*rows, fillvalue=TINY.end))).T


def test_the_likelihoods_of_all_sequences_sum_to_one(model: Autoregressive) -> None:
    rows = all_sequences(TINY)
    assert len(rows) == 81
    total = model.log_likelihood(Batch(TINY, padded(rows))).double().exp().sum()
    assert total.item() == pytest.approx(1.0, abs=1e-5)


def test_draws_come_as_often_as_their_likelihood_says(model: Autoregressive) -> None:
    n = 20_000
    drawn = model.draw(n, torch_rng(0, "test"))
    counts: dict[tuple[int, ...], int] = {}
    for row in drawn.tolist():
        counts[tuple(row[: row.index(TINY.end) + 1])] = counts.get(tuple(row[: row.index(TINY.end) + 1]), 0) + 1
    common = sorted(counts, key=counts.get, reverse=True)[:30]
    expected = model.log_likelihood(Batch(TINY, padded([list(row) for row in common]))).exp() * n
    for row, mean in zip(common, expected.tolist(), strict=True):
        assert abs(counts[row] - mean) < 5 * math.sqrt(mean), "beyond five standard deviations of a Poisson count"


def test_stepwise_logits_equal_those_of_the_whole_sequence(model: Autoregressive) -> None:
    rows = padded(all_sequences(TINY)[::7])
    whole = model.decoder(rows, guide_along(TINY, rows))
    stepper = Stepper(model.decoder, Exact())
    walk, state = TINY.walk(len(rows), TINY.longest), stepper.start(len(rows), rows.shape[1])
    previous = torch.full((len(rows),), model.decoder.inputs.start)
    for step in range(rows.shape[1]):
        logits = stepper.step(previous, walk.guide(), state)
        assert torch.allclose(logits, whole[:, step], atol=1e-5)
        previous = rows[:, step]
        walk.advance(previous)


def test_a_condition_acts_alike_step_by_step_and_on_the_whole_sequence() -> None:
    decoder = CausalDecoder(TINY, 16, 2, 8, 2, condition=3).eval()
    for linear in decoder.condition.maps:
        torch.nn.init.normal_(linear.weight, generator=torch_rng(0, "condition"))
    rows = padded(all_sequences(TINY)[::9])
    condition = torch.randn(len(rows), 3, generator=torch_rng(1, "condition"))
    whole, without = (decoder(rows, guide_along(TINY, rows), c) for c in (condition, None))
    stepper = Stepper(decoder, Exact())
    walk, state = TINY.walk(len(rows), TINY.longest), stepper.start(len(rows), rows.shape[1], condition)
    logits = stepper.step(torch.full((len(rows),), decoder.inputs.start), walk.guide(), state)
    assert torch.allclose(logits, whole[:, 0], atol=1e-5) and not torch.allclose(logits, without[:, 0], atol=1e-2)


def test_a_row_is_drawn_alike_alone_and_among_others(model: Autoregressive) -> None:
    uniform, stepper = torch.rand(64, TINY.longest, generator=torch_rng(3, "test")), Stepper(model.decoder, Exact())
    assert torch.equal(write(stepper, TINY, uniform)[10:11], write(stepper, TINY, uniform[10:11]))


def test_no_future_token_changes_the_logits_before_it(model: Autoregressive) -> None:
    row = padded([max(all_sequences(TINY), key=len)])
    other = row.clone()
    other[0, -2] = TINY.end
    first, second = (model.decoder(r, guide_along(TINY, r)) for r in (row, other))
    assert torch.equal(first[:, : row.shape[1] - 1], second[:, : row.shape[1] - 1])


def test_every_parameter_gets_a_gradient(model: Autoregressive) -> None:
    sum(model.objectives(Batch(TINY, padded(all_sequences(TINY))), torch.Generator()).values()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()] == []


def test_the_inverse_of_the_cumulative_distribution_takes_the_slice_that_holds_the_number() -> None:
    logits = torch.tensor([0.2, 0.0, 0.5, 0.3]).log().expand(5, 4)
    uniform = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.999])
    assert inverse_cdf(logits, uniform).tolist() == [0, 0, 2, 2, 3]


def test_the_nucleus_is_the_fewest_classes_that_hold_its_share() -> None:
    logits = torch.tensor([[0.1, 0.4, 0.3, 0.2]]).log()
    allowed = {share: torch.isfinite(nucleus(logits, share))[0].tolist() for share in (0.3, 0.5, 0.75, 1.0)}
    assert allowed[0.3] == [False, True, False, False]
    assert allowed[0.5] == [False, True, True, False]
    assert allowed[0.75] == [False, True, True, True]
    assert allowed[1.0] == [True] * 4


def test_no_number_below_one_draws_a_forbidden_class() -> None:
    logits = torch.randn(2000, 150, generator=torch_rng(0, "logits"))
    logits[:, 100:] = float("-inf")
    for number in (0.0, 1 - 2**-24):
        assert bool((inverse_cdf(logits, torch.full((2000,), number)) < 100).all())


def test_8_bit_products_are_within_their_rounding_of_the_exact_ones() -> None:
    chance = torch_rng(0, "int8")
    x, weight, bias = (torch.randn(size, generator=chance) for size in ((7, 50), (9, 50), (9,)))
    state, arithmetic = torch.tanh(x), Rounded()
    found = arithmetic.of_any(weight)(x, bias), arithmetic.of_state(weight, bias)(arithmetic.remember(state))
    for value, factor, dx in ((found[0], x, x.abs().amax(1, keepdim=True) / 254), (found[1], state, 1 / 254)):
        # Each factor is off by at most half a level: sum_k |x| dw + |w| dx + dx dw.
        dw = weight.abs().amax(1) / 254
        bound = factor.abs().sum(1, keepdim=True) * dw + dx * weight.abs().sum(1) + 50 * dx * dw
        error = (value - (factor @ weight.T + bias)).abs()
        assert bool((error <= bound + 1e-5).all()) and error.max() > 0


def test_8_bit_rounding_never_leaves_its_levels_in_bfloat16() -> None:
    largest = (torch.arange(128, 256) / 128).to(torch.bfloat16)  # every significand
    x = torch.stack([largest, -largest], dim=1)
    found = Rounded().of_any(torch.eye(2, dtype=torch.bfloat16))(x, torch.zeros(2, dtype=torch.bfloat16))
    assert torch.allclose(found.float(), x.float(), rtol=0.02)


def test_drawing_fast_follows_nearly_the_same_distribution(model: Autoregressive) -> None:
    exact = model.draw(2000, torch_rng(5, "test"))
    fast = model.for_drawing(torch.device("cpu")).draw(2000, torch_rng(5, "test"))
    assert (exact == fast).all(dim=1).float().mean() > 0.9


def test_a_network_that_was_told_a_property_draws_to_order() -> None:
    """Label 0 for oxygen-free molecules, 1 for the others: told 1, nearly all draws hold oxygen; told nothing, both."""
    rows = [row for row in all_sequences(TINY) if len(row) <= 5]
    oxygen = {place for place, t in enumerate(TINY.vocabulary.tokens) if t.kind == ADD and t.atom == 1}
    labels = np.array([[float(bool(oxygen & set(row)))] for row in rows], dtype=np.float32)
    packed = Sequences.of(rows)
    data = Sequences(packed.flat, packed.offsets, labels)
    model = build(replace(RECIPE, width=32, properties=("oxygen",)), TINY)
    train(model, data, Plan(steps=1000, batch=16, rate=1e-2, warm_up=10, average=0.9))

    def share(wanted: float | None) -> float:
        model.wanted = None if wanted is None else torch.tensor([wanted])
        drawn = model.draw(500, torch_rng(0, "order")).tolist()
        return sum(bool(oxygen & set(row)) for row in drawn) / 500

    assert share(1.0) > 0.93 and share(0.0) < 0.1 and 0.3 < share(None) < 0.9


def test_properties_that_are_not_told_are_seen_as_nothing() -> None:
    model = build(replace(RECIPE, properties=("a", "b")), TINY)
    model.centre, model.spread = torch.tensor([1.0, 10.0]), torch.tensor([2.0, 5.0])
    seen = model.condition(torch.tensor([[3.0, torch.nan], [torch.nan, 0.0]]))
    assert seen.tolist() == [[1.0, 0.0, 1.0, 0.0], [0.0, -2.0, 0.0, 1.0]]


def of_two_classes(told: float) -> Autoregressive:
    """A model whose first atom is C or O with chances 1/2 where nothing is told, `told` and 1 - `told` where it is."""
    model = build(replace(RECIPE, properties=("class",)), TINY).eval()
    carbon, oxygen = (
        next(p for p, t in enumerate(TINY.vocabulary.tokens) if t.kind == ADD and t.atom == a) for a in (0, 1)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        weight = model.decoder.condition.maps[-1].weight  # (V, 2): value, and whether it is told
        weight[carbon, 1], weight[oxygen, 1] = math.log(2 * told), math.log(2 * (1 - told))
    model.wanted = torch.tensor([1.0])
    return model


@pytest.mark.parametrize(("guidance", "share"), [(0.0, 0.5), (1.0, 0.8), (2.0, 16 / 17), (3.0, 64 / 65), (0.5, 2 / 3)])
def test_a_guided_step_weighs_the_free_chances_by_the_likelihood_ratio_to_the_power_of_g(
    guidance: float, share: float
) -> None:
    """1/2 and 1/2 free, 4/5 and 1/5 told: by g = 2 as (4/5)^2 to (1/5)^2, 16 to 1; by g = 1/2 as 2 to 1."""
    model = of_two_classes(0.8)
    stepper = Guided(Stepper(model.decoder, Exact()), guidance)
    walk, state = TINY.walk(3, TINY.longest), stepper.start(3, TINY.longest, model.condition(torch.ones(3, 1)))
    guide = walk.guide()
    assert int(guide.allowed[0].sum()) == 2
    found = stepper.step(torch.full((3,), model.decoder.inputs.start), guide, state).softmax(1)[guide.allowed]
    low, high = found.view(3, 2).sort(1).values.unbind(1)
    assert low.tolist() == pytest.approx([1 - share] * 3, abs=1e-6) and high.tolist() == pytest.approx([share] * 3)
    model.guidance = guidance
    first = model.draw(4000, torch_rng(0, "guided"))[:, 0]
    assert (first == first.mode().values).float().mean().item() == pytest.approx(share, abs=0.03)


def test_guided_rows_keep_their_halves_when_others_are_dropped() -> None:
    """Drawn alone or among rows that end early, a row is the same; logits are those of two whole passes."""
    model = build(replace(RECIPE, properties=("class",)), TINY, seed=3).eval()
    for linear in model.decoder.condition.maps:
        torch.nn.init.normal_(linear.weight, generator=torch_rng(0, "condition"))
    condition, guided = (
        model.condition(torch.linspace(-1, 1, 64)[:, None]),
        Guided(Stepper(model.decoder, Exact()), 2.0),
    )
    uniform = torch.rand(64, TINY.longest, generator=torch_rng(3, "test"))
    drawn = write(guided, TINY, uniform, condition=condition)
    for row in (0, 17, 63):
        own = slice(row, row + 1)
        assert torch.equal(drawn[own], write(guided, TINY, uniform[own], condition=condition[own]))
    guide = guide_along(TINY, drawn)
    told, free = (model.decoder(drawn, guide, c) for c in (condition, torch.zeros_like(condition)))
    whole = torch.where(guide.allowed, free + 2 * (told - free), -torch.inf)
    taken = [inverse_cdf(whole[:, step], uniform[:, step]) for step in range(drawn.shape[1])]
    before_end = Batch(TINY, drawn).weight.bool()
    assert torch.equal(torch.stack(taken, 1)[before_end], drawn[before_end])
