"""The GAN that draws whole graphs: its critic, its losses, its decoding."""

import math
from dataclasses import replace

import pytest
import torch
from rdkit import Chem

from molgen.batch import Fields
from molgen.errors import MolgenError
from molgen.families.adjacency_gan import (
    NEVER,
    RARE,
    AdjacencyGan,
    AdjacencyGanRecipe,
    join,
    strengthen,
)
from molgen.molecule.codec import MoleculeCodec
from molgen.nn.relational import (
    Critic,
    Relational,
    Soft,
    corners,
    masked,
    one_hot,
    reached,
    scores_and_slopes,
    squared,
    squares,
    structure,
)
from molgen.protein.grammar import ProteinGrammar
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.sequences import Sequences
from molgen.train import Plan, train
from tests.tiny import EIGHT, GRAMMAR, eight, whole

RECIPE = AdjacencyGanRecipe(
    positions=6, latent=4, width=32, depth=1, critic_width=32, critic_depth=1, relational_width=8, relational_depth=1
)


@pytest.fixture
def model() -> AdjacencyGan:
    made = build(RECIPE, GRAMMAR, seed=1)
    made.prepare(eight())
    return made


def fields_of(smiles: str) -> Fields:
    tokens = [e.tokens for e in MoleculeCodec().encode([smiles])]
    return whole(Sequences.of(tokens)).fields


def soft(fields: Fields, positions: int) -> Soft:
    return one_hot(fields, positions, GRAMMAR.position_classes, GRAMMAR.pair_classes)


def views(fields: Fields) -> torch.Tensor:
    designs = soft(fields, fields.mask.shape[1])
    capacity = designs.position @ torch.tensor(GRAMMAR.capacities).float()
    return structure(squares(designs.pair[..., 1:], fields.mask.shape[1]), capacity)


def test_the_structure_of_cyclopropane_is_told_as_it_is() -> None:
    """At each carbon 2 hydrogens, 2 neighbours, and (2^n + 2 (-1)^n) / 3 closed walks of n steps: 2, 6, 10."""
    found = views(fields_of("C1CC1"))[0]
    expected = [2 / 2, 0, 2 / 2, 2 / 4, (6 - 2) / 8, 10 / 16]
    assert torch.allclose(found[:, :6], torch.tensor([expected] * 3))


def test_an_overdrawn_atom_is_told_by_how_much() -> None:
    oxygen, carbon = GRAMMAR.capacities.index(2), 0
    position, pair = torch.tensor([[oxygen, carbon]]), torch.tensor([[[0, 3], [3, 0]]])
    found = views(Fields(position, pair, torch.ones(1, 2, dtype=torch.bool)))[0]
    assert found[:, 0].tolist() == [-0.5, 0.5] and found[:, 1].tolist() == [1.0, 0.0]


def test_a_walk_from_the_first_atom_reaches_what_is_connected_to_it_and_nothing_else() -> None:
    bonded = torch.zeros(1, 5, 5)
    for i, j in ((0, 1), (1, 2), (3, 4)):
        bonded[0, i, j] = bonded[0, j, i] = 1.0
    place = reached(bonded)[0]
    assert (place[:3] > 0.1).all() and place[3:].tolist() == [0.0, 0.0]
    assert place.sum().item() == pytest.approx(1.0, abs=1e-6)


def test_a_graph_convolution_adds_what_neighbours_say_by_the_class_of_their_bond() -> None:
    layer = Relational(2, 2, 3, 1)
    x, by_class, mask = torch.randn(1, 2, 2), [torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)], torch.ones(1, 2)
    by_class[1][0, 0, 1] = by_class[1][0, 1, 0] = 1.0  # the second class joins the two
    h = layer.enter(x)
    first, second = layer.convolutions[0]
    told = sum(c.lin_root(h) for c in (first, second)) + second.lin_rel(h.flip(1)) + first.lin_rel.bias
    h = h + torch.nn.functional.silu(told)
    expected = (layer.gate(h).sigmoid() * layer.content(h).tanh()).sum(1)
    assert torch.allclose(layer(x, by_class, mask), expected, atol=1e-6)


def test_the_relational_part_does_not_know_the_order_of_atoms() -> None:
    layer = Relational(GRAMMAR.position_classes, 3, 8, 2)
    designs, order = soft(fields_of("CC(=O)NC#N"), 6), torch.tensor([3, 0, 5, 1, 4, 2])
    by_class = squares(designs.pair[..., 1:], 6)
    shuffled = layer(designs.position[:, order], [one[:, order][..., order] for one in by_class], designs.mask)
    assert torch.allclose(layer(designs.position, by_class, designs.mask), shuffled, atol=1e-6)


