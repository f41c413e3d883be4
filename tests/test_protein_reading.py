"""Users' files of sequences: formats, damage, and what is told. Records in = records used + records rejected."""

import gzip
import lzma
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from Bio import AlignIO, SeqIO

from molgen.errors import MolgenError
from molgen.protein.alignment import GAP
from molgen.protein.alignment_reading import read_alignment
from molgen.protein.alphabet import RESIDUES, judge
from molgen.protein.mistaken import LONGEST
from molgen.protein.reading import find_column, read_sequences
from molgen.reading import Designs

FASTA = ">sp|P1|A first protein\nACDEF\nGHIKL\n\n>b\nMNPQR STVWY\n"
STOCKHOLM = """# STOCKHOLM 1.0
#=GF ID   Toy
#=GS one AC P12345

one/1-6   AC-DEf
#=GR one/1-6 SS HHHHHH
two/3-7   ACW.EF
#=GC RF   xxxxxx

one/1-6   GH
#=GR one/1-6 SS HH
two/3-7   -H
#=GC RF   xx
//
"""
CLUSTAL = """CLUSTAL W (1.82) multiple sequence alignment


one             ACDEFGHIKL-NPQRSTVWY 19
two-x           ACDEFG-IKLMNPQRSTVW- 18
                ****** *** ******* {blank}

one             AC 21
two-x           -C 19
                 *
""".replace("{blank}", " ")


