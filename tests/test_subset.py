"""The committed part of MOSES: which rows it has, and that it can be made again."""

import gzip
import hashlib
from pathlib import Path

import pytest
from rdkit import Chem

from molgen import subset
from molgen.errors import MolgenError

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "data" / "test" / "moses_subset.csv.gz"


def test_the_rows_with_the_smallest_checksum_are_chosen() -> None:
    # `printf '0 CCC' | sha256sum` and so on. Seed 0: ca69 (CCC), dc34 (C), def6 (CC); seed 1: 79b1 (CC), 81fb (C), 90ff
    assert subset.choose(["C", "CC", "CCC"], 2, seed=0) == ["C", "CCC"]
    assert subset.choose(["CCC", "CC", "C"], 2, seed=0) == ["C", "CCC"]
    assert subset.choose(["C", "CC", "CCC"], 2, seed=1) == ["C", "CC"]


def test_the_subset_has_its_splits_in_full_and_apart() -> None:
    train, test = subset.read_subset("train"), subset.read_subset("test")
    assert (len(train), len(test)) == (5_000, 1_000)
    assert len({*train, *test}) == 6_000


def test_every_molecule_of_the_subset_parses_and_has_the_size_of_moses() -> None:
    sizes = [Chem.MolFromSmiles(text).GetNumHeavyAtoms() for text in subset.read_subset("test")]
    assert 13 <= min(sizes) and max(sizes) <= 26  # the limits of the whole of MOSES (data/SOURCES.md names the paper)
    assert 21.2 < sum(sizes) / len(sizes) < 22.0  # mean of all 1,584,663: 21.6


def test_the_file_is_the_one_that_the_sources_page_describes() -> None:
    page = (ROOT / "data" / "SOURCES.md").read_text(encoding="utf-8")
    packed = FILE.read_bytes()
    assert hashlib.sha256(packed).hexdigest() in page
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() in page
    assert packed[4:8] == bytes(4)  # no time in the gzip header
    assert "Insilico Medicine" in (FILE.parent / "NOTICE").read_text(encoding="utf-8")


def test_writing_again_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {"moses-train": ["CC", "C", "CCC"], "moses-test": ["CCO"]}
    monkeypatch.setattr(subset, "read_smiles", lambda name: sets[name])
    monkeypatch.setattr(subset, "SIZES", {"train": 2, "test": 1})
    for name in ("one", "two"):
        subset.write_subset(tmp_path / name)
    assert gzip.decompress((tmp_path / "one").read_bytes()).decode() == "SMILES,SPLIT\nC,train\nCCC,train\nCCO,test\n"
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes()[4:8] == bytes(4)  # and will tomorrow: no time in the gzip header


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(MolgenError, match="train and test, not 'valid'"):
        subset.read_subset("valid")


def test_a_wheel_without_the_subset_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subset, "data_folder", lambda: tmp_path)
    with pytest.raises(MolgenError, match="lies only in a checkout"):
        subset.read_subset("train")
