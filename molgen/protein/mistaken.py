"""Files that are taken for sequences and are something else: molecules, genes, genomes.

Some SMILES, such as CCCCNC, are made of letters of residues alone, and so are all genes.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from molgen.errors import MolgenError
from molgen.reading import MOLECULES, Designs

SAMPLE = 1000  # rows that are looked at
LONGEST = 100_000  # letters of a record; titin, the longest human protein, has 35,213 residues
SHOWN = 60  # letters that are kept of what is longer
REMEDY = "Read molecules with --modality molecule; name the column of sequences with --column, or give them as FASTA"


def refuse_smiles(found: Designs) -> None:
    """Refuses a table whose column is named like SMILES, or most of whose rows can be read as such.

    Hardly any peptide can: of the 20 letters only C, F, I, N, P and S are atoms without brackets.

    Raises:
        MolgenError: as above, with what to do.
    """
    texts = [text for text in found.table["text"].head(SAMPLE) if text]
    heads = [found.column, *(text for text in texts[:1] if text.upper() == "SMILES")]  # its letters are residues too
    if named := [head for head in heads if _named_so(head)]:
        raise MolgenError(f"the column '{named[0]}' of {found.path} is for SMILES, not for sequences. {REMEDY}")
    read = [text for text in texts if MOLECULES.reads(text)]
    if 2 * len(read) > len(texts):
        many = f"{len(read):,} of {len(texts):,}" + (" (the first)" if len(found.table) > SAMPLE else "")
        raise MolgenError(f"{many} rows of {found.path} are SMILES, such as {read[0]}, and no sequences. {REMEDY}")


def with_remedy(error: MolgenError, header: Sequence[str]) -> MolgenError:
    """The error that no column holds sequences; where one is named like SMILES, with what to do."""
    return MolgenError(f"{error}. {REMEDY}") if any(map(_named_so, header)) else error


def _named_so(name: str) -> bool:
    return "smiles" in name.casefold()


def nucleotides(found: Designs) -> list[str]:
    """A note where a file seems to hold genes, whose letters are letters of residues too."""
    letters = "".join(found.table["text"]).upper()
    if len(letters) < 50 or not set(letters) <= set("ACGTUN"):
        return []
    return [f"{found.path} holds no letters but those of DNA or RNA: if these are genes, translate them first"]


def without_giants(found: Designs) -> Designs:
    """Rejects what is longer than any protein."""
    lengths = found.table["text"].str.len()
    if not (lengths > LONGEST).any():
        return found
    giants = found.table[lengths > LONGEST]
    reasons = [
        f"too long: {length:,} letters (limit {LONGEST:,}), longer than any protein: a genome, or a lost line end?"
        for length in lengths[lengths > LONGEST]
    ]
    refused = giants.assign(text=giants["text"].map(shortened), reason=reasons)
    rejected = pd.concat([found.rejected, refused]).sort_values("row", kind="stable", ignore_index=True)
    return replace(found, table=found.table[lengths <= LONGEST].reset_index(drop=True), rejected=rejected)


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