def write(tmp_path: Path, content: str | bytes, name: str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(tmp_path: Path, content: str | bytes, name: str = "set.fasta", column: str | None = None) -> Designs:
    designs = read_sequences(write(tmp_path, content, name), column)
    assert designs.rows == len(designs.table) + len(designs.rejected)
    return designs


def rows(designs: Designs) -> list[tuple[int, str, str]]:
    return list(designs.table.itertuples(index=False, name=None))


def reasons(designs: Designs) -> dict[int, str]:
    return {row.row: row.reason for row in designs.rejected.itertuples()}


def test_a_fasta_record_has_the_line_of_its_header_and_the_first_word_as_id(tmp_path: Path) -> None:
    designs = read(tmp_path, FASTA)
    assert rows(designs) == [(1, "sp|P1|A", "ACDEFGHIKL"), (5, "b", "MNPQRSTVWY")]
    assert (designs.column, designs.delimiter, designs.notes) == ("", "", ())


def test_biopython_reads_the_same_records(tmp_path: Path) -> None:
    theirs = [(record.id, str(record.seq).replace(" ", "")) for record in SeqIO.parse(StringIO(FASTA), "fasta")]
    assert [(name, text) for _, name, text in rows(read(tmp_path, FASTA))] == theirs


@pytest.mark.parametrize("name", ["set.fa", "set.FAA", "set.fas", "set.txt", "set", "set.seq"])
def test_fasta_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    assert len(read(tmp_path, FASTA, name).table) == 2


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_packed_file_is_unpacked(tmp_path: Path, pack) -> None:  # noqa: ANN001
    assert len(read(tmp_path, pack(FASTA.encode()), "set.fasta.gz").table) == 2


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_of_windows_and_of_old_macs(tmp_path: Path, ends: str) -> None:
    assert rows(read(tmp_path, FASTA.replace("\n", ends))) == rows(read(tmp_path, FASTA))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_text_before_the_first_header(tmp_path: Path, encoding: str) -> None:
    assert rows(read(tmp_path, FASTA.encode(encoding))) == rows(read(tmp_path, FASTA))


def test_names_of_windows_are_read_and_that_is_said(tmp_path: Path) -> None:
    designs = read(tmp_path, ">Häm protein\nACDE\n".encode("cp1252"))
    assert rows(designs) == [(1, "Häm", "ACDE")]
    assert "isn't UTF-8 (first at line 1)" in designs.notes[0]


def test_what_a_letter_means_is_left_to_the_judge(tmp_path: Path) -> None:
    designs = read(tmp_path, ">lower\nacdefg\n>stop\nACDEFGH*\n>inner\nAC*DE\n>odd\nACXB\n>cap\nAc-KLL-NH2\n")
    assert designs.table["text"].tolist() == ["acdefg", "ACDEFGH*", "AC*DE", "ACXB", "Ac-KLL-NH2"]
    judged = judge(designs.table["text"].tolist())
    assert [one.sequence for one in judged] == ["ACDEFG", "ACDEFGH", None, None, None]
    assert [str(one.reason).split(":")[0] for one in judged[2:]] == ["residue", "residue", "modified"]


def test_a_record_without_sequence_is_rejected_at_its_place(tmp_path: Path) -> None:
    designs = read(tmp_path, ">a\n>b\nACDE\n>c\n\n  \n")
    assert rows(designs) == [(2, "b", "ACDE")]
    assert reasons(designs) == dict.fromkeys((1, 4), "empty: no sequence in this record")


def test_a_header_without_name_gets_one_by_its_row(tmp_path: Path) -> None:
    assert rows(read(tmp_path, ">\nACDE\n>  \nGHIK\n")) == [(1, "row-1", "ACDE"), (3, "row-3", "GHIK")]


def test_nothing_but_a_header_mark_is_one_rejected_record(tmp_path: Path) -> None:
    designs = read(tmp_path, ">")
    assert (rows(designs), list(reasons(designs))) == ([], [1])


def test_text_before_the_first_header_is_told(tmp_path: Path) -> None:
    designs = read(tmp_path, "\nMy proteins\nACDE\n>a\nGHIK\n")
    assert rows(designs) == [(4, "a", "GHIK")]
    assert reasons(designs) == {2: "header: text before the first line with '>'"}
    assert designs.rejected["text"].tolist() == ["MyproteinsACDE"]


def test_ids_that_are_there_twice_are_told_and_both_kept(tmp_path: Path) -> None:
    designs = read(tmp_path, ">a\nACDE\n>b\nACDF\n>a x\nACDGG\n")
    assert designs.table["id"].tolist() == ["a", "b", "a"]
    assert "1 ids" in designs.notes[0] and "'a' in rows 1 and 5" in designs.notes[0]


@pytest.mark.parametrize(
    "content", [f">a\n{'A' * 1_000_000}\n>b\nACDE\n", f"id,sequence\na,{'A' * 1_000_000}\nb,ACDE\n"]
)
def test_a_line_of_a_million_letters_is_refused_with_the_reason(tmp_path: Path, content: str) -> None:
    designs = read(tmp_path, content, "set.csv" if content.startswith("id") else "set.fa")
    assert designs.table["text"].tolist() == ["ACDE"]
    (reason,) = designs.rejected["reason"]
    assert reason.startswith(f"too long: 1,000,000 letters (limit {LONGEST:,})")
    assert len(designs.rejected["text"].iloc[0]) < 100, "a table of rejected rows stays readable"


def test_the_longest_that_is_read_is_read(tmp_path: Path) -> None:
    designs = read(tmp_path, f">a\n{'M' * LONGEST}\n>b\n{'M' * (LONGEST + 1)}\n")
    assert (designs.table["id"].tolist(), designs.rejected["id"].tolist()) == (["a"], ["b"])


def test_a_row_of_200_000_cells_is_refused_quickly(tmp_path: Path) -> None:
    designs = read(tmp_path, "id,sequence\na,ACDE\nb" + ",ACDE" * 200_000 + "\n", "set.csv")
    assert designs.table["id"].tolist() == ["a"]
    assert designs.rejected["reason"].iloc[0].startswith("columns: the row has 200001 cells where 2 are expected")
    with pytest.raises(MolgenError, match="named like a sequence"):
        read(tmp_path, ("x," * 100_000 + "\n") * 2, "wide.csv")


@pytest.mark.parametrize("content", [b"", b"\n  \r\n", b"\xef\xbb\xbf\n", gzip.compress(b"")])
@pytest.mark.parametrize("name", ["set.fasta", "set.csv", "set.sto", "set.txt"])
def test_an_empty_file_is_an_error_that_names_the_remedy(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(MolgenError, match=rf"{name}.*Give FASTA, a CSV or TSV table with a column 'sequence'"):
        read(tmp_path, content, name)


def test_what_is_missing_from_a_file_is_sequences_and_no_molecules(tmp_path: Path) -> None:
    for path in (write(tmp_path, b"", "empty.fasta"), tmp_path):
        with pytest.raises(MolgenError, match="sequences in it|with sequences is needed") as found:
            read_sequences(path)
        assert "molecule" not in str(found.value)
    with pytest.raises(MolgenError, match="PDF document") as found:
        read(tmp_path, b"%PDF-1.7 text", "set.csv")
    assert "SMILES" not in str(found.value)


def test_a_file_that_is_not_there_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, FASTA, "family.fasta")
    with pytest.raises(MolgenError, match=r"no file .*famly.fasta \(did you mean .*family.fasta\?\)"):
        read_sequences(tmp_path / "famly.fasta")


@pytest.mark.parametrize("name", ["set.fasta", "set.sto", "set.aln"])
def test_a_name_that_promises_more_than_the_file_holds_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(MolgenError, match=r"no line begins with '>', and the first one is 'ACDEFG'"):
        read(tmp_path, "ACDEFG\nGHIKL\n", name)


def test_genes_are_noticed(tmp_path: Path) -> None:
    assert "translate them first" in read(tmp_path, ">a\n" + "ACGTTGCAGT" * 6 + "\n").notes[0]
    assert read(tmp_path, ">a\n" + "ACGTTGCAGK" * 6 + "\n").notes == ()


@pytest.mark.parametrize("header", ["sequence", "Seq", "PEPTIDE", "protein", "aa", "Amino acid sequence", "aa-seq"])
def test_usual_names_of_the_column_are_known(tmp_path: Path, header: str) -> None:
    designs = read(tmp_path, f"pep_name,{header},MIC\np1,KLWKK,4\np2,klwkw,8\n", "set.csv")
    assert (designs.column, designs.table["text"].tolist()) == (header, ["KLWKK", "klwkw"])
    assert designs.table["row"].tolist() == [2, 3]


def test_the_accession_is_the_identifier(tmp_path: Path) -> None:
    designs = read(tmp_path, "Entry\tSequence\nP12345\tACDEF\n\nP2\t\n", "set.tsv")
    assert rows(designs) == [(2, "P12345", "ACDEF")]
    assert reasons(designs) == {4: "empty: no sequence in this row"}


def test_a_column_can_be_named_and_a_missing_one_lists_those_that_are_there(tmp_path: Path) -> None:
    table = "sequence,parent\nACDE,GHIK\n"
    assert read(tmp_path, table, "set.csv", "parent").table["text"].tolist() == ["GHIK"]
    with pytest.raises(MolgenError, match="no column 'child'. Its columns are: 'sequence', 'parent'"):
        read(tmp_path, table, "set.csv", "child")
    assert "'parent' is not used" in read(tmp_path, FASTA, "set.fa", "parent").notes[0]


def test_a_table_without_header_is_told_apart_by_content(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "pep1,KLWKK\npep2,ACDEF\n", "set.csv")) == [(1, "pep1", "KLWKK"), (2, "pep2", "ACDEF")]


