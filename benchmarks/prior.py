"""How good is a prior? MOSES' figures for draws of it, with real training molecules of the same number beside them.

    python -m benchmarks.prior --prior moses --samples 30000 --seed 0 --name prior-moses

Needs the extra `benchmark` (fcd-torch) and `molgen data fetch moses`. Some ten minutes on two cores for 30,000.
"""

import json
import time
from typing import Annotated, Any

import numpy as np
import typer
from rdkit import Chem

from benchmarks.machine import write_result
from molgen import datasets, novelty, references
from molgen.drawing import find_prior
from molgen.executor import Processes
from molgen.generator import card_path, load_generator
from molgen.metrics import Moments, chemnet, frechet_distance, moments, unique_at
from molgen.metrics import novelty as novelty_of
from molgen.molecule import chemistry, distance
from molgen.progress import progress
from molgen.seeds import rng


def moses_moments() -> Moments:
    """The moments of the whole test set that MOSES ships."""
    with np.load(datasets.locate("moses-test-stats"), allow_pickle=True) as stats:  # checked against its sha256
        fcd = stats["stats"].item()["FCD"]
    return Moments(fcd["mu"], fcd["sigma"])


def known_to_moses() -> Any:
    """For canonical SMILES: does the training set hold them? Exact, by constitution."""
    with Processes() as executor:
        reference = references.find_reference("moses-train")
        assert reference is not None
        index = references.open_index(reference, executor)

    def known(designs: list[str]) -> np.ndarray:
        mols = [Chem.MolFromSmiles(text) for text in designs]
        return novelty.known([chemistry.without_stereo(m) for m in mols], distance.morgan(mols), index)

    return known


def measure(canonical: list[str], drawn: int, known: Any, test: Moments) -> dict[str, float]:
    """The figures of one set of designs."""
    with progress("ChemNet", len(canonical)) as advance:
        found = moments(canonical, chemnet(), advance)
    return {
        "n": drawn,
        "valid_as_drawn": len(canonical) / drawn,
        "unique_at_1000": unique_at(canonical, 1000),
        "unique_at_10000": unique_at(canonical, 10_000),
        "novelty": novelty_of(canonical, known),
        "fcd_test": frechet_distance(found, test),
    }


def main(
    prior: Annotated[str, typer.Option(help="file of weights, or the name of one that ships")] = "",
    samples: int = 30_000,
    seed: int = 0,
    temperature: float = 1.0,
    name: Annotated[str, typer.Option(help="name of the result file")] = "prior",
    into_card: Annotated[bool, typer.Option(help="write the figures into the prior's card")] = False,
    control: Annotated[bool, typer.Option(help="also measure real training molecules")] = True,
) -> None:
    """Draws, measures and writes benchmarks/results/NAME.json."""
    started = time.monotonic()
    weights = find_prior(prior)
    generator = load_generator(weights, "cpu")
    with progress("draw", samples) as advance:
        designs = generator.sample(samples, seed, temperature=temperature, progress=advance)
    canonical = [Chem.MolToSmiles(mol) for text in designs if (mol := Chem.MolFromSmiles(text)) is not None]
    known, test = known_to_moses(), moses_moments()
    result: dict[str, Any] = {"prior": weights.name, "seed": seed, "temperature": temperature}
    result["generated"] = measure(canonical, samples, known, test)
    if control:
        training = datasets.read_smiles("moses-train")
        real = [training[i] for i in rng(seed, "control").choice(len(training), samples, replace=False)]
        result["training_set"] = measure(real, samples, known, test)
    if into_card:
        generator.card["metrics"] |= {f"moses_{key}": value for key, value in result["generated"].items()}
        card_path(weights).write_text(json.dumps(generator.card, indent=2) + "\n")
    path = write_result(name, result, (time.monotonic() - started) / 60)
    print(path.read_text())


if __name__ == "__main__":
    typer.run(main)
