"""Diffusion over positions alone: against sums over all sets and orders of a closed case, and its draws of peptides."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from molgen.batch import Batch, Fields
from molgen.errors import MolgenError
from molgen.families.diffusion import Diffusion, DiffusionRecipe
from molgen.nn.filling import drawn
from molgen.nn.graph_transformer import Seen
from molgen.nn.sequence_drawing import SequenceDrawing
from molgen.noise import absorbing, counted_nats
from molgen.protein.grammar import ProteinGrammar
from molgen.protein.motif import compile_motif
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.sequences import Sequences
from molgen.train import Plan, measure, train

SMALL = {"width": 32, "depth": 1, "heads": 2}
GRAMMAR = ProteinGrammar()
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
PEPTIDES = [
    "GIGKFLHSAKKFGKAFVGEIMNS",
    "KWKLFKKIEKVGQNIRDGIIKAGPAVAVVGQATQIAK",
    "RRWQWR",
    "ILPWKWPWWPWRR",
    "GLFDIVKKVVGALG",
]
CPU = torch.device("cpu")


def spelled(texts: list[str]) -> Sequences:
    return Sequences.of([[RESIDUES.index(letter) + 1 for letter in text] + [0] for text in texts])


def written(fields: Fields) -> list[str]:
    return [
        "".join(RESIDUES[k] for k in row[own].tolist()) for row, own in zip(fields.position, fields.mask, strict=True)
    ]


def shaken(grammar: ProteinGrammar = GRAMMAR, **recipe: object) -> Diffusion:
    """A model whose predictions are far from even."""
    model = build(DiffusionRecipe(**SMALL | recipe), grammar, seed=1)
    torch.nn.init.normal_(model.network.head.weight, std=0.3, generator=torch_rng(0, "shake"))
    return model.eval()


# A closed case: three positions of three classes, and a network that is a table


CLOSED = SimpleNamespace(
    position_classes=3, pair_classes=1, most_positions=3, capacities=(0,) * 3,
    possible_sizes=lambda: np.arange(4) > 0,
    layouts=lambda sizes, chance: torch.ones(len(sizes), int(sizes.max()), 3, dtype=torch.bool),
)  # fmt: skip
EVERY = torch.tensor(list(itertools.product(range(3), repeat=3)))  # (27, 3)
SETS = [torch.tensor(one) for one in itertools.product([False, True], repeat=3) if any(one)]


class Table(nn.Module):
    """Logits (B, 3, 3) looked up by all that is seen, 3 standing for hidden."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("table", table)

    def forward(self, seen: Seen, chance: torch.Generator | None = None) -> Tensor:
        return self.table[seen.position @ torch.tensor([16, 4, 1])]


def closed(table: Tensor, **recipe: object) -> Diffusion:
    model = Diffusion(CLOSED, DiffusionRecipe(**SMALL | recipe))
    model.network = Table(table)
    model.sizes.copy_(torch.tensor([0.0, 0.2, 0.0, 0.8]))
    return model


WILD = torch.randn(64, 3, 3, generator=torch_rng(0, "table"))


def consistent(joint: Tensor) -> Tensor:
    """The table of the true conditionals of p(x), joint (27,): log p(x_i = k | what is seen)."""
    table = torch.zeros(64, 3, 3)
    for code, seen in enumerate(itertools.product(range(4), repeat=3)):
        fits = ((torch.tensor(seen) == EVERY) | (torch.tensor(seen) == 3)).all(1)
        for place in range(3):
            table[code, place] = torch.stack([(joint * fits * (EVERY[:, place] == k)).sum() for k in range(3)])
    return table.clamp(min=1e-30).log()


def nats_of(model: Diffusion, position: Tensor) -> Tensor:
    """-log of what is predicted for the true class of every position (27, 3)."""
    sizes, time = torch.full((27,), 3), torch.zeros(27)
    (found,) = model.predict(Seen(position, position[:, :0], sizes, time))
    return -found.gather(2, EVERY[..., None]).squeeze(2)


def exact_bound(model: Diffusion) -> Tensor:
    """(27,) by all sets of hidden positions: each count equally likely, and each set of a count."""
    total = -model.sizes[3].log()
    for hidden in SETS:
        odds = 1 / 3 / math.comb(3, int(hidden.sum()))
        nats = nats_of(model, torch.where(hidden, 3, EVERY))
        total = total + odds * counted_nats(nats, hidden.expand(27, 3), torch.full((27,), 3))
    return total


