"""The sections of a profile that only protein sequences have: rules on residues and runs, liabilities, a motif."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from molgen.checking import expect, known
from molgen.protein.alphabet import RESIDUES
from molgen.protein.liabilities import LIABILITIES
from molgen.protein.motif import compile_motif

if TYPE_CHECKING:
    from molgen.profile import Profile


@dataclass(frozen=True)
class Standardise:
    """How a text becomes a sequence."""

    longest: int = 512  # residues; longer ones are refused


@dataclass(frozen=True)
class Rules:
    """What a sequence must and must not hold."""

    forbidden: str = ""  # residues, such as "CM"
    cysteines: Literal["any", "none", "even"] = "any"
    max_run: int = 5  # of one residue
    max_hydrophobic_run: int = 8  # of A, F, I, L, M, V, W
    motif: str = ""  # such as "XXXXC[3-8]CXXX": what the whole sequence must look like
    mode: Literal["first", "all"] = "first"  # 'all' collects the reasons of every rule: slower, for diagnosis


@dataclass(frozen=True)
class Alerts:
    """Liabilities: those that reject, and those that only flag."""

    reject: tuple[str, ...] = ()
    flag: tuple[str, ...] = ("deamidation", "isomerisation", "acid cleavage", "oxidation", "odd cysteines")


SECTIONS = {"standardise": Standardise, "rules": Rules, "alerts": Alerts}


def check(profile: "Profile", source: str) -> None:
    """MolgenError for a name or a limit that is none."""
    rules, where = profile.rules, f"{source} [rules]"
    for letter in rules.forbidden:
        known(letter, RESIDUES, where, "residue")
    for name in (*profile.alerts.reject, *profile.alerts.flag):
        known(name, LIABILITIES, f"{source} [alerts]", "liability")
    for key in ("max_run", "max_hydrophobic_run"):
        expect(getattr(rules, key), getattr(rules, key) >= 1, key, where, "1 or more")
    longest = profile.standardise.longest
    expect(longest, longest >= 1, "longest", f"{source} [standardise]", "1 or more")
    if rules.motif:
        compile_motif(rules.motif)
