"""The benchmarks import, and measure what they say on a handful of molecules."""

import importlib

import numpy as np
import pytest

from benchmarks import prior
from molgen.metrics import Moments


@pytest.mark.parametrize("name", ["prior", "sampling"])
def test_a_benchmark_imports_and_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").main)


def test_figures_of_a_hand_made_set(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    monkeypatch.setattr(prior.metrics, "chemnet", lambda: None)
    monkeypatch.setattr(prior.metrics, "activations", lambda texts, *_: chance.normal(size=(len(texts), 4)))
    texts = ["OCC", "CCO", "CCN", "C1CC", "c1ccccc1"]  # ethanol twice, one that does not parse
    test = Moments(np.zeros(4), np.eye(4))
    found = prior.measure(texts, lambda designs: np.array([d == "CCN" for d in designs]), test, seed=0)
    assert (found["n"], found["valid_as_drawn"], found["unique"]) == (5, 0.8, 0.75)
    assert found["novelty"] == pytest.approx(2 / 3)
    assert found["mean_heavy_atoms"] == pytest.approx((3 + 3 + 3 + 6) / 4)
    assert found["fcd_test"] > 0 and found["fcd_test_deviation"] > 0
