"""Figures for sets of small molecules (QM9): validity before anything is dropped, uniqueness, novelty, FCD.

As GDSS' protocol has them (Jo et al. 2022, arXiv:2202.02514), but nothing is corrected and no largest fragment taken: a
design of several fragments counts as not valid here. Stereochemistry is left out on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rdkit import Chem, rdBase

from molgen import datasets, metrics
from molgen.metrics import Moments, bootstrap_deviation, frechet_distance
from molgen.molecule import chemistry

if TYPE_CHECKING:
    from fcd_torch import FCD


@dataclass(frozen=True)
class SmallReference:
    """The constitutions of the training set, and ChemNet's moments of the test set."""

    training: frozenset[str]
    test: Moments

    @classmethod
    def load(cls, training: str, test: str, network: FCD) -> SmallReference:
        """From two data sets by name; some minute for ChemNet (`metrics.chemnet`)."""
        known = frozenset(c for c in map(constitution, datasets.read_smiles(training)) if c)
        held_out = [c for c in map(constitution, datasets.read_smiles(test)) if c]
        return cls(known, Moments.of(metrics.activations(held_out, network)))


def constitution(text: str) -> str:
    """Canonical SMILES without stereochemistry; '' for what cannot be parsed."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    return "" if mol is None else chemistry.without_stereo(mol)


def small_figures(designs: list[str], reference: SmallReference, network: FCD, seed: int = 0) -> dict[str, float]:
    """n, valid_as_drawn (parses, one fragment), parsed, unique and novelty among the valid, FCD with its deviation."""
    read = [constitution(text) for text in designs]
    valid = [c for c in read if c and "." not in c]
    distinct = set(valid)
    nan = float("nan")
    figures = {
        "n": float(len(designs)),
        "parsed": sum(map(bool, read)) / len(designs),
        "valid_as_drawn": len(valid) / len(designs),
        "unique": len(distinct) / len(valid) if valid else nan,
        "valid_and_unique": len(distinct) / len(designs),
        "novelty": len(distinct - reference.training) / len(distinct) if distinct else nan,
        "fcd_test": nan,
        "fcd_test_deviation": nan,
    }
    if len(valid) < 2:
        return figures
    found = metrics.activations(valid, network)
    deviation = bootstrap_deviation(found, reference.test, seed)
    return figures | {"fcd_test": frechet_distance(Moments.of(found), reference.test), "fcd_test_deviation": deviation}
