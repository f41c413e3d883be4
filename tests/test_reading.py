"""Users' files: delimiters, headers, encodings, and what bad input gets. Rows in = rows used + rows rejected."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from molgen.errors import MolgenError
from molgen.reading import Designs, read_designs

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def read(tmp_path: Path, content: str | bytes, name: str = "designs.csv", column: str | None = None) -> Designs:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_designs(path, column)


def texts(designs: Designs) -> list[str]:
    return designs.table["text"].tolist()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    lines = [["name", "SMILES", "pIC50"], ["aspirin", ASPIRIN, "4.1"], ["ethanol", "CCO", "2.0"]]
    designs = read(tmp_path, "\n".join(delimiter.join(line) for line in lines))
    assert (texts(designs), designs.table["id"].tolist()) == ([ASPIRIN, "CCO"], ["aspirin", "ethanol"])
    assert (designs.delimiter, designs.column, designs.table["row"].tolist()) == (delimiter, "SMILES", [2, 3])


def test_decimal_commas_do_not_make_a_comma_the_delimiter(tmp_path: Path) -> None:
    designs = read(tmp_path, "smiles;logp\nCCO;-0,3\nCCC;1,8\n")
    assert (designs.delimiter, texts(designs)) == (";", ["CCO", "CCC"])


def test_one_column_without_header_keeps_its_first_row(tmp_path: Path) -> None:
    designs = read(tmp_path, "CCO\nc1ccccc1\nCC(C)C\n", "designs.txt")
    assert (texts(designs), designs.column, designs.delimiter) == (["CCO", "c1ccccc1", "CC(C)C"], "", "")
    assert designs.table["id"].tolist() == ["row-1", "row-2", "row-3"]


def test_one_column_with_an_unknown_header_is_read_as_a_row_that_can_be_seen(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "my molecules\nCCO\nCCC\n", "designs.txt")) == ["my molecules", "CCO", "CCC"]


def test_a_smiles_file_holds_names_with_blanks(tmp_path: Path) -> None:
    designs = read(tmp_path, "CCO ethyl alcohol\nCCC\tpropane\nCCN\n", "designs.smi")
    assert texts(designs) == ["CCO", "CCC", "CCN"]
    assert designs.table["id"].tolist() == ["ethyl alcohol", "propane", "row-3"]


def test_a_smiles_file_of_one_molecule_with_a_name(tmp_path: Path) -> None:
    designs = read(tmp_path, "CCO ethyl alcohol\n", "designs.smi")
    assert (texts(designs), designs.table["id"].tolist()) == (["CCO"], ["ethyl alcohol"])


def test_a_cxsmiles_extension_stays_with_its_smiles(tmp_path: Path) -> None:
    designs = read(tmp_path, "C[C@H](O)F |o1:1| alcohol\nCCO ethanol\n", "designs.smi")
    assert texts(designs) == ["C[C@H](O)F |o1:1|", "CCO"]
    assert designs.table["id"].tolist() == ["alcohol", "ethanol"]


def test_two_columns_without_header_are_told_apart_by_content(tmp_path: Path) -> None:
    designs = read(tmp_path, "CHEMBL1,CCO\nCHEMBL2,c1ccccc1\n")
    assert (texts(designs), designs.table["id"].tolist()) == (["CCO", "c1ccccc1"], ["CHEMBL1", "CHEMBL2"])


@pytest.mark.parametrize(
    "header", ["SMILES", "smiles", "Canonical_SMILES", "canonical smiles", "Structure", "cxsmiles", "isomeric-smiles"]
)
def test_usual_names_of_the_column_are_known(tmp_path: Path, header: str) -> None:
    designs = read(tmp_path, f"value,{header}\n1,CCO\n")
    assert (designs.column, texts(designs)) == (header, ["CCO"])


def test_the_plain_name_wins_over_a_derived_one(tmp_path: Path) -> None:
    assert read(tmp_path, "canonical_smiles,smiles\nOCC,CCO\n").column == "smiles"


def test_the_column_can_be_named_or_numbered(tmp_path: Path) -> None:
    content = "smiles,product\nCCO,CCC\n"
    assert texts(read(tmp_path, content, column="product")) == ["CCC"]
    assert texts(read(tmp_path, content, column="Product")) == ["CCC"]
    assert texts(read(tmp_path, "1,CCO\n2,CCC\n", column="2")) == ["CCO", "CCC"]


def test_a_missing_column_lists_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match=r"designs.csv has no column 'SMIELS'. Its columns are: 'name', 'smiles'"):
        read(tmp_path, "name,smiles\na,CCO\n", column="SMIELS")


def test_a_table_without_a_known_column_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match=r"--column; its columns are: 'compound x', 'reagent'"):
        read(tmp_path, "compound x,reagent\n1,CCO\n2,CCC\n")


def test_a_number_outside_of_a_file_without_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match=r"no column '3'.*number \(1 to 2\) with --column"):
        read(tmp_path, "1,CCO\n2,CCC\n", column="3")


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="several columns named 'smiles'"):
        read(tmp_path, "smiles,smiles\nCCO,CCC\n")


@pytest.mark.parametrize(
    ("encoding", "seen"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-32", "utf-32")]
)
def test_unicode_files_with_and_without_mark(tmp_path: Path, encoding: str, seen: str) -> None:
    designs = read(tmp_path, "smiles,name\r\nCCO,Äthanol\r\n".encode(encoding))
    assert (designs.column, designs.encoding, designs.table["id"].tolist()) == ("smiles", seen, ["Äthanol"])
    assert not designs.notes


def test_a_windows_file_is_read_and_said(tmp_path: Path) -> None:
    designs = read(tmp_path, "smiles,name\nCCC,propane\nCCO,Äthanol\n".encode("cp1252"))
    assert designs.table["id"].tolist() == ["propane", "Äthanol"]
    assert "isn't UTF-8 (first at line 3)" in designs.notes[0]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_known_by_their_content(tmp_path: Path, pack) -> None:  # noqa: ANN001
    assert texts(read(tmp_path, pack(b"smiles\nCCO\n"), "designs.csv")) == ["CCO"]


def test_a_cut_off_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="damaged or cut-off"):
        read(tmp_path, gzip.compress(b"smiles\n" + b"CCO\n" * 100)[:-12], "designs.csv.gz")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end(tmp_path: Path, ends: str) -> None:
    designs = read(tmp_path, ends.join(["smiles", "CCO", "", "CCC", ""]))
    assert (texts(designs), designs.table["row"].tolist()) == (["CCO", "CCC"], [2, 4])


@pytest.mark.parametrize("content", ["", "\n\n  \n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_has_no_molecules(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(MolgenError, match="is empty: there are no molecules in it"):
        read(tmp_path, content)


def test_a_header_without_rows_has_no_molecules(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="there are no molecules in .*designs.csv"):
        read(tmp_path, "smiles,name\n")


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "actives.csv").write_text("smiles\nCCO\n")
    with pytest.raises(MolgenError, match=r"there is no file .*activs.csv \(did you mean .*actives.csv\?\)"):
        read_designs(tmp_path / "activs.csv")
    with pytest.raises(MolgenError, match="there is no folder"):
        read_designs(tmp_path / "nowhere" / "actives.csv")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="is a folder"):
        read_designs(tmp_path)


@pytest.mark.parametrize(
    ("magic", "what"), [(b"PK\x03\x04", "Excel workbook"), (b"PAR1", "Parquet"), (b"%PDF-1.4", "PDF")]
)
def test_what_is_no_text_is_named(tmp_path: Path, magic: bytes, what: str) -> None:
    with pytest.raises(MolgenError, match=what):
        read(tmp_path, magic + b"\x00\x01rest")


def test_rows_in_are_rows_used_and_rows_rejected(tmp_path: Path) -> None:
    content = 'id,smiles,note\na,CCO,x\nb,,x\nc,nan,x\nd\ne,CCC,x,y,z\nf,"CCN\ng,CCCl,x\nh,"CCF","a, b"\n\ni,CCBr,\n'
    designs = read(tmp_path, content)
    assert designs.rows == 9 == len(designs.table) + len(designs.rejected)
    assert designs.table["id"].tolist() == ["a", "g", "h", "i"]
    reasons = {row.id: row.reason.split(":")[0] for row in designs.rejected.itertuples()}
    assert reasons == {"b": "empty", "c": "empty", "d": "columns", "e": "columns", "row-7": "quotes"}
    assert designs.rejected["row"].tolist() == [3, 4, 5, 6, 7]


def test_an_open_quote_swallows_no_rows(tmp_path: Path) -> None:
    rows = ["smiles,name", 'CCO,"open'] + [f"{'C' * (n + 1)},n{n}" for n in range(50)]
    designs = read(tmp_path, "\n".join(rows))
    assert (len(designs.table), designs.rejected["row"].tolist()) == (50, [2])


@pytest.mark.parametrize(("opened", "closed"), [('CCO,"open', 'CCN,c",x'), ('CCO,"open', 'CCN,c"')])
def test_an_open_quote_that_a_later_row_closes_swallows_no_rows(tmp_path: Path, opened: str, closed: str) -> None:
    designs = read(tmp_path, f"smiles,name\n{opened}\nCCC,b\n{closed}\nCCCC,d\n")
    assert texts(designs) == ["CCC", "CCN", "CCCC"]
    assert designs.rejected["row"].tolist() == [2]


def test_lines_that_make_no_row_of_the_right_width_together_stay_apart(tmp_path: Path) -> None:
    designs = read(tmp_path, 'smiles,name\nCCO,"open\nbad,b\nworse,c",x\nCCCC,d\n')
    assert texts(designs) == ["bad", "worse", "CCCC"]
    assert designs.rejected["row"].tolist() == [2]


def test_a_quoted_cell_may_span_lines_and_that_is_said(tmp_path: Path) -> None:
    designs = read(tmp_path, 'smiles,note\nCCO,"two\nlines"\nCCC,one\n')
    assert (texts(designs), designs.table["row"].tolist()) == (["CCO", "CCC"], [2, 4])
    assert "row 2" in designs.notes[0]


def test_odd_characters_reach_the_judge_unchanged(tmp_path: Path) -> None:
    designs = read(tmp_path, "smiles\nCC\x00O\nC–C\nCC\x0cO\nCC\u2028O\n")
    assert texts(designs) == ["CC\x00O", "C–C", "CC\x0cO", "CC\u2028O"]


def test_blanks_and_quotes_around_a_smiles_are_taken_off(tmp_path: Path) -> None:
    assert texts(read(tmp_path, 'smiles,name\n  CCO ,a\n"CCC",b\n')) == ["CCO", "CCC"]
    assert texts(read(tmp_path, 'smiles\n"CCC"\n')) == ["CCC"]


def test_our_own_defused_cells_are_read_back(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "design,id\n'=O,1\n'-C,2\nCCO,3\n")) == ["=O", "-C", "CCO"]


def test_a_huge_cell_is_no_crash(tmp_path: Path) -> None:
    designs = read(tmp_path, "smiles,name\n" + "C" * 300_000 + ',"x"\nCCO,y\n')
    assert designs.rows == 2
    assert texts(designs)[-1] == "CCO"
