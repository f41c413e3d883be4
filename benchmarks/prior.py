"""How good is a prior? MOSES' figures for the draws of `molgen generate`, with as many real molecules beside them.

    python -m benchmarks.prior --prior moses --samples 30000 --seed 0 --name prior-moses

Needs the extra `benchmark` (fcd-torch) and `molgen data fetch moses`. Some ten minutes on two cores for 30,000.
"""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from rdkit import Chem

from benchmarks.machine import write_result
from molgen import datasets, metrics, novelty, references, resources
from molgen.drawing import CHUNK
from molgen.executor import Processes
from molgen.generator import NeuralGenerator, card_path, load_generator
from molgen.metrics import Moments, unique_at, wilson_interval
from molgen.molecule import chemistry, distance
from molgen.progress import progress
from molgen.seeds import rng, spawn

Known = Callable[[list[str]], np.ndarray]


def drawn(generator: NeuralGenerator, samples: int, seed: int, temperature: float) -> list[str]:
    """The draws that `molgen generate` writes, as drawn."""
    found: list[str] = []
    with progress("draw", samples) as advance:
        for chunk, start in enumerate(range(0, samples, CHUNK)):
            size, child = min(CHUNK, samples - start), spawn(seed, "draw", chunk)
            found += generator.sample(size, child, temperature=temperature, progress=advance)
    return found


def real(name: str, samples: int, seed: int) -> list[str]:
    """As many molecules of a data set, as its file has them."""
    texts = datasets.read_smiles(name)
    return [texts[i] for i in rng(seed, "control", name).choice(len(texts), samples, replace=False)]


def moses_moments() -> Moments:
    """The moments of the whole test set that MOSES ships."""
    with np.load(datasets.locate("moses-test-stats"), allow_pickle=True) as stats:  # its sha256 was checked
        fcd = stats["stats"].item()["FCD"]
    return Moments(fcd["mu"], fcd["sigma"])


def known_to_moses() -> Known:
    """For canonical SMILES: does the training set hold them? Exact, by constitution."""
    reference = references.find_reference("moses-train")
    assert reference is not None
    with Processes() as executor:
        index = references.open_index(reference, executor)
    assert index is not None

    def known(designs: list[str]) -> np.ndarray:
        mols = [Chem.MolFromSmiles(text) for text in designs]
        return novelty.known([chemistry.without_stereo(m) for m in mols], distance.morgan(mols), index)

    return known


def measure(texts: list[str], known: Known, test: Moments, seed: int) -> dict[str, Any]:
    """The figures of one set of texts; the deviation of FCD is that of a bootstrap."""
    canonical = [Chem.MolToSmiles(mol) for text in texts if (mol := Chem.MolFromSmiles(text)) is not None]
    with progress("ChemNet", len(canonical)) as advance:
        found = metrics.activations(canonical, metrics.chemnet(), advance)
    distinct = len(set(canonical))
    novel = metrics.novelty(canonical, known)
    return {
        "n": len(texts),
        "valid_as_drawn": len(canonical) / len(texts),
        "valid_interval": wilson_interval(len(canonical) / len(texts), len(texts)),
        "unique_at_1000": unique_at(canonical, 1000),
        "unique_at_10000": unique_at(canonical, 10_000),
        "unique": distinct / len(canonical),
        "novelty": novel,
        "novelty_interval": wilson_interval(novel, distinct),
        "fcd_test": metrics.frechet_distance(Moments.of(found), test),
        "fcd_test_deviation": metrics.bootstrap_deviation(found, test, seed),
        "mean_heavy_atoms": float(np.mean([Chem.MolFromSmiles(text).GetNumAtoms() for text in canonical])),
    }


def main(
    prior: Annotated[str, typer.Option(help="file of weights, or the name of one that ships")] = "moses",
    samples: int = 30_000,
    seed: int = 0,
    temperature: float = 1.0,
    name: Annotated[str, typer.Option(help="name of the result file")] = "prior",
    into_card: Annotated[bool, typer.Option(help="write the figures into the prior's card")] = False,
    control: Annotated[bool, typer.Option(help="also measure real molecules")] = True,
) -> None:
    """Draws, measures and writes benchmarks/results/NAME.json."""
    started = time.monotonic()
    weights = resources.find("priors", prior)
    generator = load_generator(weights, "cpu")
    known, test = known_to_moses(), moses_moments()
    result: dict[str, Any] = {"prior": weights.name, "seed": seed, "temperature": temperature}
    result["generated"] = measure(drawn(generator, samples, seed, temperature), known, test, seed)
    for of in ("moses-train", "moses-test") if control else ():
        result[of] = measure(real(of, samples, seed), known, test, seed)
    if into_card:
        generator.card["metrics"] |= {f"moses_{key}": value for key, value in result["generated"].items()}
        card_path(weights).write_text(json.dumps(generator.card, indent=2) + "\n")
    print(write_result(name, result, (time.monotonic() - started) / 60).read_text())


if __name__ == "__main__":
    typer.run(main)
