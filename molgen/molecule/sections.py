"""The sections of a profile that only molecules have: how a text becomes one, cited rules, catalogs of alerts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from molgen.checking import expect, known

if TYPE_CHECKING:
    from molgen.profile import Profile

CITED_RULES = ("lipinski", "veber", "rule_of_three", "no_acids")
CATALOGS = (
    "PAINS",
    "PAINS_A",
    "PAINS_B",
    "PAINS_C",
    "reactive",
    "BRENK",
    "NIH",
    "ZINC",
    "CHEMBL_BMS",
    "CHEMBL_Dundee",
    "CHEMBL_Glaxo",
    "CHEMBL_Inpharmatica",
    "CHEMBL_LINT",
    "CHEMBL_MLSMR",
    "CHEMBL_SureChEMBL",
)
ELEMENTS = (
    "H",
    "B",
    "C",
    "N",
    "O",
    "F",
    "Si",
    "P",
    "S",
    "Cl",
    "As",
    "Se",
    "Br",
    "Te",
    "I",
)  # metals are always refused
ORGANIC = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")


@dataclass(frozen=True)
class Standardise:
    """How a text becomes a molecule."""

    strip_salts: bool = True  # take known counter-ions and solvents off and neutralise, with a note
    max_heavy_atoms: int = 200  # larger molecules are refused before anything costly


@dataclass(frozen=True)
class Rules:
    """Published rules, and the limits of a structure."""

    use: tuple[str, ...] = ()  # of CITED_RULES
    lipinski_violations: int = 1  # how many of Lipinski's four limits may be broken (1997: one)
    elements: tuple[str, ...] = ORGANIC
    max_ring_size: int = 8
    mode: Literal["first", "all"] = "first"  # 'all' collects the reasons of every rule: slower, for diagnosis


@dataclass(frozen=True)
class Alerts:
    """Catalogs of unwanted groups: those that reject, and those that only flag."""

    reject: tuple[str, ...] = ("reactive", "PAINS")
    flag: tuple[str, ...] = ("BRENK", "NIH")


SECTIONS = {"standardise": Standardise, "rules": Rules, "alerts": Alerts}


def check(profile: "Profile", source: str) -> None:
    """MolgenError for a name or a limit that is none."""
    for name in profile.rules.use:
        known(name, CITED_RULES, f"{source} [rules]", "rule")
    for name in profile.rules.elements:
        known(name, ELEMENTS, f"{source} [rules]", "element")
    for name in (*profile.alerts.reject, *profile.alerts.flag):
        known(name, CATALOGS, f"{source} [alerts]", "catalog")
    atoms = profile.standardise.max_heavy_atoms
    expect(atoms, atoms >= 1, "max_heavy_atoms", f"{source} [standardise]", "1 or more")
    rules, where = profile.rules, f"{source} [rules]"
    expect(rules.max_ring_size, rules.max_ring_size >= 3, "max_ring_size", where, "3 or more")
    violations = rules.lipinski_violations
    expect(violations, 0 <= violations <= 4, "lipinski_violations", where, "from 0 to 4")
