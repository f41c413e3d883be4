"""Users' tables of designs (.csv .tsv .smi .txt, packed or not): which column, which rows, and what cannot be used.

Of molecules, or of whatever else a `Kind` describes. Every row that isn't blank is either in `table` or in `rejected`:
nothing is dropped silently.
"""

import csv
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
from rdkit import Chem, rdBase

from molgen.errors import MolgenError
from molgen.textfile import NO_VALUE, Text, read_lines

log = logging.getLogger("molgen.reading")

TEXT_NAMES = ("smiles", "canonical_smiles", "isomeric_smiles", "design", "cxsmiles", "structure", "smiles_string")
TEXT_NAMES += ("mol", "molecule")
ID_NAMES = ("id", "name", "compound_id", "molecule_id", "compound", "molecule_name", "chembl_id", "zinc_id", "title")
WHITESPACE = " "  # as a delimiter: the first run of blanks or tabs, once, so that names may hold blanks
DELIMITERS = ("\t", ",", ";", "|", WHITESPACE)
SMILES_SUFFIXES = (".smi", ".smiles", ".ism", ".can")
SAMPLE = 50  # lines that are looked at before the delimiter is settled
HOW = "--column"  # how a user names a column
LONGEST_RECORD = 20  # lines that a quoted cell may span


@dataclass(frozen=True)
class Kind:
    """What the designs of a table are, and how the column that holds them is found."""

    one: str  # 'molecule', as in 'no molecule in this row'
    spelling: str  # 'SMILES': what the column is named like
    names: tuple[str, ...]  # of the column, the likeliest first
    id_names: tuple[str, ...]
    reads: Callable[[str], bool]  # whether a cell seems to be one, where there is no header
    blanks: tuple[str, ...] = ()  # suffixes of files in which the first blanks of a line end the design


@dataclass(frozen=True)
class Designs:
    """The designs of one file. `len(table) + len(rejected) == rows`."""

    path: Path
    table: pd.DataFrame  # row (line in the file, from 1), id, text; and the columns that were asked for, as text
    rejected: pd.DataFrame  # row, id, text, reason
    column: str  # its name, or '' where the file has no header
    delimiter: str  # '' where there is one column
    encoding: str
    notes: tuple[str, ...]  # what the user should know

    @property
    def rows(self) -> int:
        """Rows that aren't blank, the header left out."""
        return len(self.table) + len(self.rejected)


@dataclass(frozen=True)
class _Layout:
    kind: Kind
    delimiter: str
    header: tuple[str, ...]  # () where the file has none
    width: int  # cells in a row
    text: int  # index of the column with designs
    id: int | None


def _reads_as_molecule(text: str) -> bool:
    if not text or len(text) > 1000:
        return False
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(text, sanitize=False) is not None


MOLECULES = Kind("molecule", "SMILES", TEXT_NAMES, ID_NAMES, _reads_as_molecule, SMILES_SUFFIXES)


def find_column(path: Path | str, column: str | None = None, how: str = HOW, kind: Kind = MOLECULES) -> str:
    """The name of the column that `read_designs` would read, '' where the file has no header.

    how: what the user writes to name a column, for the sentence of the MolgenError where none is found.
    """
    path = Path(path)
    layout = _layout(path, _first_rows(path, read_lines(path, f"{kind.one}s"), kind), column, kind, how)
    return layout.header[layout.text] if layout.header else ""


def column_names(path: Path | str, column: str | None = None, kind: Kind = MOLECULES) -> tuple[str, ...]:
    """The names of all columns, () where the file has no header."""
    path = Path(path)
    return _layout(path, _first_rows(path, read_lines(path, f"{kind.one}s"), kind), column, kind).header


def read_designs(path: Path | str, column: str | None = None, also: Sequence[str] = ()) -> Designs:
    """Reads a file of molecules; finds delimiter, header and column on its own, unless `column` names one.

    `column` is a header's name, or a number from 1; `also` names columns whose cells come with the table, as text. A
    row number is the row's line in the file, from 1. Raises MolgenError where there is no such file or column, or no
    row at all.
    """
    designs = read_table(Path(path), read_lines(Path(path), f"{MOLECULES.one}s"), column, MOLECULES, also)
    for note in designs.notes[:5]:
        log.warning("%s", note)
    return designs


