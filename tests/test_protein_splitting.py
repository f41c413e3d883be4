"""Splits of sequences: whole clusters, exact shares, and nothing but the seed and the sequences decides."""

from itertools import combinations

import numpy as np
import pytest
from Bio.Align import PairwiseAligner

from molgen.errors import MolgenError
from molgen.protein.alphabet import RESIDUES
from molgen.protein.splitting import cluster_split, random_split
from molgen.seeds import rng


def relatives(seed: int, families: int = 22, most: int = 8) -> list[str]:
    """Random sequences of 20 residues, each with some copies that differ in one to four places."""
    chance, found = rng(seed, "relatives"), []
    for _ in range(families):
        parent = chance.integers(20, size=20)
        for _ in range(chance.integers(1, most + 1)):
            child = parent.copy()
            places = chance.choice(20, chance.integers(1, 5), replace=False)
            child[places] = chance.integers(20, size=len(places))
            found.append("".join(RESIDUES[residue] for residue in child))
    return found


def similarity(one: str, other: str) -> float:
    """1 - edit distance / longer length, by Biopython's aligner."""
    aligner = PairwiseAligner(mode="global", match_score=0, mismatch_score=-1, open_gap_score=-1, extend_gap_score=-1)
    return 1 + aligner.score(one, other) / max(len(one), len(other))


def sizes(parts: np.ndarray) -> list[int]:
    return np.bincount(parts, minlength=3).tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_no_sequence_has_a_relative_in_another_part(seed: int) -> None:
    sequences = relatives(seed)
    parts = cluster_split(sequences, seed=seed)
    across = [
        similarity(one, other)
        for (one, part), (other, theirs) in combinations(zip(sequences, parts, strict=True), 2)
        if part != theirs
    ]
    assert len(across) > 500 and max(across) < 0.6
    drawn = random_split(sequences, seed=seed)
    test, train = [[one for one, part in zip(sequences, drawn, strict=True) if part == wanted] for wanted in (2, 0)]
    assert max(similarity(one, other) for one in test for other in train) >= 0.6, "the control: by lot they do"


def test_exactly_the_threshold_is_a_relative() -> None:
    pair = ["AAAAAAAAAA", "AAAAAACCCC"]  # 4 changes in 10: similarity 0.6
    apart = ["AAAAAAAAAA", "AAAAACCCCC"]  # 0.5
    assert len(set(cluster_split(pair, (0.5, 0.5)))) == 1
    assert len(set(cluster_split(apart, (0.5, 0.5)))) == 2


def test_a_chain_of_relatives_stays_together() -> None:
    chain = ["AAAAAAAAAA", "AAAAAACCCC", "AACCCCCCCC"]  # the ends have 8 changes in 10
    assert len(set(cluster_split(chain, (0.5, 0.5)))) == 1
    assert len(set(cluster_split([chain[0], chain[2]], (0.5, 0.5)))) == 2


def test_the_largest_cluster_goes_to_training_and_the_parts_get_their_shares() -> None:
    sequences = ["W" * 10] * 6 + ["A" * 10] * 2 + ["C" * 10, "D" * 10]
    parts = cluster_split(sequences, (0.6, 0.2, 0.2))
    assert parts[:6].tolist() == [0] * 6 and len(set(parts[6:8])) == 1
    # 6 of 10 to the first, 2 to the second, then the last part is short by 2, and gets both single ones
    assert (parts[6], parts[8], parts[9]) == (1, 2, 2)


@pytest.mark.parametrize("seed", range(5))
def test_no_part_is_off_its_share_by_more_than_a_cluster(seed: int) -> None:
    sequences = relatives(seed)
    found = np.array(sizes(cluster_split(sequences, seed=seed)))
    assert (abs(found - np.array([0.8, 0.1, 0.1]) * len(sequences)) <= 8).all()


@pytest.mark.parametrize("split", [cluster_split, random_split])
def test_the_order_of_the_sequences_decides_nothing_and_the_seed_does(split) -> None:  # noqa: ANN001
    sequences = list(dict.fromkeys(relatives(3)))
    parts = split(sequences, seed=0)
    order = rng(0, "order").permutation(len(sequences))
    assert (split([sequences[row] for row in order], seed=0) == parts[order]).all()
    assert (split(sequences, seed=0) == parts).all()
    assert (split(sequences, seed=1) != parts).any()


def test_a_random_split_has_exact_shares_of_the_different_sequences() -> None:
    sequences = ["".join(pair) for pair in combinations(RESIDUES, 2)]  # 190
    parts = random_split([*sequences, *sequences])
    assert sizes(parts[:190]) == [152, 19, 19]
    assert (parts[:190] == parts[190:]).all(), "equal sequences stay together"


@pytest.mark.parametrize("shares", [(0.8, 0.1), (1.0,), (1.2, -0.2), (0.5, 0.5, 0.0), (float("nan"), 0.5)])
@pytest.mark.parametrize("split", [cluster_split, random_split])
def test_shares_that_do_not_add_up_are_refused(split, shares: tuple[float, ...]) -> None:  # noqa: ANN001
    with pytest.raises(MolgenError, match="above 0 and add up to 1"):
        split(["ACDE", "GHIK"], shares)


@pytest.mark.parametrize("split", [cluster_split, random_split])
def test_nothing_can_be_split(split) -> None:  # noqa: ANN001
    assert split([]).tolist() == []
