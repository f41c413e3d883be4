"""What crystallises with a drug and is not the drug: counter-ions and solvents, by name, and bonds that are none."""

from functools import cache

from rdkit import Chem

# Counter-ions, taken off like chloride, with their charge. A bond from one to a hetero atom is read as a salt's.
COUNTER_METALS = {"Li": 1, "Na": 1, "K": 1, "Mg": 2, "Ca": 2, "Zn": 2}
SALT_PARTNERS = frozenset("N O S F Cl Br I".split())

# Acids, bases and solvents that crystallise with a drug, in neutral form. Pharmacopoeial salts after Stahl and Wermuth.
COUNTER_PARTS: dict[str, str] = {
    "water": "O",
    "hydrogen chloride": "Cl",
    "hydrogen bromide": "Br",
    "hydrogen iodide": "I",
    "hydrogen fluoride": "F",
    "ammonia": "N",
    "sulfuric acid": "O=S(=O)(O)O",
    "nitric acid": "O=[N+]([O-])O",
    "phosphoric acid": "O=P(O)(O)O",
    "perchloric acid": "[O-][Cl+3]([O-])([O-])O",
    "formic acid": "O=CO",
    "acetic acid": "CC(=O)O",
    "trifluoroacetic acid": "O=C(O)C(F)(F)F",
    "oxalic acid": "O=C(O)C(=O)O",
    "malonic acid": "O=C(O)CC(=O)O",
    "succinic acid": "O=C(O)CCC(=O)O",
    "fumaric acid": "O=C(O)C=CC(=O)O",  # and maleic acid: compared without stereochemistry
    "malic acid": "O=C(O)CC(O)C(=O)O",
    "tartaric acid": "O=C(O)C(O)C(O)C(=O)O",
    "citric acid": "O=C(O)CC(O)(CC(=O)O)C(=O)O",
    "lactic acid": "CC(O)C(=O)O",
    "glycolic acid": "O=C(O)CO",
    "benzoic acid": "O=C(O)c1ccccc1",
    "salicylic acid": "O=C(O)c1ccccc1O",
    "mandelic acid": "O=C(O)C(O)c1ccccc1",
    "hippuric acid": "O=C(O)CNC(=O)c1ccccc1",
    "nicotinic acid": "O=C(O)c1cccnc1",
    "glutaric acid": "O=C(O)CCCC(=O)O",
    "adipic acid": "O=C(O)CCCCC(=O)O",
    "stearic acid": "CCCCCCCCCCCCCCCCCC(=O)O",
    "gluconic acid": "O=C(O)C(O)C(O)C(O)C(O)CO",
    "glucaric acid": "O=C(O)C(O)C(O)C(O)C(O)C(=O)O",
    "lactobionic acid": "O=C(O)C(O)C(O)C(OC1OC(CO)C(O)C(O)C1O)C(O)CO",
    "ascorbic acid": "O=C1OC(C(O)CO)C(O)=C1O",
    "aspartic acid": "NC(CC(=O)O)C(=O)O",
    "glutamic acid": "NC(CCC(=O)O)C(=O)O",
    "pamoic acid": "O=C(O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O",
    "1-hydroxy-2-naphthoic acid": "O=C(O)c1ccc2ccccc2c1O",  # xinafoate
    "methanesulfonic acid": "CS(=O)(=O)O",
    "ethanesulfonic acid": "CCS(=O)(=O)O",
    "benzenesulfonic acid": "O=S(=O)(O)c1ccccc1",
    "toluenesulfonic acid": "Cc1ccc(S(=O)(=O)O)cc1",
    "ethanedisulfonic acid": "O=S(=O)(O)CCS(=O)(=O)O",  # edisylate
    "isethionic acid": "O=S(=O)(O)CCO",
    "camphorsulfonic acid": "CC1(C)C2CCC1(CS(=O)(=O)O)C(=O)C2",
    "1-naphthalenesulfonic acid": "O=S(=O)(O)c1cccc2ccccc12",
    "2-naphthalenesulfonic acid": "O=S(=O)(O)c1ccc2ccccc2c1",
    "1,5-naphthalenedisulfonic acid": "O=S(=O)(O)c1cccc2c(S(=O)(=O)O)cccc12",
    "methyl sulfate": "COS(=O)(=O)O",
    "lauryl sulfate": "CCCCCCCCCCCCOS(=O)(=O)O",
    "triethylamine": "CCN(CC)CC",
    "diethylamine": "CCNCC",
    "tromethamine": "NC(CO)(CO)CO",
    "ethanolamine": "NCCO",
    "diethanolamine": "OCCNCCO",
    "ethylenediamine": "NCCN",
    "tert-butylamine": "CC(C)(C)N",  # erbumine
    "dicyclohexylamine": "C1CCC(NC2CCCCC2)CC1",
    "benzathine": "c1ccc(CNCCNCc2ccccc2)cc1",
    "hydroxyethylpyrrolidine": "OCCN1CCCC1",  # epolamine
    "piperazine": "C1CNCCN1",
    "choline": "C[N+](C)(C)CCO",
    "glycine": "NCC(=O)O",
    "lysine": "NCCCCC(N)C(=O)O",
    "arginine": "N=C(N)NCCCC(N)C(=O)O",
    "meglumine": "CNCC(O)C(O)C(O)C(O)CO",
    "methanol": "CO",
    "ethanol": "CCO",
    "isopropanol": "CC(C)O",
    "propylene glycol": "CC(O)CO",
    "acetone": "CC(C)=O",
    "ethyl acetate": "CCOC(C)=O",
    "acetonitrile": "CC#N",
    "dimethyl sulfoxide": "CS(C)=O",
    "dimethylformamide": "CN(C)C=O",
    "dichloromethane": "ClCCl",
    "tetrahydrofuran": "C1CCOC1",
    "dioxane": "C1COCCO1",
    "pyridine": "c1ccncc1",
    "toluene": "Cc1ccccc1",
    "hexane": "CCCCCC",
}