def test_what_stands_beyond_the_size_of_a_design_does_not_change_its_score() -> None:
    critic = build(RECIPE, GRAMMAR).critic
    real = soft(fields_of("CCO"), 6)
    noisy = masked(real.position + (1 - real.mask[..., None]), real.pair + (1 - real.pair_mask[..., None]), real.mask)
    assert torch.equal(critic(real), critic(noisy))


def test_slopes_are_those_of_finite_differences_and_can_be_differentiated(model: AdjacencyGan) -> None:
    critic = model.critic.double()
    real = soft(fields_of("CC(=O)O"), 6)
    real = Soft(*(x.double() for x in (real.position, real.pair, real.mask)))
    _, by_position, by_pair = scores_and_slopes(critic, real)
    step = torch.zeros_like(real.pair)
    step[0, 3, 1] = 1e-5  # between the methyl and the hydroxyl, which both have room: no kink
    ends = [critic(Soft(real.position, real.pair + sign * step, real.mask)) for sign in (1, -1)]
    assert by_pair[0, 3, 1].item() == pytest.approx(((ends[0] - ends[1]) / 2e-5).item(), rel=1e-4, abs=1e-8)
    squared(by_position, by_pair).sum().backward()
    touched = [n for n, p in critic.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert set(touched) <= {"leave.1.bias"}  # it shifts all scores alike


def test_the_losses_are_those_of_the_equations(model: AdjacencyGan) -> None:
    model.recipe = replace(RECIPE, penalty=0.7, coverage=0.0)
    batch = whole(eight())
    losses = model.objectives(batch, torch_rng(2, "losses"))
    real = model._soft(batch.fields)
    made = model._drawn(batch.fields.sizes, torch_rng(2, "losses"))
    gap = model.critic(real) - model.critic(made)
    penalties = [squared(*scores_and_slopes(model.critic, x)[1:]).mean() for x in (real, made)]
    expected = (1 + (-gap).exp()).log().mean() + 0.35 * sum(penalties)
    assert losses["critic"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses["generator"].item() == pytest.approx((1 + gap.exp()).log().mean().item(), rel=1e-5)


def test_the_generator_gets_the_gradient_that_a_pass_through_the_critic_would_give(model: AdjacencyGan) -> None:
    model.recipe = replace(RECIPE, coverage=0.0)
    batch = whole(eight())
    parameters = list(model.generator.parameters())
    found = torch.autograd.grad(model.objectives(batch, torch_rng(3, "loss"))["generator"], parameters)
    made = model._drawn(batch.fields.sizes, torch_rng(3, "loss"))
    loss = torch.nn.functional.softplus(model.critic(model._soft(batch.fields)) - model.critic(made)).mean()
    for mine, theirs in zip(found, torch.autograd.grad(loss, parameters), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_each_loss_trains_its_own_networks(model: AdjacencyGan) -> None:
    losses = model.objectives(whole(eight()), torch_rng(0, "gradient"))
    for name, own in (("critic", {"critic"}), ("generator", {"generator", "flat", "encoder"})):
        model.zero_grad(set_to_none=True)
        losses[name].backward(inputs=model.players()[name].parameters, retain_graph=True)
        touched = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum()}
        assert touched == own


def test_without_the_game_there_is_no_critic_and_the_loss_is_that_of_the_coverage(model: AdjacencyGan) -> None:
    model.recipe = replace(RECIPE, game=0.0, coverage=0.3, beta=0.7)
    batch = whole(eight())
    losses = model.objectives(batch, torch_rng(4, "loss"))
    nats, kl = model.coverage(model._soft(batch.fields), batch.fields.sizes, torch_rng(4, "loss"))
    assert set(losses) == set(model.players()) == {"generator"}
    assert losses["generator"].item() == pytest.approx(0.3 * (nats.mean() + 0.7 * kl.mean()).item(), rel=1e-5)


def test_the_loss_is_game_times_the_game_and_the_coverage(model: AdjacencyGan) -> None:
    batch, found = whole(eight()), []
    for game, coverage in ((1.0, 0.0), (0.0, 0.2), (3.0, 0.2)):
        model.recipe = replace(RECIPE, game=game, coverage=coverage, beta=0.0)
        chance = torch_rng(5, "loss")
        if not game:  # the noise of the coverage follows that of the game
            torch.randn(len(batch.fields.sizes), RECIPE.latent, generator=chance)
        found.append(model.objectives(batch, chance)["generator"].item())
    assert found[2] == pytest.approx(3 * found[0] + found[1], rel=1e-5)


def test_a_recipe_that_learns_nothing_and_designs_without_pairs_are_refused() -> None:
    with pytest.raises(MolgenError, match="game and coverage are both 0"):
        build(replace(RECIPE, game=0.0, coverage=0.0), GRAMMAR)
    with pytest.raises(MolgenError, match="these designs have none"):
        build(RECIPE, ProteinGrammar())


def test_the_coverage_is_the_likelihood_of_three_choices_in_turn(model: AdjacencyGan) -> None:
    """Bonded or not at 1 pair, its order of 3, and the classes of two atoms: -log of the product of four shares."""
    real = model._soft(fields_of("CN"))
    told = model._told(torch.zeros(1, RECIPE.latent), torch.tensor([2]))
    model.encoder.leave.weight.data.zero_()
    model.encoder.leave.bias.data.zero_()
    model.encoder.leave.bias.data[RECIPE.latent :] = -100.0  # clamped: exp(-4) of noise is left, so it is drawn again
    noise = torch.randn(1, RECIPE.latent, generator=torch_rng(6, "z")) * math.exp(-4)
    told[:, : RECIPE.latent] += noise
    bonded = torch.zeros(1, 15)
    bonded[0, 0] = 1.0
    share = model.bonded_logits(told)[0, 0].sigmoid() * model.order_logits(told, bonded)[0, 0].softmax(0)[0]
    pair = real.pair[..., 1:]
    atoms = model.position_logits(told, pair)[0].softmax(1)
    carbon, nitrogen = fields_of("CN").position[0].tolist()
    expected = -(share * atoms[0, carbon] * atoms[1, nitrogen]).log()
    nats, kl = model.coverage(real, torch.tensor([2]), torch_rng(6, "z"))
    assert nats.item() == pytest.approx(expected.item(), rel=1e-5)
    assert kl.item() == pytest.approx(RECIPE.latent * 0.5 * (math.exp(-8) - 1 + 8), rel=1e-5)


def test_sizes_and_classes_are_counted_beforehand(model: AdjacencyGan) -> None:
    """Of the eight: CN has 2 atoms; CCO, CC#N and C1CC1 3; CC(=O)O, CC(C)Cl and OCCO 4; benzene 6. Six begin with C."""
    assert model.sizes.tolist() == pytest.approx([0, 0, 1 / 8, 3 / 8, 3 / 8, 0, 1 / 8])
    begins = torch.tensor([Chem.MolFromSmiles(Chem.CanonSmiles(s)).GetAtomWithIdx(0).GetSymbol() == "C" for s in EIGHT])
    assert model.position_prior[0, 0].item() == pytest.approx(begins.float().mean().log().item(), abs=1e-6)
    bromine = [str(a) for a in GRAMMAR.vocabulary.atoms].index("Br with valence 1")
    assert (model.position_prior[:, bromine] == NEVER).all() and model.position_prior[5, 1].item() == RARE


def test_a_class_that_no_training_design_has_is_never_drawn(model: AdjacencyGan) -> None:
    drawn = model.draw(2000, torch_rng(0, "draw"))
    seen = {int(k) for k in whole(eight()).fields.position.unique()}
    assert {int(k) for k in drawn.position.unique()} <= seen


def test_designs_larger_than_the_recipe_are_refused_by_name() -> None:
    with pytest.raises(MolgenError, match="a design has 6 positions, the recipe 5: set positions=6"):
        build(replace(RECIPE, positions=5), GRAMMAR).prepare(eight())


def pairs_of(wanted: dict[tuple[int, int], float], positions: int, other: float) -> torch.Tensor:
    """(1, P): numbers of pairs (later, earlier)."""
    later, earlier = corners(positions, torch.device("cpu"))
    return torch.tensor([[wanted.get(pair, other) for pair in zip(later.tolist(), earlier.tolist(), strict=True)]])


def bonds(bonded: torch.Tensor, positions: int) -> set[tuple[int, int]]:
    later, earlier = corners(positions, torch.device("cpu"))
    return {(int(later[p]), int(earlier[p])) for p in bonded[0].nonzero()[:, 0]}


def test_a_position_that_wants_no_bond_is_joined_where_its_logit_is_greatest() -> None:
    logits = pairs_of({(1, 0): 2.0, (2, 0): -1.0, (2, 1): -3.0}, 3, 0.0)
    assert bonds(join(logits, torch.ones(1, 3, dtype=torch.bool), 4), 3) == {(1, 0), (2, 0)}


def test_a_bond_is_not_taken_where_an_end_has_no_room() -> None:
    """With two bonds a position at most, the fourth wants all three before it: 1 is full, so it gets 0 and 2."""
    logits = pairs_of({(1, 0): 1.0, (2, 1): 1.0, (3, 0): 1.0, (3, 1): 9.0, (3, 2): 1.0}, 4, -1.0)
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert bonds(join(logits, mask, 2), 4) == {(1, 0), (2, 1), (3, 0), (3, 2)}
    assert bonds(join(logits, mask, 3), 4) == {(1, 0), (2, 1), (3, 0), (3, 1), (3, 2)}
    assert bonds(join(logits, torch.tensor([[True, True, True, False]]), 3), 4) == {(1, 0), (2, 1)}


def test_bonds_become_as_strong_as_both_ends_allow() -> None:
    """A chain of four that wants triple bonds, of valence 4: triple, then only single (1 is full), then triple."""
    bonded = pairs_of({(1, 0): 1, (2, 1): 1, (3, 2): 1}, 4, 0).bool()
    logits = torch.zeros(1, 6, 3)
    logits[..., 2] = 1.0
    order = strengthen(logits, bonded, 4, 4)
    assert order.tolist() == pairs_of({(1, 0): 3, (2, 1): 1, (3, 2): 3}, 4, 0).tolist()
    assert strengthen(logits, bonded, 4, 6).tolist() == (3 * bonded.long()).tolist()


def test_by_the_rules_every_draw_of_random_logits_keeps_its_valences_and_is_in_one_piece() -> None:
    chance = torch_rng(0, "rules")
    mask = torch.arange(7) < torch.randint(1, 8, (300, 1), generator=chance)
    bonded = join(3 * torch.randn(300, 21, generator=chance), mask, 4)
    order = strengthen(3 * torch.randn(300, 21, 3, generator=chance), bonded, 7, 4)
    square = squares(order[..., None].float(), 7)[0]
    assert torch.equal(order > 0, bonded) and square.sum(2).max() == 4
    assert not square[~mask].any()
    assert torch.equal(reached(square.clamp(max=1)) > 0, mask)


def test_draws_by_the_rules_are_molecules_in_one_piece(model: AdjacencyGan) -> None:
    texts = MoleculeCodec().texts(model.draw(200, torch_rng(0, "draw")), 200)
    assert all(Chem.MolFromSmiles(text) is not None for text in texts)
    assert not any("." in text for text in texts)


def test_without_rules_a_draw_is_what_the_critic_saw_in_training(model: AdjacencyGan) -> None:
    model.recipe = replace(RECIPE, rules=False)
    drawn = model.draw(50, torch_rng(0, "draw"))
    chance = torch_rng(0, "draw")
    torch.rand(50, generator=chance)  # for the sizes
    made = model.made(torch.randn(50, RECIPE.latent, generator=chance), drawn.sizes)
    again = soft(drawn, RECIPE.positions)
    assert torch.allclose(made.position, again.position) and torch.allclose(made.pair, again.pair, atol=1e-6)


def test_a_copy_for_drawing_survives_half_precision(model: AdjacencyGan) -> None:
    first = model.for_drawing(torch.device("cpu"))
    saved = build(RECIPE, GRAMMAR)
    saved.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    second = saved.for_drawing(torch.device("cpu"))
    one, two = (m.draw(64, torch_rng(1, "draw")) for m in (first, second))
    assert torch.equal(one.position, two.position) and torch.equal(one.pair, two.pair)


@pytest.mark.slow
def test_the_game_and_the_coverage_find_eight_designs() -> None:
    model = build(replace(RECIPE, beta=0.1, coverage=1.0), GRAMMAR)
    train(model, eight(), Plan(steps=400, batch=8, rate=2e-3, warm_up=10, average=0.9))
    texts = MoleculeCodec().texts(model.draw(400, torch_rng(0, "draw")), 400)
    found = [Chem.CanonSmiles(text) for text in texts]
    known = {Chem.CanonSmiles(text) for text in EIGHT}
    assert sum(text in known for text in found) / len(found) > 0.6
    assert len(known & set(found)) >= 7


def test_the_critic_learns_to_tell_a_triangle_from_a_chain() -> None:
    critic = Critic(GRAMMAR, 3, 16, 1, 8, 1)
    designs = [soft(fields_of(s), 3) for s in ("C1CC1", "CCC")]
    optimiser = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.nn.functional.softplus(critic(designs[1]) - critic(designs[0])).mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < math.log(2) / 10
