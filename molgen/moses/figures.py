"""All figures of MOSES for a list of designs, each molecule worked on once.

The definitions are those of MOSES' code, release 0.3.1 (arXiv:1811.12823), with duplicates kept. Two differences:
novelty is decided by constitution (a design that has only stereochemistry in addition is not novel), and strings of the
training set that today's RDKit spells otherwise (2 in 10,000) are recognised. FCD and Scaf depend on n: as many real
molecules (`real_designs`) belong beside them.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from molgen import datasets, metrics, novelty
from molgen.executor import Executor
from molgen.metrics import Moments
from molgen.moses.molecules import PROPERTIES, Describe, Molecules
from molgen.moses.reference import MosesReference, Split
from molgen.progress import progress
from molgen.seeds import rng
from molgen.similarity import internal_diversity, nearest_similarity

if TYPE_CHECKING:
    from fcd_torch import FCD

CHUNK = 500  # designs in one piece of work: some second
SHARES = ("valid_as_drawn", "connected", "novelty", "filters")

_OF_A_SPLIT = {
    "fcd": "Frechet ChemNet Distance to",
    "snn": "mean over molecules of the greatest Tanimoto similarity to",
    "frag": "cosine of the counts of BRICS fragments with",
    "scaf": "cosine of the counts of Bemis-Murcko scaffolds of two rings or more with",
}
_SPLITS = {"test": "MOSES' test set", "test_scaffolds": "MOSES' test set of unseen scaffolds"}

FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "n": "designs, as drawn",
        "n_valid": "designs that parse and have an atom; what follows is over these, duplicates kept",
        "n_distinct": "distinct canonical SMILES",
        "valid_as_drawn": "n_valid / n: texts that RDKit parses and sanitises, nothing repaired",
        "connected": "share of all designs that are valid and one fragment",
        "unique_at_1000": "distinct among the first 1,000 valid ones / 1,000; NaN below 1,000",
        "unique_at_10000": "distinct among the first 10,000 valid ones / 10,000; NaN below 10,000",
        "unique": "n_distinct / n_valid",
        "novelty": "share of the distinct ones whose constitution is not in the training set",
        **{f"{key}_{split}": f"{text} {of}" for split, of in _SPLITS.items() for key, text in _OF_A_SPLIT.items()},
        **{f"fcd_{split}_deviation": "standard deviation of that FCD, by bootstrap" for split in _SPLITS},
        "intdiv": "1 - mean Tanimoto similarity over all ordered pairs, self included",
        "intdiv2": "1 - mean over molecules of the root of the mean squared similarity to all",
        "filters": "share that passes MCF and PAINS, has only C N S O F Cl Br H, no charge, no ring of 8 or more",
        "w1_logp": "Wasserstein-1 distance of Crippen's logP to MOSES' test set",
        "w1_sa": "the same of the synthetic accessibility score",
        "w1_qed": "the same of QED",
        "w1_weight": "the same of the molecular weight, g/mol",
        **{
            f"{key}_{end}": f"{end} end of the 95 % interval of {key}"
            for key in (*SHARES, *(f"fcd_{split}" for split in _SPLITS))
            for end in ("low", "high")
        },
    }
)


def moses_figures(
    designs: Sequence[str],
    reference: MosesReference,
    executor: Executor,
    *,
    network: "FCD | None" = None,
    seed: int = 0,
    bootstrap: int = 20,
) -> dict[str, float]:
    """The figures of a list of designs (SMILES as drawn, in order), by the keys of FIGURES; NaN where undefined.

    Args:
        executor: where chemistry runs, in chunks; ChemNet and the similarities run here, on torch's threads.
        network: ChemNet (`metrics.chemnet`), if it is loaded already or on another device.
        seed: of the bootstrap.
        bootstrap: its draws; below 2 the deviations of FCD and their intervals are NaN.
    """
    molecules = describe_all(designs, reference.filters, executor)
    found = _activations(molecules.canonical, network)
    figures = {**_counted(molecules, reference), **_diversity(molecules), **_shifts(molecules, reference.test)}
    splits = {"test": reference.test, "test_scaffolds": reference.test_scaffolds}
    for name, split in splits.items():
        figures |= {f"{key}_{name}": value for key, value in _compared(molecules, found, split).items()}
    figures |= _deviations(found, splits, seed, bootstrap)
    figures |= _intervals(figures)
    return {key: float(figures[key]) for key in FIGURES}


def real_designs(name: str, n: int, seed: int) -> list[str]:
    """n molecules of a data set (`moses-train`), drawn without return: the control of the same size."""
    texts = datasets.read_smiles(name)
    return [texts[row] for row in rng(seed, "control", name).choice(len(texts), n, replace=False)]


def describe_all(designs: Sequence[str], filters: tuple[str, ...], executor: Executor) -> Molecules:
    """`Molecules` of a list of designs, in chunks."""
    chunks = [designs[start : start + CHUNK] for start in range(0, len(designs), CHUNK)]
    return Molecules.join(executor.map("describe", Describe(filters), chunks or [[]]))


def _activations(canonical: Sequence[str], network: "FCD | None") -> np.ndarray:
    """ChemNet's activations (n, 512) float32; a molecule that was drawn twice goes through it once."""
    if not canonical:
        return np.zeros((0, 512), dtype=np.float32)
    distinct, places = np.unique(np.array(canonical, dtype=object), return_inverse=True)
    with progress("ChemNet", len(distinct)) as advance:
        return metrics.activations(list(distinct), network or metrics.chemnet(), advance)[places]


