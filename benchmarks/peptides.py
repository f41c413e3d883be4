"""Perplexity of antimicrobial peptides on the split by cluster: trained priors beside n-grams.

    molgen train --train peptide-background --modality protein --set width=256 --set depth=2 --set inputs=128 \
        --set dropout=0.5 --steps 500 --batch 64 --rate 0.002 --out begun.safetensors
    molgen train --train amp-train --modality protein --from begun.safetensors --steps 700 --batch 64 --rate 0.002 \
        --patience 0 --out cluster.safetensors
    molgen train --train amp-train --modality protein --family diffusion --set width=128 --set depth=4 --set heads=4 \
        --set dropout=0.1 --steps 2000 --batch 64 --rate 0.0015 --patience 0 --out cluster_diffusion.safetensors
    python -m benchmarks.peptides cluster.safetensors cluster_diffusion.safetensors

Of a diffusion model the bound is measured. What ships is trained on the split by lot, and has seen relatives of these.
"""

import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import write_result
from molgen import resources
from molgen.baselines.ngram import Ngram, NgramRecipe
from molgen.contests import CONTESTS, entrants, kind
from molgen.datasets import read_rows
from molgen.encoding import encode_training_set
from molgen.executor import Serial
from molgen.generator import load_generator
from molgen.modality import PROTEIN
from molgen.protein.activity import activity, available, shuffled
from molgen.protein.evaluation import perplexity

PARTS = ("amp-valid", "amp-test")


def ngrams(most: int = 6) -> dict[str, Ngram]:
    """Fitted n-grams of 1 to `most` tokens."""
    grammar = PROTEIN.grammar(PROTEIN.settings())
    encoded = encode_training_set("amp-train", None, grammar, Serial(), PROTEIN.name)
    data = encoded.sequences
    return {f"{n}-gram": Ngram.fit(data, grammar, NgramRecipe(n=n), modality=PROTEIN.name) for n in range(1, most + 1)}


def measured(generator: object, name: str) -> dict[str, object]:
    """Perplexity a token, end included, on the validation and the test part."""
    found: dict[str, object] = {"generator": name, "minutes": generator.card.get("minutes")}  # type: ignore[attr-defined]
    for part in PARTS:
        designs = read_rows(part)[1]
        log_p = np.asarray(generator.log_likelihood(designs))  # type: ignore[attr-defined]
        found[part] = round(perplexity(log_p, designs), 3)
    return found


def called_active(designs: list[str]) -> dict[str, float]:
    """The share that macrel calls antimicrobial, and that of the same sequences shuffled once."""
    plain, shuffles = activity(designs), activity([shuffled(one, 0, 0) for one in designs])
    shares = [round(float(np.nanmean(found.antimicrobial > 0.5)), 3) for found in (plain, shuffles)]
    return {"active": shares[0], "own shuffle": shares[1]}


def activities() -> list[dict[str, object]]:
    """1,000 draws of each shipped prior, and the known peptides; nothing where the extra is not installed."""
    if not available():
        return []
    names = [name for name in entrants(CONTESTS["amp"]) if kind(name) == "prior"]
    drawn = {name: load_generator(resources.find("priors", name), "cpu").sample(1000, 0) for name in names}
    sets = {**drawn, "known peptides": list(read_rows("amp")[1])}
    return [{"designs": name, **called_active(designs)} for name, designs in sets.items()]


def main(priors: list[str]) -> None:
    """Measures and writes benchmarks/results/peptides.json."""
    begun = time.monotonic()
    rows = [measured(model, name) for name, model in ngrams().items()]
    rows += [measured(load_generator(Path(path), "cpu"), Path(path).stem) for path in priors]
    active = activities()
    for row in [*rows, *active]:
        sys.stdout.write(f"{row}\n")
    write_result("peptides", {"rows": rows, "activity": active}, (time.monotonic() - begun) / 60)


if __name__ == "__main__":
    main(sys.argv[1:])
