"""Properties of a sequence as scores: name, unit, direction, one function each, of a text of the 20 letters.

Biopython's ProtParam where it has them; the rest are sums over published scales. Both ends are free and cysteines
reduced: a capped end or a disulfide changes weight and charge. `SCORES` stands in the order of cost, cheapest first.
"""

from functools import lru_cache

import numpy as np
from Bio.SeqUtils.IsoelectricPoint import IsoelectricPoint
from Bio.SeqUtils.ProtParam import ProteinAnalysis
from Bio.SeqUtils.ProtParamData import gravy_scales

from molgen.protein.alphabet import RESIDUES, classes
from molgen.scoring import Property

PH = 7.4  # of blood and of most assays
HELIX, STRAND = 100.0, 160.0  # degrees from residue to residue along an alpha helix and a beta strand
MOMENT_WINDOW = 11  # residues: three turns of a helix
ENTROPY_WINDOW = 12  # residues, as in SEG (Wootton and Federhen 1993)

# Free energies of transfer of the side chains from cyclohexane to water in kcal/mol (Radzicka and Wolfenden 1988, doi
# 10.1021/bi00405a042), with the sign of Boman's sum: positive binds to proteins. The paper has none for proline.
BINDING = {
    "L": -4.92, "I": -4.92, "V": -4.04, "F": -2.98, "M": -2.35, "W": -2.33, "A": -1.81, "C": -1.28, "G": -0.94,
    "P": 0.0, "Y": 0.14, "T": 2.57, "S": 3.40, "H": 4.66, "Q": 5.54, "K": 5.55, "N": 6.64, "E": 6.81, "D": 8.72,
    "R": 14.92,
}  # fmt: skip

_BINDING = np.array([BINDING[letter] for letter in RESIDUES])
_EISENBERG = np.array([gravy_scales["Eisenberg"][letter] for letter in RESIDUES])


def isoelectric_point(sequence: str) -> float:
    """The pH at which the net charge is zero, to 1e-4, by bisection from 0 to 14.

    Biopython's own `isoelectric_point` stops at 4.05 and 12, and gives 4.05 for everything more acid.
    """
    return _ionisable(sequence).pi(7.0, 0.0, 14.0)


def net_charge(sequence: str, ph: float = PH) -> float:
    """The mean charge in units of e, by Henderson and Hasselbalch, with free ends and free cysteines.

    pKa values of Bjellqvist 1993 and 1994 (doi 10.1002/elps.11501401163, 10.1002/elps.1150150171), as Biopython and
    ExPASy have them: D 4.05, E 4.45, C 9, Y 10, H 5.98, K 10, R 12; C-terminus 3.55 (D 4.55, E 4.75); N-terminus 7.5
    (A 7.59, M 7, S 6.93, P 8.36, T 6.82, V 7.44, E 7.7). Other sets differ by 0.35 e on antimicrobial peptides; an
    amide at the end, which many of them have, adds 1.
    """
    return _ionisable(sequence).charge_at_pH(ph)


def instability(sequence: str) -> float:
    """Instability index (Guruprasad 1990, doi 10.1093/protein/4.2.155), from the frequencies of 400 dipeptides.

    Above 40 a protein is called unstable. Made for proteins in a cell; of peptides it says little.
    """
    if len(sequence) < 2:
        raise ValueError("one residue has no dipeptide")
    return analysis(sequence).instability_index()


def extinction(sequence: str) -> float:
    """Molar absorption at 280 nm in water, cysteines reduced: 5500 W + 1490 Y (Pace 1995). 0 cannot be measured so."""
    return analysis(sequence).molar_extinction_coefficient()[0]


def aliphatic_index(sequence: str) -> float:
    """100 (x_A + 2.9 x_V + 3.9 (x_I + x_L)) with mole fractions x (Ikai 1980): higher in thermophilic proteins."""
    count = sequence.count
    return 100 * (count("A") + 2.9 * count("V") + 3.9 * (count("I") + count("L"))) / len(sequence)


