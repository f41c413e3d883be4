"""Counts of n-grams of tokens, and the probabilities that follow from them, in numpy.

An n-gram is a 64-bit number: a byte a token, the latest in the lowest. Before the first token stand start marks, so
that every token of a sequence ends exactly one n-gram, and counts of shorter ones are sums over those of longer ones.

Axis letters: B contexts, V tokens of the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molgen.sequences import Sequences

START = 255  # mark before the first token; tokens are below it
MOST = 8  # tokens of the longest n-gram: eight bytes
CHUNK = 100_000  # sequences counted at a time, which bounds the memory


@dataclass(frozen=True)
class Level:
    """The counts after the contexts of one length: those of context c stand at `starts[c]` to `starts[c + 1]`."""

    contexts: np.ndarray  # (C,) uint64, sorted
    starts: np.ndarray  # (C + 1,)
    tokens: np.ndarray  # (N,) uint8
    counts: np.ndarray  # (N,) float64

    @classmethod
    def of(cls, keys: np.ndarray, counts: np.ndarray, order: int) -> Level:
        """The level of `order` tokens (the last one counted, those before it the context) of longer n-grams."""
        keys, counts = merged(keys & _mask(order), counts)
        contexts, starts = np.unique(keys >> np.uint64(8), return_index=True)
        return cls(
            contexts, np.append(starts, len(keys)), (keys & np.uint64(255)).astype(np.uint8), counts.astype(float)
        )

    def interpolate(self, p: np.ndarray, contexts: np.ndarray) -> None:
        """Mixes what was counted after each context into the probabilities (B, V) of a shorter one, in place.

        Witten and Bell (IEEE Trans. Inf. Theory 1991, 37, 1085; equation 14 of Chen and Goodman 1998, TR-10-98):
        p(v | h) = (c(h v) + k(h) p(v | h')) / (c(h) + k(h)), with k the number of different tokens seen after h and
        h' the context without its earliest token. A context that was not seen leaves p as it is.
        """
        place = np.searchsorted(self.contexts, contexts).clip(max=len(self.contexts) - 1)
        rows = np.flatnonzero(self.contexts[place] == contexts)
        begin, end = self.starts[place[rows]], self.starts[place[rows] + 1]
        kinds = end - begin
        row, index = np.repeat(rows, kinds), ranges(begin, kinds)
        total = np.bincount(row, self.counts[index], minlength=len(p))[rows] + kinds
        p[rows] *= (kinds / total)[:, None]
        p[row, self.tokens[index]] += self.counts[index] / np.repeat(total, kinds)


@dataclass(frozen=True)
class Counts:
    """How often each n-gram occurs: `keys` (N,) uint64, sorted, and `counts` (N,) int64."""

    n: int
    keys: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, data: Sequences, n: int) -> Counts:
        """Counts every n-gram of the sequences, `end` included."""
        keys, counts = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
        for first in range(0, len(data), CHUNK):
            found = _keys(data, range(first, min(first + CHUNK, len(data))), n)
            found, times = np.unique(found, return_counts=True)
            keys, counts = merged(np.concatenate([keys, found]), np.concatenate([counts, times]))
        return cls(n, keys, counts)

    def levels(self) -> list[Level]:
        """The counts of 1 to n tokens."""
        return [Level.of(self.keys, self.counts, order) for order in range(1, self.n + 1)]


def probabilities(levels: list[Level], contexts: np.ndarray, size: int) -> np.ndarray:
    """p (B, V) of the next of `size` tokens after each context, interpolated from a uniform one upwards; never 0."""
    p = np.full((len(contexts), size), 1.0 / size)
    for order, level in enumerate(levels, start=1):
        level.interpolate(p, contexts & _mask(order - 1))
    return p


def first_context(rows: int) -> np.ndarray:
    """(rows,) uint64: nothing but start marks."""
    return np.full(rows, _mask(MOST), dtype=np.uint64)


def extended(contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Contexts after one more token each."""
    return (contexts << np.uint64(8)) | tokens.astype(np.uint64)


def _keys(data: Sequences, rows: range, n: int) -> np.ndarray:
    """The n-gram that ends at each token of the rows."""
    begin, end = data.offsets[rows.start], data.offsets[rows.stop]
    lengths = data.lengths[rows.start : rows.stop]
    place = ranges(np.zeros_like(lengths), lengths)  # of each token in its sequence
    keys = np.zeros(end - begin, dtype=np.uint64)
    for back in range(n):
        earlier = data.flat[np.maximum(np.arange(begin, end) - back, 0)]
        keys |= np.where(place >= back, earlier, START).astype(np.uint64) << np.uint64(8 * back)
    return keys


def merged(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, sorted, with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(keys) else np.zeros(0, dtype=np.int64)
    return ordered[starts], np.add.reduceat(counts[order], starts) if len(keys) else counts


def ranges(begin: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers begin, begin + 1, ... of every range, one range after another."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(begin - before, lengths) + np.arange(lengths.sum())


def _mask(tokens: int) -> np.uint64:
    """Keeps the latest `tokens` tokens."""
    return np.uint64((1 << 8 * tokens) - 1)