def order_nats(model: Diffusion) -> Tensor:
    """(6, 27): nats of every design, drawn in each order."""
    found = []
    for order in itertools.permutations(range(3)):
        position, total = torch.full((27, 3), 3), -model.sizes[3].log().expand(27)
        for place in order:
            total = total + nats_of(model, position)[:, place]
            position[:, place] = EVERY[:, place]
        found.append(total)
    return torch.stack(found)


@torch.no_grad()
def test_the_bound_is_the_mean_nats_over_all_orders_and_above_the_exact_ones() -> None:
    model = closed(WILD)
    orders, bound = order_nats(model), exact_bound(model)
    exact = -(orders.neg().exp().mean(0)).log()
    assert exact.neg().exp().sum().item() == pytest.approx(0.8, abs=1e-5)  # the share of designs of three positions
    assert torch.allclose(bound, orders.mean(0), atol=1e-5)
    assert bool((bound > exact + 1e-3).all())


@torch.no_grad()
def test_where_all_orders_agree_the_bound_is_the_likelihood() -> None:
    joint = torch.rand(27, generator=torch_rng(0, "joint"))
    joint /= joint.sum()
    assert torch.allclose(exact_bound(closed(consistent(joint))), -(0.8 * joint).log(), atol=1e-4)


@torch.no_grad()
def test_the_bound_of_training_is_that_bound_on_average() -> None:
    model, n = closed(WILD), 4000
    many = EVERY.repeat_interleave(n, 0)
    times = torch.rand(len(many), generator=torch_rng(0, "times"))
    fields = Fields(many, None, torch.ones_like(many, dtype=torch.bool))
    found = model.bound(fields, times, torch_rng(0, "bound")).view(27, n)
    error = found.std(1) / n**0.5
    assert bool(((found.mean(1) - exact_bound(model)).abs() < 4.5 * error).all()) and error.max() < 0.1


def shares(model: Diffusion, n: int, **how: float) -> Tensor:
    """(27,) of drawn designs, all of three positions."""
    model.sizes.copy_(torch.tensor([0.0, 0, 0, 1]))
    drawn = model.draw(n, torch_rng(0, "draw"), **how).position
    return torch.bincount(drawn @ torch.tensor([9, 3, 1]), minlength=27) / n


@pytest.mark.parametrize("steps", [3, 50])
def test_one_position_a_step_draws_from_the_model_itself(steps: int) -> None:
    n, model = 40_000, closed(WILD, steps=steps)
    expected = order_nats(model).neg().exp().mean(0) / 0.8
    assert torch.allclose(shares(model, n), expected, atol=4 * (0.25 / n) ** 0.5)


def test_all_positions_in_one_step_are_drawn_apart() -> None:
    n, model = 40_000, closed(WILD, steps=1)
    expected = nats_of(model, torch.full((27, 3), 3)).sum(1).neg().exp()
    assert torch.allclose(shares(model, n), expected, atol=4 * (0.25 / n) ** 0.5)


@pytest.mark.parametrize("order", ["paced", "surest"])
def test_where_all_orders_agree_an_order_that_depends_on_what_is_seen_draws_alike(order: str) -> None:
    joint = torch.rand(27, generator=torch_rng(0, "joint"))
    joint = joint / joint.sum()
    n, found = 20_000, closed(consistent(joint), steps=60, order=order)  # so many that each fills one position
    assert torch.allclose(shares(found, n), joint, atol=4 * (0.1 / n) ** 0.5)


def test_cold_and_narrow_draws_are_the_likeliest_designs() -> None:
    joint = torch.rand(27, generator=torch_rng(1, "joint"))
    joint[EVERY[:, 0] == 0] *= 9
    table = consistent(joint / joint.sum())
    free, cold, narrow = (shares(closed(table), 500, **how) for how in ({}, {"temperature": 0.05}, {"top_p": 0.05}))
    assert int((free > 0).sum()) > 20 and int((cold > 0).sum()) < 9 and int((narrow > 0).sum()) < 9
    assert float(narrow[EVERY[:, 0] == 0].sum()) == 1


def test_the_greatest_number_draws_a_class_that_has_a_chance() -> None:
    nats = torch.tensor([1.0, 1.0, 0.0]).mul(1 + 2**-22).div(2).log()  # sums to a little above one
    assert drawn(nats, torch.tensor(1 - 2**-24)).item() == 1 and drawn(nats, torch.tensor(0.0)).item() == 0


# The family on peptides


