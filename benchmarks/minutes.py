r"""How near to real molecules a prior comes in how many minutes of training: a curve that papers leave out.

    for m in 2 8 24; do molgen train --train moses-train --rate 0.001 --batch 64 --threads 1 --minutes $m \
        --out ar_$m.safetensors; done
    python -m benchmarks.minutes ar_2.safetensors ar_8.safetensors ar_24.safetensors moses

Each is a training of its own, whose rate falls to its end: points of one long training would stand at its full rate.
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.machine import write_result
from molgen import resources
from molgen.contests import CONTESTS
from molgen.executor import Serial
from molgen.generator import load_generator

FIGURES = ("fcd_test", "fcd_test_scaffolds", "novelty", "filters", "scaf_test")


def main(
    priors: Annotated[list[str], typer.Argument(help="names or files of priors of one family")],
    samples: int = 10_000,
    seed: int = 0,
) -> None:
    """Measures and writes benchmarks/results/minutes-moses.json."""
    begun, rows = time.monotonic(), []
    figures = CONTESTS["moses"].load(Serial())
    for name in priors:
        generator = load_generator(resources.find("priors", name), "cpu")
        card = generator.card
        row: dict[str, Any] = {"generator": Path(name).stem, "family": card["family"], "minutes": card["minutes"]}
        row |= {"core_minutes": card["minutes"] * (card["settings"]["threads"] or 1), "steps": card["steps"]}
        row |= {"held_out_nats": card["metrics"].get("held_out_nats"), "n": samples}
        found = figures(generator.sample(samples, seed), seed)
        row |= {figure: found[figure] for figure in FIGURES}
        rows.append(row)
        print(json.dumps(row))
    write_result("minutes-moses", {"rows": rows}, (time.monotonic() - begun) / 60)


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
