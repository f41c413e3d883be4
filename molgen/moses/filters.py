"""MOSES' filters: medicinal chemistry filters (MCF), PAINS, elements, charges and rings.

The patterns are MOSES' own files, which differ from RDKit's catalogs: they are matched with all hydrogens added.
"""

import csv
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from rdkit import Chem

from molgen import datasets
from molgen.errors import MolgenError
from molgen.molecule.prescreen import Graphs, Prescreen

ELEMENTS = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})
LARGEST_RING = 7
_PLAIN = re.compile(r"(?:Cl|Br|\[nH\]|[CNOSFcnos0-9=#()%.-])+")  # neutral atoms of ELEMENTS, no stereochemistry


def read_filters() -> tuple[str, ...]:
    """The SMARTS of MCF (22) and PAINS (480), from the cache; MolgenError with the remedy where they are not there."""
    with datasets.locate("moses-mcf").open(encoding="utf-8", newline="") as file:
        mcf = [row["smarts"] for row in csv.DictReader(file)]
    with datasets.locate("moses-pains").open(encoding="utf-8", newline="") as file:
        pains = [row[0].strip() for row in csv.reader(file)]
    return (*mcf, *pains)


def passes(graphs: Graphs, canonical: Sequence[str], smarts: tuple[str, ...]) -> np.ndarray:
    """Which molecules pass: (n,) bool.

    None of the patterns matches, atoms are C N S O F Cl Br H, none is charged, no ring has eight atoms or more, and
    the SMILES without stereochemistry can be read again. canonical: the SMILES of the molecules; smarts: the patterns.
    """
    alerts = _patterns(smarts).hits(graphs)
    each = zip(graphs.mols, canonical, alerts, strict=True)
    found = [not hits and _is_plain(mol, text) and _is_readable(mol, text) for mol, text, hits in each]
    return np.array(found, dtype=bool)


def _is_plain(mol: Chem.Mol, canonical: str) -> bool:
    if any(len(ring) > LARGEST_RING for ring in mol.GetRingInfo().AtomRings()):
        return False
    if _PLAIN.fullmatch(canonical):  # spares the loop over atoms
        return True
    return not any(atom.GetFormalCharge() or atom.GetSymbol() not in ELEMENTS for atom in mol.GetAtoms())


def _is_readable(mol: Chem.Mol, canonical: str) -> bool:
    if _PLAIN.fullmatch(canonical):
        return True  # nothing to leave out, and the canonical SMILES was read already
    plain = Chem.MolToSmiles(mol, isomericSmiles=False)
    return bool(plain) and Chem.MolFromSmiles(plain) is not None


@lru_cache(maxsize=4)
def _patterns(smarts: tuple[str, ...]) -> Prescreen:
    patterns = [Chem.MolFromSmarts(one) for one in smarts]
    if None in patterns:
        raise MolgenError(f"{smarts[patterns.index(None)]!r} is no SMARTS; run `molgen data fetch moses` again")
    return Prescreen(patterns, hydrogens=True)
