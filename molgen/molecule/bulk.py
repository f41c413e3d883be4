"""QED, synthetic accessibility and fingerprints of many molecules at once: RDKit's numbers at less than half the cost.

Of RDKit's own functions, QED spends most on 116 structural alerts, which are screened here, and on the logP, which may
be known; the synthetic accessibility spends most on stereocentres, which RDKit also counts in C++. One list of Morgan
environments serves both that score and the fingerprints.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import QED, Descriptors, rdFingerprintGenerator, rdMolDescriptors

from molgen.molecule.distance import BITS, BYTES, RADIUS
from molgen.molecule.prescreen import Graphs, Prescreen

Environments = Mapping[int, int]  # how often each Morgan environment of radius 2 or less occurs, by RDKit's number


def environments(mols: Sequence[Chem.Mol]) -> list[Environments]:
    """The Morgan environments of each molecule."""
    make = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS).GetSparseCountFingerprint
    return [make(mol).GetNonzeroElements() for mol in mols]


def fingerprints(found: Sequence[Environments]) -> np.ndarray:
    """Packed (n, 128) uint8, equal to `distance.morgan`: RDKit folds the number of an environment by 1024, too."""
    rows = np.repeat(np.arange(len(found)), [len(one) for one in found])
    numbers = np.fromiter((number for one in found for number in one), dtype=np.int64, count=len(rows))
    bits = np.zeros((len(found), BITS), dtype=np.uint8)
    bits[rows, numbers % BITS] = 1
    return np.packbits(bits, axis=1, bitorder="little").reshape(-1, BYTES)


def qed(graphs: Graphs, logp: Sequence[float]) -> np.ndarray:
    """QED (Bickerton 2012, doi 10.1038/nchem.1243), (n,) float64, equal to `QED.qed`. logp: Crippen's, of the same."""
    alerts = [len(hits) for hits in _alerts().hits(graphs)]
    return np.array([_qed(*one) for one in zip(graphs.mols, logp, alerts, strict=True)], dtype=np.float64)


def synthetic_accessibility(mols: Sequence[Chem.Mol], found: Sequence[Environments]) -> np.ndarray:
    """The SA score (Ertl and Schuffenhauer 2009, doi 10.1186/1758-2946-1-8), (n,) float64 from 1 to 10, as in RDKit.

    found: the environments of the molecules, each of which has an atom.
    """
    return np.array([_accessibility(mol, one) for mol, one in zip(mols, found, strict=True)], dtype=np.float64)


def _qed(mol: Chem.Mol, logp: float, alerts: int) -> float:
    if mol.GetNumAtoms() != mol.GetNumHeavyAtoms():
        return QED.qed(mol)  # takes hydrogens off the graph first
    strict = rdMolDescriptors.NumRotatableBondsOptions.Strict
    found = QED.QEDproperties(
        MW=Descriptors.MolWt(mol),
        ALOGP=logp,
        HBA=sum(len(mol.GetSubstructMatches(pattern)) for pattern in QED.Acceptors),
        HBD=rdMolDescriptors.CalcNumHBD(mol),
        PSA=rdMolDescriptors.CalcTPSA(mol),
        ROTB=rdMolDescriptors.CalcNumRotatableBonds(mol, strict),
        AROM=len(Chem.GetSSSR(Chem.DeleteSubstructs(mol, QED.AliphaticRings))),
        ALERTS=alerts,
    )
    return QED.qed(mol, qedProperties=found)


@cache
def _alerts() -> Prescreen:
    return Prescreen(QED.StructuralAlerts)


def _accessibility(mol: Chem.Mol, found: Environments) -> float:
    """Fragments that are frequent in PubChem, less penalties for size and features, plus one for symmetry; scaled."""
    scores, atoms = _fragment_scores(), mol.GetNumAtoms()
    fragments = sum(scores.get(number, -4) * count for number, count in found.items()) / sum(found.values())
    symmetry = 0.5 * math.log(atoms / len(found)) if atoms > len(found) else 0.0
    raw = 11.0 - (fragments - _complexity(mol) + symmetry + 5) / 6.5 * 9.0
    if raw > 8.0:
        raw = 8.0 + math.log(raw - 8.0)
    return min(max(raw, 1.0), 10.0)


def _complexity(mol: Chem.Mol) -> float:
    Chem.AssignStereochemistry(mol, cleanIt=False, force=True, flagPossibleStereoCenters=True)
    features = (
        rdMolDescriptors.CalcNumAtomStereoCenters(mol),
        rdMolDescriptors.CalcNumSpiroAtoms(mol),
        rdMolDescriptors.CalcNumBridgeheadAtoms(mol),
        any(len(ring) > 8 for ring in mol.GetRingInfo().AtomRings()),  # one macrocycle counts like many
    )
    return mol.GetNumAtoms() ** 1.005 - mol.GetNumAtoms() + sum(math.log10(count + 1) for count in features)


@cache
def _fragment_scores() -> Mapping[int, float]:
    from rdkit.Contrib.SA_Score import sascorer  # noqa: PLC0415 - loads a table, so only where it is used

    if sascorer._fscores is None:
        sascorer.readFragmentScores()
    return sascorer._fscores
