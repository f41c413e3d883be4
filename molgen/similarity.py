"""Tanimoto similarities of very many fingerprints, exact: to the nearest of a reference set, and over all pairs.

Fingerprints are packed (n, 128) uint8, as `distance.morgan` makes them. torch is imported where it is used, for its
integer matrix product. Similarities are of float64; two fingerprints without any bit are equal (1), as in MOSES.

The search bounds before it counts. Its 1024 bits are folded to 256 columns that hold how many bits of theirs are on.
The product of two folded fingerprints is at least the number of bits that they share, costs a quarter, and leaves only
one pair in 3,000 to be counted exactly (measured, MOSES: 1.9 ns a pair on one core, without it 5.7).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from molgen.molecule.distance import blocks, popcounts, products, spread_bits

if TYPE_CHECKING:
    import torch

BITS = 1024
COLUMNS = 256
BLOCK = 1024  # queries and references in one matrix product: its counts take 4 MB


@dataclass(frozen=True)
class Searchable:
    """A set of fingerprints made ready for the search: sorted by their number of on-bits."""

    words: np.ndarray  # (n, 16) uint64: the packed bits
    sizes: np.ndarray  # (n,) int64: on-bits, ascending
    fold: np.ndarray  # (1024, 256) int8: 1 where a bit belongs to a column
    folded: np.ndarray  # (n, 256) int8: how many bits of each column are on

    @classmethod
    def of(cls, packed: np.ndarray) -> Searchable:
        """packed (n, 128) uint8. Takes n x 384 bytes. ValueError where there is nothing to compare with."""
        if not len(packed):
            raise ValueError("no reference to compare with")
        words, sizes = _words(packed), popcounts(packed)
        order = np.argsort(sizes, kind="stable")
        fold = _fold(_frequencies(packed))
        return cls(words[order], sizes[order], fold, _folded(packed[order], fold))

    def __len__(self) -> int:
        return len(self.sizes)


def nearest_similarity(
    queries: np.ndarray, references: Searchable, progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """The greatest Tanimoto similarity of each query (m, 128) uint8 to any reference: (m,) float64, exact.

    progress: called with the number of queries done.
    """
    parts = []
    for start in range(0, len(queries), BLOCK):
        parts.append(_nearest(queries[start : start + BLOCK], references))
        if progress is not None:
            progress(len(parts[-1]))
    return np.concatenate(parts) if parts else np.zeros(0)


def internal_diversity(packed: np.ndarray) -> tuple[float, float]:
    """IntDiv and IntDiv2 of MOSES for a set (n, 128) uint8, over all ordered pairs, each with itself included.

    IntDiv = 1 - mean of T; IntDiv2 = 1 - mean over molecules of (mean over partners of T^2)^(1/2): MOSES' code takes
    the root before the outer mean, unlike its paper. T in float32, sums in float64: right to 1e-7. NaN for none.
    """
    n = len(packed)
    if not n:
        return float("nan"), float("nan")
    sums, squares = np.zeros(n), np.zeros(n)
    spread, sizes = spread_bits(packed), popcounts(packed).astype(np.float32)
    for i in range(0, n, BLOCK):
        for j in range(i, n, BLOCK):
            rows, columns = slice(i, i + BLOCK), slice(j, j + BLOCK)
            similar = _tanimoto(spread[rows], spread[columns], sizes[rows], sizes[columns])
            for total, power in ((sums, similar), (squares, similar.square())):
                total[rows] += power.sum(1).numpy()
                if i != j:
                    total[columns] += power.sum(0).numpy()
    return float(1 - (sums / n).mean()), float(1 - np.sqrt(squares / n).mean())


def _tanimoto(left: np.ndarray, right: np.ndarray, a: np.ndarray, b: np.ndarray) -> torch.Tensor:
    """(m, 1024) x (r, 1024) int8 with their sizes -> (m, r) float32."""
    import torch

    shared = products(left, right).float()
    union = torch.from_numpy(a)[:, None] + torch.from_numpy(b) - shared
    return torch.where(union > 0, shared / union, torch.ones(()))


def _nearest(packed: np.ndarray, references: Searchable) -> np.ndarray:
    folded = _folded(packed, references.fold)
    search = _Search(_words(packed), popcounts(packed), folded, np.full(len(packed), -1.0))
    for rows in blocks(references.sizes, around=int(np.median(search.sizes)), most=BLOCK):
        search.improve(references.words[rows], int(references.sizes[rows.start]), references.folded[rows])
    return search.best


@dataclass(frozen=True)
class _Search:
    """Queries, and the greatest similarity that each has found so far."""

    words: np.ndarray  # (m, 16) uint64
    sizes: np.ndarray  # (m,) int64
    folded: np.ndarray  # (m, 256) int8
    best: np.ndarray  # (m,) float64, written by `improve`

    def improve(self, words: np.ndarray, size: int, folded: np.ndarray) -> None:
        """Compares with references that all have `size` on-bits.

        The similarity of a query with a bits is at most min(a, size) / max(a, size) (Swamidass and Baldi 2007, doi
        10.1021/ci600358f), and at most that of the bound on the shared bits.
        """
        reach = np.minimum(self.sizes, size) / np.maximum(np.maximum(self.sizes, size), 1)
        rows = np.flatnonzero((reach > self.best) | (self.best < 0))
        if not rows.size:
            return
        bound = products(self.folded[rows], folded)
        able = bound.amax(1).numpy() > self._needed(rows, size)
        rows, bound = rows[able], bound.numpy()[able]
        self._count(rows, bound.argmax(axis=1), words, size)  # the likeliest first, so that fewer are left
        which, columns = np.nonzero(bound > self._needed(rows, size)[:, None])
        self._count(rows[which], columns, words, size)

    def _needed(self, rows: np.ndarray, size: int) -> np.ndarray:
        """More shared bits than this make a similarity greater than the best; 1e-6 is for rounding, integers differ."""
        best = self.best[rows]
        return np.where(best < 0, -1.0, best * (self.sizes[rows] + size) / (1 + np.maximum(best, 0)) + 1e-6)

    def _count(self, rows: np.ndarray, columns: np.ndarray, words: np.ndarray, size: int) -> None:
        shared = np.bitwise_count(self.words[rows] & words[columns]).sum(axis=1, dtype=np.int64)
        union = self.sizes[rows] + size - shared
        np.maximum.at(self.best, rows, np.where(union > 0, shared / np.maximum(union, 1), 1.0))


def _fold(frequencies: np.ndarray) -> np.ndarray:
    """Spreads bits over columns, frequent ones first, each to the column with the least load: (1024, 256) int8.

    The load of a bit is its frequency and 0.05, so that a column never gets more than (1024 + 51.2) / 256 / 0.05 + 1
    = 85 bits, and a count fits int8.
    """
    fold = np.zeros((BITS, COLUMNS), dtype=np.int8)
    loads = [(0.0, column) for column in range(COLUMNS)]
    for bit in np.argsort(-frequencies, kind="stable"):
        load, column = heapq.heappop(loads)
        fold[bit, column] = 1
        heapq.heappush(loads, (load + float(frequencies[bit]) + 0.05, column))
    return fold


def _folded(packed: np.ndarray, fold: np.ndarray) -> np.ndarray:
    columns = np.ascontiguousarray(fold.T)
    folded = np.empty((len(packed), COLUMNS), dtype=np.int8)
    for start in range(0, len(packed), 8 * BLOCK):
        rows = slice(start, start + 8 * BLOCK)
        folded[rows] = products(spread_bits(packed[rows]), columns).numpy()
    return folded


def _frequencies(packed: np.ndarray) -> np.ndarray:
    """The share of fingerprints that have each bit, from at most some 20,000 of them."""
    return spread_bits(packed[:: len(packed) // 20_000 + 1]).mean(axis=0, dtype=np.float64)


def _words(packed: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(packed).view(np.uint64)
