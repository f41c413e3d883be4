"""How hard a peptide looks to make on a resin, and how sticky it looks: hints that can be read, and no verdicts."""

import re

import numpy as np

from molgen.protein.alphabet import RESIDUES, classes
from molgen.protein.liabilities import Liability, places
from molgen.scoring import Property

LONGEST_EASY = 50  # residues: at 99 % a coupling, 60 % of the chains are whole by then

# Each pattern's first group is reported; runs are reported whole and once, pairs also where they overlap.
PATTERNS: dict[str, tuple[str, str]] = {
    "beta-branched run": (r"([VIT]{3,})", "three or more of V, I, T in a row couple slowly"),
    "hydrophobic run": (r"([AFILMVW]{4,})", "four or more of A, F, I, L, M, V, W in a row clump on the resin"),
    "aspartimide": (r"(?=(D[GN]))", "D closes to aspartimide in base before G or N"),
    "acid cleavage": (r"(?=(DP))", "the bond between D and P breaks in the acid of the cleavage"),
    "deamidation": (r"(?=(NG))", "N before G loses ammonia during cleavage and purification"),
    "repeat": (r"((.)\2{3,})", "more than three of one residue in a row couple slowly"),
    "sensitive residue": (r"([CMW])", "C, M and W oxidise or are alkylated in the cleavage"),
    "C-terminal P": (r"(P)$", "the second residue leaves with P as a diketopiperazine"),
    "N-terminal Q": (r"^(Q)", "an N-terminal Q closes to pyroglutamate"),
}
_COMPILED = {name: re.compile(pattern) for name, (pattern, _) in PATTERNS.items()}

# Aggregation propensity a3v of Sanchez de Groot 2005 and Conchillo-Sole 2007 (doi 10.1186/1471-2105-8-65, table 1).
A3V = {
    "I": 1.822, "F": 1.754, "V": 1.594, "L": 1.380, "Y": 1.159, "W": 1.037, "M": 0.910, "C": 0.604, "A": -0.036,
    "T": -0.159, "S": -0.294, "P": -0.334, "G": -0.535, "K": -0.931, "H": -1.033, "Q": -1.231, "R": -1.240,
    "N": -1.302, "E": -1.412, "D": -1.836,
}  # fmt: skip
_A3V = np.array([A3V[letter] for letter in RESIDUES])


def difficulties(sequence: str) -> list[Liability]:
    """What makes a peptide hard to make by solid-phase synthesis (Fmoc), with places: the length, then PATTERNS."""
    too_long = f"{len(sequence)} residues, more than {LONGEST_EASY}"
    found = [Liability("length", 1, sequence, too_long)] if len(sequence) > LONGEST_EASY else []
    for name, pattern in _COMPILED.items():
        found += places(sequence, pattern, name, PATTERNS[name][1])
    return found


def synthesis_difficulty(sequence: str) -> float:
    """The number of `difficulties`: one point each, 0 is easy. A rule of thumb, and no yield.

    One point for more than 50 residues; for each run of three or more of V, I, T; each run of four or more of A, F, I,
    L, M, V, W; each DG, DN (aspartimide), DP and NG; each run of more than three of one residue; each C, M and W; a P
    at the C-terminus; a Q at the N-terminus. A run may be of several kinds, and counts for each.
    """
    return len(difficulties(sequence))


def aggregation(sequence: str) -> float:
    """Greatest mean of AGGRESCAN's propensity a3v over a window; above -0.02 it would count for a hot spot.

    The window has 5 residues, 7 beyond 75 residues, 9 beyond 175, 11 beyond 300, as in the paper. The extra charges
    that AGGRESCAN puts at both ends are left out, so that windows there differ from those of its server.
    """
    window = min(aggregation_window(len(sequence)), len(sequence))
    values = _A3V[classes(sequence)]
    return float(np.convolve(values, np.full(window, 1 / window), mode="valid").max())


def aggregation_window(length: int) -> int:
    """Residues of a window for a sequence of `length` (Conchillo-Sole 2007)."""
    return 5 if length <= 75 else 7 if length <= 175 else 9 if length <= 300 else 11


SYNTHESIS_DIFFICULTY = Property("synthesis_difficulty", "points", "lower", synthesis_difficulty)
AGGREGATION = Property("aggregation", "a3v", "lower", aggregation)

SCORES: tuple[Property, ...] = (AGGREGATION, SYNTHESIS_DIFFICULTY)
