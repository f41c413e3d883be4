"""The transformer over positions: what it may know of order, padding, length and time."""

import pytest
import torch

from molgen.nn.graph_transformer import Seen
from molgen.nn.sequence_transformer import SequenceTransformer, dropped, rotation, turned, waves
from molgen.seeds import seeded, torch_rng

HIDDEN = 5


def network(**settings: object) -> SequenceTransformer:
    with seeded(0):
        made = SequenceTransformer(5, **{"width": 16, "depth": 2, "heads": 2} | settings)
    torch.nn.init.normal_(made.head.weight, generator=torch_rng(0, "head"))
    return made


def shown(position: torch.Tensor, sizes: list[int], time: float = 0.0, told: torch.Tensor | None = None) -> Seen:
    return Seen(position, position[:, :0], torch.tensor(sizes), torch.full((len(sizes),), time), told)


@torch.no_grad()
def test_what_a_design_predicts_does_not_depend_on_its_padding() -> None:
    position = torch.tensor([[0, 1, 2, 3, 4, HIDDEN, 0], [HIDDEN, 3, HIDDEN, 1, 0, 0, 0]])
    both, alone = network()(shown(position, [7, 4])), network()(shown(position[1:, :4], [4]))
    assert torch.allclose(both[1:, :4], alone, atol=1e-5)


@torch.no_grad()
def test_hidden_positions_know_where_they_are_and_how_long_the_design_is() -> None:
    all_hidden = torch.full((1, 6), HIDDEN)
    six, five = network()(shown(all_hidden, [6])), network()(shown(all_hidden[:, :5], [5]))
    assert (six[0, 1:] - six[0, :-1]).abs().amax(1).min() > 1e-3
    assert (six[0, :5] - five[0]).abs().amax(1).min() > 1e-4


@torch.no_grad()
def test_products_of_turned_vectors_know_distances_alone() -> None:
    chance = torch_rng(0, "vectors")
    q, k = torch.randn(2, 8, generator=chance)
    turn = rotation(30, 8, torch.device("cpu"))
    products = turned(q.expand(30, 8), turn) @ turned(k.expand(30, 8), turn).T
    for apart in (0, 3, 11):
        along = products.diagonal(apart)
        assert torch.allclose(along, along[:1], atol=1e-4)
    assert products[0, 0].item() == pytest.approx(float(q @ k), abs=1e-5)
    assert abs(float(products[0, 3] - products[3, 0])) > 1e-3  # before is not behind


@torch.no_grad()
def test_the_time_is_one_for_a_whole_design_and_differs_between_designs() -> None:
    """Row b of the batch is told its own time, whatever stands beside it."""
    made, position = network(timed=True), torch.tensor([[0, 1, 2], [0, 1, 2], [3, 3, 0]])
    early, late = made(shown(position[:1], [3], 0.1)), made(shown(position[:1], [3], 0.9))
    times = torch.tensor([0.9, 0.1, 0.4])
    mixed = made(Seen(position, position[:, :0], torch.tensor([3, 3, 2]), times))
    assert torch.allclose(mixed[0], late[0], atol=1e-5) and torch.allclose(mixed[1], early[0], atol=1e-5)
    assert not torch.allclose(early, late, atol=1e-3)
    assert waves(torch.tensor([0.0, 0.5])).shape == (2, 64)


def test_what_is_told_begins_as_nothing_and_can_be_learned() -> None:
    made, position = network(told=4), torch.tensor([[0, 1, HIDDEN]])
    told = shown(position, [3], told=torch.ones(1, 4))
    assert torch.equal(made(told), made(shown(position, [3])))
    made(told).sum().backward()
    assert made.told is not None and bool(made.told.weight.grad.abs().sum() > 0)


@torch.no_grad()
def test_dropout_is_decided_by_its_generator_and_off_without_one() -> None:
    made, seen = network(dropout=0.3), shown(torch.tensor([[0, 1, HIDDEN]]), [3])
    assert torch.equal(made(seen), made(seen))
    first, again, other = (made(seen, torch_rng(seed, "dropout")) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, made(seen))
    x = dropped(torch.ones(100_000), 0.25, torch_rng(0, "dropout"))
    assert x.mean().item() == pytest.approx(1, abs=0.01) and x.unique().tolist() == pytest.approx([0, 4 / 3])


def test_an_untrained_network_predicts_all_classes_alike() -> None:
    with seeded(0):
        made = SequenceTransformer(5, 16, 2, 2)
    assert not made(shown(torch.tensor([[0, HIDDEN]]), [2])).any()


def test_heads_that_cannot_be_turned_are_refused() -> None:
    with pytest.raises(ValueError, match="twice heads=3"):
        SequenceTransformer(5, 9, 1, 3)


@torch.no_grad()
def test_memory_grows_with_the_length_not_with_its_square() -> None:
    """No tensor that the network makes holds a number for every pair of positions (attention itself is fused)."""
    from torch.utils._python_dispatch import TorchDispatchMode

    made, largest = network(), 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
            nonlocal largest
            found = func(*args, **(kwargs or {}))
            for one in found if isinstance(found, tuple | list) else (found,):
                if isinstance(one, torch.Tensor) and one.storage_offset() == 0:
                    largest = max(largest, one.untyped_storage().nbytes() // one.element_size())
            return found

    position = torch.full((2, 512), HIDDEN)
    with Watch():
        made(shown(position, [512, 300]))
    assert largest < 2 * 512 * 512