def ionic(mol: Chem.Mol) -> tuple[Chem.Mol, list[str]]:
    """The molecule with every bond of a counter-metal to a hetero atom as two charges, and these metals' symbols.

    CC(=O)O[Na] becomes CC(=O)[O-].[Na+]. What comes back is not sanitised where there was such a bond.
    """
    metals = [atom for atom in mol.GetAtoms() if atom.GetSymbol() in COUNTER_METALS and _is_bound_as_salt(atom)]
    if not metals:
        return mol, []
    salt = Chem.RWMol(mol)
    for metal in metals:
        for partner in metal.GetNeighbors():
            salt.RemoveBond(metal.GetIdx(), partner.GetIdx())
            salt.GetAtomWithIdx(partner.GetIdx()).SetFormalCharge(partner.GetFormalCharge() - 1)
        salt.GetAtomWithIdx(metal.GetIdx()).SetFormalCharge(metal.GetDegree())
    return salt.GetMol(), sorted({metal.GetSymbol() for metal in metals})


def _is_bound_as_salt(metal: Chem.Atom) -> bool:
    """A complex (more bonds than charges) and an organometallic (a bond to carbon) are not."""
    partners = {near.GetSymbol() for near in metal.GetNeighbors()}
    whole = metal.GetDegree() == COUNTER_METALS[metal.GetSymbol()] and not metal.GetFormalCharge()
    return whole and partners <= SALT_PARTNERS


def counter_name(mol: Chem.Mol) -> str | None:
    """What the neutral part of a salt is called, compared without stereochemistry; None if it is no known one."""
    return _counter_parts().get(Chem.MolToSmiles(mol, isomericSmiles=False))


@cache
def _counter_parts() -> dict[str, str]:
    """Names of the counter-parts by canonical SMILES without stereochemistry."""
    ions = {"[Cl-]": "chloride", "[Br-]": "bromide", "[I-]": "iodide", "[F-]": "fluoride", "[NH4+]": "ammonium"}
    ions["C[S+](C)[O-]"] = "dimethyl sulfoxide"
    return ions | {Chem.CanonSmiles(smiles, useChiral=0): name for name, smiles in COUNTER_PARTS.items()}