def test_plain_text_is_one_sequence_a_line(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "ACDE\n\nklwkk\n", "set.txt")) == [(1, "row-1", "ACDE"), (3, "row-3", "klwkk")]


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ("sequence\nCCCCNC\nCCN\nCC(=O)Oc1ccccc1\n", "set.csv", "3 of 3 rows of .* are SMILES, such as CCCCNC, and no"),
        ("CCCCNC\nCCCCCCNCC\nGIGKF\n", "set.txt", "2 of 3 rows of .* are SMILES"),
        ("CCCCNC ethyl\nCCCCCCNCC octyl\n", "set.smi", "2 of 2 rows"),
        ("peptide,canonical_smiles\nGIGKF,NCC(=O)O\n", "set.csv", ""),
    ],
)
def test_smiles_are_no_sequences_though_their_letters_may_be(
    tmp_path: Path, content: str, name: str, told: str
) -> None:
    """Of CCN, CCCO and CCCCNC the letters of the first and the last are residues."""
    if not told:
        assert rows(read(tmp_path, content, name))[0][2] == "GIGKF"
        return
    with pytest.raises(MolgenError, match=told) as found:
        read(tmp_path, content, name)
    assert "--modality molecule" in str(found.value)


@pytest.mark.parametrize("column", [None, "SMILES", "1"])
def test_a_column_named_like_smiles_is_not_read_as_sequences(tmp_path: Path, column: str | None) -> None:
    with pytest.raises(MolgenError, match="with --modality molecule"):
        read(tmp_path, "SMILES,label\nGIGKFLHSAKKFG,x\n", "set.csv", column)


