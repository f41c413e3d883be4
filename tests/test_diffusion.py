"""The diffusion family on a grammar small enough to sum over everything, and its draws of molecules."""

import itertools
import math

import pytest
import torch
from rdkit import Chem

from molgen.batch import Batch, Fields
from molgen.families.diffusion import Diffusion, DiffusionRecipe
from molgen.molecule.codec import MoleculeCodec
from molgen.molecule.grammar import MoleculeGrammar
from molgen.molecule.vocabulary import Atom, Vocabulary
from molgen.nn.filling import Rules, paced, settled
from molgen.nn.graph_transformer import (
    APART,
    FAR,
    GraphTransformer,
    Seen,
    flat_pairs,
    layout,
    path_lengths,
    square_pairs,
)
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.sequences import Sequences
from molgen.train import Plan, measure, train

ATOMS = (Atom("C", 0, 4), Atom("O", 0, 2))
TINY = MoleculeGrammar(Vocabulary(ATOMS, longest_ring=2, longest_back=2, most_atoms=3, longest=9))
GRAMMAR = MoleculeGrammar()
SMALL = {"width": 32, "edge_width": 8, "depth": 1, "heads": 2}
EIGHT = ["CCO", "c1ccccc1", "CC(=O)O", "CN", "CC#N", "C1CC1", "CC(C)Cl", "OCCO"]


def spelled(texts: list[str]) -> Sequences:
    return Sequences.of([e.tokens for e in MoleculeCodec().encode(texts)])


def shaken(grammar: MoleculeGrammar, **recipe: object) -> Diffusion:
    """A model whose predictions are far from even: untrained ones begin at the frequencies of the data."""
    model = build(DiffusionRecipe(**SMALL | recipe), grammar, seed=1)
    chance = torch_rng(0, "shake")
    for head in (model.network.head, model.network.edge_head):
        torch.nn.init.normal_(head.weight, std=0.1, generator=chance)
    return model.eval()


def shown(position: torch.Tensor, pair: torch.Tensor, sizes: list[int]) -> Seen:
    return Seen(position, pair, torch.tensor(sizes), torch.zeros(len(sizes)))


# The bound


def all_pairs_of_atoms() -> Fields:
    """Every connected design of two atoms over carbon and oxygen."""
    rows = [(a, b, o) for a, b in itertools.product(range(2), repeat=2) for o in (1, 2, 3) if o <= (4, 2)[max(a, b)]]
    position = torch.tensor([row[:2] for row in rows])
    pair = torch.zeros(len(rows), 2, 2, dtype=torch.int64)
    pair[:, 0, 1] = pair[:, 1, 0] = torch.tensor([row[2] for row in rows])
    return Fields(position, pair, torch.ones_like(position, dtype=torch.bool))


def order_nats(model: Diffusion, fields: Fields, order: tuple[int, ...]) -> torch.Tensor:
    """Nats of each design when its variables (two atoms, then the bond) are drawn one after another in this order."""
    true = torch.cat([fields.position, fields.pair[:, 1, :1]], dim=1)
    seen, total = torch.tensor([[2, 2, 4]]).repeat(len(true), 1), torch.zeros(len(true))
    for place in order:
        position, pair = model.predict(shown(seen[:, :2], seen[:, 2:], [2] * len(true)))
        nats = pair[:, 0] if place == 2 else position[:, place]
        total -= nats.gather(1, true[:, place : place + 1]).squeeze(1)
        seen[:, place] = true[:, place]
    return total


