"""MOSES' figures computed plainly: one molecule, one pattern, one pair after another, by RDKit, numpy and scipy alone.

Written from the definitions of molsets 0.3.1 (moses/metrics/metrics.py and utils.py), to compare with.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import QED, Crippen, Descriptors, rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold
from rdkit.Contrib.SA_Score import sascorer
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance

MAKE = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
ALLOWED = {"C", "N", "S", "O", "F", "Cl", "Br", "H"}
PROPERTIES: dict[str, Callable[[Chem.Mol], float]] = {
    "logP": Crippen.MolLogP,
    "SA": sascorer.calculateScore,
    "QED": QED.qed,
    "weight": Descriptors.MolWt,
}

Activations = Callable[[Sequence[str]], np.ndarray]


def valid(designs: Sequence[str]) -> list[str]:
    """Canonical SMILES of those that parse."""
    with rdBase.BlockLogs():
        mols = [Chem.MolFromSmiles(text) for text in designs]
    return [Chem.MolToSmiles(mol) for mol in mols if mol is not None and mol.GetNumAtoms()]


def fragments(mols: Sequence[Chem.Mol]) -> Counter[str]:
    found: Counter[str] = Counter()
    for mol in mols:
        found.update(Chem.MolToSmiles(Chem.FragmentOnBRICSBonds(mol)).split("."))
    return found


def scaffolds(mols: Sequence[Chem.Mol]) -> Counter[str]:
    found: Counter[str] = Counter()
    for mol in mols:
        scaffold = MurckoScaffold.GetScaffoldForMol(mol)
        if scaffold.GetRingInfo().NumRings() >= 2:
            found[Chem.MolToSmiles(scaffold)] += 1
    return found


def statistics(smiles: Sequence[str], activations: Activations) -> dict[str, Any]:
    """In the form of MOSES' test_stats.npz."""
    mols = [Chem.MolFromSmiles(text) for text in smiles]
    found = activations(smiles)
    return {
        "FCD": {"mu": found.mean(0), "sigma": np.cov(found.T)},
        "SNN": {"fps": np.array([list(MAKE.GetFingerprint(mol)) for mol in mols], dtype=np.uint8)},
        "Frag": {"frag": fragments(mols)},
        "Scaf": {"scaf": scaffolds(mols)},
        **{name: {"values": [function(mol) for mol in mols]} for name, function in PROPERTIES.items()},
    }


def cosine(a: Counter[str], b: Counter[str]) -> float:
    names = sorted(set(a) | set(b))
    x, y = (np.array([counts[name] for name in names], dtype=float) for counts in (a, b))
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def passes(mol: Chem.Mol, patterns: Sequence[Chem.Mol]) -> bool:
    if any(len(ring) >= 8 for ring in mol.GetRingInfo().AtomRings()):
        return False
    if any(atom.GetFormalCharge() != 0 or atom.GetSymbol() not in ALLOWED for atom in mol.GetAtoms()):
        return False
    with_hydrogens = Chem.AddHs(mol)
    if any(with_hydrogens.HasSubstructMatch(pattern) for pattern in patterns):
        return False
    return Chem.MolFromSmiles(Chem.MolToSmiles(mol, isomericSmiles=False)) is not None


def against(mols: list[Chem.Mol], found: np.ndarray, split: dict[str, Any], name: str) -> dict[str, float]:
    references = [DataStructs.CreateFromBitString("".join(map(str, row))) for row in split["SNN"]["fps"]]
    nearest = [max(DataStructs.BulkTanimotoSimilarity(MAKE.GetFingerprint(mol), references)) for mol in mols]
    mean, covariance = found.mean(0), np.cov(found.T)
    root = np.real(sqrtm(split["FCD"]["sigma"] @ covariance))
    shift = ((split["FCD"]["mu"] - mean) ** 2).sum()
    return {
        f"fcd_{name}": float(shift + np.trace(split["FCD"]["sigma"] + covariance - 2 * root)),
        f"snn_{name}": float(np.mean(nearest)),
        f"frag_{name}": cosine(fragments(mols), split["Frag"]["frag"]),
        f"scaf_{name}": cosine(scaffolds(mols), split["Scaf"]["scaf"]),
    }


def diversity(mols: list[Chem.Mol]) -> tuple[float, float]:
    made = [MAKE.GetFingerprint(mol) for mol in mols]
    similar = np.array([DataStructs.BulkTanimotoSimilarity(one, made) for one in made])
    return float(1 - similar.mean()), float(1 - np.sqrt((similar**2).mean(axis=1)).mean())


def figures(
    designs: Sequence[str],
    test: dict[str, Any],
    test_scaffolds: dict[str, Any],
    smarts: Sequence[str],
    training: Sequence[str],
    activations: Activations,
) -> dict[str, float]:
    """By the keys of `molgen.moses.figures.FIGURES`."""
    canonical = valid(designs)
    mols = [Chem.MolFromSmiles(text) for text in canonical]
    found, patterns = activations(canonical), [Chem.MolFromSmarts(one) for one in smarts]
    distinct, known = set(canonical), {Chem.CanonSmiles(text) for text in training}
    plain, square = diversity(mols)
    return {
        "n": len(designs),
        "n_valid": len(canonical),
        "n_distinct": len(distinct),
        "valid_as_drawn": len(canonical) / len(designs),
        "connected": sum(len(Chem.GetMolFrags(mol)) == 1 for mol in mols) / len(designs),
        "unique": len(distinct) / len(canonical),
        "novelty": len(distinct - known) / len(distinct),
        "intdiv": plain,
        "intdiv2": square,
        "filters": float(np.mean([passes(mol, patterns) for mol in mols])),
        **against(mols, found, test, "test"),
        **against(mols, found, test_scaffolds, "test_scaffolds"),
        **{
            f"w1_{name.lower()}": wasserstein_distance(test[name]["values"], [function(mol) for mol in mols])
            for name, function in PROPERTIES.items()
        },
    }
