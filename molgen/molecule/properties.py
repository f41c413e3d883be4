"""Properties of a molecule as scores: name, unit, direction, one function each. All from RDKit.

`SCORES` stands in the order of cost, cheapest first; the synthetic accessibility is in `synthesis`.
"""

from rdkit import Chem
from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors

from molgen.scoring import Property


def undefined_stereo(mol: Chem.Mol) -> int:
    """Count stereocentres and double bonds whose configuration matters and is not given.

    Left out, as no bottle holds their isomers apart: C=NH, amidines and guanidines, cumulated bonds as in azides.
    """
    open_ones = (info for info in Chem.FindPotentialStereo(mol) if info.specified == Chem.StereoSpecified.Unspecified)
    double = Chem.StereoType.Bond_Double
    return sum(info.type != double or _is_stable(mol.GetBondWithIdx(info.centeredOn)) for info in open_ones)


def _is_stable(bond: Chem.Bond) -> bool:
    """Whether the two isomers at this double bond are different substances."""
    ends = (bond.GetBeginAtom(), bond.GetEndAtom())
    if any(end.GetDegree() == 1 or end.GetHybridization() == Chem.HybridizationType.SP for end in ends):
        return False
    nitrogens = [sum(near.GetAtomicNum() == 7 for near in end.GetNeighbors()) for end in ends]
    imine = {end.GetAtomicNum() for end in ends} == {6, 7}
    return not (imine and max(count for end, count in zip(ends, nitrogens, strict=True) if end.GetAtomicNum() == 6) > 1)


def lipinski_donors(mol: Chem.Mol) -> int:
    """Count NH and OH hydrogens, as Lipinski 1997 does (water counts two)."""
    return rdMolDescriptors.CalcNumLipinskiHBD(mol)


def lipinski_acceptors(mol: Chem.Mol) -> int:
    """Count N and O atoms, as Lipinski 1997 does."""
    return rdMolDescriptors.CalcNumLipinskiHBA(mol)


HEAVY_ATOMS = Property("heavy_atoms", "atoms", "none", lambda mol: mol.GetNumHeavyAtoms())
MW = Property("mw", "g/mol", "none", Descriptors.MolWt)
CHARGE = Property("charge", "e", "none", Chem.GetFormalCharge)
RINGS = Property("rings", "rings", "none", rdMolDescriptors.CalcNumRings)
AROMATIC_RINGS = Property("aromatic_rings", "rings", "none", rdMolDescriptors.CalcNumAromaticRings)
FSP3 = Property("fsp3", "fraction", "none", rdMolDescriptors.CalcFractionCSP3)
HBD = Property("hbd", "groups", "none", rdMolDescriptors.CalcNumHBD)
HBA = Property("hba", "atoms", "none", rdMolDescriptors.CalcNumHBA)
ROTATABLE = Property("rotatable", "bonds", "none", rdMolDescriptors.CalcNumRotatableBonds)
TPSA = Property("tpsa", "A^2", "none", rdMolDescriptors.CalcTPSA)
STEREO_UNASSIGNED = Property("stereo_unassigned", "centres", "lower", undefined_stereo)
LOGP = Property("logp", "log10", "none", Crippen.MolLogP)
QED_SCORE = Property("qed", "0 to 1", "higher", QED.qed)

SCORES: tuple[Property, ...] = (
    HEAVY_ATOMS,
    MW,
    CHARGE,
    RINGS,
    AROMATIC_RINGS,
    FSP3,
    HBD,
    HBA,
    ROTATABLE,
    TPSA,
    STEREO_UNASSIGNED,
    LOGP,
    QED_SCORE,
)
