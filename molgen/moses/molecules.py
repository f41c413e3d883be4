"""What the figures of MOSES need of each molecule, computed once: the work of one process, without torch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import Crippen, Descriptors
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgen.molecule import bulk, chemistry
from molgen.molecule.prescreen import Graphs
from molgen.moses.filters import passes

PROPERTIES = ("logp", "sa", "qed", "weight")
MIN_RINGS = 2  # of a scaffold that counts


@dataclass(frozen=True)
class Molecules:
    """A list of designs as MOSES sees it; arrays and lists are over the v valid ones, in order, duplicates kept."""

    n: int  # designs, as drawn
    canonical: list[str]  # with stereochemistry
    constitutions: list[str]  # without it
    connected: np.ndarray  # (v,) bool: one fragment
    bits: np.ndarray  # (v, 128) uint8, packed Morgan fingerprints (radius 2, 1024 bits)
    passed: np.ndarray  # (v,) bool: the filters
    properties: np.ndarray  # (v, 4) float64: logP, SA, QED, weight in g/mol
    fragments: Counter[str]  # BRICS fragments
    scaffolds: Counter[str]  # Bemis-Murcko scaffolds with two rings or more

    @classmethod
    def join(cls, parts: Sequence["Molecules"]) -> "Molecules":
        return cls(
            n=sum(part.n for part in parts),
            canonical=[text for part in parts for text in part.canonical],
            constitutions=[text for part in parts for text in part.constitutions],
            connected=np.concatenate([part.connected for part in parts]),
            bits=np.concatenate([part.bits for part in parts]),
            passed=np.concatenate([part.passed for part in parts]),
            properties=np.concatenate([part.properties for part in parts]),
            fragments=_total([part.fragments for part in parts]),
            scaffolds=_total([part.scaffolds for part in parts]),
        )


@dataclass(frozen=True)
class Describe:
    """Work for one process: a chunk of texts to `Molecules`."""

    filters: tuple[str, ...]  # SMARTS

    def __call__(self, texts: Sequence[str]) -> Molecules:
        with rdBase.BlockLogs():
            return describe(texts, self.filters)


def describe(texts: Sequence[str], filters: tuple[str, ...]) -> Molecules:
    """What MOSES needs of some designs. A text that does not parse, or has no atom, is not valid.

    As in MOSES' code, molecules are read again from their canonical SMILES, and spelled from what was read.
    """
    found = [one for text in texts if (one := read(text)) is not None]
    mols, canonical = [mol for mol, _ in found], [text for _, text in found]
    graphs, environments = Graphs.of(mols), bulk.environments(mols)
    return Molecules(
        n=len(texts),
        canonical=canonical,
        constitutions=[_constitution(mol, text) for mol, text in zip(mols, canonical, strict=True)],
        connected=np.array(["." not in text for text in canonical], dtype=bool),
        bits=bulk.fingerprints(environments),
        passed=passes(graphs, canonical, filters),
        properties=_properties(graphs, environments),
        fragments=Counter(fragment for mol in mols for fragment in fragments(mol)),
        scaffolds=Counter(found for mol in mols if (found := scaffold(mol))),
    )


def read(text: str) -> tuple[Chem.Mol, str] | None:
    """The molecule of a text as MOSES reads it, and its canonical SMILES; None if it is not valid."""
    mol = Chem.MolFromSmiles(text)
    if mol is None or not mol.GetNumAtoms():
        return None
    canonical = Chem.MolToSmiles(mol)
    if canonical == text:  # reading it again would give the same molecule
        return mol, canonical
    again = Chem.MolFromSmiles(canonical)
    return (mol, canonical) if again is None else (again, Chem.MolToSmiles(again))


def fragments(mol: Chem.Mol) -> list[str]:
    """SMILES of the BRICS fragments (Degen et al. 2008, doi 10.1002/cmdc.200800178), cut at all bonds at once."""
    return Chem.MolToSmiles(Chem.FragmentOnBRICSBonds(mol)).split(".")


def scaffold(mol: Chem.Mol) -> str:
    """SMILES of the Bemis-Murcko scaffold, with stereochemistry; '' where it has fewer than two rings."""
    try:
        found = MurckoScaffold.GetScaffoldForMol(mol)
    except (ValueError, RuntimeError):  # as in MOSES: a molecule that cannot be cut has no scaffold
        return ""
    return Chem.MolToSmiles(found) if found.GetRingInfo().NumRings() >= MIN_RINGS else ""


def _properties(graphs: Graphs, environments: Sequence[bulk.Environments]) -> np.ndarray:
    logp = [Crippen.MolLogP(mol) for mol in graphs.mols]
    weight = [Descriptors.MolWt(mol) for mol in graphs.mols]
    accessibility = bulk.synthetic_accessibility(graphs.mols, environments)
    return np.stack([logp, accessibility, bulk.qed(graphs, logp), weight], axis=1).astype(np.float64)


def _constitution(mol: Chem.Mol, canonical: str) -> str:
    return chemistry.without_stereo(mol) if any(mark in canonical for mark in "@/\\[") else canonical


def _total(counters: Sequence[Counter[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for counter in counters:
        found.update(counter)
    return found
