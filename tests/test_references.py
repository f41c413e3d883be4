"""Sets to compare with: how they are named, read, standardised and indexed."""

import json
from pathlib import Path

import pytest

from molgen import datasets, references
from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.molecule.distance import ReferenceIndex
from molgen.pipeline import screen
from molgen.references import Reference, find_reference, index_path, open_index
from molgen.runs import Run
from molgen.settings import ScreenSettings

NEOSTIGMINE = "C[N+](C)(C)c1cccc(OC(=O)N(C)C)c1"  # a charge that no standardising takes away
COMPANY = {  # as a company's list has them
    "lidocaine hydrochloride": "CCN(CC)CC(=O)Nc1c(C)cccc1C.Cl",
    "ibuprofen sodium": "CC(C)Cc1ccc(cc1)C(C)C(=O)[O-].[Na+]",
    "phenylalanine": "[NH3+]C(Cc1ccccc1)C([O-])=O",
    "neostigmine bromide": f"{NEOSTIGMINE}.[Br-]",
}
DESIGNS = ["CCN(CC)CC(=O)Nc1c(C)cccc1C", "CC(C)Cc1ccc(cc1)C(C)C(O)=O", "NC(Cc1ccccc1)C(O)=O", NEOSTIGMINE]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "cache"))


def written(tmp_path: Path, text: str, name: str = "inhouse.csv") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def company(tmp_path: Path) -> str:
    rows = [f"{name},{smiles}" for name, smiles in COMPANY.items()]
    return written(tmp_path, "\n".join(["name,SMILES", *rows]) + "\n")


def screened(tmp_path: Path, designs: list[str], reference: str, **changes: object) -> Run:
    library = written(tmp_path, "\n".join(designs) + "\n", "library.smi")
    settings = ScreenSettings(library, out=tmp_path / "run", training=reference, reference=reference, **changes)
    return screen(settings, Serial())


@pytest.mark.parametrize("strip_salts", [True, False])
def test_what_a_company_owns_as_a_salt_is_no_new_molecule(tmp_path: Path, strip_salts: bool) -> None:
    """Neither as the free base or acid nor, where a profile keeps charges, as the ion."""
    profile = written(tmp_path, f'name = "x"\n[standardise]\nstrip_salts = {str(strip_salts).lower()}\n', "x.toml")
    ions = ["CC[NH+](CC)CC(=O)Nc1c(C)cccc1C", "CC(C)Cc1ccc(cc1)C(C)C(=O)[O-]"] if not strip_salts else []
    run = screened(tmp_path, [*DESIGNS, *ions], company(tmp_path), profile=profile)
    assert run.candidates["in_training"].tolist() == [True] * (len(DESIGNS) + len(ions))


def test_the_nearest_neighbour_of_an_owned_compound_is_itself(tmp_path: Path) -> None:
    profile = written(tmp_path, 'name = "x"\n[novelty]\nreject_known = false\n[alerts]\nreject = []\n', "x.toml")
    run = screened(tmp_path, DESIGNS, company(tmp_path), profile=profile)
    assert run.ranked["nearest_similarity"].tolist() == [1.0] * 4
    assert set(run.ranked["nearest_reference"]) == set(COMPANY.values())  # as the file spells them


def test_rows_of_the_set_that_are_no_molecule_are_said_and_written_into_run_json(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, "SMILES\nCCO\nC1CC\n\nNA\nCCN\n")
    for again in (False, True):  # made, and read from the cache
        caplog.clear()
        run = screened(tmp_path, ["CCO"], path, replace=again, profile="fragment" if again else "oral_drug")
        sentence = f"2 of 4 rows of {path} are no molecule and were left out (first: row 3: unparsable: unclosed ring"
        assert sentence in caplog.text
        inputs = json.loads((run.folder / "run.json").read_text())["inputs"]
        assert sentence in inputs["training"]["left_out"] and sentence in inputs["reference"]["left_out"]


def test_a_file_may_name_its_column(tmp_path: Path) -> None:
    path = written(tmp_path, "structure_a,structure_b\nCCO,CCN\nCCCO,CCCN\n")
    with pytest.raises(MolgenError, match=rf"no column of .* is named like SMILES.*{path}:COLUMN.*'structure_a'"):
        find_reference(path)
    chosen = find_reference(f"{path}:structure_b")
    assert (chosen.title, chosen.column) == (path, "structure_b")
    assert list(open_index(chosen, Serial()).smiles) == ["CCN", "CCCN"]
    with pytest.raises(MolgenError, match="no column 'structure_c'.*'structure_a', 'structure_b'"):
        find_reference(f"{path}:structure_c")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("moses-trian", "neither a file nor a data set .*did you mean moses-train"),
        ("moses-test-stats", "moses-test-stats holds statistics and no molecules. Sets of molecules: moses-train"),
        ("{folder}/inhuose.csv", "inhuose.csv is neither a file nor a data set .*did you mean .*inhouse.csv"),
        ("{folder}", "is a folder, where a file or a data set is needed"),
    ],
)
def test_a_set_that_is_not_there_is_an_error_with_the_nearest_name(tmp_path: Path, name: str, sentence: str) -> None:
    company(tmp_path)
    with pytest.raises(MolgenError, match=sentence):
        find_reference(name.format(folder=tmp_path))


def test_a_wrong_reference_is_found_before_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="is named like SMILES"):
        screened(tmp_path, ["CCO"], written(tmp_path, "structure_a,structure_b\nCCO,CCN\n"))
    assert not (tmp_path / "run").exists()


def test_two_processes_may_index_one_set_and_the_slower_takes_the_index_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = find_reference(company(tmp_path))
    other = open_index(reference, Serial())
    index_path(reference).rename(tmp_path / "kept.npz")

    class Beaten(Serial):
        """Before its own pieces can be joined, the other process has finished and dropped them."""

        def map(self, *arguments: object, **named: object) -> list:
            found = super().map(*arguments, **named)
            (tmp_path / "kept.npz").rename(index_path(reference))
            references.Store(index_path(reference).with_suffix(".units")).remove()
            return found

    mine = open_index(reference, Beaten())
    assert isinstance(mine, ReferenceIndex) and (mine.bits == other.bits).all()


def test_no_two_data_sets_are_taken_for_one_another() -> None:
    """Several are rows of one file, so that its checksum does not tell them apart."""
    named = [name for name, data in datasets.DATASETS.items() if data.rows]
    keys = [Reference(name, Path("one.csv"), "the same", None, datasets.DATASETS[name].modality).key for name in named]
    assert len(set(keys)) == len(named) > 10
