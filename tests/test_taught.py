"""Columns of a training file that are taught: which they are, and what may stand in their cells."""

import logging
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molgen.errors import MolgenError
from molgen.taught import given, numbers, refuse_constant


def written(folder: Path, text: str, name: str = "mine.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_name_that_is_not_computed_is_a_column(tmp_path: Path) -> None:
    train = written(tmp_path, "SMILES,active,pIC50\nCCO,1,6.5\nCCN,0,4\n")
    assert given(("pIC50", "logp", "active"), train, None, "molecule") == ("pIC50", "active")
    assert given((), train, None, "molecule") == given(("logp",), train, None, "molecule") == ()
    peptides = written(tmp_path, "sequence,active\nKLAKLAK,1\n", "peptides.csv")
    assert given(("active", "net_charge"), peptides, None, "protein") == ("active",)


def test_what_is_computed_is_computed_and_the_column_of_that_name_is_said_to_be_unused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train = written(tmp_path, "SMILES,logp\nCCO,7\n")
    assert given(("logp",), train, None, "molecule") == ()
    assert "the column 'logp'" in caplog.text and "Rename the column" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("smell",), r"no property 'smell'; there are .*logp.*; nor a column of that name in .*'SMILES', 'active'"),
        (("net_charge",), r"no property 'net_charge' \(it is one of the protein modality: --modality protein\)"),
        (("active", "logp", "active"), "properties=active,logp,active names one of them twice"),
    ],
)
def test_a_name_of_nothing_and_one_that_stands_twice_are_refused(
    names: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(MolgenError, match=told):
        given(names, written(tmp_path, "SMILES,active\nCCO,1\n"), None, "molecule")


def test_fasta_has_no_columns(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match=r"no property 'active'; .* has no header with names of columns"):
        given(("active",), written(tmp_path, ">a\nKLAKLAK\n", "mine.fasta"), None, "protein")


def test_an_empty_cell_is_untold_and_what_is_no_number_is_a_rejected_row() -> None:
    cells = ["1", "", " 0.5 ", "NA", ">10", "inf", "-2e1"]
    table = pd.DataFrame({"row": range(2, 9), "id": "", "text": list("ABCDEFG"), "value": cells})
    kept, refused = numbers(table, ("value",))
    assert kept["text"].tolist() == ["A", "B", "C", "D", "G"]
    assert [x if math.isfinite(x) else None for x in kept["value"]] == [1.0, None, 0.5, None, -20.0]
    assert refused["row"].tolist() == [6, 7] and refused.columns.tolist() == ["row", "id", "text", "reason"]
    assert refused["reason"].iloc[0] == "value: '>10' is no number; leave the cell empty where it is not known"


def test_a_column_of_one_value_is_refused() -> None:
    values = np.array([[1, 0], [1, 1], [np.nan, np.nan]])
    with pytest.raises(MolgenError, match="column 'active' teaches nothing: of 3 designs, 2 have a value, all 1"):
        refuse_constant(values, ("active", "other"))
    refuse_constant(values[:, 1:], ("other",))