@torch.no_grad()
def test_the_bound_is_the_mean_of_the_exact_nats_over_all_orders() -> None:
    """Each order is a model of its own whose probabilities sum to one, so the bound is above -log of their mean."""
    model, fields = shaken(TINY, lead=0.0), all_pairs_of_atoms()
    every = torch.stack([order_nats(model, fields, order) for order in itertools.permutations(range(3))])
    assert torch.allclose((-every).exp().sum(1), torch.ones(6), atol=1e-5)  # one for each order
    n = 4000
    many = Fields(*(x.repeat_interleave(n, 0) for x in (fields.position, fields.pair, fields.mask)))
    found = model.bound(many, torch.rand(len(many.mask), generator=torch_rng(0, "t")), torch_rng(0, "bound"))
    error = found.view(-1, n).std(1) / n**0.5
    exact = every.mean(0) - model.sizes[2].log()
    assert bool(((found.view(-1, n).mean(1) - exact).abs() < 4 * error).all()) and error.max() < 0.5


@torch.no_grad()
def test_positions_that_lead_give_the_mean_over_the_orders_that_begin_with_them() -> None:
    model, fields = shaken(TINY, lead=1.0), all_pairs_of_atoms()
    exact = (order_nats(model, fields, (0, 1, 2)) + order_nats(model, fields, (1, 0, 2))) / 2 - model.sizes[2].log()
    n = 4000
    many = Fields(*(x.repeat_interleave(n, 0) for x in (fields.position, fields.pair, fields.mask)))
    found = model.bound(many, torch.rand(len(many.mask), generator=torch_rng(0, "t")), torch_rng(0, "bound"))
    error = found.view(-1, n).std(1) / n**0.5
    assert bool(((found.view(-1, n).mean(1) - exact).abs() < 4 * error).all()) and error.max() < 0.5


