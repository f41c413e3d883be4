"""The one training function: it learns, repeats, resumes exactly, and orders the data as it says."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from molgen.batch import Batch
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.molecule.codec import MoleculeCodec
from molgen.molecule.grammar import MoleculeGrammar
from molgen.recipes import build
from molgen.sequences import Sequences, batches
from molgen.train import Plan, measure, rate_factor, train

GRAMMAR = MoleculeGrammar()
RECIPE = AutoregressiveRecipe(width=32, depth=1, inputs=16)
EIGHT = ["CCO", "c1ccccc1", "CC(=O)O", "CN", "CC#N", "C1CC1", "CC(C)Cl", "OCCO"]


@pytest.fixture(scope="module")
def eight() -> Sequences:
    return Sequences.of([e.tokens for e in MoleculeCodec().encode(EIGHT)])


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