def test_a_few_short_peptides_that_are_smiles_too_are_read(tmp_path: Path) -> None:
    assert len(read(tmp_path, "sequence\nCPCPC\nGIGKF\nKWKLF\n", "set.csv").table) == 3


def test_the_column_is_found_as_it_would_be_read(tmp_path: Path) -> None:
    assert find_column(write(tmp_path, "a,Peptide\n1,ACDE\n", "set.csv")) == "Peptide"
    assert find_column(write(tmp_path, FASTA, "set.fa")) == ""
    with pytest.raises(MolgenError, match=r"Name the one to read with FILE:COLUMN"):
        find_column(write(tmp_path, "a,b\n1,2\n", "set.csv"), how="FILE:COLUMN")


def test_a_stockholm_alignment_gives_its_sequences_without_gaps(tmp_path: Path) -> None:
    designs = read(tmp_path, STOCKHOLM, "toy.sto")
    assert rows(designs) == [(5, "one/1-6", "ACDEfGH"), (7, "two/3-7", "ACWEFH")]
    assert "gaps were taken out of 2 of 2 rows" in designs.notes[0]


@pytest.mark.parametrize(
    ("content", "name", "form"), [(STOCKHOLM, "a.sto", "stockholm"), (CLUSTAL, "a.aln", "clustal")]
)
def test_an_alignment_is_the_one_that_biopython_reads(tmp_path: Path, content: str, name: str, form: str) -> None:
    alignment = read_alignment(write(tmp_path, content, name))
    theirs = AlignIO.read(StringIO(content), form)
    letters = RESIDUES + "-"
    ours = ["".join(letters[number] for number in row) for row in alignment.rows]
    assert ours == [str(record.seq).upper().replace(".", "-") for record in theirs]
    assert list(alignment.ids) == [record.id for record in theirs]
    assert alignment.rows.dtype == np.int8 and alignment.rows.shape == (2, theirs.get_alignment_length())


def test_a_clustal_alignment_gives_its_sequences_without_gaps(tmp_path: Path) -> None:
    assert rows(read(tmp_path, CLUSTAL, "a.aln")) == [
        (4, "one", "ACDEFGHIKLNPQRSTVWYAC"),
        (5, "two-x", "ACDEFGIKLMNPQRSTVWC"),
    ]


def test_aligned_fasta_loses_its_gaps_and_unaligned_hyphens_stay(tmp_path: Path) -> None:
    aligned = read(tmp_path, ">a\nAC-DE\n>b\nACWDE\n>c\n-----\n", "a.fa")
    assert rows(aligned) == [(1, "a", "ACDE"), (3, "b", "ACWDE")]
    assert reasons(aligned) == {5: "empty: no sequence in this record"}
    assert "taken out of 2 of 3 rows" in aligned.notes[0]
    assert read(tmp_path, ">a\nAC-DE\n>b\nACW\n", "b.fa").table["text"].tolist() == ["AC-DE", "ACW"]
    capped = read(tmp_path, ">a\nAc-KLL-NH2\n>b\nAc-KLA-NH2\n", "c.fa")
    assert capped.table["text"].tolist() == ["Ac-KLL-NH2", "Ac-KLA-NH2"], "of one length, and no alignment"


