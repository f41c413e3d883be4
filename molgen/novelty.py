"""Exact novelty: is a design's constitution in the training set?

Strings alone do not decide it: two molecules in 10,000 of MOSES are spelled otherwise by today's RDKit, and spelling
all of a training set anew costs minutes. But the same molecule has the same fingerprint. So only those of the training
set that share a design's whole fingerprint are spelled anew and compared: a few each, and the answer is exact.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from molgen.molecule import chemistry
from molgen.molecule.distance import ReferenceIndex, comparable


def known(constitutions: Sequence[str], fingerprints: np.ndarray, index: ReferenceIndex) -> np.ndarray:
    """Which designs the set holds, stereochemistry and isotopes left out.

    constitutions: n canonical SMILES without stereochemistry (`chemistry.without_stereo`).
    fingerprints: (n, 128) uint8, packed (`distance.morgan`) of the same designs.
    """
    if not len(constitutions):
        return np.zeros(0, dtype=bool)
    hashes = fingerprint_hashes(index.bits)
    order = np.argsort(hashes, kind="stable")
    wanted = fingerprint_hashes(fingerprints)
    first = np.searchsorted(hashes, wanted, side="left", sorter=order)
    last = np.searchsorted(hashes, wanted, side="right", sorter=order)
    found = np.zeros(len(constitutions), dtype=bool)
    for row, constitution in enumerate(constitutions):
        same = (index.smiles[int(place)] for place in order[first[row] : last[row]])
        found[row] = any(constitution == _constitution(text) for text in same)
    return found


def fingerprint_hashes(bits: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each packed fingerprint: equal fingerprints have equal hashes, others hardly ever."""
    words = np.ascontiguousarray(bits).view(np.uint64)
    factors = np.random.default_rng(0).integers(1, 2**63, size=words.shape[1], dtype=np.uint64) | np.uint64(1)
    hashes = np.zeros(len(words), dtype=np.uint64)
    for column, factor in enumerate(factors):
        hashes = (hashes ^ (hashes >> np.uint64(29))) + words[:, column] * factor
    return hashes


@lru_cache(maxsize=100_000)
def _constitution(smiles: str) -> str | None:
    mol = comparable(smiles)
    return None if mol is None else chemistry.without_stereo(mol)
