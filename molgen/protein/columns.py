"""The columns of the candidate table that only protein sequences have, and how a protein engineer calls them."""

from molgen.column import Column
from molgen.column import score_column as _score

NOUNS = ("sequence", "sequences")
SELECTIONS = ("selected.fasta", "order.csv")  # files of the selected designs
KNOWN_REASON = "known: the training set holds this sequence"
DESIGN = Column("design", "str", "one-letter", "The sequence; null where the text could not be read.", required=True)
SCORES = (
    _score("length", "Int64", "residues", "Residues of the sequence."),
    _score("mw", "float64", "g/mol", "Average molecular weight, free ends."),
    _score("net_charge", "float64", "e", "Net charge at pH 7.4, pKa of Bjellqvist 1993, free ends."),
    _score("pi", "float64", "pH", "Isoelectric point, with the pKa set of net_charge."),
    _score("gravy", "float64", "hydropathy", "Mean hydropathy (Kyte and Doolittle 1982); above 0 is hydrophobic."),
    _score("helix_moment", "float64", "hydropathy", "Greatest hydrophobic moment of 11 residues at 100 degrees."),
    _score("strand_moment", "float64", "hydropathy", "Greatest hydrophobic moment of 11 residues at 160 degrees."),
    _score("boman", "float64", "kcal/mol", "Potential of binding to proteins (Boman 2003); above 2.48 is high."),
    _score("aliphatic_index", "float64", "percent", "Relative volume of A, V, I and L (Ikai 1980)."),
    _score("instability", "float64", "index", "Instability index (Guruprasad 1990); above 40 is called unstable."),
    _score("aromaticity", "float64", "fraction", "Share of F, W and Y (Lobry 1994)."),
    _score("extinction", "Int64", "1/(M cm)", "Molar absorption at 280 nm, cysteines reduced (Pace 1995)."),
    _score("entropy", "float64", "bits", "Least Shannon entropy of any window of 12 residues; low is repetitive."),
    _score("aggregation", "float64", "a3v", "Greatest mean aggregation propensity of a window (AGGRESCAN's scale)."),
    _score("synthesis_difficulty", "Int64", "points", "Hints against solid-phase synthesis, counted; 0 is easy."),
)
ACTIVITY = (  # filled for the ranked, where the extra `activity` is installed; no scores, as no goal may rest on them
    Column("antimicrobial", "float64", "0 to 1", "Votes of macrel's classifier: no prediction of activity."),
    Column(
        "antimicrobial_shuffled", "float64", "0 to 1", "The same for 3 shuffles of the sequence, mean: its control."
    ),
    Column("haemolytic", "float64", "0 to 1", "Votes of macrel's classifier of haemolysis: a weak hint."),
)
STRUCTURE = (
    Column("constraint_ok", "boolean", "", "Keeps the motif that was asked for; null where none was."),
    *ACTIVITY,
)
NEAREST = (
    Column("nearest_reference", "str", "one-letter", "Most similar of the reference set; for the best 10,000 ranks."),
    _score("nearest_similarity", "float64", "0 to 1", "1 - edit distance / length of the longer of the two."),
)
LABELS = {
    "length": "length", "net_charge": "net charge", "pi": "pI", "gravy": "GRAVY", "helix_moment": "helix moment",
    "strand_moment": "strand moment", "boman": "Boman", "aliphatic_index": "aliphatic index",
    "synthesis_difficulty": "synthesis difficulty",
}  # fmt: skip
MAIN = ("length", "net_charge", "pi", "gravy", "helix_moment", "synthesis_difficulty")