def test_insertions_of_a3m_are_kept_in_the_sequence_and_left_out_of_the_columns(tmp_path: Path) -> None:
    path = write(tmp_path, ">a\nACDE\n>b\nAwwC-E\n", "a.a3m")
    assert read_sequences(path).table["text"].tolist() == ["ACDE", "AwwCE"]
    assert read_alignment(path).rows.tolist() == [[0, 1, 2, 3], [0, 1, GAP, 3]]


def test_letters_for_several_residues_become_gaps(tmp_path: Path) -> None:
    alignment = read_alignment(write(tmp_path, ">a\nAXC-\n>b\nBCU.\n", "a.fa"))
    assert alignment.rows.tolist() == [[0, GAP, 1, GAP], [GAP, 1, GAP, GAP]]
    assert alignment.notes == ()


def test_fasta_of_one_length_without_gaps_is_taken_for_aligned_with_a_note(tmp_path: Path) -> None:
    alignment = read_alignment(write(tmp_path, ">a\nACDE\n>b\nCDEF\n", "a.fa"))
    assert alignment.rows.shape == (2, 4)
    assert "no gaps, and each row has 4 letters" in alignment.notes[0] and "align it first" in alignment.notes[0]
    for content in (">a\nACDE\n>b\nCD-F\n", ">a\nACDE\n>b\nACfgDE\n"):
        assert read_alignment(write(tmp_path, content, "b.fa")).notes == ()


def test_rows_of_different_lengths_are_no_alignment(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match=r"a \(row 1\) has 4 columns, b \(row 3\) 3\. Align it first"):
        read_alignment(write(tmp_path, ">a\nACDE\n>b\nACD\n", "a.fa"))
    twice = STOCKHOLM.replace("two/3-7   -H\n", "one/1-6   -H\n")
    with pytest.raises(MolgenError, match=r"one/1-6 \(row 5\) has 10 columns, two/3-7 \(row 7\) 6"):
        read_alignment(write(tmp_path, twice, "a.sto"))


@pytest.mark.parametrize(("letter", "column"), [("1", 3), ("é", 2), ("Σ", 1)])
def test_a_character_that_is_no_residue_is_named_with_its_place(tmp_path: Path, letter: str, column: int) -> None:
    row = "ACDE"[: column - 1] + letter + "ACDE"[column:]
    with pytest.raises(MolgenError, match=f"b has '{letter}' in column {column}"):
        read_alignment(write(tmp_path, f">a\nACDE\n>b\n{row}\n", "a.fa"))


def test_a_file_of_several_alignments_gives_all_sequences_but_no_alignment(tmp_path: Path) -> None:
    path = write(tmp_path, STOCKHOLM + STOCKHOLM, "two.sto")
    assert read_sequences(path).table["row"].tolist() == [5, 7, 19, 21]
    with pytest.raises(MolgenError, match="holds 2 alignments"):
        read_alignment(path)


@pytest.mark.parametrize("content", ["# STOCKHOLM 1.0\n//\n", "CLUSTAL W\n\n"])
def test_an_alignment_without_rows_is_an_error_that_names_the_remedy(tmp_path: Path, content: str) -> None:
    for reader in (read_sequences, read_alignment):
        with pytest.raises(MolgenError, match="no sequences.*Give FASTA"):
            reader(write(tmp_path, content, "a.sto"))


def test_a_table_is_no_alignment(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="is no alignment: give Stockholm"):
        read_alignment(write(tmp_path, "id,sequence\na,ACDE\n", "a.csv"))
