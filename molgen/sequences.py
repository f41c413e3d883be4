"""Training data as arrays: token sequences one after another, and the order in which training sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from molgen.batch import Batch, Grammar
from molgen.seeds import rng

POOL = 50  # batches whose rows are sorted by length together


@dataclass(frozen=True)
class Sequences:
    """Token sequences of different lengths, one after another.

    `flat` (sum of lengths,), `offsets` (n + 1,), `labels` (n, P) known properties of the designs, where a family asks.
    """

    flat: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray | None = None

    @classmethod
    def of(cls, rows: list[tuple[int, ...]] | list[list[int]]) -> Sequences:
        """Packs rows; tokens are stored in a byte where they fit."""
        lengths = [len(row) for row in rows]
        flat = np.fromiter((t for row in rows for t in row), dtype=np.int64, count=sum(lengths))
        kind = np.uint8 if not len(flat) or flat.max() < 256 else np.int32
        return cls(flat.astype(kind), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> np.ndarray:
        """(n,) tokens of each row, `end` included."""
        return np.diff(self.offsets)

    def padded(self, rows: np.ndarray, end: int) -> Tensor:
        """The given rows as (B, T) int64, T the longest of them, padded with `end`."""
        starts, lengths = self.offsets[rows], self.lengths[rows]
        place = np.arange(lengths.max())
        inside = place < lengths[:, None]
        index = np.minimum(starts[:, None] + place, len(self.flat) - 1)
        return torch.from_numpy(np.where(inside, self.flat[index], end).astype(np.int64))

    def batch(self, rows: np.ndarray, grammar: Grammar, device: torch.device | str = "cpu") -> Batch:
        """The given rows, as networks see them."""
        labels = None if self.labels is None else torch.from_numpy(self.labels[rows]).float().to(device)
        return Batch(grammar, self.padded(rows, grammar.end).to(device), labels)

    def split(self, held_out: int, seed: int) -> tuple[Sequences, Sequences]:
        """(for training, held out), drawn by the seed. Rows equal to one held out are in neither."""
        order = rng(seed, "held-out").permutation(len(self))
        first: dict[bytes, int] = {}
        cuts = pairwise(self.offsets.tolist())
        kind = np.array([first.setdefault(self.flat[a:b].tobytes(), row) for row, (a, b) in enumerate(cuts)])
        chosen = order[np.sort(np.unique(kind[order[:held_out]], return_index=True)[1])]
        left = np.flatnonzero(~np.isin(kind, kind[chosen]))
        if not len(left):  # every row is the same: nothing can be held out
            return self, self.take(order[:0])
        return self.take(left), self.take(np.sort(chosen))

    def lists(self) -> list[list[int]]:
        """The rows as plain lists, for what knows no arrays."""
        return [self.flat[a:b].tolist() for a, b in pairwise(self.offsets.tolist())]

    def take(self, rows: np.ndarray) -> Sequences:
        """The given rows, packed."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        index = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Sequences(self.flat[index], offsets, None if self.labels is None else self.labels[rows])


def batches(data: Sequences, size: int, seed: int, first: int = 0, pool: int = POOL) -> Iterator[np.ndarray]:
    """Endless row numbers, `size` at a time, from batch `first` on: a function of the seed alone."""
    per_epoch = max(1, len(data) // size)
    for epoch in range(first // per_epoch, 2**31):
        yield from _epoch(data, size, rng(seed, "epoch", epoch), pool)[max(0, first - epoch * per_epoch) :]


def _epoch(data: Sequences, size: int, chance: np.random.Generator, pool: int) -> list[np.ndarray]:
    """One pass: rows in random order, sorted by length within pools of batches, so that little is padded."""
    order = chance.permutation(len(data))[: max(1, len(data) // size) * size]
    found: list[np.ndarray] = []
    for start in range(0, len(order), size * pool):
        rows = order[start : start + size * pool]
        ordered = rows[np.argsort(data.lengths[rows], kind="stable")]
        group = [ordered[i : i + size] for i in range(0, len(ordered), size)]
        found += [group[j] for j in chance.permutation(len(group))]
    return found
