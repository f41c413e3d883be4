"""How far do genetic algorithms get on Ehrlich functions, at a fixed number of evaluations?

    python -m benchmarks.ehrlich                              all functions to 100,000 evaluations: some minutes
    python -m benchmarks.ehrlich --only L15-c2-k4-q4 --evaluations 20000

The bar for every optimiser of sequences. `plain` is the algorithm of the reference, `frugal` proposes no design twice,
avoids transitions that it has seen to be banned, and also shifts and copies stretches. CPU seconds of one core; each
seed is a function and a run of its own.
"""

import time
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.machine import write_result
from molgen.errors import MolgenError
from molgen.protein.ehrlich import FRUGAL, Ehrlich, Evolution, Generation, best_at, evolve

# length, motifs, elements of each, quantisation
FUNCTIONS = {
    f"L{length}-c{motifs}-k{elements}-q{levels}": (length, motifs, elements, levels)
    for length, motifs, elements, levels in (
        (15, 2, 4, 4), (32, 2, 4, 4), (32, 4, 4, 4), (64, 2, 4, 4), (64, 4, 4, 4), (128, 4, 4, 4), (128, 8, 8, 8),
    )
}  # fmt: skip
MARKS = (1_000, 5_000, 20_000, 100_000)
# mean best of five other functions of each kind, with their own random numbers, as printed in the reference
REFERENCE = {
    "L15-c2-k4-q4": (0.263, 0.800, 0.850, 0.900),
    "L32-c2-k4-q4": (0.150, 0.637, 0.900, 0.900),
    "L32-c4-k4-q4": (0.079, 0.316, 0.675, 0.800),
    "L64-c2-k4-q4": (0.212, 0.725, 1.0, 1.0),
    "L64-c4-k4-q4": (0.053, 0.302, 0.812, 0.900),
    "L128-c4-k4-q4": (0.069, 0.234, 0.619, 0.834),
    "L128-c8-k8-q8": (0.001, 0.003, 0.106, 0.395),
}


ALGORITHMS = {"plain": Evolution(), "frugal": FRUGAL}


def measured(name: str, settings: Evolution, seeds: int, evaluations: int) -> dict[str, Any]:
    """The mean best at each mark, with its standard error over the seeds."""
    started, runs = time.process_time(), []
    for seed in range(seeds):
        runs.append(list(evolve(Ehrlich.of(*FUNCTIONS[name], seed=seed), seed, evaluations, settings)))
    return {**_summary(name, runs, evaluations), "cpu_seconds": time.process_time() - started}


def _summary(name: str, runs: list[list[Generation]], evaluations: int) -> dict[str, Any]:
    marks = [mark for mark in MARKS if mark <= evaluations]
    best = np.array([best_at(run, marks) for run in runs])
    error = best.std(axis=0, ddof=1) / len(runs) ** 0.5 if len(runs) > 1 else np.full(len(marks), np.nan)
    at = {
        str(mark): {"best": float(mean), "standard_error": None if np.isnan(e) else float(e), "reference": known}
        for mark, mean, e, known in zip(marks, best.mean(axis=0), error, REFERENCE[name][: len(marks)], strict=True)
    }
    return {
        "at": at,
        "solved": int((best[:, -1] == 1.0).sum()),
        "feasible": float(np.mean([one.feasible for run in runs for one in run])),
    }


def main(
    seeds: int = 5,
    evaluations: int = 100_000,
    only: Annotated[str, typer.Option(help="one function, such as L15-c2-k4-q4")] = "",
    name: Annotated[str, typer.Option(help="name of the result file")] = "ehrlich",
) -> None:
    """Runs the genetic algorithms and writes benchmarks/results/NAME.json."""
    if only and only not in FUNCTIONS:
        raise MolgenError(f"no function {only!r}; there are {', '.join(FUNCTIONS)}")
    started = time.monotonic()
    functions = {
        one: {kind: measured(one, settings, seeds, evaluations) for kind, settings in ALGORITHMS.items()}
        for one in ([only] if only else FUNCTIONS)
    }
    result = {"seeds": seeds, "evaluations": evaluations, "functions": functions}
    print(write_result(name, result, (time.monotonic() - started) / 60).read_text())


if __name__ == "__main__":
    typer.run(main)
