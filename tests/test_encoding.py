"""Training sets as arrays: rows in = rows used + rows rejected, spelled once, kept under what decides the tokens."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import rdBase

from molgen import encoding
from molgen.encoding import TrainingSet, encode_training_set
from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.molecule.codec import MoleculeCodec
from molgen.molecule.vocabulary import Vocabulary

VOCABULARY = Vocabulary()
MIXED = """SMILES,name
CCO,ethanol
xyz,nonsense
,nothing
C[C@H](N)C(=O)O,alanine
CC(=O)[O-].[Na+],salt
[Fe],iron
OCC,ethanol again
"""


class Idle:
    """An executor for what must not be spelled: no work may reach it."""

    def map(self, stage: str, work: Callable[[Any], Any], items: Sequence[Any], *, here: bool = False) -> list[Any]:
        raise AssertionError(f"{stage}: {len(items)} chunks, where the arrays should have come from the cache")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def written(folder: Path, text: str | bytes, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def spelled(path: Path | str, executor: Any = None, vocabulary: Vocabulary = VOCABULARY) -> TrainingSet:
    return encode_training_set(path, None, vocabulary, executor or Serial())


def rows_of(found: TrainingSet) -> list[tuple[int, ...]]:
    return [tuple(found.flat[start:stop].tolist()) for start, stop in pairwise(found.offsets.tolist())]


def test_every_row_is_used_or_rejected_with_its_line_and_what_is_wrong(tmp_path: Path) -> None:
    found = spelled(written(tmp_path, MIXED))
    assert found.rows == 7 == len(rows_of(found)) + len(found.rejected)
    told = found.rejected.set_index("row")
    assert told.index.tolist() == [3, 4, 6, 7], "in the order of the file, whoever refused them"
    assert told["id"].tolist() == ["nonsense", "nothing", "salt", "iron"]
    for row, reason in ((3, "unparsable"), (4, "empty"), (6, "more than one fragment"), (7, "atom Fe with valence 0")):
        assert reason in told.loc[row, "reason"]


def test_the_arrays_hold_the_codecs_tokens_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = spelled(written(tmp_path, MIXED))
    assert rows_of(found) == [e.tokens for e in MoleculeCodec().encode(["CCO", "CC(N)C(=O)O", "OCC"])]
    assert found.flat.dtype == np.uint8
    assert found.stereo_dropped == 1


def test_the_coverage_counts_every_row_even_where_reasons_are_many(tmp_path: Path) -> None:
    odd = ["[Fe]", "[Cu]", "[Zn]", "[Mg]", "[Ca]", "[Ba]", "[Ni]", "xyz"]
    sentence = spelled(written(tmp_path, "\n".join(["SMILES", "CCO", "C[C@H](N)C(=O)O", *odd]) + "\n")).coverage()
    assert sentence.startswith("2 of 10 molecules of ")
    assert "stereochemistry was dropped from 1 of them" in sentence
    assert sum(int(count) for count in re.findall(r"(\d+) rejected", sentence)) == len(odd)


def test_a_second_call_takes_the_arrays_from_the_cache(tmp_path: Path) -> None:
    path = written(tmp_path, MIXED)
    first, again = spelled(path), spelled(path, Idle())
    assert rows_of(again) == rows_of(first)
    assert again.rejected.equals(first.rejected) and again.sha256 == first.sha256


def test_the_texts_decide_the_arrays_not_the_file_they_come_from(tmp_path: Path) -> None:
    table = spelled(written(tmp_path, "SMILES\nCCO\nCCN\n"))
    plain = spelled(written(tmp_path, "CCO\nCCN\n", "mine.smi"), Idle())
    assert rows_of(plain) == rows_of(table)
    assert plain.sha256 != table.sha256, "the card names the file itself"


def test_another_rdkit_or_vocabulary_or_spelling_spells_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "SMILES\nCCO\n")
    spelled(path)
    with pytest.raises(AssertionError, match="should have come from the cache"):
        spelled(path, Idle(), Vocabulary(longest_ring=8))
    for module, name, value in ((rdBase, "rdkitVersion", "1999.09.1"), (encoding, "VERSION", -1)):
        with monkeypatch.context() as patched, pytest.raises(AssertionError, match="should have come from the cache"):
            patched.setattr(module, name, value)
            spelled(path, Idle())


def test_the_size_of_the_chunks_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, MIXED)
    whole = spelled(path)
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr(encoding, "CHUNK", 2)
    parts = spelled(path)
    assert rows_of(parts) == rows_of(whole)
    assert parts.rejected.equals(whole.rejected) and parts.stereo_dropped == whole.stereo_dropped


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SMILES\nxyz\n[Fe]\n", r"no molecule of .*mine\.csv can be used .*2 rows .* row 2: 'xyz' \(unparsable"),
        ("SMILES,id\n,a\n,b\n", r"no molecule of .*mine\.csv can be used .*2 rows .* row 2: '' \(empty"),
        ("SMILES\n", "a header and no rows"),
        ("", "is empty"),
        ("what,else\nCCO,1\n", "no column of .* is named like SMILES"),
    ],
)
def test_a_file_with_nothing_to_learn_from_is_refused_with_its_first_row(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(MolgenError, match=told):
        spelled(written(tmp_path, text))


def test_a_missing_file_and_a_missing_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match=r"there is no file .*moses-trian"):
        spelled(tmp_path / "moses-trian")
    with pytest.raises(MolgenError, match=r"no column 'smlies'. Its columns are: 'SMILES', 'name'"):
        encode_training_set(written(tmp_path, MIXED), "smlies", VOCABULARY, Serial())


def test_a_byte_order_mark_a_nul_byte_and_a_polymer_stop_nothing(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbfSMILES\r\nCCO\r\nC\x00C\r\n" + b"C" * 2000 + b"\r\nCCN\r\n"
    found = spelled(written(tmp_path, text))
    assert found.rows == 4 and len(rows_of(found)) == 2
    assert found.rejected["row"].tolist() == [3, 4]
    assert "2000 heavy atoms, more than the 64" in found.rejected["reason"].iloc[1]


def test_the_rows_of_a_known_data_set_are_lines_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "stands for the file of the set")
    monkeypatch.setattr(encoding, "read_rows", lambda asked: {"qm9-test": ([9, 12, 30], ["CCO", "xyz", "CCN"])}[asked])
    monkeypatch.setattr(encoding, "locate", lambda asked: {"qm9-test": path}[asked])
    found = spelled("qm9-test")
    assert found.name == "qm9-test" and found.rejected["row"].tolist() == [12]
    assert len(rows_of(found)) == 2


def test_taught_columns_follow_their_rows_past_those_that_are_rejected(tmp_path: Path) -> None:
    text = "SMILES,active,pIC50\nCCO,1,\nxyz,0,5\nCCN,?,5\n[Fe],1,5\nCCC,0,6.5\nCCO,,7\n"
    found = encode_training_set(written(tmp_path, text), None, VOCABULARY, Serial(), given=("pIC50", "active"))
    assert found.rejected["row"].tolist() == [3, 4, 5] and len(found.offsets) - 1 == 3
    assert "active: '?' is no number" in found.rejected["reason"].iloc[1]
    assert found.rejected.columns.tolist() == ["row", "id", "text", "reason"]
    assert np.array_equal(found.labels, [[np.nan, 1], [6.5, 0], [7, np.nan]], equal_nan=True)


def test_a_file_whose_taught_column_holds_words_is_refused_with_the_first(tmp_path: Path) -> None:
    path = written(tmp_path, "SMILES,active\nCCO,yes\nCCN,no\n")
    with pytest.raises(MolgenError, match=r"2 rows are rejected; the first is row 2: 'CCO' \(active: 'yes' is no num"):
        encode_training_set(path, None, VOCABULARY, Serial(), given=("active",))