def boman(sequence: str) -> float:
    """Boman index (doi 10.1046/j.1365-2796.2003.01228.x): mean of BINDING in kcal/mol; above 2.48 binds proteins."""
    return float(_BINDING[classes(sequence)].mean())


def helix_moment(sequence: str) -> float:
    """Greatest hydrophobic moment of a window of 11 residues along a helix: `hydrophobic_moment` at 100 degrees."""
    return hydrophobic_moment(sequence, HELIX)


def strand_moment(sequence: str) -> float:
    """Greatest hydrophobic moment of a window of 11 residues along a strand: `hydrophobic_moment` at 160 degrees."""
    return hydrophobic_moment(sequence, STRAND)


def hydrophobic_moment(sequence: str, angle: float, window: int = MOMENT_WINDOW) -> float:
    """Greatest |sum_n H_n exp(i n angle)| / window of any window (Eisenberg 1984, doi 10.1073/pnas.81.1.140).

    H is Eisenberg's consensus scale, not shifted to a mean of zero. A sequence shorter than the window is one window.
    The window, and not the whole sequence, because a helix bends: over 30 residues of one a moment averages out.
    """
    window = min(window, len(sequence))
    turned = _EISENBERG[classes(sequence)] * np.exp(1j * np.radians(angle) * np.arange(len(sequence)))
    return float(np.abs(_window_sums(turned, window)).max() / window)


def entropy(sequence: str) -> float:
    """Least Shannon entropy of the composition of any window of 12 residues, in bits; low is repetitive.

    0 for a run, at most 3.58 for twelve different residues; SEG takes windows below 2.2 for low complexity. A sequence
    of n < 12 residues is one window, and reaches log2 n at the most.
    """
    window = min(ENTROPY_WINDOW, len(sequence))
    counts = _window_sums(np.eye(len(RESIDUES))[classes(sequence)], window)
    share = counts / window
    return float((-share * np.log2(np.where(share > 0, share, 1))).sum(axis=1).min())


@lru_cache(maxsize=2048)  # more than a chunk, since scores are computed one after the other
def analysis(sequence: str) -> ProteinAnalysis:
    """Biopython's analysis, which counts residues once."""
    return ProteinAnalysis(sequence)


def _ionisable(sequence: str) -> IsoelectricPoint:
    return IsoelectricPoint(sequence, analysis(sequence).count_amino_acids())


def _window_sums(values: np.ndarray, window: int) -> np.ndarray:
    """Sums over each `window` neighbours along the first axis: (L, ...) -> (L - window + 1, ...)."""
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    return sums[window:] - sums[:-window]


LENGTH = Property("length", "residues", "none", len)
ALIPHATIC_INDEX = Property("aliphatic_index", "percent", "none", aliphatic_index)
MW = Property("mw", "g/mol", "none", lambda sequence: analysis(sequence).molecular_weight())
GRAVY = Property("gravy", "hydropathy", "none", lambda sequence: analysis(sequence).gravy())
AROMATICITY = Property("aromaticity", "fraction", "none", lambda sequence: analysis(sequence).aromaticity())
EXTINCTION = Property("extinction", "1/(M cm)", "none", extinction)
NET_CHARGE = Property("net_charge", "e", "none", net_charge)
BOMAN = Property("boman", "kcal/mol", "none", boman)
HELIX_MOMENT = Property("helix_moment", "hydropathy", "none", helix_moment)
STRAND_MOMENT = Property("strand_moment", "hydropathy", "none", strand_moment)
INSTABILITY = Property("instability", "index", "lower", instability)
ENTROPY = Property("entropy", "bits", "higher", entropy)
PI = Property("pi", "pH", "none", isoelectric_point)

SCORES: tuple[Property, ...] = (
    LENGTH,
    ALIPHATIC_INDEX,
    EXTINCTION,
    AROMATICITY,
    GRAVY,
    BOMAN,
    MW,
    NET_CHARGE,
    HELIX_MOMENT,
    STRAND_MOMENT,
    INSTABILITY,
    ENTROPY,
    PI,
)
