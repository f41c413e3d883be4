"""DNA that codes for a sequence, with the codons that an organism prefers: what is ordered where a cell makes it.

Needs the optional extra `dna`: dnachisel (Zulkower and Rosser 2020, doi 10.1093/bioinformatics/btaa558) with the codon
tables of Kazusa that come with it. Every text is checked here anew, whatever dnachisel says.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from Bio.Seq import reverse_complement, translate

from molgen.errors import MolgenError
from molgen.protein.alphabet import is_sequence
from molgen.seeds import numpy_seeded, spawn

ORGANISM = "e_coli"
SITES = {  # of the enzymes that genes are most often cut with
    "BsaI": "GGTCTC", "BsmBI": "CGTCTC", "EcoRI": "GAATTC", "XhoI": "CTCGAG", "NdeI": "CATATG",
}  # fmt: skip
LEAST_GC, MOST_GC = 0.30, 0.70
WINDOW = 50  # bases in which the share of G and C is held; the whole text where it is shorter
LONGEST_RUN = 6  # of one base


@dataclass(frozen=True)
class Coding:
    """DNA of a sequence, 5' to 3': its codons alone, with neither a start nor a stop put to it."""

    dna: str  # '' where the status says why
    status: str  # '' if all is well


def available() -> bool:
    """Is the extra `dna` installed?"""
    return find_spec("dnachisel") is not None


def coded(sequences: Sequence[str], organism: str = ORGANISM, seed: int = 0) -> list[Coding]:
    """DNA of each sequence: the best codons of the organism (CAI) that keep the limits of this module.

    Without the sites of `SITES` on either strand, G and C within `LEAST_GC` and `MOST_GC` in every `WINDOW` bases, no
    base more than `LONGEST_RUN` times in a row. A sequence's DNA depends on itself, the organism and the seed alone.
    Raises MolgenError where the extra is not installed, or has no codon table of the organism.
    """
    if not available():
        raise MolgenError("codon-optimised DNA: dnachisel is not installed; pip install 'molgen-flows[dna]'")
    _check(organism)
    return [_coding(sequence, organism, spawn(seed, "dna", organism, sequence)) for sequence in sequences]


def faults(dna: str, sequence: str) -> list[str]:
    """What speaks against ordering this DNA for this sequence, read off the texts; empty if nothing does."""
    if len(dna) != 3 * len(sequence) or translate(dna) != sequence:
        return ["does not translate into the sequence"]
    strands = (dna, reverse_complement(dna))
    found = [f"a site of {name}" for name, site in SITES.items() if any(site in strand for strand in strands)]
    if re.search(rf"(.)\1{{{LONGEST_RUN}}}", dna):
        found.append(f"a base more than {LONGEST_RUN} times in a row")
    low, high = _gc_range(dna)
    if low < LEAST_GC or high > MOST_GC:
        found.append(f"{low:.0%} to {high:.0%} G and C in {WINDOW} bases")
    return found


def _gc_range(dna: str) -> tuple[float, float]:
    window = min(WINDOW, len(dna))
    shares = [_gc(dna[start : start + window]) for start in range(len(dna) - window + 1)]
    return min(shares), max(shares)


def _gc(dna: str) -> float:
    return (dna.count("G") + dna.count("C")) / len(dna)


def _check(organism: str) -> None:
    from python_codon_tables import available_codon_tables_names

    known = {name.rpartition("_")[0] for name in available_codon_tables_names}  # 'e_coli_316407'
    if organism not in known:  # a number would be downloaded
        raise MolgenError(f"no codon table of the organism '{organism}'; there are {', '.join(sorted(known))}")


def _coding(sequence: str, organism: str, seed: int) -> Coding:
    if not is_sequence(sequence):
        return Coding("", f"no sequence of the 20 residues: '{sequence}'")
    from dnachisel import NoSolutionError

    problem = _problem(sequence, organism)
    with numpy_seeded(seed):
        try:
            problem.resolve_constraints()
            problem.optimize()
        except NoSolutionError as error:
            return Coding("", f"no DNA found: {str(error).splitlines()[0]}")
    wrong = faults(problem.sequence, sequence)
    return Coding("", f"no DNA found: {'; '.join(wrong)}") if wrong else Coding(problem.sequence, "")


def _problem(sequence: str, organism: str) -> Any:
    """dnachisel's problem, from a first text that does not depend on chance."""
    import dnachisel as chisel

    start = chisel.reverse_translate(sequence)
    window = min(WINDOW, len(start))
    patterns = [*SITES.values(), *(base * (LONGEST_RUN + 1) for base in "ACGT")]
    limits = [
        chisel.EnforceTranslation(translation=sequence),
        chisel.EnforceGCContent(mini=LEAST_GC, maxi=MOST_GC, window=window),
        *(chisel.AvoidPattern(pattern) for pattern in patterns),
    ]
    wishes = [chisel.CodonOptimize(species=organism, method="use_best_codon")]
    return chisel.DnaOptimizationProblem(start, constraints=limits, objectives=wishes, logger=None)