@pytest.mark.parametrize("kernel", ["absorbing", "marginal", "uniform"])
def test_every_parameter_learns_and_the_bound_is_finite(kernel: str) -> None:
    data = spelled(PEPTIDES)
    model = shaken(kernel=kernel, depth=2, dropout=0.1)
    model.prepare(data)
    loss = model.objectives(data.batch(np.arange(5), GRAMMAR), torch_rng(0, "noise"))["nats"]
    loss.backward()
    assert math.isfinite(loss.item())
    still = [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    assert still == []


class Alike(ProteinGrammar):
    """With scores by which leucine and isoleucine are alike."""

    exchange = tuple(
        tuple(4.0 if i == j else 3.0 if {RESIDUES[i], RESIDUES[j]} == {"I", "L"} else -2.0 for j in range(20))
        for i in range(20)
    )


def test_the_exchange_kernel_takes_the_scores_of_the_grammar() -> None:
    model, data = shaken(Alike(), kernel="exchange", steps=5), spelled(PEPTIDES)
    model.prepare(data)
    nats = model.objectives(data.batch(np.arange(5), model.grammar), torch_rng(0, "noise"))["nats"]
    nats.backward()
    assert math.isfinite(nats.item()) and model.network.head.weight.grad is not None
    found = model.kernels[0].matrix(torch.tensor(0.9))[RESIDUES.index("L")]
    assert found[RESIDUES.index("I")] > 10 * found[RESIDUES.index("V")]
    assert int(model.draw(20, torch_rng(0, "draw")).position.max()) < 20


def test_what_only_designs_without_pairs_can_have_is_refused_elsewhere() -> None:
    from molgen.molecule.grammar import MoleculeGrammar

    with pytest.raises(MolgenError, match="without pairs"):
        Diffusion(MoleculeGrammar(), DiffusionRecipe(kernel="exchange"))


@pytest.mark.parametrize(("kernel", "spare", "kept"), [("absorbing", 0.4, 30), ("uniform", 3.5, 10)])
def test_two_peptides_are_memorised(kernel: str, spare: float, kept: int) -> None:
    data = spelled(["RRWQWR", "GLFDK"])
    model = build(DiffusionRecipe(**SMALL | {"depth": 2}, steps=30, kernel=kernel), GRAMMAR)
    model.prepare(data)
    plan = Plan(steps=200, batch=16, rate=5e-3, warm_up=10, average=0.9)
    train(model, data.take(np.arange(2).repeat(8)), plan)
    assert measure(model, data.take(np.arange(2).repeat(30)))["nats"] < math.log(2) + spare
    texts = written(model.for_drawing(CPU).draw(40, torch_rng(0, "draw")))
    assert {"RRWQWR", "GLFDK"} <= set(texts) and sum(text in ("RRWQWR", "GLFDK") for text in texts) > kept


def test_sizes_and_frequencies_are_those_of_the_data() -> None:
    model = build(DiffusionRecipe(**SMALL), GRAMMAR)
    model.prepare(spelled(["KKKKK", "KKKKLL", "KKKKLL", "KKLLLLLLLL"]))
    assert model.sizes[[5, 6, 10]].tolist() == [0.25, 0.5, 0.25]
    assert model.position_prior.exp()[RESIDUES.index("K")].item() == pytest.approx(15 / 27)
    sizes = model.draw(1000, torch_rng(0, "draw")).sizes
    assert sorted(set(sizes.tolist())) == [5, 6, 10] and (sizes == 6).float().mean().item() == pytest.approx(
        0.5, abs=0.05
    )


def test_dropout_is_of_training_alone_and_of_its_seed() -> None:
    data = spelled(PEPTIDES)
    model, batch = shaken(dropout=0.3), data.batch(np.arange(5), GRAMMAR)
    model.prepare(data)
    with torch.no_grad():
        losses = [model.objectives(batch, torch_rng(seed, "n"))["nats"].item() for seed in (0, 0, 1)]
        looks = [model.held_out(batch, torch_rng(0, "n"))["nats"] for _ in range(2)]
        times = torch.full((5,), 0.5)
        quiet, loud = (model.bound(batch.fields, times, torch_rng(0, "n"), trains=t) for t in (False, True))
    assert losses[0] == losses[1] != losses[2] and torch.equal(*looks) and not torch.equal(quiet, loud)


def test_no_tensor_of_pairs_is_made_of_a_long_protein() -> None:
    grammar = ProteinGrammar(longest=512)
    chance = np.random.default_rng(0)
    data = Sequences.of([[*chance.integers(1, 21, 500 + k).tolist(), 0] for k in range(3)])
    model = build(DiffusionRecipe(**SMALL, steps=2), grammar)
    model.prepare(data)
    batch = data.batch(np.arange(3), grammar)
    assert batch.fields.pair is None
    model.objectives(batch, torch_rng(0, "n"))["nats"].backward()
    drawn = model.draw(2, torch_rng(0, "draw"))
    assert drawn.pair is None and min(drawn.sizes.tolist()) >= 500
    assert max(p.numel() for p in model.state_dict().values()) < 10_000


# Draws


@pytest.fixture(scope="module")
def wild() -> Diffusion:
    model = shaken(depth=2, steps=20)
    model.prepare(spelled(PEPTIDES * 3))
    model.sizes.zero_()
    model.sizes[8:31] = 1 / 23
    return model


def copied(model: Diffusion, grammar: ProteinGrammar = GRAMMAR, **recipe: object) -> Diffusion:
    other = Diffusion(grammar, replace(model.recipe, **recipe))
    other.load_state_dict(model.state_dict(), strict=False)
    return other


def test_the_seed_decides_the_draws_and_nothing_else(wild: Diffusion) -> None:
    first, again, other = (written(wild.draw(70, torch_rng(seed, "draw"))) for seed in (0, 0, 1))
    assert first == again and first != other and len(set(first)) > 60


@pytest.mark.parametrize("recipe", [{}, {"order": "surest"}, {"most_share": 0.2}, {"kernel": "uniform"}], ids=str)
def test_the_first_designs_are_the_same_where_only_they_are_needed(wild: Diffusion, recipe: dict) -> None:
    model, looked = copied(wild, **recipe), []
    model.network.register_forward_pre_hook(lambda _, seen: looked.append(len(seen[0].sizes)))
    whole = model.draw(300, torch_rng(3, "draw"))
    for_all, steps = sum(looked), len(looked)
    part = model.draw(300, torch_rng(3, "draw"), first=2)
    assert written(part)[:2] == written(whole)[:2] and torch.equal(part.mask, whole.mask)
    for_two = sum(looked[steps:])
    assert for_two < 0.5 * for_all or "most_share" in recipe  # how often rows are drawn again is known by drawing
    sizes = model.draw(300, torch_rng(3, "draw"), first=0)
    assert torch.equal(sizes.mask, whole.mask)
    assert sum(looked[steps:]) == for_two or "most_share" in recipe


def test_a_file_in_half_precision_draws_as_the_model_did(wild: Diffusion) -> None:
    kept = copied(wild)
    buffers = {name for name, _ in wild.named_buffers()}
    kept.load_state_dict({k: v if k in buffers else v.half().float() for k, v in wild.state_dict().items()})
    found = [written(m.for_drawing(CPU).draw(100, torch_rng(0, "draw"))) for m in (wild, kept)]
    assert found[0] == found[1]


MOTIFS = ["XXXXC[3-8]CXXX", "X*RGDX*", "{CM}*K[KR]XX[WF]{C}(2,9)"]


@pytest.mark.parametrize("motif", MOTIFS)
@pytest.mark.parametrize("recipe", [{}, {"order": "surest"}, {"most_share": 0.2}, {"kernel": "uniform"}], ids=str)
def test_what_a_motif_fixes_is_kept_in_every_draw(wild: Diffusion, motif: str, recipe: dict) -> None:
    model = copied(wild, GRAMMAR.with_motif(motif), **recipe)
    texts = written(model.draw(200, torch_rng(0, "draw"), temperature=2.0))
    assert all(compile_motif(motif).matches(text) for text in texts)
    assert len(set(texts)) > 190 and len({len(text) for text in texts}) > 3


def test_a_motif_that_no_training_length_admits_is_refused(wild: Diffusion) -> None:
    model = copied(wild, GRAMMAR.with_motif("CX(40,45)C"))
    with pytest.raises(MolgenError, match="fix less"):
        model.draw(5, torch_rng(0, "draw"))


def drawing(**how: object) -> SequenceDrawing:
    def logits(seen: Seen) -> Tensor:
        return torch.tensor([2.0, 0.0, 0.0, 0.0]).expand(*seen.position.shape, 4)

    settings = {"steps": 10, "order": "random", "power": 1.0, "top_p": 1.0, "most_share": 1.0} | how
    return SequenceDrawing(CPU, logits, absorbing(4), True, **settings)


def test_residues_that_fill_too_much_of_a_design_are_drawn_once_more_and_no_others() -> None:
    sizes, allowed = torch.full((64,), 10), torch.ones(64, 10, 4, dtype=torch.bool)
    allowed[:, 0, 1:] = False  # fixed
    before, after = (drawing(most_share=m).draw(sizes, allowed, None, torch_rng(0, "d")).position for m in (1.0, 0.5))
    counts = torch.nn.functional.one_hot(before, 4).sum(1)
    again = counts.gather(1, before) > 5
    assert torch.equal(before[~again], after[~again])
    changed = (before != after)[:, 1:][again[:, 1:]].float().mean().item()
    likely = math.exp(2) / (math.exp(2) + 3)  # nearly all that is drawn again was of the first class
    assert changed == pytest.approx(1 - likely, abs=0.05) and not after[:, 0].any()
    assert int((torch.nn.functional.one_hot(after, 4).sum(1)[:, 0] > 5).sum()) < int((counts[:, 0] > 5).sum())


def test_a_draw_takes_no_more_steps_than_positions_are_hidden() -> None:
    seen_by: list[int] = []

    def logits(seen: Seen) -> Tensor:
        seen_by.append(int(((seen.position == 4) & seen.mask).sum()))
        return torch.zeros(*seen.position.shape, 4)

    allowed = torch.ones(1, 12, 4, dtype=torch.bool)
    allowed[:, :4, 1:] = False
    for steps, expected in ((50, [8, 7, 6, 5, 4, 3, 2, 1]), (4, [8, 6, 4, 2]), (3, [8, 5, 2])):
        seen_by.clear()
        how = SequenceDrawing(CPU, logits, absorbing(4), True, steps, "random", 1.0, 1.0, 1.0)
        how.draw(torch.tensor([12]), allowed, None, torch_rng(0, "d"))
        assert seen_by == expected


# Properties


def taught(**recipe: object) -> Diffusion:
    """A model that has learned that of two lysines and alanines the property counts the lysines."""
    texts = ["K" * k + "A" * (6 - k) for k in range(7)] * 20
    data = spelled(texts)
    labels = np.array([[text.count("K"), len(text) + 0.0] for text in texts])
    model = build(DiffusionRecipe(**SMALL, properties=("lysines", "length"), **recipe), GRAMMAR)
    labelled = Sequences(data.flat, data.offsets, labels)
    train(model, labelled, Plan(steps=250, batch=32, rate=1e-2, warm_up=10, average=0.9))
    return model


def test_a_draw_to_order_leans_to_what_is_wanted_and_guidance_leans_farther() -> None:
    model = taught()
    assert model.told is not None and model.told.centre.tolist() == [3, 6]
    counts = {}
    for name, wanted, guidance in (("free", None, 1.0), ("few", [1.0, math.nan], 1.0), ("none", [1.0, math.nan], 0.0)):
        other = copied(model, guidance=guidance).for_drawing(CPU)
        other.wanted = None if wanted is None else torch.tensor(wanted)
        counts[name] = np.mean([text.count("K") for text in written(other.draw(200, torch_rng(0, "draw")))])
    assert counts["free"] == pytest.approx(3, abs=0.6) and counts["few"] == pytest.approx(1, abs=0.4)
    assert counts["none"] == pytest.approx(counts["free"], abs=0.6)


def test_in_training_some_designs_are_told_nothing_and_others_a_part() -> None:
    model = build(DiffusionRecipe(**SMALL, properties=("a", "b")), GRAMMAR)
    told = model.told.in_part(torch.ones(20_000, 2), torch_rng(0, "told"))[:, 2:]
    share = told.mean(0)
    assert torch.allclose(share, torch.full((2,), 0.85 / 2), atol=0.015)
    assert (told.sum(1) == 0).float().mean().item() == pytest.approx(0.15 + 0.85 / 4, abs=0.015)
    one = build(DiffusionRecipe(**SMALL, properties=("a",)), GRAMMAR)
    kept = one.told.in_part(torch.full((20_000, 1), 2.0), torch_rng(0, "told"))
    assert kept[:, 1].mean().item() == pytest.approx(0.85, abs=0.01)


def test_a_batch_without_labels_trains_a_model_of_properties_too() -> None:
    data = spelled(PEPTIDES)
    model = build(DiffusionRecipe(**SMALL, properties=("charge",)), GRAMMAR)
    model.prepare(data)
    batch = Batch(GRAMMAR, data.padded(np.arange(5), 0))
    assert math.isfinite(model.objectives(batch, torch_rng(0, "n"))["nats"].item())
