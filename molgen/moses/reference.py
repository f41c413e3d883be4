"""What designs are compared with: MOSES' statistics of its two test sets, its filters, and its training set.

The statistics are those of the wheel of molsets 0.3.1, computed by its authors from all of each set; `molgen data fetch
moses` brings them.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from molgen import datasets, references
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.metrics import Moments
from molgen.molecule.distance import ReferenceIndex
from molgen.moses.filters import read_filters
from molgen.moses.molecules import PROPERTIES
from molgen.similarity import Searchable


@dataclass(frozen=True)
class Split:
    """The statistics of one test set."""

    moments: Moments  # of ChemNet's activations
    fingerprints: Searchable  # Morgan, radius 2, 1024 bits, of each molecule
    fragments: Mapping[str, int]  # BRICS fragments
    scaffolds: Mapping[str, int]  # Bemis-Murcko scaffolds with two rings or more
    properties: Mapping[str, np.ndarray]  # logp, sa, qed, weight of each molecule: (n,) float64

    @classmethod
    def of(cls, statistics: Mapping[str, Any]) -> "Split":
        """statistics: what MOSES' `compute_intermediate_statistics` gives."""
        names = dict(zip(PROPERTIES, ("logP", "SA", "QED", "weight"), strict=True))
        packed = np.packbits(statistics["SNN"]["fps"], axis=1, bitorder="little")
        return cls(
            Moments(statistics["FCD"]["mu"], statistics["FCD"]["sigma"]),
            Searchable.of(packed),
            statistics["Frag"]["frag"],
            statistics["Scaf"]["scaf"],
            {name: np.array(statistics[key]["values"], dtype=np.float64) for name, key in names.items()},
        )


@dataclass(frozen=True)
class MosesReference:
    """All that `moses_figures` compares with; some 400 MB, loaded once for any number of sets of designs."""

    test: Split
    test_scaffolds: Split
    filters: tuple[str, ...]  # SMARTS of MCF and PAINS
    training: ReferenceIndex  # the molecules that are not novel

    @classmethod
    def load(cls, executor: Executor) -> "MosesReference":
        """From the cache, in some seconds; the first time, the training set is indexed (minutes).

        MolgenError with the remedy where `molgen data fetch moses` was not run, or before these files were part of it.
        """
        filters = read_filters()
        test, scaffolds = (_split(name) for name in ("moses-test-stats", "moses-test-scaffolds-stats"))
        return cls(test, scaffolds, filters, open_set("moses-train", executor))


def open_set(name: str, executor: Executor) -> ReferenceIndex:
    """The index of a data set (`moses-train`, `moses-test`), made now where the cache has none."""
    reference = references.find_reference(name)
    index = None if reference is None else references.open_index(reference, executor)
    if index is None:
        raise MolgenError(f"{name!r} is no data set of molecules")
    return index


def _split(name: str) -> Split:
    with zipfile.ZipFile(datasets.locate(name)) as archive:
        member = io.BytesIO(archive.read("stats.npy"))  # whole: unpickling out of the zip reads it in small pieces
    return Split.of(np.load(member, allow_pickle=True).item())  # pickled counters; `locate` has checked the sha256
