"""Hard rules for sequences: length, forbidden residues, cysteines, runs, a motif, liabilities, windows of scores.

A rule says why it rejects, with the places. Of real peptides many carry a liability, so that none rejects by default.
"""

import re
from typing import Literal

from molgen.profile import Profile
from molgen.protein import properties, synthesis
from molgen.protein.liabilities import liabilities
from molgen.protein.motif import compile_motif
from molgen.scoring import EachRule, Rule, WindowRule

HYDROPHOBIC = "AFILMVW"
SCORES = {score.name: score for score in (*properties.SCORES, *synthesis.SCORES)}
_ASKED = {"none": "none is allowed", "even": "an even number is asked for"}


def forbidden(residues: str) -> EachRule:
    """Rejects a sequence that holds one of these residues."""

    def reason(sequence: str) -> str | None:
        found = [f"{letter} at {place}" for place, letter in enumerate(sequence, start=1) if letter in residues]
        return f"forbidden: {', '.join(found)}" if found else None

    return EachRule("forbidden", reason)


def cysteines(asked: Literal["none", "even"]) -> EachRule:
    """Rejects a sequence with any cysteine, or with an odd number of them."""

    def reason(sequence: str) -> str | None:
        count = sequence.count("C")
        return f"cysteines: {count}, {_ASKED[asked]}" if (count if asked == "none" else count % 2) else None

    return EachRule("cysteines", reason)


def run(most: int) -> EachRule:
    """Rejects more than `most` of the same residue in a row."""
    return _pattern_rule("run", re.compile(rf"(.)\1{{{most},}}"), f"at most {most} in a row")


def hydrophobic_run(most: int) -> EachRule:
    """Rejects more than `most` residues of HYDROPHOBIC in a row."""
    return _pattern_rule("hydrophobic run", re.compile(rf"[{HYDROPHOBIC}]{{{most + 1},}}"), f"at most {most} in a row")


def liability(name: str) -> EachRule:
    """Rejects a sequence with this liability; the reason names every place."""

    def reason(sequence: str) -> str | None:
        found = [f"{one.text} at {one.position}" for one in liabilities(sequence, (name,))]
        return f"{name}: {', '.join(found)}" if found else None

    return EachRule(name, reason)


def motif(text: str) -> EachRule:
    """Rejects a sequence that the motif does not match; MolgenError for a text that is none."""
    compiled = compile_motif(text)
    return EachRule("motif", lambda sequence: None if compiled.matches(sequence) else f"motif: {text} is not kept")


def build_rules(profile: Profile) -> tuple[Rule, ...]:
    """The hard rules of a profile, cheap ones first, so that in mode 'first' they spare the dear ones."""
    chosen = profile.rules
    limits = {window.score: (window.low, window.high) for window in profile.windows}
    return (
        *([forbidden(chosen.forbidden)] if chosen.forbidden else []),
        *([cysteines(chosen.cysteines)] if chosen.cysteines != "any" else []),
        run(chosen.max_run),
        hydrophobic_run(chosen.max_hydrophobic_run),
        *(liability(name) for name in profile.alerts.reject),
        *([motif(chosen.motif)] if chosen.motif else []),
        *(WindowRule(score, *limits[name]) for name, score in SCORES.items() if name in limits),
    )


def build_flags(profile: Profile) -> tuple[Rule, ...]:
    """The liabilities of a profile that only flag."""
    return tuple(liability(name) for name in profile.alerts.flag)


def _pattern_rule(name: str, pattern: re.Pattern[str], limit: str) -> EachRule:
    """Rejects what a pattern hits; the reason gives each place."""

    def reason(sequence: str) -> str | None:
        found = [f"{match.group()} at {match.start() + 1}" for match in pattern.finditer(sequence)]
        return f"{name}: {', '.join(found)}; {limit}" if found else None

    return EachRule(name, reason)