def _counted(molecules: Molecules, reference: MosesReference) -> dict[str, float]:
    n, valid, distinct = molecules.n, len(molecules.canonical), len(set(molecules.canonical))
    return {
        "n": n,
        "n_valid": valid,
        "n_distinct": distinct,
        "valid_as_drawn": _share(valid, n),
        "connected": _share(int(molecules.connected.sum()), n),
        "unique_at_1000": metrics.unique_at(molecules.canonical, 1000),
        "unique_at_10000": metrics.unique_at(molecules.canonical, 10_000),
        "unique": _share(distinct, valid),
        "novelty": metrics.novelty(molecules.canonical, lambda designs: known(designs, molecules, reference)),
        "filters": _share(int(molecules.passed.sum()), valid),
    }


def known(designs: Sequence[str], molecules: Molecules, reference: MosesReference) -> np.ndarray:
    """Which of some canonical SMILES (all in `molecules`) the training set holds: (n,) bool."""
    rows = {text: row for row, text in enumerate(molecules.canonical)}
    places = [rows[text] for text in designs]
    constitutions = [molecules.constitutions[place] for place in places]
    return novelty.known(constitutions, molecules.bits[places], reference.training)


def _diversity(molecules: Molecules) -> dict[str, float]:
    return dict(zip(("intdiv", "intdiv2"), internal_diversity(molecules.bits), strict=True))


def _shifts(molecules: Molecules, split: Split) -> dict[str, float]:
    columns = zip(PROPERTIES, molecules.properties.T, strict=True)
    return {f"w1_{name}": metrics.wasserstein(values, split.properties[name]) for name, values in columns}


def _compared(molecules: Molecules, found: np.ndarray, split: Split) -> dict[str, float]:
    """Figures against one split. found: activations (v, 512)."""
    with progress("nearest", len(molecules.bits)) as advance:
        nearest = nearest_similarity(molecules.bits, split.fingerprints, advance)
    return {
        "fcd": metrics.frechet_distance(split.moments, Moments.of(found)) if len(found) > 1 else float("nan"),
        "snn": float(nearest.mean()) if len(nearest) else float("nan"),
        "frag": metrics.cosine_similarity(molecules.fragments, split.fragments),
        "scaf": metrics.cosine_similarity(molecules.scaffolds, split.scaffolds),
    }


def _deviations(found: np.ndarray, splits: Mapping[str, Split], seed: int, draws: int) -> dict[str, float]:
    keys = [f"fcd_{name}_deviation" for name in splits]
    if len(found) < 2 or draws < 2:
        return dict.fromkeys(keys, float("nan"))
    moments = [split.moments for split in splits.values()]
    return dict(zip(keys, metrics.bootstrap_deviations(found, moments, seed, draws), strict=True))


def _intervals(figures: Mapping[str, float]) -> dict[str, float]:
    """95 %: Wilson's of the shares, 1.96 deviations of FCD either way."""
    sizes = {"valid_as_drawn": "n", "connected": "n", "novelty": "n_distinct", "filters": "n_valid"}
    ends = {key: metrics.wilson_interval(figures[key], int(figures[size])) for key, size in sizes.items()}
    for key in ("fcd_test", "fcd_test_scaffolds"):
        half = 1.96 * figures[f"{key}_deviation"]
        ends[key] = figures[key] - half, figures[key] + half
    return {f"{key}_{end}": pair[place] for key, pair in ends.items() for place, end in enumerate(("low", "high"))}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
