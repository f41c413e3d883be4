"""Users' files of protein sequences: FASTA, alignments, tables with a column of sequences, or one sequence a line.

The format is told by the content, and by the name where the content leaves it open. Every record is either in `table`
or in `rejected`: nothing is dropped silently. What the letters mean is judged later (`molgen.protein.alphabet.judge`):
lower case, a stop at the end and odd letters stay as they are written. Gaps are taken out of alignments only: in a
table a hyphen may belong to `Ac-KLL-NH2`.

    FASTA      .fasta .fa .faa .fas .a2m .a3m, or any file with a line that begins with '>'
    Stockholm  begins with '# STOCKHOLM'; several alignments in one file are read one after another
    CLUSTAL    begins with 'CLUSTAL' (or MUSCLE, PROBCONS, which write the same)
    table      all others, as `molgen.reading` reads them
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from molgen import reading
from molgen.errors import MolgenError
from molgen.protein.alphabet import AMBIGUOUS, GAPS, RESIDUES
from molgen.reading import HOW, Designs, Kind, gathered, read_table
from molgen.textfile import Text, read_lines

log = logging.getLogger("molgen.protein.reading")

Form = Literal["fasta", "stockholm", "clustal", "table"]

FASTA_SUFFIXES = (".fasta", ".fa", ".faa", ".fas", ".a2m", ".a3m")
STOCKHOLM_SUFFIXES = (".sto", ".stk", ".stockholm")
CLUSTAL_WORDS = ("CLUSTAL", "MUSCLE (", "PROBCONS")
TABLE_SUFFIXES = (".csv", ".tsv")
LONGEST = 100_000  # letters of a record; titin, the longest human protein, has 35,213 residues
SHOWN = 60  # letters that are kept of what is longer
GAP = len(RESIDUES)  # its class in the rows of an alignment

TEXT_NAMES = ("sequence", "seq", "peptide", "peptide_sequence", "protein_sequence", "protein", "aa", "aa_sequence")
TEXT_NAMES += ("aa_seq", "amino_acid_sequence", "aminoacid_sequence", "aminoacids", "fasta", "design")
ID_NAMES = ("id", "name", "accession", "entry", "sequence_id", "peptide_id", "protein_id", "uniprot", "title", "header")

FORMATS = "Give FASTA, a CSV or TSV table with a column 'sequence', an alignment, or one sequence a line"


def _reads_as_sequence(text: str) -> bool:
    """Letters of residues only, and enough of them not to be a word of a header."""
    letters = set(text.upper()) <= {*RESIDUES, *AMBIGUOUS}
    return letters and (len(text) >= 5 and text.isupper() or len(text) >= 20)


PROTEINS = Kind("sequence", "a sequence", TEXT_NAMES, ID_NAMES, _reads_as_sequence)


@dataclass(frozen=True)
class Alignment:
    """Aligned sequences: `rows` (n, L) int8, the class 0 to 19 of each residue in the order of RESIDUES, 20 a gap."""

    ids: tuple[str, ...]
    rows: np.ndarray
    notes: tuple[str, ...] = ()  # what the user should know


@dataclass(frozen=True)
class _Record:
    row: int  # line of its header, or of its first piece
    id: str
    text: str


def read_sequences(path: Path | str, column: str | None = None) -> Designs:
    """Reads a file of sequences in any of the formats above, plain or packed with gzip, bzip2 or xz.

    `column` names the column of a table (a header's name, or a number from 1). A row number is the line in the file,
    from 1: of a FASTA record that of its header. An id is the first word of the header. Raises MolgenError where there
    is no such file or column, or nothing in it.
    """
    path = Path(path)
    text = _lines(path)
    form = _form(path, text.lines)
    found = read_table(path, text, column, PROTEINS) if form == "table" else _recorded(path, text, form, column)
    found = _without_giants(found)
    found = replace(found, notes=(*found.notes, *_repeated_ids(found), *_nucleotides(found)))
    for note in found.notes[:5]:
        log.warning("%s", note)
    return found


def find_column(path: Path | str, column: str | None = None, how: str = HOW) -> str:
    """The column of a table that `read_sequences` would read; '' where there is no header, or no table.

    how: what the user writes to name a column, for the sentence of the MolgenError where none is found.
    """
    path = Path(path)
    return reading.find_column(path, column, how, PROTEINS) if _form(path, _lines(path).lines) == "table" else ""


def read_alignment(path: Path | str) -> Alignment:
    """Reads aligned sequences: Stockholm, CLUSTAL, aligned FASTA, or A2M/A3M without its insertions (lower case).

    A letter that stands for no single residue (X, B, Z, J, U, O, *) becomes a gap, with a note. Raises MolgenError
    where the rows are of different lengths, or a character is no letter of a residue.
    """
    path = Path(path)
    text = _lines(path)
    form = _form(path, text.lines)
    if form == "table":
        raise MolgenError(f"{path} is no alignment: give Stockholm, CLUSTAL, aligned FASTA or A3M")
    alignments, stray = _records(form, text.lines)
    if len(alignments) > 1:
        raise MolgenError(
            f"{path} holds {len(alignments)} alignments: put the one that is meant into a file of its own"
        )
    records = _same_length(path, alignments[0] if alignments else [])
    rows, changes = _as_classes(path, records)
    notes = [text.note] if text.note else []
    notes += [f"{path}: text before the first line with '>' (row {one.row}) was left out" for one in stray] + changes
    for note in notes:
        log.warning("%s", note)
    return Alignment(tuple(record.id for record in records), rows, tuple(notes))


def _lines(path: Path) -> Text:
    """The lines of a file; what stands in the way is said with what could be given instead."""
    try:
        text = read_lines(path)
    except MolgenError as error:
        raise MolgenError(f"no sequences can be read: {error}. {FORMATS}") from error
    if not any(line.strip() for line in text.lines):  # a byte-order mark alone
        raise MolgenError(f"no sequences can be read: {path} is empty. {FORMATS}")
    return text


def _form(path: Path, lines: Sequence[str]) -> Form:
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("# STOCKHOLM"):
        return "stockholm"
    if first.upper().startswith(CLUSTAL_WORDS):
        return "clustal"
    suffixes = {suffix.lower() for suffix in path.suffixes}
    if not suffixes & set(TABLE_SUFFIXES) and any(_is_header(line) for line in lines):
        return "fasta"
    if suffixes & {*FASTA_SUFFIXES, *STOCKHOLM_SUFFIXES, ".aln"}:
        raise MolgenError(
            f"{path} is named like FASTA or an alignment and is neither: no line begins with '>', and the first one is "
            f"{first[:SHOWN]!r}. {FORMATS} (.csv, .tsv, .txt)"
        )
    return "table"


def _is_header(line: str) -> bool:
    return line.lstrip().startswith(">")


def _records(form: Form, lines: Sequence[str]) -> tuple[list[list[_Record]], list[_Record]]:
    """The records of each alignment (of FASTA, all in one), and text that belongs to none."""
    if form == "fasta":
        return _fasta(lines)
    if form == "clustal":
        return [_stacked(_clustal_rows(lines))], []
    return [_stacked(rows) for rows in _stockholm_rows(lines)], []


def _fasta(lines: Sequence[str]) -> tuple[list[list[_Record]], list[_Record]]:
    heads = [place for place, line in enumerate(lines) if _is_header(line)]
    records = []
    for begin, end in pairwise([*heads, len(lines)]):
        words = lines[begin].lstrip()[1:].split(maxsplit=1)
        records.append(_Record(begin + 1, words[0] if words else f"row-{begin + 1}", _joined(lines[begin + 1 : end])))
    before = [(row, line) for row, line in enumerate(lines[: heads[0]], start=1) if line.strip()]
    stray = [_Record(before[0][0], f"row-{before[0][0]}", _joined([line for _, line in before]))] if before else []
    return [records], stray


def _joined(lines: Sequence[str]) -> str:
    """Without the blanks that some programs print after every ten residues."""
    return "".join("".join(lines).split())


def _stockholm_rows(lines: Sequence[str]) -> list[list[tuple[int, str]]]:
    """Row number and line of the sequences of each alignment; '//' ends one, '#' begins an annotation."""
    alignments: list[list[tuple[int, str]]] = [[]]
    for row, line in enumerate(lines, start=1):
        if line.startswith("//"):
            alignments.append([])
        elif line.strip() and not line.startswith("#"):
            alignments[-1].append((row, line))
    return [rows for rows in alignments if rows]


def _clustal_rows(lines: Sequence[str]) -> Iterable[tuple[int, str]]:
    """Row number and line of the sequences; lines of the consensus begin with a blank."""
    filled = [(row, line) for row, line in enumerate(lines, start=1) if line.strip()]
    return [(row, line) for row, line in filled[1:] if not line[0].isspace()]


def _stacked(rows: Iterable[tuple[int, str]]) -> list[_Record]:
    """`name residues`, or `name residues 60`: the pieces of each name joined, in the order in which names come."""
    pieces: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for row, line in rows:
        name, *rest = line.split()
        first.setdefault(name, row)
        pieces.setdefault(name, []).extend(part for part in rest if not part.isdigit())
    return [_Record(first[name], name, "".join(parts)) for name, parts in pieces.items()]


def _recorded(path: Path, text: Text, form: Form, column: str | None) -> Designs:
    """The records of a FASTA file or an alignment as tables."""
    alignments, stray = _records(form, text.lines)
    records = [record for records in alignments for record in records]
    notes = [text.note] if text.note else []
    if column:
        notes.append(f"the column {column!r} is not used: {path} is no table")
    if form != "fasta" or _is_aligned(path, records):
        records, note = _without_gaps(path, records)
        notes += note
    used = [(record.row, record.id, record.text) for record in records if record.text]
    refused = [(one.row, one.id, _short(one.text), "header: text before the first line with '>'") for one in stray]
    refused += [(one.row, one.id, "", "empty: no sequence in this record") for one in records if not one.text]
    if not used and not refused:
        raise MolgenError(f"there are no sequences in {path}: it has a first line and no records. {FORMATS}")
    return gathered(path, used, sorted(refused), notes, text.encoding)


def _is_aligned(path: Path, records: Sequence[_Record]) -> bool:
    """Is a FASTA file an alignment? Rows of one length, of capitals and gaps: a hyphen of `Ac-KLL-NH2` is no gap."""
    if {suffix.lower() for suffix in path.suffixes} & {".a2m", ".a3m"}:
        return True
    texts = [record.text for record in records if record.text]
    capitals = set("".join(texts)) <= {*RESIDUES, *AMBIGUOUS, *GAPS}
    return capitals and len(texts) > 1 and len({len(text) for text in texts}) == 1


def _without_gaps(path: Path, records: Sequence[_Record]) -> tuple[list[_Record], list[str]]:
    table = str.maketrans("", "", GAPS)
    bare = [replace(record, text=record.text.translate(table)) for record in records]
    changed = sum(len(one.text) < len(record.text) for one, record in zip(bare, records, strict=True))
    return bare, [
        f"{path} is an alignment: gaps were taken out of {changed:,} of {len(bare):,} rows"
    ] if changed else []


def _without_giants(found: Designs) -> Designs:
    """Rejects what is longer than any protein."""
    lengths = found.table["text"].str.len()
    if not (lengths > LONGEST).any():
        return found
    giants = found.table[lengths > LONGEST]
    reasons = [
        f"too long: {length:,} letters (limit {LONGEST:,}), longer than any protein: a genome, or a lost line end?"
        for length in lengths[lengths > LONGEST]
    ]
    refused = giants.assign(text=giants["text"].map(_short), reason=reasons)
    rejected = pd.concat([found.rejected, refused]).sort_values("row", kind="stable", ignore_index=True)
    return replace(found, table=found.table[lengths <= LONGEST].reset_index(drop=True), rejected=rejected)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _repeated_ids(found: Designs) -> list[str]:
    """A note on ids that stand at more than one record; all of these are kept."""
    again = found.table.loc[found.table["id"].duplicated(), "id"]
    if again.empty:
        return []
    first = found.table.loc[found.table["id"] == again.iloc[0], "row"].tolist()
    where = f"{again.iloc[0]!r} in rows {first[0]} and {first[1]}"
    return [f"{again.nunique():,} ids of {found.path} stand at several records, which are all kept (first: {where})"]


def _nucleotides(found: Designs) -> list[str]:
    """A note where a file seems to hold genes, whose letters are letters of residues too."""
    letters = "".join(found.table["text"]).upper()
    if len(letters) < 50 or not set(letters) <= set("ACGTUN"):
        return []
    return [f"{found.path} holds no letters but those of DNA or RNA: if these are genes, translate them first"]


def _same_length(path: Path, records: list[_Record]) -> list[_Record]:
    """The rows of an alignment; of A2M and A3M, without the insertions."""
    if not records:
        raise MolgenError(f"{path} holds no sequences. {FORMATS}")
    if len({len(record.text) for record in records}) > 1:
        matches = [replace(one, text=re.sub(r"[a-z.]", "", one.text)) for one in records]
        if len({len(record.text) for record in matches}) > 1:
            raise MolgenError(_uneven(path, records))
        records = matches
    if not records[0].text:
        raise MolgenError(f"{path} holds an alignment without columns. {FORMATS}")
    return records


def _uneven(path: Path, records: Sequence[_Record]) -> str:
    first = records[0]
    other = next(one for one in records if len(one.text) != len(first.text))
    return (
        f"{path} is not aligned: {first.id} (row {first.row}) has {len(first.text):,} columns, {other.id} (row "
        f"{other.row}) {len(other.text):,}. Align it first (mafft, hmmalign), and give each row a name of its own"
    )


def _as_classes(path: Path, records: Sequence[_Record]) -> tuple[np.ndarray, list[str]]:
    """(n, L) int8, and a note on letters that were read as gaps."""
    codes = np.full(256, -1, dtype=np.int8)
    codes[[ord(letter) for letter in (*GAPS, *AMBIGUOUS, *"".join(AMBIGUOUS).lower())]] = GAP
    for number, letter in enumerate(RESIDUES):
        codes[[ord(letter), ord(letter.lower())]] = number
    letters = np.frombuffer("".join(one.text for one in records).encode("latin-1", "replace"), dtype=np.uint8)
    rows = codes[letters].reshape(len(records), -1)
    if (rows < 0).any():
        row, place = np.argwhere(rows < 0)[0]
        one = records[row]
        raise MolgenError(
            f"{path}: {one.id} has {one.text[place]!r} in column {place + 1}, which is no residue and no gap"
        )
    unknown = int((rows == GAP).sum()) - sum(int((letters == ord(gap)).sum()) for gap in GAPS)
    return rows, [f"{path}: {unknown:,} letters that stand for no single residue were read as gaps"] if unknown else []
