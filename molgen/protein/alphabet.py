"""The door for sequences as text: the 20 amino acids, and why a text is none.

Nothing is repaired silently: what was taken out (gaps, a stop at the end) stands in `note`. Whole records (FASTA,
Stockholm) are read elsewhere.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"  # in the order of their classes 0 to 19
INDEX = {letter: number for number, letter in enumerate(RESIDUES)}
LONGEST = 512  # residues
GAPS = "-."

# IUPAC-IUB 1984 and its later additions: letters that people write, and that are none of the 20.
AMBIGUOUS = {
    "X": "any residue; give the sequence with it resolved",
    "B": "D or N; give the sequence with it resolved",
    "Z": "E or Q; give the sequence with it resolved",
    "J": "I or L; give the sequence with it resolved",
    "U": "selenocysteine, none of the 20; write C if cysteine will do",
    "O": "pyrrolysine, none of the 20; write K if lysine will do",
    "*": "a stop before the end; give one reading frame only",
}
THREE_LETTERS = {
    "Ala": "A", "Cys": "C", "Asp": "D", "Glu": "E", "Phe": "F", "Gly": "G", "His": "H", "Ile": "I", "Lys": "K",
    "Leu": "L", "Met": "M", "Asn": "N", "Pro": "P", "Gln": "Q", "Arg": "R", "Ser": "S", "Thr": "T", "Val": "V",
    "Trp": "W", "Tyr": "Y",
}  # fmt: skip

_CODES = np.full(128, -1, dtype=np.int64)
_CODES[[ord(letter) for letter in RESIDUES]] = np.arange(len(RESIDUES))
_PLAIN = re.compile(f"[{RESIDUES}]+")
_COUNTED_OUT = re.compile(r"[\s\d]+")  # blanks, line ends, and the numbers that GenBank and UniProt print between
_CAP = re.compile(r"^(?:Ac|Fmoc|Boc|Pyr|pGlu|Biotin)-|-(?:NH2|OH|COOH)$")  # what chemists write at the ends
_THREE_LETTERS = re.compile(r"[A-Z][a-z]{2}(?:[-\s]*[A-Z][a-z]{2})*")


@dataclass(frozen=True)
class Judged:
    """A text and what became of it: a sequence of the 20 letters, or the reason why not."""

    text: str
    sequence: str | None
    reason: str | None  # begins with a machine word before the colon: 'empty', 'residue: X at position 3, ...'
    note: str = ""  # what was changed, '' if nothing


class _RefusedError(Exception):
    """Carries the reason of refusal from a step to `judge`; never leaves this module."""


def judge(texts: Sequence[str], longest: int = LONGEST, shortest: int = 1) -> list[Judged]:
    """Read every text as one sequence; give as many results, in the same order.

    Lower case is read as upper case; blanks, digits and line ends are passed over; gaps ('-', '.') and one stop ('*')
    at the end are taken out with a note. A reason begins with one of the words: empty, three-letter code, modified,
    residue, too short, too long. Positions count residues from 1, without what was taken out.
    """
    return [_judge_one(text, longest, shortest) for text in texts]


def is_sequence(text: str) -> bool:
    """Is it made of the 20 letters, of one at the least?"""
    return _PLAIN.fullmatch(text) is not None


def classes(sequence: str) -> np.ndarray:
    """Class 0 to 19 of each residue: (L,) int64. ValueError where a letter is none of the 20."""
    codes = _CODES[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]
    if (codes < 0).any():
        raise ValueError(f"{sequence[int((codes < 0).argmax())]} is none of the residues {RESIDUES}")
    return codes


def _judge_one(text: str, longest: int, shortest: int) -> Judged:
    notes: list[str] = []
    try:
        sequence = text if _PLAIN.fullmatch(text) else _cleaned(text, notes)
        _refuse_length(len(sequence), longest, shortest)
    except _RefusedError as refused:
        return Judged(text, None, str(refused))
    return Judged(text, sequence, None, "; ".join(notes))


def _cleaned(text: str, notes: list[str]) -> str:
    _refuse_chemistry(text.strip())
    letters = _COUNTED_OUT.sub("", text)
    ungapped = letters.translate({ord(gap): None for gap in GAPS})
    sequence = ungapped.removesuffix("*")
    if not sequence:
        raise _RefusedError("empty")
    if len(ungapped) < len(letters):
        notes.append(f"gaps removed: {len(letters) - len(ungapped)}")
    if len(sequence) < len(ungapped):
        notes.append("stop at the end removed")
    sequence = _upper(sequence, notes)
    if not _PLAIN.fullmatch(sequence):
        raise _RefusedError(_odd_letter(sequence))
    return sequence


def _upper(sequence: str, notes: list[str]) -> str:
    """Only ASCII letters change, so that positions stay; lower case among upper case may mean something, so say so."""
    if any(map(str.islower, sequence)) and any(map(str.isupper, sequence)):
        notes.append("lower case read as upper case")
    return "".join(letter.upper() if letter.isascii() else letter for letter in sequence)


def _refuse_chemistry(text: str) -> None:
    """What would pass as one-letter code and mean another molecule: Ala-Gly, Ac-KLL-NH2."""
    cap = _CAP.search(text)
    if cap is not None:
        raise _RefusedError(f"modified: {cap.group()} is no residue; give the sequence with free ends")
    codes = re.findall("[A-Z][a-z]{2}", text)
    if _THREE_LETTERS.fullmatch(text) and set(codes) <= THREE_LETTERS.keys():
        raise _RefusedError(f"three-letter code: write {''.join(THREE_LETTERS[code] for code in codes)}")


def _odd_letter(sequence: str) -> str:
    position, letter = next((place, one) for place, one in enumerate(sequence, 1) if one not in INDEX)
    named = letter if "!" <= letter <= "~" else f"U+{ord(letter):04X} {unicodedata.name(letter, 'control character')}"
    return f"residue: {named} at position {position}, {AMBIGUOUS.get(letter, 'no amino acid')}"


def _refuse_length(length: int, longest: int, shortest: int) -> None:
    if length > longest:
        raise _RefusedError(f"too long: {length} residues (limit {longest})")
    if length < shortest:
        raise _RefusedError(f"too short: {length} residues (at least {shortest})")
