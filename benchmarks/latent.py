"""Two things that one VAE cannot have both: a latent to draw from, and one to walk in. The curve over beta.

    python -m benchmarks.latent --data moses moses_vae moses_navigator
    for b in 0.05 0.2 0.5 1; do molgen train --train qm9-train --family vae --set beta=$b --set free_nats=0 \
        --set width=256 --set depth=2 --set inputs=128 --set latent=32 --set encoder_width=96 --set readout=128 \
        --rate 0.002 --steps 1200 --threads 1 --out beta_$b.safetensors; done
    python -m benchmarks.latent --data qm9 beta_*.safetensors
    python -m benchmarks.latent --data amp --samples 1000 amp_vae amp_navigator

Active units: dimensions whose posterior mean varies by more than 0.01 over the designs (Burda et al. 2016,
arXiv:1509.00519, section 5.2).
"""

import json
import math
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.machine import write_result
from molgen import resources
from molgen.contests import CONTESTS
from molgen.datasets import read_rows
from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.generator import NeuralGenerator, load_generator
from molgen.latent import interpolate
from molgen.molecule.chemistry import judge
from molgen.molecule.science import fingerprints, similarities
from molgen.moses.filters import read_filters
from molgen.moses.molecules import describe
from molgen.seeds import rng
from molgen.sequences import Sequences
from molgen.small import constitution
from molgen.train import measure

ACTIVE = 0.01  # variance of a posterior mean
DESIGNS = 1000
PAIRS, POINTS = 100, 9


def known(generator: NeuralGenerator, designs: list[str]) -> dict[str, float]:
    """What the latent holds of designs that were not trained on."""
    tokens = [one.tokens for one in generator.codec.encode(designs)]
    found = measure(generator.module, Sequences.of([row for row in tokens if row]))
    means = generator.encode(designs)
    means = means[~means.isnan().any(dim=1)]
    spelled = [design for design, row in zip(designs, tokens, strict=True) if row]
    return {
        "kl_nats": found["kl_nats"],
        "reconstruction_nats": found["reconstruction_nats"],
        "bits": found["nats"] / math.log(2),
        "active_units": float((means.var(dim=0) > ACTIVE).float().mean()),
    } | GIVEN_BACK[generator.card["modality"]](spelled, generator.decode(means))


def _molecules(designs: list[str], again: list[str]) -> dict[str, float]:
    """The share that is the same molecule, stereo aside, and the mean Tanimoto similarity."""
    same = [constitution(a) == constitution(b) for a, b in zip(designs, again, strict=True)]
    like = [float(similarities(a, b[None])[0]) for a, b in zip(fingerprints(designs), fingerprints(again), strict=True)]
    return {"exact": float(np.mean(same)), "likeness": float(np.mean(like))}


def _sequences(designs: list[str], again: list[str]) -> dict[str, float]:
    """The share that is the same sequence, and that of the residues which stand again in their places."""
    same = [a == b for a, b in zip(designs, again, strict=True)]
    right = sum(x == y for a, b in zip(designs, again, strict=True) for x, y in zip(a, b, strict=False))
    return {"exact": float(np.mean(same)), "residues": right / sum(map(len, designs))}


GIVEN_BACK = {"molecule": _molecules, "protein": _sequences}


def walked(generator: NeuralGenerator, designs: list[str], seed: int) -> dict[str, float]:
    """Of the inner points between pairs of designs the share unlike both ends, and plausible: MOSES' filters pass."""
    order = rng(seed, "pairs").permutation(len(designs))[: 2 * PAIRS]
    filters, unlike, plausible, both = read_filters(), [], [], []
    for a, b in zip(order[:PAIRS], order[PAIRS:], strict=True):
        ends = {constitution(designs[a]), constitution(designs[b])}
        inner = interpolate(generator, designs[a], designs[b], POINTS)[1:-1]
        new = [constitution(text) not in ends for text in inner]
        fine = describe(inner, filters).passed
        unlike += new
        plausible += list(fine)
        both += [x and bool(y) for x, y in zip(new, fine, strict=True)]
    return {
        "unlike_both_ends": float(np.mean(unlike)),
        "plausible": float(np.mean(plausible)),
        "both": float(np.mean(both)),
    }


def main(
    priors: Annotated[list[str], typer.Argument(help="names or files of VAEs")],
    data: str = "moses",
    samples: int = 10_000,
    seed: int = 0,
) -> None:
    """Measures and writes benchmarks/results/latent-DATA.json."""
    begun, rows = time.monotonic(), []
    contest = CONTESTS[data]
    figures = contest.load(Serial())
    held_out = read_rows(contest.held_out)[1]
    chosen = [held_out[place] for place in rng(seed, "latent").permutation(len(held_out))[:DESIGNS]]
    if contest.modality == "molecule":
        chosen = [one.canonical for one in judge(chosen, organic=False) if one.canonical]
    for name in priors:
        generator = load_generator(resources.find("priors", name), "cpu")
        if generator.card["modality"] != contest.modality:
            raise MolgenError(f"{name} is no prior of a {contest.modality}: name others, or another --data")
        row: dict[str, Any] = {"generator": Path(name).stem, "beta": generator.card["recipe"]["beta"]}
        row |= {"free_nats": generator.card["recipe"]["free_nats"], "minutes": generator.card["minutes"]}
        row |= known(generator, chosen)
        if data == "moses":
            row |= walked(generator, chosen, seed)
        found = figures(generator.sample(samples, seed), seed)
        row |= {contest.first: found[contest.first], "unique": found["unique"], "n": samples}
        rows.append(row)
        print(json.dumps(row))
    write_result(f"latent-{data}", {"rows": rows}, (time.monotonic() - begun) / 60)


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
