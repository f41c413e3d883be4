"""Splits of sequences: by whole clusters, so that no held-out sequence has a close relative in training; or by lot.

A model is measured on the split by cluster. On a random one a 6-gram beats networks by remembering relatives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molgen.errors import MolgenError
from molgen.protein.distance import clusters
from molgen.seeds import spawn

SHARES = (0.8, 0.1, 0.1)  # training, validation, test


def cluster_split(
    sequences: Sequence[str], shares: Sequence[float] = SHARES, threshold: float = 0.6, seed: int = 0
) -> np.ndarray:
    """The part, 0 to len(shares) - 1, of each sequence: (n,) int64. Clusters stay whole.

    Clusters are those of single linkage at `threshold` similarity (`molgen.protein.distance.clusters`): two sequences
    of different parts are less similar than that. The largest cluster is given first, each to the part that is most
    short of its share (the earlier one, if two are), so that every part gets large and small clusters alike, and a
    part deviates from its share by less than the last cluster that it got. The seed decides the order of clusters of
    equal size; the order of the sequences decides nothing.
    """
    wanted = _checked(shares)
    label = clusters(sequences, threshold)
    members: dict[int, list[int]] = {}
    for row, cluster in enumerate(label.tolist()):
        members.setdefault(cluster, []).append(row)
    ordered = sorted(members.values(), key=lambda rows: (-len(rows), _lot(seed, "cluster", sequences, rows)))
    parts, filled = np.zeros(len(sequences), dtype=np.int64), np.zeros(len(wanted), dtype=np.int64)
    for rows in ordered:
        part = int(np.argmin(filled / wanted))
        parts[rows], filled[part] = part, filled[part] + len(rows)
    return parts


def random_split(sequences: Sequence[str], shares: Sequence[float] = SHARES, seed: int = 0) -> np.ndarray:
    """The part, 0 to len(shares) - 1, of each sequence, drawn by the seed: (n,) int64. Equal sequences stay together.

    Every part but the first gets its share of the different sequences, rounded, the last part those with the
    smallest child seeds; the first part gets what is left. The order of the sequences decides nothing.
    """
    wanted = _checked(shares)
    ordered = sorted(set(sequences), key=lambda sequence: spawn(seed, "random", sequence))
    part_of: dict[str, int] = {}
    for part in range(len(wanted) - 1, 0, -1):
        first = len(part_of)
        part_of |= dict.fromkeys(ordered[first : first + round(wanted[part] * len(ordered))], part)
    return np.array([part_of.get(sequence, 0) for sequence in sequences], dtype=np.int64)


def _lot(seed: int, stage: str, sequences: Sequence[str], rows: Sequence[int]) -> int:
    """A number that the seed draws for a cluster, known by its first sequence in the alphabet."""
    return spawn(seed, stage, min(sequences[row] for row in rows))


def _checked(shares: Sequence[float]) -> np.ndarray:
    wanted = np.asarray(shares, dtype=np.float64)
    if len(wanted) < 2 or not (wanted > 0).all() or abs(wanted.sum() - 1) > 1e-9:
        raise MolgenError(f"shares {tuple(shares)}: give two or more that are above 0 and add up to 1, like {SHARES}")
    return wanted
