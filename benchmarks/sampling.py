"""How fast does a prior draw, from nothing to canonical SMILES, on one core?

    python -m benchmarks.sampling --samples 10240 --name sampling

CPU seconds, so that what else runs on the machine counts little.
"""

import time
from typing import Annotated

import torch
import typer
from rdkit import Chem

from benchmarks.machine import write_result
from molgen import resources
from molgen.generator import ROWS, load_generator


def main(
    prior: Annotated[str, typer.Option(help="file of weights, or the name of one that ships")] = "moses",
    samples: int = 10 * ROWS,
    seed: int = 0,
    name: Annotated[str, typer.Option(help="name of the result file")] = "sampling",
) -> None:
    """Draws on one thread, writes canonical SMILES, and counts CPU seconds."""
    torch.set_num_threads(1)
    started = time.monotonic()
    generator = load_generator(resources.find("priors", prior), "cpu")
    generator.sample(ROWS, seed + 1)  # warm: libraries loaded, memory taken
    begun = time.process_time()
    designs = generator.sample(samples, seed)
    drawn = time.process_time()
    canonical = [Chem.MolToSmiles(Chem.MolFromSmiles(text)) for text in designs]
    ended = time.process_time()
    result = {
        "samples": samples,
        "distinct": len(set(canonical)),
        "molecules_per_cpu_second": samples / (ended - begun),
        "of_it_drawing_and_text": samples / (drawn - begun),
        "of_it_parsing_and_canonical": samples / (ended - drawn),
    }
    print(write_result(name, result, (time.monotonic() - started) / 60).read_text())


if __name__ == "__main__":
    typer.run(main)
