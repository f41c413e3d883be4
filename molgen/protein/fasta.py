"""Selected sequences as FASTA, and as the sheet that goes to a supplier of peptides."""

import pandas as pd

from molgen.candidates import defused
from molgen.protein import dna
from molgen.protein.synthesis import difficulties

WIDTH = 60  # residues a line


def to_fasta(table: pd.DataFrame) -> bytes:
    """The designs as FASTA, best first; the header holds id, rank, desirability, and the nearest of the reference."""
    records = [f">{_header(row)}\n{_wrapped(row['design'])}\n" for row in table.to_dict("records")]
    return "".join(records).encode()


def _header(row: dict[str, object]) -> str:
    words = [" ".join(str(row["id"]).split()).replace(">", "")]
    for name in ("rank", "desirability", "net_charge", "nearest_similarity"):
        value = row.get(name)
        if value is not None and pd.notna(value):
            words.append(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}")
    return " ".join(words)


def _wrapped(sequence: object) -> str:
    text = str(sequence)
    return "\n".join(text[start : start + WIDTH] for start in range(0, len(text), WIDTH))


def _notes(sequence: str, coding: dna.Coding) -> str:
    found = [f"{one.name} at {one.position}" for one in difficulties(sequence)]
    return "; ".join(filter(None, dict.fromkeys([*found, coding.status])))


def _codings(sequences: list[str]) -> list[dna.Coding]:
    """The DNA of each sequence; without the extra `dna` all are empty."""
    return dna.coded(sequences) if dna.available() else [dna.Coding("", "")] * len(sequences)


def order_sheet(table: pd.DataFrame) -> bytes:
    """What a supplier asks for, as CSV: name, sequence, length, weight, charge, and what makes it hard to make.

    Where the extra `dna` is installed, also the DNA for E. coli, or in the notes why there is none.
    """
    codings = _codings(table["design"].tolist())
    sheet = pd.DataFrame({
        "name": table["id"].astype("str"),
        "sequence": table["design"].astype("str"),
        "length": table["length"],
        "mw": table["mw"].round(2),
        "net_charge_ph7.4": table["net_charge"].round(2),
        "pi": table["pi"].round(2),
        "extinction_280nm": table["extinction"],
        "synthesis_difficulty": table["synthesis_difficulty"],
        "synthesis_notes": [_notes(*pair) for pair in zip(table["design"], codings, strict=True)],
        "liabilities": table["flags"],
        "n_terminus": "free",
        "c_terminus": "free",
        "dna": [coding.dna for coding in codings],
    })  # fmt: skip
    return defused(sheet).to_csv(index=False, lineterminator="\n").encode()
