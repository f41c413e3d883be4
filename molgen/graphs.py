"""Designs as packed graphs: what a batch of fields is gathered from, many times faster than graph objects are collated.

A design keeps one byte a position and three a pair that is not 0; a batch is two gathers and two scatters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from molgen.batch import Fields, Grammar
from molgen.sequences import Sequences

CHUNK = 8192  # designs that are unrolled together while packing


@dataclass(frozen=True)
class Graphs:
    """Fields of n designs, one after another: positions (sum of sizes,) and pairs i < j with their class (sum, 3)."""

    positions: np.ndarray
    starts: np.ndarray  # (n + 1,) of the positions
    pairs: np.ndarray
    pair_starts: np.ndarray  # (n + 1,)

    @classmethod
    def of(cls, data: Sequences, grammar: Grammar) -> Graphs:
        """Packs all designs of `data`."""
        chunks = [np.arange(i, min(i + CHUNK, len(data))) for i in range(0, len(data), CHUNK)]
        parts = [_pack(grammar.fields(data.padded(rows, grammar.end))) for rows in chunks]
        sizes, counts = (np.concatenate([part[k] for part in parts]) for k in (2, 3))
        positions, pairs = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        return cls(positions, _starts(sizes), pairs, _starts(counts))

    def fields(self, rows: np.ndarray, device: torch.device | str = "cpu") -> Fields:
        """The given designs, L the most positions among them."""
        place, row, sizes = _gather(self.starts, rows)
        longest = int(sizes.max())
        position = torch.zeros(len(rows) * longest, dtype=torch.int64)
        position[_tensor(row * longest + place - self.starts[rows][row])] = _tensor(self.positions[place])
        pair = torch.zeros(len(rows) * longest * longest, dtype=torch.int64)
        place, row, _ = _gather(self.pair_starts, rows)
        i, j, kind = self.pairs[place].T.astype(np.int64)
        first = row * longest * longest
        kinds = torch.from_numpy(kind)
        pair[_tensor(first + i * longest + j)] = kinds
        pair[_tensor(first + j * longest + i)] = kinds
        mask = torch.arange(longest) < torch.from_numpy(sizes)[:, None]
        shaped = position.view(len(rows), longest), pair.view(len(rows), longest, longest), mask
        return Fields(*(tensor.to(device) for tensor in shaped))


def _gather(starts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places in the flat array of all entries of the rows, the row of each (counted in `rows`), entries per row."""
    counts = starts[rows + 1] - starts[rows]
    ends = counts.cumsum()
    row = np.repeat(np.arange(len(rows)), counts)
    return np.arange(ends[-1]) + np.repeat(starts[rows] - ends + counts, counts), row, counts


def _pack(fields: Fields) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(positions, pairs, positions per design, pairs per design)."""
    row, i, j = torch.triu(fields.pair).nonzero(as_tuple=True)
    pairs = torch.stack([i, j, fields.pair[row, i, j]], dim=1).to(torch.uint8).numpy()
    counts = torch.bincount(row, minlength=len(fields.mask)).numpy()
    return fields.position[fields.mask].to(torch.uint8).numpy(), pairs, fields.sizes.numpy(), counts


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))
