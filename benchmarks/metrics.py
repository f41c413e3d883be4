"""Are our figures of MOSES those of its own code, and how much faster? Both in one run, on the same designs.

    python -m benchmarks.metrics --samples 10000 --name metrics

Needs the extra `benchmark` and `molgen data fetch moses`; brings the wheel of molsets 0.3.1 (52 MB) into a temporary
folder. CPU seconds of one thread each, so that what else runs on the machine counts little. Some 6 minutes for 10,000.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.machine import write_result
from molgen import datasets, download, metrics
from molgen.executor import Serial
from molgen.moses.figures import moses_figures, real_designs
from molgen.moses.reference import MosesReference

SAME = {
    "valid": "valid_as_drawn",
    "unique@1000": "unique_at_1000",
    "unique@10000": "unique_at_10000",
    "Novelty": "novelty",
    "IntDiv": "intdiv",
    "IntDiv2": "intdiv2",
    "Filters": "filters",
    **{name: f"w1_{name.lower()}" for name in ("logP", "SA", "QED", "weight")},
    **{
        f"{name}/{split}": f"{name.lower()}_{key}"
        for name in ("FCD", "SNN", "Frag", "Scaf")
        for split, key in (("Test", "test"), ("TestSF", "test_scaffolds"))
    },
}
INVALID = ("CC(", "c1cccc1", "C(C)(C)(C)(C)C")
UNLIKELY = ("CC(=O)[O-].[Na+]", "C[N+](C)(C)CCO", "O=C1CCCCCCCCCCCCCC1", "C1OC1CC1CN1", "FS(F)(F)(F)(F)c1ccccc1", "CI")


def designs_of(samples: int, seed: int) -> list[str]:
    """Real training molecules, and as if drawn: a few that fail, that no filter passes, and that come twice."""
    odd = [*INVALID, *UNLIKELY]
    real = real_designs("moses-train", samples - 2 * len(odd), seed)
    return [*real, *odd, *real[: len(odd)]]


def theirs(designs: Sequence[str]) -> dict[str, float]:
    """The figures of MOSES' own code, by our keys, and `cpu_seconds`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = download.bring(datasets.WHEELS["moses"], folder)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        (folder / "designs.json").write_text(json.dumps(list(designs)))
        arguments = [str(folder), str(folder / "designs.json"), str(folder / "figures.json")]
        subprocess.run([sys.executable, "-W", "ignore", "-m", "benchmarks.moses_reference", *arguments], check=True)
        found = json.loads((folder / "figures.json").read_text())
    return {SAME.get(name, name): value for name, value in found.items()}


def ours(designs: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Our figures, and the CPU seconds of loading and of the figures (no bootstrap: MOSES has none)."""
    torch.set_num_threads(1)
    executor, times = Serial(), [time.process_time()]
    reference = MosesReference.load(executor)
    times.append(time.process_time())
    network = metrics.chemnet()
    found = moses_figures(designs, reference, executor, network=network, bootstrap=0)
    times.append(time.process_time())
    load, figures = times[1] - times[0], times[2] - times[1]
    return found, {"load": load, "figures": figures}


def compared(found: dict[str, float], expected: dict[str, float]) -> dict[str, Any]:
    """Each figure of both, and the greatest difference; not where ours is not a number (unique@k of fewer than k)."""
    pairs = {key: (found[key], expected[key]) for key in SAME.values() if not math.isnan(found[key])}
    return {
        "greatest_difference": max(abs(a - b) for a, b in pairs.values()),
        "figures": {key: {"ours": a, "reference": b} for key, (a, b) in pairs.items()},
    }


def main(
    samples: int = 10_000,
    seed: int = 0,
    name: Annotated[str, typer.Option(help="name of the result file")] = "metrics",
) -> None:
    """Measures both and writes benchmarks/results/NAME.json."""
    started = time.monotonic()
    designs = designs_of(samples, seed)
    found, seconds = ours(designs)
    expected = theirs(designs)
    total = sum(seconds.values())
    result = {
        "n": len(designs),
        "seed": seed,
        "cpu_seconds": {**seconds, "total": total, "reference": expected["cpu_seconds"]},
        "times_as_fast": expected["cpu_seconds"] / total,
        "times_as_fast_once_loaded": expected["cpu_seconds"] / seconds["figures"],
        **compared(found, expected),
    }
    print(write_result(name, result, (time.monotonic() - started) / 60).read_text())


if __name__ == "__main__":
    typer.run(main)
