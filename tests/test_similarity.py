"""Similarities of many fingerprints, against RDKit's own, one pair at a time."""

import math

import numpy as np
import pytest
from hard_molecules import HARD
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molgen import similarity
from molgen.molecule.distance import morgan
from molgen.similarity import Searchable, internal_diversity, nearest_similarity

MAKE = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)


def molecules(texts: list[str]) -> list[Chem.Mol]:
    return [Chem.MolFromSmiles(text) for text in texts]


def by_rdkit(queries: list[Chem.Mol], references: list[Chem.Mol]) -> np.ndarray:
    """All Tanimoto similarities (m, r)."""
    against = [MAKE.GetFingerprint(mol) for mol in references]
    return np.array([DataStructs.BulkTanimotoSimilarity(MAKE.GetFingerprint(mol), against) for mol in queries])


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "BLOCK", 37)


def test_the_nearest_is_rdkits_nearest(drug_like: list[str], small_blocks: None) -> None:
    queries, references = molecules([*HARD, *drug_like[:100]]), molecules([*drug_like[3000:3400], *HARD[::2]])
    found = nearest_similarity(morgan(queries), Searchable.of(morgan(references)))
    assert np.array_equal(found, by_rdkit(queries, references).max(axis=1))


def test_one_query_and_one_reference_without_a_common_bit() -> None:
    found = nearest_similarity(morgan(molecules(["O"])), Searchable.of(morgan(molecules(["CC"]))))
    assert found.tolist() == [0.0]


def test_dense_fingerprints_do_not_overflow_their_columns() -> None:
    chance = np.random.default_rng(0)
    references = np.packbits(chance.random((300, 1024)) < 0.9, axis=1, bitorder="little")
    queries = np.packbits(chance.random((40, 1024)) < 0.95, axis=1, bitorder="little")
    a, b = (np.unpackbits(one, axis=1).astype(np.int64) for one in (queries, references))
    shared = a @ b.T
    expected = shared / (a.sum(1)[:, None] + b.sum(1) - shared)
    searchable = Searchable.of(references)
    assert np.array_equal(nearest_similarity(queries, searchable), expected.max(axis=1))
    assert searchable.fold.sum(axis=0).max() <= 85


def test_columns_of_bits_that_the_references_hardly_have_stay_small() -> None:
    few = Searchable.of(morgan(molecules(["CCO", "c1ccccc1"])))
    assert few.fold.sum(axis=0).max() <= 85 and few.fold.sum() == 1024


def test_fingerprints_without_bits_are_equal_and_share_nothing_with_others() -> None:
    empty, one = np.zeros((1, 128), dtype=np.uint8), morgan(molecules(["CCO"]))
    assert nearest_similarity(np.concatenate([empty, one]), Searchable.of(empty)).tolist() == [1.0, 0.0]
    assert internal_diversity(np.concatenate([empty, empty])) == (0.0, 0.0)


def test_the_bound_spares_nearly_all_exact_counts(drug_like: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    count = similarity._Search._count
    monkeypatch.setattr(
        similarity._Search, "_count", lambda self, rows, *rest: (counted.append(len(rows)), count(self, rows, *rest))
    )
    queries, references = morgan(molecules(drug_like[:200])), morgan(molecules(drug_like[1000:3000]))
    nearest_similarity(queries, Searchable.of(references))
    assert sum(counted) < 0.1 * len(queries) * len(references)


def test_no_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="no reference"):
        Searchable.of(np.zeros((0, 128), dtype=np.uint8))


def test_no_query_gives_nothing() -> None:
    assert nearest_similarity(np.zeros((0, 128), np.uint8), Searchable.of(morgan(molecules(["C"])))).shape == (0,)


def test_the_diversity_of_three_molecules_by_hand() -> None:
    # Two equal ones and one that shares nothing: T = [[1, 1, 0], [1, 1, 0], [0, 0, 1]], mean 5/9; rows' roots of mean
    # squares sqrt(2/3), sqrt(2/3), sqrt(1/3).
    plain, square = internal_diversity(morgan(molecules(["CC", "CC", "O"])))
    assert plain == pytest.approx(1 - 5 / 9, abs=1e-7)
    assert square == pytest.approx(1 - (2 * math.sqrt(2 / 3) + math.sqrt(1 / 3)) / 3, abs=1e-7)


def test_the_diversity_is_that_of_all_pairs(drug_like: list[str], small_blocks: None) -> None:
    mols = molecules([*HARD, *drug_like[:100], *drug_like[:10]])
    every = by_rdkit(mols, mols)
    plain, square = internal_diversity(morgan(mols))
    assert plain == pytest.approx(1 - every.mean(), abs=1e-7)
    assert square == pytest.approx(1 - np.sqrt((every**2).mean(axis=1)).mean(), abs=1e-7)


def test_the_diversity_of_nothing_is_not_a_number() -> None:
    assert all(math.isnan(value) for value in internal_diversity(np.zeros((0, 128), dtype=np.uint8)))
