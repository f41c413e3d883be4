"""The statistics that MOSES ships, as they are read."""

import numpy as np
import plain
import pytest
from rdkit import Chem

from molgen import datasets
from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.molecule.distance import ReferenceIndex, morgan
from molgen.moses import reference
from molgen.moses.reference import MosesReference, open_set

SMILES = ["CCO", "c1ccc(-c2ccccc2)cc1", "CC(=O)Nc1ccc(O)cc1"]


def numbers(smiles: list[str]) -> np.ndarray:
    return np.array([[len(text), text.count("c")] for text in smiles], dtype=np.float32)


def test_statistics_are_read_from_moses_own_form(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("moses-test-stats", "moses-test-scaffolds-stats"):
        np.savez(tmp_path / f"{name}.npz", stats=np.array(plain.statistics(SMILES, numbers), dtype=object))
    monkeypatch.setattr(reference.datasets, "locate", lambda name: tmp_path / f"{name}.npz")
    monkeypatch.setattr(reference, "read_filters", lambda: ("CC",))
    monkeypatch.setattr(reference, "open_set", lambda name, _: ReferenceIndex.build(SMILES, name=name))
    found = MosesReference.load(Serial())
    mols = [Chem.MolFromSmiles(text) for text in SMILES]
    assert found.training.name == "moses-train" and found.filters == ("CC",)
    for split in (found.test, found.test_scaffolds):
        words = morgan(mols).view(np.uint64)
        assert sorted(map(tuple, split.fingerprints.words)) == sorted(map(tuple, words))
        assert split.scaffolds == {"c1ccc(-c2ccccc2)cc1": 1}
        assert split.properties["weight"] == pytest.approx([46.069, 154.212, 151.165], abs=1e-3)
        assert split.moments.mean.tolist() == pytest.approx(numbers(SMILES).mean(0).tolist())


def test_statistics_that_were_not_fetched_are_named_with_the_remedy(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path))
    with pytest.raises(MolgenError, match="filters.* is not there: .*mcf.csv.*`molgen data fetch moses`"):
        MosesReference.load(Serial())


def test_a_set_without_molecules_has_no_index() -> None:
    with pytest.raises(MolgenError, match="holds statistics and no molecules"):
        open_set("moses-test-stats", Serial())


@pytest.mark.slow
def test_todays_rdkit_gives_the_fingerprints_and_scaffolds_that_moses_ships() -> None:
    with np.load(datasets.locate("moses-test-stats"), allow_pickle=True) as file:
        shipped = file["stats"].item()
    texts = datasets.read_smiles("moses-test")[:2000]
    mols = [Chem.MolFromSmiles(text) for text in texts]
    packed = np.packbits(shipped["SNN"]["fps"][:2000], axis=1, bitorder="little")
    assert (packed == morgan(mols)).all(axis=1).mean() > 0.99
    assert shipped["weight"]["values"][:2000] == pytest.approx(
        [plain.PROPERTIES["weight"](mol) for mol in mols], abs=0.02
    )