def read_table(path: Path, text: Text, column: str | None, kind: Kind, also: Sequence[str] = ()) -> Designs:
    """The designs in the lines of a table, as `read_designs` finds them; `path` is for messages. Logs nothing."""
    layout = _layout(path, _first_rows(path, text, kind), column, kind)
    others = [_named(path, layout.header, name, kind, HOW) for name in also]
    used: list[tuple[Any, ...]] = []
    rejected: list[tuple[int, str, str, str]] = []
    notes = [text.note] if text.note else []
    for row, cells, lines in _records(text.lines, layout):
        name, design, reason = _interpreted(cells, layout, row)
        if reason:
            rejected.append((row, name, design, reason))
        else:
            used.append((row, name, design, *(_cell(cells, index) for index in others)))
        if lines > 1:
            notes.append(f"row {row} of {path} spans {lines} lines (a quoted cell)")
    if not used and not rejected:
        raise MolgenError(f"there are no {kind.one}s in {path}: it has a header and no rows")
    column = layout.header[layout.text] if layout.header else ""
    delimiter = layout.delimiter if layout.width > 1 else ""
    return gathered(path, used, rejected, notes, text.encoding, column, delimiter, also)


def gathered(
    path: Path,
    used: Sequence[tuple[Any, ...]],
    rejected: Sequence[tuple[int, str, str, str]],
    notes: Sequence[str],
    encoding: str,
    column: str = "",
    delimiter: str = "",
    also: Sequence[str] = (),
) -> Designs:
    """Rows (row, id, text, cells of `also`) that are used and those (row, id, text, reason) that are not, as tables."""
    texts = dict.fromkeys(("id", "text", *also), "str")
    return Designs(
        path,
        pd.DataFrame(used, columns=["row", "id", "text", *also]).astype({"row": "int64", **texts}),
        pd.DataFrame(rejected, columns=["row", "id", "text", "reason"]).astype({"row": "int64"}),
        column,
        delimiter,
        encoding,
        tuple(notes),
    )


def _first_rows(path: Path, text: Text, kind: Kind) -> list[str]:
    """The rows by which the layout is settled: the first that aren't blank."""
    filled = list(islice((line for line in text.lines if line.strip()), SAMPLE + 1))
    if not filled:
        raise MolgenError(f"{path} is empty: there are no {kind.one}s in it")
    return filled


def _layout(path: Path, lines: Sequence[str], column: str | None, kind: Kind, how: str = HOW) -> _Layout:
    delimiter = _delimiter(path, lines, kind)
    first = tuple(cell.strip() for cell in _cells(lines[0], delimiter))
    width = max(len(first), 1)
    if _has_header(path, first, column, kind):
        index = _named(path, first, column, kind, how)
        return _Layout(kind, delimiter, first, width, index, _best(first, kind.id_names, leave=index))
    index = _numbered(path, _Layout(kind, delimiter, (), width, 0, None), lines, column, how)
    return _Layout(kind, delimiter, (), width, index, _other(width, index))


def _delimiter(path: Path, lines: Sequence[str], kind: Kind) -> str:
    """The delimiter under which most rows have as many cells as the first; a known header name decides first."""
    best, mark = "", 0.0
    blanks = ends_at_blanks(path, kind)
    for delimiter in DELIMITERS:
        counts = [len(_cells(line, delimiter)) for line in lines]
        if counts[0] < 2 and not (delimiter == WHITESPACE and blanks):
            continue
        agreeing = sum(count == counts[0] for count in counts[1:]) / max(len(counts) - 1, 1)
        known = _best([cell.strip() for cell in _cells(lines[0], delimiter)], kind.names) is not None
        if delimiter == "|" and all(line.rstrip().endswith("|") for line in lines):
            continue  # CXSMILES extensions, not a delimiter
        score = agreeing + known if agreeing >= 0.5 or len(counts) == 1 else 0.0
        if score > mark:
            best, mark = delimiter, score
    return best or (WHITESPACE if blanks else "")


def ends_at_blanks(path: Path, kind: Kind) -> bool:
    """Does the name say that blanks end a design, as in a SMILES file (`designs.smi`, `designs.smi.gz`)?"""
    return any(suffix.lower() in kind.blanks for suffix in path.suffixes)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == "":
        return [line.strip().strip('"')]
    if delimiter == WHITESPACE:
        return _smiles_and_name(line)
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return line.split(delimiter)


def _smiles_and_name(line: str) -> list[str]:
    """`SMILES name with blanks`, split once; a CXSMILES extension (`|...|`) stays with its SMILES."""
    parts = line.strip().split(None, 1)
    if len(parts) == 2 and parts[1].startswith("|") and "|" in parts[1][1:]:
        extension, _, name = parts[1][1:].partition("|")
        parts = [f"{parts[0]} |{extension}|", name.strip()]
    return [part.strip('"') for part in parts if part]


def _has_header(path: Path, first: Sequence[str], column: str | None, kind: Kind) -> bool:
    if _best(first, kind.names) is not None or (column and _best(first, (column,)) is not None):
        return True
    if ends_at_blanks(path, kind) or len(first) == 1 or (column and column.isdigit()):
        return False
    return not any(kind.reads(cell) for cell in first)


