"""What does fine-tuning on real actives give, against the prior that it began from?

    molgen train --from data/priors/moses.safetensors --train hiv-actives-train --batch 64 --out hiv.safetensors
    python -m benchmarks.finetuning --tuned hiv.safetensors --name finetuning-hiv

Actives of the HIV screen, split by scaffold: held-out actives share no scaffold with those that were trained on.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rdkit import Chem

from benchmarks.machine import write_result
from molgen import datasets, resources
from molgen.benchmarking import drawn
from molgen.generator import load_generator
from molgen.molecule import chemistry
from molgen.molecule.distance import ReferenceIndex, morgan


def figures(designs: list[str], training: list[str], held_out: list[str]) -> dict[str, Any]:
    """Likeness to held-out actives, novelty, uniqueness, and scaffolds that no training active has."""
    mols = [mol for text in designs if (mol := Chem.MolFromSmiles(text)) is not None]
    distinct = {Chem.MolToSmiles(mol) for mol in mols}
    known = {chemistry.without_stereo(mol) for text in training if (mol := Chem.MolFromSmiles(text)) is not None}
    own = {chemistry.scaffold(mol) for text in training if (mol := Chem.MolFromSmiles(text)) is not None}
    scaffolds = {chemistry.scaffold(mol) for mol in mols} - {""}
    bits = morgan(mols)
    _, to_held_out = ReferenceIndex.build(held_out).nearest(bits)
    _, to_training = ReferenceIndex.build(training).nearest(bits)
    return {
        "n": len(designs),
        "valid_as_drawn": len(mols) / len(designs),
        "unique": len(distinct) / len(mols),
        "novelty": len(distinct - known) / len(distinct),
        "nearest_held_out_mean": float(np.mean(to_held_out)),
        "nearest_held_out_p95": float(np.quantile(to_held_out, 0.95)),
        "nearest_held_out_above_0.5": float(np.mean(to_held_out > 0.5)),
        "nearest_training_mean": float(np.mean(to_training)),
        "scaffolds": len(scaffolds),
        "scaffolds_of_no_training_active": len(scaffolds - own),
    }


def main(
    tuned: Annotated[str, typer.Option(help="weights of the fine-tuned prior")],
    prior: Annotated[str, typer.Option(help="the prior that it began from")] = "moses",
    samples: int = 5000,
    seed: int = 0,
    name: Annotated[str, typer.Option(help="name of the result file")] = "finetuning-hiv",
) -> None:
    """Draws from both and compares; held-out actives stand beside as the control."""
    started = time.monotonic()
    training, held_out = (datasets.read_smiles(f"hiv-actives-{split}") for split in ("train", "test"))
    result: dict[str, Any] = {"seed": seed}
    for label, path in (("prior", resources.find("priors", prior)), ("fine-tuned", Path(tuned))):
        generator = load_generator(path, "cpu")
        designs, _ = drawn(generator.sample, samples, seed, {})
        log_likelihood = generator.log_likelihood(held_out)
        spelled = log_likelihood[~log_likelihood.isnan()]
        result[label] = figures(designs, training, held_out)
        result[label] |= {"held_out_actives_nats": float(-spelled.mean()), "held_out_actives_spelled": len(spelled)}
    result["held-out actives"] = figures(held_out, training, held_out)
    print(write_result(name, result, (time.monotonic() - started) / 60).read_text())


if __name__ == "__main__":
    typer.run(main)
