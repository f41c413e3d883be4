"""Similarity of sequences by edit distance: to each other, to the nearest of a reference set, and in clusters.

Similarity is 1 - Levenshtein distance / length of the longer sequence: 1 for equal ones, 0 where nothing can be kept.
Exact, by rapidfuzz's bit-parallel algorithm, and in blocks, so that memory stays small.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from Bio.Align import PairwiseAligner, substitution_matrices
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from molgen.errors import MolgenError

BLOCK = 2048  # sequences on each side of a block: its similarities take 16 MB
QUERIES = 256  # queries of a block of `nearest`: few, so that they share a bound that spares work
SLACK = 1e-6  # of a bound against a similarity, which are rounded differently
GAP_OPEN, GAP_EXTEND = -11.0, -1.0  # of the first and of each further residue of a gap


@dataclass(frozen=True)
class Nearest:
    """For each of m queries the most similar reference."""

    index: np.ndarray  # (m,) int64; the lowest of equals
    similarity: np.ndarray  # (m,) float64 in [0, 1]


@dataclass(frozen=True)
class Alignment:
    """The best global alignment of two sequences."""

    one: str  # with '-' for gaps, as long as `other`
    other: str
    score: float  # in half bits of BLOSUM62
    identity: float  # equal residues / residues that face a residue; 0 where none does
    coverage: float  # residues that face a residue / length of the longer sequence


def similarities(one: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """All similarities of `one` (n) to `others` (m): (n, m) float32."""
    return process.cdist(one, others, scorer=Levenshtein.normalized_similarity, dtype=np.float32)


def nearest(
    queries: Sequence[str], references: Sequence[str], progress: Callable[[int], None] | None = None
) -> Nearest:
    """The most similar reference of each query, exact; ties go to the lowest index.

    References are visited by length, those nearest to the queries' first; a block whose lengths alone forbid a better
    one is left out for a query. progress: called with the number of references compared.
    MolgenError where there is no reference.
    """
    if not references:
        raise MolgenError("no reference sequence to compare with; give at least one")
    index, best = np.zeros(len(queries), dtype=np.int64), np.full(len(queries), -1.0)
    lengths, sizes = _lengths(queries), _lengths(references)
    for rows in _by_length(sizes, around=float(np.median(lengths)) if len(lengths) else 0.0):
        active = np.flatnonzero(_reachable(lengths, sizes[rows].min(), sizes[rows].max()) >= best - SLACK)
        for part in _blocks(active[np.argsort(best[active], kind="stable")], QUERIES):
            _improve(index, best, part, rows, queries, references)
        if progress is not None:
            progress(len(rows))
    return Nearest(index, best)


def align(one: str, other: str) -> Alignment:
    """The best global alignment (BLOSUM62, gaps -11 and -1 as for BLAST, at the ends too); of equals the first.

    For the few pairs that are shown.
    """
    found = _aligner().align(one, other)[0]
    upper, lower = str(found[0]), str(found[1])
    faced = sum(a != "-" and b != "-" for a, b in zip(upper, lower, strict=True))
    equal = sum(a == b for a, b in zip(upper, lower, strict=True))
    longer = max(len(one), len(other))
    return Alignment(upper, lower, float(found.score), equal / faced if faced else 0.0, faced / longer)


def clusters(sequences: Sequence[str], threshold: float = 0.6) -> np.ndarray:
    """Single linkage, exact: (n,) int64, the cluster of each sequence, numbered by their first members.

    Two sequences are in one cluster where a chain of pairs of at least `threshold` similarity joins them. Time grows
    with the square of n; memory with the number of such pairs.
    """
    from scipy.sparse import coo_array  # only where clusters are wanted
    from scipy.sparse.csgraph import connected_components

    links = [np.zeros((2, 0), dtype=np.int64), *_links(sequences, threshold)]
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(sequences), len(sequences)))
    _, labels = connected_components(graph, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _links(sequences: Sequence[str], threshold: float) -> Iterator[np.ndarray]:
    """Pairs (2, k) of at least `threshold` similarity, i before or at j, block by block."""
    for i in range(0, len(sequences), BLOCK):
        for j in range(i, len(sequences), BLOCK):
            found = similarities(sequences[i : i + BLOCK], sequences[j : j + BLOCK])
            yield np.stack(np.nonzero(found >= np.float32(threshold))) + np.array([[i], [j]])


def _by_length(sizes: np.ndarray, around: float) -> Iterator[np.ndarray]:
    """Blocks of references of similar length, those nearest to `around` first."""
    order = np.argsort(sizes, kind="stable")
    parts = list(_blocks(order, BLOCK))
    yield from sorted(parts, key=lambda rows: abs(float(sizes[rows].mean()) - around))


def _blocks(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _reachable(lengths: np.ndarray, least: int, most: int) -> np.ndarray:
    """The greatest similarity that a query of each length can have to references of `least` to `most` residues.

    The distance is at least the difference of the lengths, so that the similarity is at most shorter / longer.
    """
    nearest_length = np.clip(lengths, least, most)
    return np.minimum(lengths, nearest_length) / np.maximum(np.maximum(lengths, nearest_length), 1)


def _improve(
    index: np.ndarray,
    best: np.ndarray,
    active: np.ndarray,
    rows: np.ndarray,
    queries: Sequence[str],
    references: Sequence[str],
) -> None:
    """Take over what a block has that is better, or equally good at a lower index. Writes into index and best.

    rapidfuzz may give up on a pair, and calls it 0, once it is worse than the worst that a query of the block has.
    """
    rows = np.sort(rows)
    found = process.cdist(
        [queries[query] for query in active],
        [references[row] for row in rows],
        scorer=Levenshtein.normalized_similarity,
        dtype=np.float64,
        score_cutoff=max(0.0, float(best[active].min()) - SLACK),
    )
    similarity, where = found.max(axis=1), rows[found.argmax(axis=1)]
    better = (similarity > best[active]) | ((similarity == best[active]) & (where < index[active]))
    best[active[better]], index[active[better]] = similarity[better], where[better]


def _lengths(sequences: Sequence[str]) -> np.ndarray:
    return np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))


@cache
def _aligner() -> PairwiseAligner:
    aligner = PairwiseAligner(mode="global", open_gap_score=GAP_OPEN, extend_gap_score=GAP_EXTEND)
    aligner.substitution_matrix = substitution_matrices.load("BLOSUM62")
    return aligner