def _named(path: Path, header: Sequence[str], column: str | None, kind: Kind, how: str) -> int:
    index = _best(header, (column,) if column else kind.names)
    if index is None:
        raise MolgenError(_no_column(path, header, column, kind, how))
    if sum(name == header[index] for name in header) > 1:
        raise MolgenError(f"{path} has several columns named '{header[index]}': rename all but one")
    return index


def _no_column(path: Path, header: Sequence[str], column: str | None, kind: Kind, how: str) -> str:
    shown = ", ".join(repr(name) for name in header[:30]) + (", ..." if len(header) > 30 else "")
    if column:
        return f"{path} has no column '{column}'. Its columns are: {shown}"
    return (
        f"no column of {path} is named like {kind.spelling}. Name the one to read with {how}; its columns are: {shown}"
    )


def _numbered(path: Path, layout: _Layout, lines: Sequence[str], column: str | None, how: str) -> int:
    """The column of a file without header: by number, or the first in which most rows read as designs."""
    delimiter, width = layout.delimiter, layout.width
    if column:
        if not column.isdigit() or not 1 <= int(column) <= width:
            first = ", ".join(repr(cell) for cell in _cells(lines[0], delimiter)[:10])
            raise MolgenError(
                f"{path} has no column '{column}': it seems to have no header (first row: {first}). "
                f"Give the column's number (1 to {width}) with {how}, or name none"
            )
        return int(column) - 1
    rows = [_cells(line, delimiter) for line in lines]
    hits = [sum(len(row) > i and layout.kind.reads(row[i].strip()) for row in rows) for i in range(width)]
    return hits.index(max(hits))


def _other(width: int, text: int) -> int | None:
    """Without a header, the identifier is the other one of two columns."""
    return 1 - text if width == 2 else None


def _best(names: Sequence[str], wanted: Sequence[str], leave: int | None = None) -> int | None:
    """The index of the first of `wanted` among `names`: exactly, else without regard to case and blanks."""
    columns = [(index, name) for index, name in enumerate(names) if index != leave]
    exact = {name: index for index, name in reversed(columns)}
    plain = {_plain(name): index for index, name in reversed(columns)}
    for want in wanted:
        index = exact.get(want, plain.get(_plain(want)))
        if index is not None:
            return index
    return None


def _plain(name: str) -> str:
    return name.strip().strip('"').casefold().replace(" ", "_").replace("-", "_")


def _records(lines: Sequence[str], layout: _Layout) -> Iterator[tuple[int, list[str] | None, int]]:
    """(row, cells or None where quotes are unbalanced, lines spanned) of each row that isn't blank."""
    at = 0
    unread_header = bool(layout.header)
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        cells, spanned = _record(lines, at, layout)
        if unread_header:
            unread_header = False
        else:
            yield at + 1, cells, spanned
        at += spanned


def _record(lines: Sequence[str], at: int, layout: _Layout) -> tuple[list[str] | None, int]:
    line = lines[at]
    if '"' not in line or layout.delimiter in ("", WHITESPACE):
        return _cells(line, layout.delimiter), 1
    window = (f"{text}\n" for text in lines[at : at + LONGEST_RECORD])
    reader = csv.reader(window, delimiter=layout.delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error:
        return None, 1
    swallowed = lines[at + 1 : at + reader.line_num]
    if swallowed and (len(cells) != layout.width or any(_looks_like_row(line, layout) for line in swallowed)):
        return None, 1
    return cells, reader.line_num


def _looks_like_row(line: str, layout: _Layout) -> bool:
    """Is it a row of its own, that an open quotation mark before it would swallow?"""
    cells = line.split(layout.delimiter)
    return len(cells) == layout.width and layout.kind.reads(cells[layout.text].strip())


def _interpreted(cells: list[str] | None, layout: _Layout, row: int) -> tuple[str, str, str]:
    """(id, text, reason why the row cannot be used or '')."""
    name, one = f"row-{row}", layout.kind.one
    if cells is None:
        return name, "", "quotes: a quotation mark is opened and not closed in this row"
    if layout.id is not None and layout.id < len(cells) and cells[layout.id].strip():
        name = cells[layout.id].strip()
    if layout.text >= len(cells):
        return name, "", f"columns: the row has {len(cells)} cells, the {one} should be in number {layout.text + 1}"
    if layout.text > 0 and any(cell.strip() for cell in cells[layout.width :]) and layout.delimiter != WHITESPACE:
        return name, cells[layout.text], f"columns: the row has {len(cells)} cells where {layout.width} are expected"
    text = _undefused(cells[layout.text].strip())
    return name, text, f"empty: no {one} in this row" if text.casefold() in NO_VALUE else ""


def _cell(cells: list[str] | None, index: int) -> str:
    """A cell of a row that may be too short for it."""
    return cells[index].strip() if cells and index < len(cells) else ""


def _undefused(text: str) -> str:
    """Takes away the apostrophe that keeps spreadsheets from running a cell as a formula."""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text
