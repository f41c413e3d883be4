"""The one training function: it learns, repeats, resumes exactly, and orders the data as it says."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from molgen.batch import Batch
from molgen.errors import MolgenError
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.players import Player
from molgen.recipes import build
from molgen.sequences import Sequences, batches
from molgen.train import Plan, measure, rate_factor, train
from tests import tiny
from tests.tiny import GRAMMAR

RECIPE = AutoregressiveRecipe(width=32, depth=1, inputs=16)


@pytest.fixture(scope="module")
def eight() -> Sequences:
    return tiny.eight()


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_eight_designs_are_memorised(eight: Sequences) -> None:
    model = build(RECIPE, GRAMMAR)
    train(model, eight, Plan(steps=200, batch=8, rate=1e-2, warm_up=10, average=0.9))
    assert measure(model, eight)["nats"] < math.log(8) + 0.15  # no model of eight equally likely designs is below log 8


def test_training_twice_gives_the_same_weights_and_another_seed_does_not(eight: Sequences) -> None:
    def trained(seed: int) -> torch.Tensor:
        model = build(RECIPE, GRAMMAR, seed)
        train(model, eight, Plan(steps=5, batch=4, seed=seed))
        return weights(model)

    assert torch.equal(trained(0), trained(0))
    assert not torch.equal(trained(0), trained(1))


def test_an_interrupted_run_goes_on_to_the_same_weights(eight: Sequences, tmp_path: Path) -> None:
    class Killed(RuntimeError):
        pass

    def kill_at_second_report(row: dict[str, float]) -> None:
        rows.append(row)
        if len(rows) == 2:
            raise Killed

    rows: list[dict[str, float]] = []
    plan = Plan(steps=12, batch=4, checkpoint_minutes=1e-9)
    whole, broken = build(RECIPE, GRAMMAR), build(RECIPE, GRAMMAR)
    train(whole, eight, plan)
    with pytest.raises(Killed):
        train(broken, eight, plan, checkpoint=tmp_path / "run.checkpoint", report=kill_at_second_report)
    resumed = build(RECIPE, GRAMMAR, seed=99)
    history = train(resumed, eight, plan, checkpoint=tmp_path / "run.checkpoint")
    assert history.steps == 12 and [row["step"] for row in history.rows] == list(range(1, 13))
    assert torch.equal(weights(resumed), weights(whole))


def test_an_epoch_takes_every_row_once_and_an_offset_goes_on_there(eight: Sequences) -> None:
    first = [next(stream) for stream in [batches(eight, 2, seed=5)] for _ in range(4)]
    assert sorted(np.concatenate(first).tolist()) == list(range(8))
    stream = batches(eight, 2, seed=5)
    ten = [next(stream).tolist() for _ in range(10)]
    later = batches(eight, 2, seed=5, first=7)
    assert [next(later).tolist() for _ in range(3)] == ten[7:]


def test_sequences_come_back_padded_and_split_without_overlap(eight: Sequences) -> None:
    rows = [[5, 6, 0], [7, 0], [8, 9, 9, 0]]
    data = Sequences.of(rows)
    assert data.padded(np.array([1, 2]), end=0).tolist() == [[7, 0, 0, 0], [8, 9, 9, 0]]
    assert data.take(np.array([2, 0])).padded(np.array([0, 1]), end=0).tolist() == [[8, 9, 9, 0], [5, 6, 0, 0]]
    training, held_out = eight.split(3, seed=0)
    assert (len(training), len(held_out)) == (5, 3)
    texts = [tuple(d.padded(np.array([i]), 0)[0].tolist()) for d in (training, held_out) for i in range(len(d))]
    assert len(set(texts)) == 8


def test_the_rate_warms_up_and_falls_along_half_a_cosine() -> None:
    plan = Plan(steps=1000, warm_up=100)
    assert rate_factor(plan, 49, 0) == pytest.approx(0.5 * (0.02 + 0.49 * (1 + math.cos(math.pi * 0.049))))
    assert rate_factor(plan, 500, 0) == pytest.approx(0.51)
    assert rate_factor(plan, 1000, 0) == pytest.approx(0.02)
    assert rate_factor(Plan(minutes=10), 500, 300.0) == pytest.approx(0.51)


def test_held_out_nats_weigh_every_sequence_once(eight: Sequences) -> None:
    model = build(RECIPE, GRAMMAR).eval()
    batch = Batch(GRAMMAR, eight.padded(np.arange(8), GRAMMAR.end))
    with torch.no_grad():
        direct = -model.log_likelihood(batch).mean().item()
    assert measure(model, eight, size=3)["nats"] == pytest.approx(direct, rel=2e-2)  # bfloat16 against float32


def test_a_plan_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="minutes > 0 or steps > 0"):
        Plan()


class Wavering(torch.nn.Module):
    """A family whose held-out loss is told beforehand, one value a look."""

    grammar, habits = GRAMMAR, {"rate": 1e-3, "batch": 8}
    told = (3.0, 2.0, 2.5, 2.4, 2.3, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("looks", torch.zeros(1, dtype=torch.int64))

    def prepare(self, data: Sequences) -> None:
        pass

    def players(self) -> dict[str, Player]:
        return {"nats": Player([self.weight])}

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, torch.Tensor]:
        return {"nats": -self.weight.sum()}

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, torch.Tensor]:
        self.looks += 1
        return {"nats": torch.full((len(batch.tokens),), self.told[int(self.looks) - 1])}


def test_training_stops_when_looks_no_longer_gain_and_keeps_the_best(eight: Sequences) -> None:
    model = Wavering()
    plan = Plan(steps=60, batch=8, look_steps=10, patience=3, warm_up=0, weight_decay=0.0)
    history = train(model, eight, plan, held_out=eight)
    assert history.steps == 50 and history.kept["held_out_nats"] == 2.0 and history.kept["step"] == 20
    shorter = Wavering()
    train(shorter, eight, replace(plan, steps=50, patience=None), held_out=eight)
    assert 0 < model.weight.item() < shorter.weight.item(), "the weights of the best look are older ones"


def test_a_held_out_loss_that_is_no_number_stops_before_the_checkpoint(eight: Sequences, tmp_path: Path) -> None:
    model = Wavering()
    model.told = (float("nan"),)
    with pytest.raises(MolgenError, match="held_out_nats is no longer a number at step 4"):
        train(model, eight, Plan(steps=4, batch=8), held_out=eight, checkpoint=tmp_path / "x.checkpoint")
    assert not (tmp_path / "x.checkpoint").exists()
