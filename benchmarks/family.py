"""The gate of one protein family: models of its columns, networks given by their files, and controls.

    python -m benchmarks.family globins.afa --half 0 half.fasta
    molgen train --modality protein --train half.fasta --grammar longest=200 --threads 1 --minutes 6 --batch 16 \
        --rate 0.003 --set width=256 --set depth=1 --set inputs=64 --set dropout=0.4 --out gru.safetensors
    molgen train --modality protein --family diffusion --train half.fasta --grammar longest=200 --threads 1 \
        --minutes 6 --batch 32 --rate 0.002 --set width=128 --set depth=4 --set heads=4 --set dropout=0.1 \
        --out diffusion.safetensors
    python -m benchmarks.family globins.afa gru.safetensors diffusion.safetensors

The file is an alignment, or FASTA (which molgen.protein.aligning aligns). Its rows are split in two halves by lot, once
for each of three seeds; networks are measured on the half of seed 0 that they have not seen. Their draws are aligned to
the columns by the HMM of the training half; their nats and the HMM's are of sequences, which have no gaps to explain.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import write_result
from molgen.baselines import Ardca, Hmm, Profile
from molgen.fitting import family_of
from molgen.generator import load_generator
from molgen.protein.alignment import rows_of, states_of, ungapped
from molgen.protein.alphabet import is_sequence
from molgen.protein.evaluation.family import family_gate
from molgen.protein.family import FamilyRows
from molgen.store import finite

SEEDS = (0, 1, 2)
SAMPLES = 1000
TEMPERATURES = (1.0, 1.1)  # of arDCA: at 1.1 the median identity to its own training half falls to what the gate wants
FIGURES = ("covariance_r", "identity_median", "identity_near", "bits_natural")


def halves(states: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(for training, held out), by lot."""
    order = np.random.default_rng(seed).permutation(len(states))
    return states[order[: len(states) // 2]], states[order[len(states) // 2 :]]


def controls(training: np.ndarray, held_out: np.ndarray) -> dict[str, np.ndarray]:
    """What the gate must judge rightly: copies fail by identity, real rows pass all but that."""
    copies = training[np.arange(SAMPLES) % len(training)]
    return {"training copies": copies, "held-out half": held_out}


def fitted(training: np.ndarray, held_out: np.ndarray, seed: int) -> Iterator[dict[str, Any]]:
    """A row for each baseline, and for each temperature of arDCA."""
    rows = rows_of(held_out)
    profile = Profile.fit(training)
    yield row(
        "profile",
        states_of(profile.sample_aligned(SAMPLES, 0)),
        training,
        held_out,
        seed,
        -profile.log_likelihood(rows),
    )
    hmm = Hmm.fit(training)
    emitted = states_of(hmm.align(hmm.sample(SAMPLES, 0)))
    yield row("hmm", emitted, training, held_out, seed, -hmm.log_likelihood(ungapped(rows)))
    begun = time.process_time()
    ardca = Ardca.fit(training)
    about = {"cpu_seconds": round(time.process_time() - begun, 1)}
    nats = -ardca.log_likelihood(rows)
    for temperature in TEMPERATURES:
        drawn = states_of(ardca.sample_aligned(SAMPLES, 0, temperature=temperature))
        name = "ardca" if temperature == 1 else f"ardca, temperature {temperature}"
        yield row(name, drawn, training, held_out, seed, nats) | about


def row(
    name: str,
    designs: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    seed: int,
    nats: torch.Tensor | None = None,
) -> dict[str, Any]:
    """The gate's figures of aligned designs (n, C), and nats of the held-out rows (m,) for each column."""
    found = family_gate(designs, training, held_out)
    values = {check.name: round(check.figure.value, 4) for check in found.gate.checks}
    more = {"frequency_r": round(found.frequency_r.value, 4), "bits_median": finite(round(found.bits_median.value, 1))}
    told: dict[str, Any] = {"generator": name, "seed": seed, "n": len(designs), **values, **more}
    if nats is not None:
        site = nats.double().numpy() / held_out.shape[1]
        told |= {
            "nats_per_site": round(float(site.mean()), 4),
            "nats_error": round(float(site.std() / len(site) ** 0.5), 4),
        }
    return told | {"verdict": found.gate.verdict}


def network(path: Path, training: np.ndarray, held_out: np.ndarray) -> dict[str, Any]:
    """A trained generator; nats are those of a whole unaligned sequence, over the columns, or the bound of them."""
    model = load_generator(path, "cpu")
    drawn = [text for text in model.sample(SAMPLES, 0) if is_sequence(text)]
    aligned = states_of(Hmm.fit(training).align(drawn))
    told = row(path.stem, aligned, training, held_out, 0, -model.log_likelihood(ungapped(rows_of(held_out))))
    return told | {"minutes": model.card.get("minutes"), "family": model.card["family"]}


def write_half(family: FamilyRows, seed: int, path: Path) -> None:
    """The training half of a seed as FASTA without gaps, for networks."""
    rows = ungapped(rows_of(halves(family.states, seed)[0]))
    path.write_text("".join(f">row-{number}\n{one}\n" for number, one in enumerate(rows)), encoding="utf-8")


def main(words: list[str]) -> None:
    """Measures and writes benchmarks/results/family.json, or one training half as FASTA."""
    begun = time.monotonic()
    family = family_of(words[0])
    if words[1:2] == ["--half"]:
        write_half(family, int(words[2]), Path(words[3]))
        return
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        parts = halves(family.states, seed)
        made = [*fitted(*parts, seed), *(row(name, one, *parts, seed) for name, one in controls(*parts).items())]
        made += [network(Path(path), *parts) for path in words[1:] if seed == 0]
        for one in made:
            sys.stdout.write(f"{one}\n")
            sys.stdout.flush()
        rows += made
    about = {"sha256": family.sha256, "rows": len(family.states), "columns": family.states.shape[1]}
    about |= {"columns_dropped": family.dropped, "rejected": len(family.rejected), "aligned_here": family.aligned_here}
    write_result("family", {"family": about, "rows": rows}, (time.monotonic() - begun) / 60)


if __name__ == "__main__":
    main(sys.argv[1:])
