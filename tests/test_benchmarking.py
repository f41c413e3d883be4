"""The comparison of generators: its rows, its table, and what it does not do twice."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from molgen import benchmarking, contests, drawing
from molgen.benchmarking import BenchmarkSettings, benchmark, markdown
from molgen.contests import Contest
from molgen.errors import MolgenError, NoLikelihoodError
from molgen.executor import Serial
from molgen.small import constitution, small_figures

DESIGNS = ["CCO", "CC(=O)O", "c1ccccc1", "CCN", "CC#N", "C1CC1"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A contest of six molecules whose only figure is the share of ethanol; counts how often it was measured."""
    asked: list[str] = []

    def figures(designs: list[str], seed: int) -> dict[str, float]:
        asked.append(f"{len(designs)} {seed}")
        return {"valid_as_drawn": 1.0, "fcd_test": designs.count("CCO") / len(designs)}

    contest = Contest("moses", "six", 6, lambda executor: figures, "six")
    monkeypatch.setitem(contests.CONTESTS, "moses", contest)
    monkeypatch.setattr(contests.datasets, "read_rows", lambda name: (range(99), DESIGNS))
    return asked


def test_the_control_is_every_real_molecule_once_and_nothing_is_measured_twice(small, tmp_path: Path) -> None:
    settings = BenchmarkSettings(out=tmp_path, generators=(contests.REAL[0], "resample"), seeds=(0, 1))
    path = benchmark(settings, Serial())
    rows = json.loads(path.read_text())["rows"]
    assert [(row["generator"], row["seed"]) for row in rows] == [
        (contests.REAL[0], 0), (contests.REAL[0], 1), ("resample", 0), ("resample", 1)
    ]  # fmt: skip
    assert [row["fcd_test"] for row in rows[:2]] == pytest.approx([1 / 6, 1 / 6]) and len(small) == 4
    benchmark(settings, Serial())
    assert len(small) == 4


def test_bits_are_the_mean_of_what_can_be_spelled_and_absent_without_a_likelihood(small) -> None:
    class Known:
        def log_likelihood(self, designs: list[str]) -> list[float]:
            return [-2 * math.log(2), -4 * math.log(2), *[math.nan] * (len(designs) - 2)]

    class Refusing:
        def log_likelihood(self, designs: list[str]) -> list[float]:
            raise NoLikelihoodError("the gan family has no likelihood")

    contest = contests.CONTESTS["moses"]
    spelled = 2 / len(contests._some(DESIGNS))
    assert contest.likelihood(Known()) == pytest.approx({"bits": 3.0, "bits_of": spelled})
    assert contest.likelihood(Refusing()) == {} == contest.likelihood(object())


def test_the_share_that_bits_are_of_stands_beside_them_and_a_perplexity_of_a_part_is_none() -> None:
    assert contests._bits(np.array([math.nan, math.nan]), [])["bits_of"] == 0
    assert math.isnan(contests._perplexity(np.array([-3.0, math.nan]), ["AC", "AX"])["perplexity"])
    rows = [{"generator": name, "kind": "prior", "fcd_test": 1.0, "bits": 3.0, "bits_of": of} for name, of in
            (("all", 1.0), ("part", 0.5))]  # fmt: skip
    lines = markdown(rows).splitlines()
    assert "| 3.000 |" in lines[2] and "| 3.000 (of 50.0%) |" in lines[3]


def test_what_else_goes_wrong_with_a_likelihood_is_not_passed_over(small) -> None:
    class Broken:
        def log_likelihood(self, designs: list[str]) -> list[float]:
            raise MolgenError("weights are damaged")

    with pytest.raises(MolgenError, match="weights are damaged"):
        contests.CONTESTS["moses"].likelihood(Broken())


def test_an_unknown_generator_is_told_before_anything_is_spent(small, tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="nobody is neither a file nor one of the priors"):
        benchmark(BenchmarkSettings(out=tmp_path, generators=(contests.REAL[0], "nobody")), Serial())
    assert small == []


def test_the_table_has_the_mean_over_seeds_and_the_best_distance_first() -> None:
    def row(name: str, kind: str, fcd: float) -> dict[str, object]:
        return {"generator": name, "kind": kind, "valid_as_drawn": 1.0, "fcd_test": fcd}

    rows = [row("a", "prior", 0.5), row("a", "prior", 0.7), row("b", "baseline", 0.1), row("b", "baseline", 0.1)]
    assert markdown(rows).splitlines() == [
        "| generator | valid as drawn | FCD test |",
        "|---|---|---|",
        "| b (baseline) | 1.0000 | 0.100 ± 0.000 |",
        "| **a** | 1.0000 | 0.600 ± 0.141 |",
    ]


def test_draws_are_those_of_the_command_generate() -> None:
    asked: list[tuple[int, int]] = []

    def sample(n: int, seed: int, **_: object) -> list[str]:
        asked.append((n, seed))
        return ["CCO"] * n

    from molgen.seeds import spawn

    designs, seconds = benchmarking.drawn(sample, drawing.CHUNK + 5, 7, {})
    assert len(designs) == drawing.CHUNK + 5 and seconds > 0
    assert asked == [(drawing.CHUNK, spawn(7, "draw", 0)), (5, spawn(7, "draw", 1))]


def test_fragments_and_nonsense_are_not_valid_small_molecules(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from molgen import metrics, small
    from molgen.metrics import Moments
    from molgen.small import SmallReference

    monkeypatch.setattr(small.metrics, "activations", lambda texts, network: np.eye(512)[: len(texts)])
    reference = SmallReference(frozenset({"CCO"}), Moments(np.zeros(512), np.eye(512)))
    found = small_figures(["CCO", "OCC", "CC.O", "C(", "C[C@H](F)Cl", "CC(F)Cl"], reference, None)
    assert found["parsed"] == 5 / 6 and found["valid_as_drawn"] == 4 / 6
    assert found["unique"] == 2 / 4 and found["valid_and_unique"] == 2 / 6 and found["novelty"] == 1 / 2
    assert constitution("C[C@H](F)Cl") == constitution("CC(F)Cl") != ""
    assert metrics is small.metrics
