"""The benchmarks import, and measure what they say on a handful of molecules."""

import importlib

import pytest

from benchmarks import metrics, tables


@pytest.mark.parametrize(
    "name",
    [
        "sampling",
        "metrics",
        "moses_reference",
        "packing",
        "finetuning",
        "ehrlich",
        "peptides",
        "ordering",
        "inpainting",
        "family",
        "latent",
        "masks",
        "minutes",
    ],
)
def test_a_benchmark_imports_and_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").main)


def test_figures_of_both_implementations_are_compared_where_both_have_them() -> None:
    nan = float("nan")
    ours = dict.fromkeys(metrics.SAME.values(), 0.5) | {"unique_at_10000": nan, "snn_test": 0.6}
    theirs = dict.fromkeys(metrics.SAME.values(), 0.5) | {"snn_test": 0.57, "cpu_seconds": 9.0}
    found = metrics.compared(ours, theirs)
    assert found["greatest_difference"] == pytest.approx(0.03)
    assert set(metrics.SAME.values()) - set(found["figures"]) == {"unique_at_10000"}
    assert found["figures"]["snn_test"] == {"ours": 0.6, "reference": 0.57}


def test_the_tables_of_the_readme_are_those_of_the_results() -> None:
    text = tables.README.read_text(encoding="utf-8")
    assert "<!-- table: generators-moses -->" in text and tables.written(text) == text
