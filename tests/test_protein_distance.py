"""Edit similarity, nearest references, alignments and clusters, against plain dynamic programming."""

from itertools import combinations

import numpy as np
import pytest

from molgen.errors import MolgenError
from molgen.protein import distance
from molgen.protein.alphabet import RESIDUES


def levenshtein(one: str, other: str) -> int:
    """Wagner and Fischer 1974, row by row."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(before + (a != b), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def similarity(one: str, other: str) -> float:
    return 1 - levenshtein(one, other) / max(len(one), len(other))


def peptides(count: int, seed: int = 0, letters: str = RESIDUES, longest: int = 20) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(letters), size=rng.integers(1, longest))) for _ in range(count)]


def relatives(parents: list[str], seed: int, rate: float = 0.2) -> list[str]:
    """Copies with residues changed, dropped and doubled."""
    rng = np.random.default_rng(seed)
    changes = [lambda letter: rng.choice(list(RESIDUES)), lambda letter: "", lambda letter: 2 * letter]
    copies = []
    for parent in parents:
        letters = [changes[rng.integers(3)](letter) if rng.random() < rate else letter for letter in parent]
        copies.append("".join(letters) or parent)
    return copies


@pytest.mark.parametrize(("one", "other", "edits"), [("KITTEN", "SITTING", 3), ("AC", "CA", 2), ("AAA", "AA", 1)])
def test_similarity_is_one_minus_the_edits_over_the_longer_length(one: str, other: str, edits: int) -> None:
    assert levenshtein(one, other) == edits
    found = distance.similarities([one], [other])
    assert found.shape == (1, 1) and found.dtype == np.float32
    assert found[0, 0] == pytest.approx(1 - edits / max(len(one), len(other)))


def test_similarities_are_those_of_plain_dynamic_programming() -> None:
    one, others = peptides(25, seed=1, longest=90), peptides(30, seed=2, longest=90)
    expected = [[similarity(a, b) for b in others] for a in one]
    np.testing.assert_allclose(distance.similarities(one, others), expected, atol=1e-6)


@pytest.mark.parametrize("block", [3, 2048])
def test_the_nearest_reference_is_the_first_of_the_best(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "BLOCK", block)
    monkeypatch.setattr(distance, "QUERIES", block)
    references = peptides(60, seed=3, letters="ACD", longest=12) * 2  # short words of three letters: many ties
    queries = [*relatives(references[:20], seed=4), *peptides(20, seed=5, letters="ACDE", longest=16), "WWWW"]
    found = distance.nearest(queries, references)
    table = np.array([[similarity(a, b) for b in references] for a in queries])
    assert found.index.tolist() == table.argmax(axis=1).tolist()
    np.testing.assert_allclose(found.similarity, table.max(axis=1), atol=1e-12)


def test_nothing_is_nearest_where_nothing_is_asked_or_given() -> None:
    found = distance.nearest([], ["ACD"])
    assert found.index.shape == found.similarity.shape == (0,)
    with pytest.raises(MolgenError, match="no reference sequence"):
        distance.nearest(["ACD"], [])


def test_progress_counts_every_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "BLOCK", 7)
    counts: list[int] = []
    distance.nearest(["ACD"], peptides(30), counts.append)
    assert sum(counts) == 30 and len(counts) == 5


def brute_clusters(sequences: list[str], threshold: float) -> list[int]:
    labels = list(range(len(sequences)))
    for i, j in combinations(range(len(sequences)), 2):
        if similarity(sequences[i], sequences[j]) >= threshold:
            labels = [labels[i] if label == labels[j] else label for label in labels]
    return [list(dict.fromkeys(labels)).index(label) for label in labels]


@pytest.mark.parametrize("threshold", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("block", [9, 2048])
def test_clusters_are_the_components_of_all_pairs(
    threshold: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distance, "BLOCK", block)
    parents = peptides(20, seed=6)
    sequences = [*parents, *relatives(parents, seed=7), *relatives(parents, seed=8)]
    found = distance.clusters(sequences, threshold)
    assert found.dtype == np.int64
    assert found.tolist() == brute_clusters(sequences, threshold)
    assert 1 < found.max() < len(sequences) - 1


def test_a_chain_of_neighbours_is_one_cluster_and_the_threshold_belongs_to_it() -> None:
    chain = ["AAAAA", "CCAAA", "CCDDA", "WWWWW"]  # each 3/5 like the next; the ends 1/5
    assert distance.clusters(chain, 0.6).tolist() == [0, 0, 0, 1]
    assert distance.clusters(chain, 0.61).tolist() == [0, 1, 2, 3]


def test_of_no_sequences_there_are_no_clusters() -> None:
    assert distance.clusters([]).shape == (0,)


def test_an_alignment_puts_the_gap_where_the_residues_are_missing() -> None:
    found = distance.align("HEAGAWGHEE", "HEAGHEE")
    assert (found.one, found.other) == ("HEAGAWGHEE", "HEA---GHEE")
    assert (found.identity, found.coverage) == (1.0, 0.7)
    matched = 2 * 8 + 3 * 5 + 4 + 6  # BLOSUM62: two H 8, three E 5, A 4, G 6
    assert found.score == matched - 11 - 2 * 1


def test_identity_counts_equal_residues_among_those_that_face_one() -> None:
    found = distance.align("ACDEFG", "ACDEYG")
    assert found.identity == pytest.approx(5 / 6) and found.coverage == 1
    assert distance.align("W", "W").identity == 1


def score_of(one: str, other: str) -> float:
    """Gotoh 1982: the best global score with affine gaps; three tables for match, gap above, gap below."""
    from Bio.Align import substitution_matrices

    blosum, bad = substitution_matrices.load("BLOSUM62"), -1e9
    n, m = len(one), len(other)
    match, up, left = (np.full((n + 1, m + 1), bad) for _ in range(3))
    match[0, 0] = 0
    for i in range(n + 1):
        for j in range(m + 1):
            if i and j:
                match[i, j] = blosum[one[i - 1]][other[j - 1]] + max(t[i - 1, j - 1] for t in (match, up, left))
            if i:
                up[i, j] = max(match[i - 1, j] - 11, left[i - 1, j] - 11, up[i - 1, j] - 1)
            if j:
                left[i, j] = max(match[i, j - 1] - 11, up[i, j - 1] - 11, left[i, j - 1] - 1)
    return max(match[n, m], up[n, m], left[n, m])


def test_the_score_of_an_alignment_is_that_of_plain_dynamic_programming() -> None:
    for one, other in zip(peptides(6, seed=9), peptides(6, seed=10), strict=True):
        found = distance.align(one, other)
        assert found.score == score_of(one, other)
        assert (found.one.replace("-", ""), found.other.replace("-", "")) == (one, other)
