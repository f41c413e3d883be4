"""From a file's bytes to its lines: compression, encoding, and what isn't text at all."""

import bz2
import codecs
import difflib
import gzip
import lzma
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from molgen.errors import MolgenError

NO_VALUE = {"", "nan", "na", "n/a", "null", "none", "-"}  # of a cell that holds nothing, in lower case

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMPRESSED = ((b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress), (b"\xfd7zXZ\x00", lzma.decompress))
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "save the sheet as CSV, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"PAR1", "a Parquet file", "write it as CSV: pandas.read_parquet(...).to_csv(...)"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive", "unpack it first: unzstd FILE"),
    (b"%PDF", "a PDF document", "give its table as CSV or TSV"),
)


@dataclass(frozen=True)
class Text:
    """The lines of a file, without their line ends, and how they were read."""

    lines: list[str]
    encoding: str
    note: str  # '' or a warning for the user


def read_lines(path: Path, nouns: str) -> Text:
    """All lines of a text file, plain or packed with gzip, bzip2 or xz (by content, not by name).

    nouns: what the file should hold, such as 'molecules', for messages. Raises MolgenError where there is no such file,
    nothing in it, or something that isn't text.
    """
    data = _unpacked(path, _bytes(path, nouns))
    if not data.strip():
        raise MolgenError(f"{path} is empty: there are no {nouns} in it")
    for magic, what, remedy in _FOREIGN:
        if data.startswith(magic):
            raise MolgenError(f"{path} is {what}, not a table in text form: {remedy}")
    text, encoding, note = _decoded(path, data)
    return Text(re.split(r"\r\n|\n|\r", text), encoding, note)


def _bytes(path: Path, nouns: str) -> bytes:
    if path.is_dir():
        raise MolgenError(f"{path} is a folder, where a file with {nouns} is needed")
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MolgenError(f"there is no file {path}{nearest_file(path)}") from error
    except OSError as error:
        raise MolgenError(f"cannot read {path}: {error.strerror or error}") from error


def nearest_file(path: Path) -> str:
    """' (did you mean X?)' where a file of a similar name lies in the same folder, else ''."""
    if not path.parent.is_dir():
        return f" (there is no folder {path.parent} either)"
    near = difflib.get_close_matches(path.name, sorted(item.name for item in path.parent.iterdir()), n=1)
    return f" (did you mean {path.parent / near[0]}?)" if near else ""


def _unpacked(path: Path, data: bytes) -> bytes:
    for magic, unpack in _COMPRESSED:
        if data.startswith(magic):
            try:
                return unpack(data)
            except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
                raise MolgenError(f"{path} is a damaged or cut-off archive ({error}): pack it again") from error
    return data


def _decoded(path: Path, data: bytes) -> tuple[str, str, str]:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _by(path, data, encoding), encoding, ""
    try:
        return data.decode("utf-8"), "utf-8", ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        note = f"{path} isn't UTF-8 (first at line {line}); it was read as Windows-1252, so check accents in names"
        return data.decode("cp1252", errors="replace"), "cp1252", note


def _by(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise MolgenError(f"{path} begins like {encoding} but isn't: {error.reason} at byte {error.start}") from error
