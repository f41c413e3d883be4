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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

from molgen import reading
from molgen.errors import MolgenError
from molgen.protein.alphabet import AMBIGUOUS, GAPS, RESIDUES
from molgen.protein.columns import NOUNS
from molgen.protein.mistaken import SHOWN, nucleotides, refuse_smiles, shortened, with_remedy, without_giants
from molgen.reading import HOW, Designs, Kind, gathered, read_table
from molgen.textfile import Text, read_lines

log = logging.getLogger("molgen.protein.reading")

Form = Literal["fasta", "stockholm", "clustal", "table"]

FASTA_SUFFIXES = (".fasta", ".fa", ".faa", ".fas", ".a2m", ".a3m")
STOCKHOLM_SUFFIXES = (".sto", ".stk", ".stockholm")
CLUSTAL_WORDS = ("CLUSTAL", "MUSCLE (", "PROBCONS")
TABLE_SUFFIXES = (".csv", ".tsv")

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
class Record:
    row: int  # line of its header, or of its first piece
    id: str
    text: str


def read_sequences(path: Path | str, column: str | None = None, also: Sequence[str] = ()) -> Designs:
    """Reads a file of sequences in any of the formats above, plain or packed with gzip, bzip2 or xz.

    `column` names the column of a table (a header's name, or a number from 1), `also` columns whose cells come with it,
    as text; other formats have none. A row number is the line in the file,
    from 1: of a FASTA record that of its header. An id is the first word of the header. Raises MolgenError where there
    is no such file or column, or nothing in it.
    """
    path = Path(path)
    text = lines_of(path)
    form = form_of(path, text.lines)
    found = _table(path, text, column, also) if form == "table" else _recorded(path, text, form, column)
    found = without_giants(found)
    found = replace(found, notes=(*found.notes, *_repeated_ids(found), *nucleotides(found)))
    for note in found.notes[:5]:
        log.warning("%s", note)
    return found


def find_column(path: Path | str, column: str | None = None, how: str = HOW) -> str:
    """The column of a table that `read_sequences` would read; '' where there is no header, or no table.

    how: what the user writes to name a column, for the sentence of the MolgenError where none is found.
    """
    path = Path(path)
    return reading.find_column(path, column, how, PROTEINS) if form_of(path, lines_of(path).lines) == "table" else ""


def column_names(path: Path | str, column: str | None = None) -> tuple[str, ...]:
    """The names of all columns of a table; () where there is no header, or no table."""
    path = Path(path)
    return reading.column_names(path, column, PROTEINS) if form_of(path, lines_of(path).lines) == "table" else ()


def _table(path: Path, text: Text, column: str | None, also: Sequence[str]) -> Designs:
    """The sequences of a table; MolgenError where it holds molecules."""
    try:
        found = read_table(path, text, column, PROTEINS, also)
    except MolgenError as error:
        raise with_remedy(error, text.lines[:1]) from error
    refuse_smiles(found)
    return found


def lines_of(path: Path) -> Text:
    """The lines of a file; what stands in the way is said with what could be given instead."""
    try:
        text = read_lines(path, NOUNS[1])
    except MolgenError as error:
        raise MolgenError(f"no sequences can be read: {error}. {FORMATS}") from error
    if not any(line.strip() for line in text.lines):  # a byte-order mark alone
        raise MolgenError(f"no sequences can be read: {path} is empty. {FORMATS}")
    return text


def form_of(path: Path, lines: Sequence[str]) -> Form:
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


def records_of(form: Form, lines: Sequence[str]) -> tuple[list[list[Record]], list[Record]]:
    """The records of each alignment (of FASTA, all in one), and text that belongs to none."""
    if form == "fasta":
        return _fasta(lines)
    if form == "clustal":
        return [_stacked(_clustal_rows(lines))], []
    return [_stacked(rows) for rows in _stockholm_rows(lines)], []


def _fasta(lines: Sequence[str]) -> tuple[list[list[Record]], list[Record]]:
    heads = [place for place, line in enumerate(lines) if _is_header(line)]
    records = []
    for begin, end in pairwise([*heads, len(lines)]):
        words = lines[begin].lstrip()[1:].split(maxsplit=1)
        records.append(Record(begin + 1, words[0] if words else f"row-{begin + 1}", _joined(lines[begin + 1 : end])))
    before = [(row, line) for row, line in enumerate(lines[: heads[0]], start=1) if line.strip()]
    stray = [Record(before[0][0], f"row-{before[0][0]}", _joined([line for _, line in before]))] if before else []
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


def _stacked(rows: Iterable[tuple[int, str]]) -> list[Record]:
    """`name residues`, or `name residues 60`: the pieces of each name joined, in the order in which names come."""
    pieces: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for row, line in rows:
        name, *rest = line.split()
        first.setdefault(name, row)
        pieces.setdefault(name, []).extend(part for part in rest if not part.isdigit())
    return [Record(first[name], name, "".join(parts)) for name, parts in pieces.items()]


def _recorded(path: Path, text: Text, form: Form, column: str | None) -> Designs:
    """The records of a FASTA file or an alignment as tables."""
    alignments, stray = records_of(form, text.lines)
    records = [record for records in alignments for record in records]
    notes = [text.note] if text.note else []
    if column:
        notes.append(f"the column {column!r} is not used: {path} is no table")
    if form != "fasta" or _is_aligned(path, records):
        records, note = _without_gaps(path, records)
        notes += note
    used = [(record.row, record.id, record.text) for record in records if record.text]
    refused = [(one.row, one.id, shortened(one.text), "header: text before the first line with '>'") for one in stray]
    refused += [(one.row, one.id, "", "empty: no sequence in this record") for one in records if not one.text]
    if not used and not refused:
        raise MolgenError(f"there are no sequences in {path}: it has a first line and no records. {FORMATS}")
    return gathered(path, used, sorted(refused), notes, text.encoding)


def _is_aligned(path: Path, records: Sequence[Record]) -> bool:
    """Is a FASTA file an alignment? Rows of one length, of capitals and gaps: a hyphen of `Ac-KLL-NH2` is no gap."""
    if {suffix.lower() for suffix in path.suffixes} & {".a2m", ".a3m"}:
        return True
    texts = [record.text for record in records if record.text]
    capitals = set("".join(texts)) <= {*RESIDUES, *AMBIGUOUS, *GAPS}
    return capitals and len(texts) > 1 and len({len(text) for text in texts}) == 1


def _without_gaps(path: Path, records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    table = str.maketrans("", "", GAPS)
    bare = [replace(record, text=record.text.translate(table)) for record in records]
    changed = sum(len(one.text) < len(record.text) for one, record in zip(bare, records, strict=True))
    return bare, [
        f"{path} is an alignment: gaps were taken out of {changed:,} of {len(bare):,} rows"
    ] if changed else []


def _repeated_ids(found: Designs) -> list[str]:
    """A note on ids that stand at more than one record; all of these are kept."""
    again = found.table.loc[found.table["id"].duplicated(), "id"]
    if again.empty:
        return []
    first = found.table.loc[found.table["id"] == again.iloc[0], "row"].tolist()
    where = f"{again.iloc[0]!r} in rows {first[0]} and {first[1]}"
    return [f"{again.nunique():,} ids of {found.path} stand at several records, which are all kept (first: {where})"]
