"""Places of a sequence that may spoil it: where it is modified, falls apart or is cut. Patterns, and no predictions.

A pattern says that a reaction is possible there; how fast it is depends on structure, pH and time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from molgen.checking import known


@dataclass(frozen=True)
class Liability:
    """One place of a sequence, and what may happen there."""

    name: str  # of LIABILITIES, or of a difficulty in synthesis
    position: int  # of its first residue, from 1
    text: str  # the residues
    why: str


# Lookahead, so that overlapping places are found: the group is what is reported.
PATTERNS: dict[str, tuple[str, str]] = {
    "glycosylation": (r"(?=(N[^P][ST])(?!P))", "N-linked glycans are attached here in eukaryotic cells"),
    "deamidation": (r"(?=(N[GSTN]))", "N loses ammonia and becomes D or iso-D, fastest before G"),
    "isomerisation": (r"(?=(D[GSTD]))", "D becomes iso-D through a succinimide, fastest before G"),
    "acid cleavage": (r"(?=(DP))", "the bond between D and P breaks in acid"),
    "oxidation": (r"(?=([MW]))", "air oxidises M to its sulfoxide, light and peroxide W to kynurenine"),
    "odd cysteines": (r"", "an odd number of cysteines: one of them stays unpaired"),
    "pyroglutamate": (r"^(?=([QE]))", "an N-terminal Q, more slowly E, closes to pyroglutamate"),
    "integrin": (r"(?=(RGD))", "integrins bind RGD"),
    "furin": (r"(?=(R.[KR]R))", "furin cuts behind it in the secretory pathway"),
    "tev": (r"(?=(ENLYFQ[GS]))", "TEV protease cuts before the last residue"),
    "thrombin": (r"(?=(LVPRGS))", "thrombin cuts between R and G"),
    "trypsin": (r"(?=([KR])[^P])", "trypsin cuts behind K and R, not before P"),
    "enterokinase": (r"(?=(DDDDK))", "enterokinase cuts behind it"),
}
LIABILITIES = tuple(PATTERNS)
_COMPILED = {name: re.compile(pattern) for name, (pattern, _) in PATTERNS.items() if pattern}


def liabilities(sequence: str, names: Sequence[str] = LIABILITIES) -> list[Liability]:
    """All liabilities of these names, in the order of the names, then of their positions.

    Every cysteine is a place of `odd cysteines`, as any of them may be the unpaired one. MolgenError for an unknown
    name.
    """
    for name in names:
        known(name, LIABILITIES, "the liabilities", "liability")
    return [found for name in names for found in _places(sequence, name)]


def places(sequence: str, pattern: re.Pattern[str], name: str, why: str) -> list[Liability]:
    """Each match of a pattern whose first group is the text that is reported."""
    return [Liability(name, match.start(1) + 1, match.group(1), why) for match in pattern.finditer(sequence)]


def _places(sequence: str, name: str) -> list[Liability]:
    why = PATTERNS[name][1]
    if name != "odd cysteines":
        return places(sequence, _COMPILED[name], name, why)
    cysteines = [place for place, letter in enumerate(sequence, start=1) if letter == "C"]
    return [Liability(name, place, "C", why) for place in cysteines] if len(cysteines) % 2 else []
