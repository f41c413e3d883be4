"""The candidate table: what is checked on writing, and files that spreadsheets, RDKit and pandas read back."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molgen import candidates
from molgen.errors import MolgenError, OutputError
from molgen.molecule.sdf import to_sdf


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["a", "b", "c", "=cmd()"],
            "design": ["CCO", "c1ccccc1", None, "CCN"],
            "as_drawn": ["OCC", "C1=CC=CC=C1", "-C(", "@SUM(A1)"],
            "row": [1, 2, 3, 4],
            "rejected_by": ["", "", "valid", ""],
            "reason": ["", "", "unparsable: syntax error near character 3", ""],
            "rank": [2, 1, None, 3],
            "desirability": [0.1, 0.7000000000000001, np.nan, 0.05],
            "d_qed": [0.1, 0.7, np.nan, 0.05],
            "qed": [1 / 3, 0.5, np.nan, 0.2],
            "hbd": [1, 0, np.nan, 1],
            "charge": [0, -1, np.nan, 1],
            "selected": [False, True, False, True],
            "flags": ["", "+x", "", ""],
            "in_training": [True, False, None, False],
        }
    )


def test_names_are_unique_and_every_column_has_a_meaning() -> None:
    names = [column.name for column in candidates.SCHEMA]
    assert len(set(names)) == len(names)
    assert all(column.meaning.endswith(".") for column in candidates.SCHEMA)
    promised = (
        "id design as_drawn rejected_by reason rank desirability selected qed sa_score logp tpsa mw scaffold "
        "in_training nearest_reference nearest_similarity"
    )
    assert set(promised.split()) <= set(names)


def test_conform_gives_every_column_its_type_and_place_and_lacking_ones_nulls() -> None:
    found = candidates.conform(table())
    expected = [column.name for column in candidates.SCHEMA]
    expected.insert(expected.index("desirability") + 1, "d_qed")
    assert list(found.columns) == expected
    assert found["hbd"].dtype == "Int64" and found["hbd"].isna()[2]
    assert found["in_training"].isna()[2] and found["pareto_front"].tolist() == [False] * 4
    assert found["mw"].isna().all() and found["mw"].dtype == "float64"
    candidates.check(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="design"), "lacks the column 'design'"),
        (lambda t: t.assign(smies=1), "unknown column 'smies'"),
        (lambda t: t.assign(rnak=1), "did you mean 'rank'?"),
        (lambda t: t.assign(hbd=["x"] * 4), "'hbd' does not fit its type Int64"),
        (lambda t: t.assign(hbd=[0.5] * 4), "'hbd' does not fit its type Int64"),
        (lambda t: pd.concat([t, t[["qed"]]], axis=1), "has the column 'qed' twice"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(change, message: str) -> None:
    with pytest.raises(MolgenError) as caught:
        candidates.conform(change(table()))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("id", 1, "a", "'a' has an id that another row has"),
        ("rank", 2, 4, "'c' has a rank although it was rejected"),
        ("selected", 2, True, "'c' has a selection although it has no rank"),
        ("reason", 2, "", "'c' has a rejection without a reason"),
        ("design", 0, None, "'a' has no design although it passed"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(column: str, row: int, value, message: str) -> None:
    bad = candidates.conform(table())
    bad.loc[row, column] = value
    with pytest.raises(MolgenError) as caught:
        candidates.check(bad)
    assert message in str(caught.value)


def test_check_wants_all_columns_with_their_types() -> None:
    good = candidates.conform(table())
    with pytest.raises(MolgenError, match="lacks the column 'mw'"):
        candidates.check(good.drop(columns="mw"))
    with pytest.raises(MolgenError, match="'hbd' must be of type Int64, not float64"):
        candidates.check(good.assign(hbd=good["qed"]))


def test_the_files_hold_all_the_ranked_and_the_selected(tmp_path: Path) -> None:
    paths = candidates.write(table(), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(paths)
    everything = pd.read_parquet(paths["candidates.parquet"])
    pd.testing.assert_frame_equal(everything, candidates.conform(table()))
    assert candidates.read_csv(paths["ranked.csv"])["id"].tolist() == ["b", "a", "=cmd()"]
    mols = list(Chem.SDMolSupplier(str(paths["selected.sdf"])))
    assert [mol.GetProp("_Name") for mol in mols] == ["b", "=cmd()"]
    assert [Chem.MolToSmiles(mol) for mol in mols] == ["c1ccccc1", "CCN"]
    assert mols[0].GetProp("rank") == "1" and float(mols[0].GetProp("desirability")) == 0.7000000000000001
    assert mols[0].GetConformer().GetPositions().any() and not mols[0].HasProp("mw")


def test_no_cell_of_the_csv_is_a_formula_and_numbers_stay_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(candidates.to_csv(candidates.conform(table())).decode())))
    assert [row["id"] for row in rows] == ["a", "b", "c", "'=cmd()"]
    assert [row["as_drawn"] for row in rows] == ["OCC", "C1=CC=CC=C1", "'-C(", "'@SUM(A1)"]
    assert rows[1]["flags"] == "'+x"
    assert [row["charge"] for row in rows] == ["0", "-1", "", "1"]
    assert float(rows[0]["qed"]) == 1 / 3


@pytest.mark.parametrize("text", ["=1", "+1", "-C", "@x", "\tx", "\rx", "\nx", "'quoted", "''", "CCO", "", "C=O"])
def test_a_defused_text_can_be_restored_exactly(text: str) -> None:
    safe = candidates.defused(pd.DataFrame({"as_drawn": pd.array([text], dtype="str")}))["as_drawn"][0]
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert candidates.restored(safe) == text


def test_the_csv_read_back_is_the_table(tmp_path: Path) -> None:
    path = candidates.write(table(), tmp_path)["candidates.csv"]
    found, expected = candidates.read_csv(path), candidates.conform(table())
    texts = {column.name: "" for column in candidates.SCHEMA if column.dtype == "str" and column.name != "design"}
    pd.testing.assert_frame_equal(found.fillna(texts), expected.fillna(texts), check_exact=True)


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = candidates.write(table(), tmp_path / "1"), candidates.write(table(), tmp_path / "2")
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one)


def test_an_empty_table_is_written_too(tmp_path: Path) -> None:
    paths = candidates.write(table()[:0], tmp_path)
    assert len(candidates.read_csv(paths["candidates.csv"])) == 0
    assert paths["selected.sdf"].read_bytes() == b""


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write .*candidates.parquet: "):
        candidates.write(table(), tmp_path / "file" / "run")


def test_a_design_that_cannot_be_read_back_keeps_its_record_without_atoms() -> None:
    frame = table()[:2].assign(design=["C1CC", "CCO"])
    mols = list(Chem.ForwardSDMolSupplier(io.BytesIO(to_sdf(frame))))
    assert [(mol.GetProp("_Name"), mol.GetNumAtoms()) for mol in mols] == [("a", 0), ("b", 3)]
    assert mols[0].GetProp("design") == "C1CC"
