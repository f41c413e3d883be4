"""What the masks of graph diffusion do: the same weights, drawn with and without what free valences and pieces forbid.

    python -m benchmarks.masks qm9_diffusion moses_diffusion

The weights were trained with both masks, so that the figures without them are those of a network out of its element.
"""

import time
from dataclasses import replace
from typing import Annotated

import torch
import typer
from rdkit import Chem, rdBase

from benchmarks.machine import write_result
from molgen import resources
from molgen.generator import NeuralGenerator, load_module, read_card
from molgen.recipes import build

MASKS = {"both": (True, True), "valences": (True, False), "none": (False, False)}


def shares(designs: list[str]) -> dict[str, float]:
    """Of designs as drawn: valid (RDKit reads them), of one piece, and both."""
    with rdBase.BlockLogs():
        valid = [Chem.MolFromSmiles(text) is not None for text in designs]
    whole = ["." not in text for text in designs]
    both = [a and b for a, b in zip(valid, whole, strict=True)]
    return {"valid": sum(valid) / len(valid), "of one piece": sum(whole) / len(whole), "both": sum(both) / len(both)}


def main(priors: Annotated[list[str], typer.Argument()], samples: int = 1000, seed: int = 0) -> None:
    """Measures and writes benchmarks/results/masks.json."""
    begun, rows = time.monotonic(), []
    for name in priors:
        path = resources.find("priors", name)
        module, card = load_module(path), read_card(path)
        for told, (valences, pieces) in MASKS.items():
            other = build(replace(module.recipe, valence_mask=valences, connect=pieces), module.grammar)
            other.load_state_dict(module.state_dict())
            row = {"generator": name, "masks": told, "n": samples}
            rows.append(row | shares(NeuralGenerator(other, card).sample(samples, seed)))
            print(rows[-1])
    write_result("masks", {"seed": seed, "rows": rows}, (time.monotonic() - begun) / 60)


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