@pytest.mark.parametrize("kernel", ["absorbing", "marginal", "uniform"])
def test_every_parameter_learns_and_the_bound_is_finite(kernel: str) -> None:
    data = spelled(EIGHT)
    model = shaken(GRAMMAR, kernel=kernel, depth=2)
    model.prepare(data)
    batch = data.batch(torch.arange(8).numpy(), GRAMMAR)
    loss = model.objectives(batch, torch_rng(0, "noise"))["nats"]
    loss.backward()
    assert math.isfinite(loss.item())
    still = [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    assert still == []


def test_two_designs_are_memorised() -> None:
    data = spelled(["CC(=O)O", "C1CC1N"])
    model = build(DiffusionRecipe(**SMALL, steps=30), GRAMMAR)
    model.prepare(data)
    train(
        model,
        data.take(torch.arange(2).repeat(8).numpy()),
        Plan(steps=120, batch=16, rate=1e-2, warm_up=10, average=0.9),
    )
    assert measure(model, data.take(torch.arange(2).repeat(50).numpy()))["nats"] < math.log(2) + 0.5
    drawn = model.for_drawing(torch.device("cpu")).draw(20, torch_rng(0, "draw"))
    texts = {Chem.CanonSmiles(text) for text in MoleculeCodec().texts(drawn, 20)}
    assert {"CC(=O)O", "NC1CC1"} <= texts


def test_the_frequencies_of_the_data_are_counted() -> None:
    model = build(DiffusionRecipe(**SMALL), GRAMMAR)
    model.prepare(spelled(["CCO", "CCO", "C#N", "O"]))
    assert model.sizes[:4].tolist() == [0, 0.25, 0.25, 0.5]
    share = model.position_prior.exp()
    assert share[:3].tolist() == pytest.approx([5 / 9, 1 / 9, 3 / 9]) and share[3:].max() < 1e-5
    assert model.pair_prior[1].exp()[[1, 3]].tolist() == pytest.approx([4 / 5, 1 / 5])
    assert model.pair_prior[2].exp()[0].item() == pytest.approx(1)
    model.prepare(spelled(["CC"]))  # trained further: weights are fitted to the frequencies, not to the sizes
    assert model.sizes[2].item() == 1 and torch.equal(model.position_prior.exp(), share)


def test_a_file_in_half_precision_keeps_what_was_counted() -> None:
    model = build(DiffusionRecipe(**SMALL), GRAMMAR)
    model.prepare(spelled(EIGHT))
    for name, value in model.state_dict().items():
        assert bool(value.half().isfinite().all()), name


@torch.no_grad()
def test_where_noise_hides_the_prediction_does_not_depend_on_the_time() -> None:
    """What is hidden says all that the time could; where noise replaces, only the time says how much to believe."""
    for kernel, same in (("absorbing", True), ("marginal", False)):
        model, seen = shaken(GRAMMAR, kernel=kernel), random_seen([6])
        late = Seen(seen.position, seen.pair, seen.sizes, torch.ones(1))
        early = Seen(seen.position, seen.pair, seen.sizes, torch.zeros(1))
        assert torch.equal(model.predict(late)[0], model.predict(early)[0]) is same


# The network


def random_seen(sizes: list[int], seed: int = 0) -> Seen:
    most, chance = max(sizes), torch_rng(seed, "seen")
    position = torch.randint(len(GRAMMAR.capacities) + 1, (len(sizes), most), generator=chance)
    pair = torch.randint(5, (len(sizes), most * (most - 1) // 2), generator=chance)
    pair[torch.rand(pair.shape, generator=chance) < 0.8] = 0
    return shown(position, pair, sizes)


@torch.no_grad()
def test_what_a_design_predicts_does_not_depend_on_its_padding() -> None:
    model = shaken(GRAMMAR, depth=2)
    seen = random_seen([9, 5])
    alone = shown(seen.position[1:, :5], seen.pair[1:, :10], [5])
    padded, bare = model.network(seen), model.network(alone)
    assert torch.allclose(padded[0][1:, :5], bare[0], atol=1e-4)
    assert torch.allclose(padded[1][1:, :10], bare[1], atol=1e-4)


def test_pairs_and_squares_are_the_same_and_gradients_pass() -> None:
    flat = torch.arange(1.0, 7.0)[None].requires_grad_()
    square = square_pairs(flat, 4)
    assert square[0, 2].tolist() == [2, 3, 0, 6] and torch.equal(square, square.transpose(1, 2))
    assert torch.equal(flat_pairs(square), flat)
    (square * torch.arange(16.0).view(4, 4)).sum().backward()
    assert flat.grad.tolist() == [[1 + 4, 2 + 8, 6 + 9, 3 + 12, 7 + 13, 11 + 14]]


def test_path_lengths_are_those_of_a_chain_and_of_a_ring() -> None:
    n = 24
    chain = torch.zeros(1, n, n, dtype=torch.bool)
    for i in range(n - 2):  # the last atom stands alone
        chain[0, i, i + 1] = chain[0, i + 1, i] = True
    found = path_lengths(chain)[0]
    assert found[0].tolist()[1:] == [*range(1, 8), *[FAR] * 15, APART]
    chain[0, 0, 5] = chain[0, 5, 0] = True
    assert path_lengths(chain)[0, 0, :9].tolist()[1:] == [1, 2, 3, 2, 1, 2, 3, 4]


def test_a_network_of_more_layers_begins_as_one_of_none() -> None:
    """The heads begin at zero: an untrained model predicts the frequencies of the data."""
    network = GraphTransformer((4, 2), 4, 9, 16, 8, 2, 2)
    position, pair = network(shown(torch.tensor([[0, 2, 1]]), torch.tensor([[1, 4, 4]]), [3]))
    assert not position.any() and not pair.any()


# What may be filled in


RULES = Rules((4, 2, 1), 4)  # carbon, oxygen, fluorine
HIDDEN = 3


def test_classes_that_would_break_a_valence_are_forbidden() -> None:
    # C=O is known, the third atom and its bonds are hidden.
    standing = RULES.standing(shown(torch.tensor([[0, 1, HIDDEN]]), torch.tensor([[2, 4, 4]]), [3]))
    assert standing.used.tolist() == [[2, 2, 0]]
    assert standing.free.tolist() == [[2, 0, 4]]
    # The last atom must join the carbon, since the oxygen is full: at most by a double bond.
    allowed = RULES.pair_classes(standing)[0]
    assert allowed[1].tolist() == [False, True, True, False]
    assert allowed[2].tolist() == [True, False, False, False]


def test_an_atom_that_bears_bonds_and_waits_for_one_more_must_have_room() -> None:
    # Atom 1 has a double bond to atom 2 and none to atom 0 yet.
    seen = shown(torch.tensor([[0, HIDDEN, 0]]), torch.tensor([[4, 0, 2]]), [3])
    standing = RULES.standing(seen)
    assert standing.waiting.tolist() == [[False, True, False]]
    assert RULES.positions(standing)[0, 1].tolist() == [True, False, False]
    loose = Rules(RULES.capacities, 4, connected=False)
    assert loose.positions(loose.standing(seen))[0, 1].tolist() == [True, True, False]


def test_what_an_atom_needs_to_join_is_kept_free_for_it() -> None:
    # O C C, all bonds hidden. The second atom can join only the first, so no other bond of the oxygen may be double.
    standing = RULES.standing(shown(torch.tensor([[1, 0, 0]]), torch.full((1, 3), 4), [3]))
    assert standing.owed.tolist() == [[1, 1, 1]]
    assert standing.last.tolist() == [[True, False, False]]
    allowed = RULES.pair_classes(standing)[0]
    assert allowed[0].tolist() == [False, True, True, False]
    assert allowed[1].tolist() == [True, True, False, False]
    assert allowed[2].tolist() == [True, True, True, True]


def settle(seen: Seen, pair: torch.Tensor, share: list[float], rules: Rules, seed: int = 0) -> torch.Tensor:
    """All pairs at once, each again by the given probabilities where the design does not stay sound."""
    nats = torch.tensor(share).log().expand(*pair.shape, 4)
    numbers = torch.rand(2, *pair.shape, generator=torch_rng(seed, "settle"))
    return settled(pair, torch.ones_like(pair, dtype=torch.bool), nats, seen, rules, *numbers)


def test_bonds_of_one_step_never_exceed_a_valence() -> None:
    loose, sizes = Rules(RULES.capacities, 4, connected=False), [8] * 200
    chance = torch_rng(0, "bonds")
    seen = shown(torch.randint(3, (200, 8), generator=chance), torch.full((200, 28), 4), sizes)
    pair = (torch.rand(200, 28, generator=chance) < 0.3).long() * 2
    free = loose.standing(shown(seen.position, pair, sizes)).free
    kept = (free >= 0).all(1)
    found = settle(seen, pair, [0.5, 0.3, 0.1, 0.1], loose)
    assert 0 < kept.sum() < 200 and torch.equal(found[kept], pair[kept])
    assert bool((loose.standing(shown(seen.position, found, sizes)).free >= 0).all()) and int(found.max()) < 4


def test_a_step_that_would_leave_an_atom_apart_is_drawn_again_by_its_odds() -> None:
    n = 20_000
    seen = shown(torch.zeros(n, 3, dtype=torch.int64), torch.tensor([[1, 4, 4]]).repeat(n, 1), [3] * n)
    found = settle(seen, torch.tensor([[1, 0, 0]]).repeat(n, 1), [0.6, 0.3, 0.1, 0.0], RULES)
    # The pair that is drawn first is 0 in six of ten; then the other must not be. Else the other is free.
    assert bool((found[:, 1:] > 0).any(1).all())
    share = (found[:, 1] == 0).float().mean().item()
    assert share == pytest.approx(0.5 * 0.6 + 0.5 * 0.4 * 0.6, abs=0.012)
    assert (found[:, 2][found[:, 1] == 0] == 2).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_what_can_no_longer_be_joined_is_not_sound() -> None:
    def sound(atoms: list[int], pairs: list[int]) -> bool:
        return bool(RULES.sound(shown(torch.tensor([atoms]), torch.tensor([pairs]), [len(atoms)])))

    assert sound([0, 0, 0], [1, 4, 4]) and sound([0, 0, 0], [1, 0, 4]) and not sound([0, 0, 0], [1, 0, 0])
    assert not sound([2, 0, 0], [2, 4, 4])  # fluorine with a double bond
    assert not sound([2, 2, 0], [4, 4, 4])  # F F C: two monovalent atoms leave nothing to join to
    assert not sound([1, 0, 0], [4, 2, 4])  # the oxygen is full, and atom 1 had no other chance
    assert sound([2, 0, 0], [4, 4, 4]) and not sound([2, 0, 0], [4, 1, 4])
    # Atoms 2 and 3 have each their last chance at atom 0, which can take one more.
    assert not sound([1, 0, 0, 0], [1, 4, 0, 4, 0, 0])


def test_a_step_spends_its_share_of_the_entropy_and_the_last_fills_all() -> None:
    entropy = torch.tensor([[0.5, 0.0, 0.1, 1.0, 0.4]])
    hidden = torch.tensor([[True, True, True, True, False]])
    # 1.6 nats are hidden, in 4 steps 0.4 each: after 0, 0.1 of them 0.5 begins within the share, and exceeds it.
    assert paced(entropy, entropy, hidden, 4).tolist() == [[True, True, True, False, False]]
    assert paced(entropy, torch.tensor([[4.0, 3, 2, 1, 0]]), hidden, 4).tolist() == [[False, False, False, True, False]]
    assert paced(entropy, entropy, hidden, 1).tolist() == hidden.tolist()


# Draws


@pytest.fixture(scope="module")
def wild() -> Diffusion:
    """Untrained, and with frequencies that make crowded molecules of carbon, nitrogen and oxygen."""
    model = shaken(GRAMMAR, steps=8)
    model.sizes.zero_()
    model.sizes[3:13] = 0.1
    model.position_prior.copy_(torch.tensor([0.6, 0.2, 0.2] + [1e-6] * 21).log())
    model.pair_prior.copy_(torch.tensor([0.9, 0.08, 0.015, 0.005]).log())
    return model


@pytest.mark.parametrize("order", ["random", "paced", "surest"])
@pytest.mark.parametrize("lead", [0.0, 1.0])
def test_every_draw_is_a_valid_connected_molecule(wild: Diffusion, order: str, lead: float) -> None:
    model = Diffusion(GRAMMAR, DiffusionRecipe(**SMALL, steps=8, order=order, lead=lead))
    model.load_state_dict(wild.state_dict())
    drawn = model.for_drawing(torch.device("cpu")).draw(200, torch_rng(0, "draw"))
    capacities = torch.tensor(GRAMMAR.capacities)
    room = capacities[drawn.position] - drawn.pair.sum(2)
    assert int(room[drawn.mask].min()) >= 0
    assert not drawn.pair[~drawn.mask].any() and torch.equal(drawn.pair, drawn.pair.transpose(1, 2))
    texts = MoleculeCodec().texts(drawn, 200)
    assert all(Chem.MolFromSmiles(text) is not None for text in texts)
    assert sum("." in text for text in texts) < 0.25 * 200  # crowded ones, where many wait for the same few atoms


def test_without_the_mask_draws_break_valences_and_without_joining_they_fall_apart(wild: Diffusion) -> None:
    for recipe, share in (({"valence_mask": False}, 0.3), ({"connect": False}, 0.1)):
        model = Diffusion(GRAMMAR, DiffusionRecipe(**SMALL, steps=8, **recipe))
        model.load_state_dict(wild.state_dict())
        drawn = model.draw(100, torch_rng(0, "draw"))
        room = torch.tensor(GRAMMAR.capacities)[drawn.position] - drawn.pair.sum(2)
        broken = (
            (room < 0).any(1)
            if "valence_mask" in recipe
            else torch.tensor(["." in text for text in MoleculeCodec().texts(drawn, 100)])
        )
        assert broken.float().mean() > share


def test_sizes_come_as_often_as_in_the_data(wild: Diffusion) -> None:
    quick = Diffusion(GRAMMAR, DiffusionRecipe(**SMALL, steps=1))
    quick.load_state_dict(wild.state_dict())
    sizes = quick.draw(1000, torch_rng(0, "draw")).sizes
    share = torch.bincount(sizes, minlength=14) / 1000
    assert share[:3].sum() == 0 and torch.allclose(share[3:13], torch.tensor(0.1), atol=0.03)


def test_the_seed_decides_the_draws_and_nothing_else(wild: Diffusion) -> None:
    model = wild.for_drawing(torch.device("cpu"))
    first, again, other = (model.draw(70, torch_rng(seed, "draw")) for seed in (0, 0, 1))
    assert torch.equal(first.pair, again.pair) and torch.equal(first.position, again.position)
    assert not torch.equal(first.position[:, :3], other.position[:, :3])


def test_a_file_in_half_precision_draws_as_the_model_did(wild: Diffusion) -> None:
    kept = Diffusion(GRAMMAR, wild.recipe)
    kept.load_state_dict({name: value.half().float() for name, value in wild.state_dict().items()})
    before, after = (m.for_drawing(torch.device("cpu")).draw(100, torch_rng(0, "draw")) for m in (wild, kept))
    assert torch.equal(before.pair, after.pair) and torch.equal(before.position, after.position)


@pytest.mark.parametrize("kernel", ["marginal", "uniform"])
def test_other_kernels_draw_classes_of_designs(wild: Diffusion, kernel: str) -> None:
    model = Diffusion(GRAMMAR, DiffusionRecipe(**SMALL, steps=5, kernel=kernel))
    model.load_state_dict(wild.state_dict())
    drawn = model.draw(30, torch_rng(0, "draw"))
    assert int(drawn.position.max()) < 24 and int(drawn.pair.max()) < 4 and int(drawn.sizes.min()) >= 3


def test_a_temperature_near_zero_draws_fewer_kinds_of_design(wild: Diffusion) -> None:
    drawn = wild.draw(60, torch_rng(0, "draw"), temperature=1e-4)
    warm = wild.draw(60, torch_rng(0, "draw"))
    kinds = [len(set(map(tuple, x.position.tolist()))) for x in (drawn, warm)]
    assert kinds[0] < 0.6 * kinds[1]


def test_held_out_designs_have_a_bound_each_that_varies_little() -> None:
    data = spelled(EIGHT)
    model = shaken(GRAMMAR)
    model.prepare(data)
    batch = Batch(GRAMMAR, data.padded(torch.arange(8).numpy(), GRAMMAR.end))
    found = model.held_out(batch, torch_rng(0, "held out"))["nats"]
    assert found.shape == (8,) and bool((found > 0).all())


# Texts


def test_fields_are_written_as_drawn_with_fragments_and_padding() -> None:
    position = torch.tensor([[0, 0, 2, 0], [0, 2, 0, 0]])
    pair = torch.zeros(2, 4, 4, dtype=torch.int64)
    pair[0, 0, 1] = pair[0, 1, 0] = 2
    pair[1, 0, 1] = pair[1, 1, 0] = 1
    mask = torch.tensor([[True] * 3 + [False], [True] * 2 + [False] * 2])
    fields = Fields(position, pair, mask)
    assert MoleculeCodec().texts(fields, 2) == ["C=C.O", "CO"]
    assert MoleculeCodec().texts(fields, 1) == ["C=C.O"]


def test_real_molecules_come_back_from_their_fields(drug_like: list[str]) -> None:
    texts = drug_like[:60]
    data = spelled(texts)
    fields = data.batch(torch.arange(60).numpy(), GRAMMAR).fields
    found = [Chem.CanonSmiles(text) for text in MoleculeCodec().texts(fields, 60)]
    assert found == [Chem.CanonSmiles(text) for text in texts]


def test_training_may_follow_a_draw_in_one_process() -> None:
    """What a draw keeps for reuse is made of tensors that gradients may pass."""
    layout.cache_clear()
    with torch.inference_mode():
        flat_pairs(torch.zeros(1, 5, 5))
    square = torch.zeros(1, 5, 5, requires_grad=True)
    flat_pairs(square).sum().backward()
    assert square.grad.sum() == 10
