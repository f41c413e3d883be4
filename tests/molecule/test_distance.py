"""Fingerprints and the exact nearest neighbour, against RDKit's own similarity and against brute force."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molgen.errors import MolgenError
from molgen.molecule import distance
from molgen.molecule.distance import ReferenceIndex, Texts, fingerprint_chunk, morgan

ALKANES = ["C" * length for length in range(1, 40)]
ANILINES = [f"Nc1ccc({group})cc1" for group in ("C", "CC", "O", "OC", "F", "Cl", "C(=O)O", "C#N", "S(C)(=O)=O", "Br")]
AMIDES = [f"O=C(N{group})c1ccccc1" for group in ("C", "CC", "C1CC1", "c1ccccc1", "Cc1ccccc1", "C1CCCCC1", "CCO", "CCN")]
REFERENCE = ALKANES + ANILINES + AMIDES
QUERIES = ["Nc1ccc(I)cc1", "O=C(NCC#N)c1ccccc1", "CCCCCCC", "c1ccncc1", "O=C(NC)c1ccccc1", "FC(F)(F)c1ccccc1"]


def mols(texts: list[str]) -> list[Chem.Mol]:
    return [Chem.MolFromSmiles(text) for text in texts]


def by_rdkit(queries: list[str], references: list[str]) -> np.ndarray:
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024).GetFingerprint
    known = [make(mol) for mol in mols(references)]
    return np.array([DataStructs.BulkTanimotoSimilarity(make(mol), known) for mol in mols(queries)])


def test_packed_bits_are_those_of_rdkit() -> None:
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    expected = np.array([make.GetFingerprintAsNumPy(mol) for mol in mols(REFERENCE)])
    packed = morgan(mols(REFERENCE))
    assert packed.shape == (len(REFERENCE), 128) and packed.dtype == np.uint8
    assert np.array_equal(np.unpackbits(packed, axis=1, bitorder="little"), expected)
    assert morgan([]).shape == (0, 128)


def test_stereochemistry_does_not_enter() -> None:
    left, right = morgan(mols(["C[C@H](F)Cl", "C[C@@H](F)Cl"]))
    assert np.array_equal(left, right)


def test_the_nearest_is_that_of_rdkits_similarities_and_ties_go_to_the_lowest_index() -> None:
    expected = by_rdkit(QUERIES, REFERENCE)
    index, similarity = ReferenceIndex.build(REFERENCE).nearest(mols(QUERIES))
    assert similarity.tolist() == expected.max(axis=1).tolist()
    assert index.tolist() == expected.argmax(axis=1).tolist()


def test_a_molecule_of_the_set_finds_its_first_copy() -> None:
    index, similarity = ReferenceIndex.build(["CCO", "CCN", "OCC", "NCC"]).nearest(mols(["CCN", "CCO"]))
    assert index.tolist() == [1, 0] and similarity.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("turned", [False, True])
def test_equal_similarities_of_unequal_sizes_go_to_the_lowest_index_too(turned: bool) -> None:
    rows = np.zeros((3, 1024), dtype=np.uint8)
    rows[0, :4] = 1  # the query
    rows[1, :2] = 1  # 2 shared of 4
    rows[2, :8] = 1  # 4 shared of 8
    packed = np.packbits(rows, axis=1, bitorder="little")
    index, similarity = ReferenceIndex("two", packed[[2, 1] if turned else [1, 2]], Texts.of(["C", "N"])).nearest(
        packed[:1]
    )
    assert (index[0], similarity[0]) == (0, 0.5)


@pytest.mark.parametrize("block", [1, 7, 100_000])
@pytest.mark.parametrize("queries", [1, 5, 100_000])
def test_blocks_do_not_change_the_answer(block: int, queries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(block + queries)
    dense = (rng.random((300, 1024)) < rng.choice([0.02, 0.1, 0.4], size=(300, 1))).astype(np.uint8)
    bits = np.packbits(dense[rng.integers(0, 300, 400)], axis=1, bitorder="little")  # a quarter are copies
    wanted = np.packbits(dense[:23] ^ (rng.random((23, 1024)) < 0.01), axis=1, bitorder="little")
    expected = brute_force(wanted, bits)
    monkeypatch.setattr(distance, "BLOCK", block)
    monkeypatch.setattr(distance, "QUERIES", queries)
    index, similarity = ReferenceIndex("random", bits, Texts.of(["C"] * 400)).nearest(wanted)
    assert similarity.tolist() == expected.max(axis=1).tolist()
    assert index.tolist() == expected.argmax(axis=1).tolist()


def brute_force(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    one, many = np.unpackbits(queries, axis=1)[:, None, :], np.unpackbits(references, axis=1)[None, :, :]
    return (one & many).sum(axis=2) / (one | many).sum(axis=2)


def test_machines_without_fast_integers_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    index = ReferenceIndex.build(REFERENCE)
    fast = index.nearest(mols(QUERIES))
    monkeypatch.setattr(distance.platform, "machine", lambda: "arm64")
    slow = index.nearest(mols(QUERIES))
    assert fast[0].tolist() == slow[0].tolist() and fast[1].tolist() == slow[1].tolist()


def test_no_queries_give_no_answers() -> None:
    index, similarity = ReferenceIndex.build(["CCO"]).nearest([])
    assert len(index) == len(similarity) == 0


def test_unreadable_texts_are_left_out_and_counted() -> None:
    index = ReferenceIndex.build(["CCO", "C1CC", "", "CCN"], name="mine", chunk=3)
    assert list(index.smiles) == ["CCO", "CCN"] and index.unreadable == 2 and len(index) == 2
    assert index.nearest(mols(["CCN"]))[0].tolist() == [1]


def test_a_set_without_a_molecule_is_an_error_that_names_it() -> None:
    with pytest.raises(MolgenError, match="'mine' holds no readable molecule among 1 texts"):
        ReferenceIndex.build(["?"], name="mine")


def test_chunks_make_the_same_index_as_the_whole_and_report_progress() -> None:
    done: list[int] = []
    parts = [fingerprint_chunk(REFERENCE[start : start + 10]) for start in range(0, len(REFERENCE), 10)]
    whole = ReferenceIndex.build(REFERENCE, chunk=10, progress=done.append)
    assert np.array_equal(ReferenceIndex.join(REFERENCE, parts).bits, whole.bits)
    assert np.array_equal(morgan(mols(REFERENCE)), whole.bits)
    assert sum(done) == len(REFERENCE)


def test_progress_of_a_search_counts_every_reference() -> None:
    done: list[int] = []
    ReferenceIndex.build(REFERENCE).nearest(mols(QUERIES), progress=done.append)
    assert sum(done) == len(REFERENCE)


def test_saved_and_loaded_it_answers_the_same(tmp_path: Path) -> None:
    index = ReferenceIndex.build([*REFERENCE, "?"], name="mine")
    index.save(tmp_path / "mine.npz")
    again = ReferenceIndex.load(tmp_path / "mine.npz")
    assert (again.name, again.unreadable, list(again.smiles)) == ("mine", 1, REFERENCE)
    assert np.array_equal(again.bits, index.bits)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]


def test_another_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"no archive")
    with pytest.raises(MolgenError, match="delete it"):
        ReferenceIndex.load(bad)
    ReferenceIndex.build(["CCO"]).save(bad)
    bad.write_bytes(bad.read_bytes()[:-40])
    with pytest.raises(MolgenError, match="delete it"):
        ReferenceIndex.load(bad)
    np.savez(bad, bits=np.zeros((1, 128)))
    with pytest.raises(MolgenError, match="delete it"):
        ReferenceIndex.load(bad)


def test_bits_and_smiles_must_belong_together() -> None:
    with pytest.raises(ValueError, match="2 SMILES"):
        ReferenceIndex("mine", np.zeros((1, 128), dtype=np.uint8), Texts.of(["C", "N"]))


def test_texts_read_like_a_list() -> None:
    texts = Texts.of(["CCO", "", "C", "\u00e9C"])
    assert list(texts) == ["CCO", "", "C", "\u00e9C"]
    assert (len(texts), texts[0], texts[-1]) == (4, "CCO", "\u00e9C")
    with pytest.raises(IndexError):
        texts[4]
