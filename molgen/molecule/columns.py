"""The columns of the candidate table that only molecules have, and how a chemist calls them."""

from molgen.column import Column
from molgen.column import score_column as _score

NOUNS = ("molecule", "molecules")
SELECTIONS = ("selected.sdf",)  # files of the selected designs
KNOWN_REASON = "known: the training set holds this constitution"
DESIGN = Column("design", "str", "SMILES", "Canonical design; null where the text could not be read.", required=True)
SCORES = (
    _score("qed", "float64", "0 to 1", "Quantitative estimate of drug-likeness (Bickerton 2012)."),
    _score("sa_score", "float64", "1 to 10", "Synthetic accessibility (Ertl 2009): 1 easy, 10 hard. One weak hint."),
    _score("logp", "float64", "log10", "Octanol-water partition after Wildman and Crippen 1999."),
    _score("tpsa", "float64", "A^2", "Topological polar surface of N and O (Ertl 2000)."),
    _score("mw", "float64", "g/mol", "Average molecular weight."),
    _score("hbd", "Int64", "groups", "Hydrogen-bond donors (RDKit's SMARTS)."),
    _score("hba", "Int64", "atoms", "Hydrogen-bond acceptors (RDKit's SMARTS)."),
    _score("rotatable", "Int64", "bonds", "Rotatable bonds, strict: amide C-N left out."),
    _score("heavy_atoms", "Int64", "atoms", "Atoms other than hydrogen."),
    _score("rings", "Int64", "rings", "Rings of the smallest set."),
    _score("aromatic_rings", "Int64", "rings", "Aromatic rings of the smallest set."),
    _score("charge", "Int64", "e", "Formal charge after standardising."),
    _score("fsp3", "float64", "fraction", "Share of the carbons that are sp3 (Lovering 2009)."),
    _score("stereo_unassigned", "Int64", "centres", "Stereocentres and double bonds without configuration."),
)
STRUCTURE = (Column("scaffold", "str", "SMILES", "Bemis-Murcko scaffold without stereochemistry; '' for no rings."),)
NEAREST = (
    Column("nearest_reference", "str", "SMILES", "Most similar of the reference set; for the best 10,000 ranks."),
    _score("nearest_similarity", "float64", "0 to 1", "Tanimoto similarity to it (Morgan, radius 2, 1024 bits)."),
)
LABELS = {
    "qed": "QED", "sa_score": "SA score", "logp": "logP", "tpsa": "TPSA", "mw": "MW", "hbd": "H donors",
    "hba": "H acceptors", "rotatable": "rotatable bonds", "fsp3": "Fsp3", "stereo_unassigned": "open stereocentres",
    "design": "SMILES",
}  # fmt: skip
MAIN = ("qed", "sa_score", "logp", "tpsa", "mw")
