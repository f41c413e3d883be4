"""The benchmarks import, and measure what they say on a handful of molecules."""

import importlib

import numpy as np
import pytest

from benchmarks import metrics, prior
from molgen.metrics import Moments


@pytest.mark.parametrize("name", ["prior", "sampling", "metrics", "moses_reference"])
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


def test_figures_of_both_implementations_are_compared_where_both_have_them() -> None:
    nan = float("nan")
    ours = dict.fromkeys(metrics.SAME.values(), 0.5) | {"unique_at_10000": nan, "snn_test": 0.6}
    theirs = dict.fromkeys(metrics.SAME.values(), 0.5) | {"snn_test": 0.57, "cpu_seconds": 9.0}
    found = metrics.compared(ours, theirs)
    assert found["greatest_difference"] == pytest.approx(0.03)
    assert set(metrics.SAME.values()) - set(found["figures"]) == {"unique_at_10000"}
    assert found["figures"]["snn_test"] == {"ours": 0.6, "reference": 0.57}
