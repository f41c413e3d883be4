"""What the pipeline asks of protein sequences; the protocol is molgen/science.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from molgen.errors import MolgenError
from molgen.profile import Profile
from molgen.protein import alphabet, distance, properties, synthesis
from molgen.protein.activity import with_activity
from molgen.protein.fasta import order_sheet, to_fasta
from molgen.protein.index import SequenceIndex
from molgen.protein.motif import compile_motif
from molgen.protein.reading import column_names, find_column, read_sequences
from molgen.protein.rules import build_flags, build_rules
from molgen.provenance import version_of
from molgen.science import Read

__all__ = ["build_flags", "build_rules", "column_names", "find_column"]

CODE = tuple(f"protein/{name}.py" for name in ("science", "activity", "alphabet", "distance", "liabilities", "motif"))
CODE += tuple(f"protein/{name}.py" for name in ("properties", "rules", "sections", "synthesis"))
SCORES = (*properties.SCORES, *synthesis.SCORES)
LIKENESS = "edit similarity"
WHOLE_REASONS: frozenset[str] = frozenset()
SELECTIONS = MappingProxyType({"selected.fasta": to_fasta, "order.csv": order_sheet})

DECODER = ("width=256", "depth=2", "inputs=128", "dropout=0.4")
SMALL = {"autoregressive": DECODER, "vae": DECODER, "diffusion": ("width=128", "depth=4", "heads=4", "dropout=0.1")}

load_index = SequenceIndex.load
read_designs = read_sequences


def versions() -> dict[str, str]:
    """Of the libraries; those of the extras too, which fill columns where they are installed."""
    return {name: version_of(name) for name in ("biopython", "rapidfuzz", "macrel", "onnxruntime")}


def judge(texts: Sequence[str], profile: Profile | None = None) -> list[Read]:
    """Reads sequences in one-letter code; the profile says how long they may be."""
    longest = alphabet.LONGEST if profile is None else profile.standardise.longest
    judged = alphabet.judge(texts, longest=longest)
    return [Read(one.sequence, one.sequence, one.reason, one.note) for one in judged]


def described(parsed: Sequence[str], profile: Profile) -> pd.DataFrame:
    """A sequence is compared by itself; and whether it keeps the motif of the profile, read off the sequence anew."""
    return pd.DataFrame({
        "constraint_ok": _keeps(parsed, profile.rules.motif),
        "constitution": pd.array(list(parsed), dtype="str"),
        "fingerprint": pd.Series([sequence.encode() for sequence in parsed], dtype=object),
        "status": pd.array([""] * len(parsed), dtype="str"),
    })  # fmt: skip


def _keeps(parsed: Sequence[str], motif: str) -> pd.api.extensions.ExtensionArray:
    kept = [compile_motif(motif).matches(sequence) for sequence in parsed] if motif else [pd.NA] * len(parsed)
    return pd.array(kept, dtype="boolean")


def packed(fingerprints: pd.Series) -> np.ndarray:
    """(n,) bytes of one width; empty where there is none."""
    found = [bits if isinstance(bits, bytes) else b"" for bits in fingerprints]
    return np.array(found, dtype=f"S{max([1, *map(len, found)])}")


def fingerprints(designs: Sequence[str]) -> np.ndarray:
    """(n,) bytes."""
    return packed(pd.Series([design.encode() for design in designs], dtype=object))


def similarities(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """1 - edit distance / length of the longer one, of one sequence to each of many: (n,)."""
    return distance.similarities([bytes(one).decode()], [text.decode() for text in many])[0].astype(np.float64)


def known(constitutions: Sequence[str], fingerprints: np.ndarray, index: SequenceIndex) -> np.ndarray:
    """(n,) bool: which sequences the set holds."""
    return index.holds(constitutions)


def index_key() -> list[Any]:
    """Nothing but the sequences decides an index."""
    return ["sequences", 1]


def index_chunk(texts: Sequence[str]) -> pd.DataFrame:
    """`sequence` of each text, null where it is none."""
    return pd.DataFrame({"sequence": pd.array([one.sequence for one in alphabet.judge(texts)], dtype="str")})


def join_index(
    texts: Sequence[str], chunks: Sequence[pd.DataFrame], name: str, note: Callable[[np.ndarray], str]
) -> SequenceIndex:
    """The index of chunks that `index_chunk` made."""
    sequences = pd.concat([chunk["sequence"] for chunk in chunks]) if chunks else pd.Series(dtype="str")
    readable = sequences.notna().to_numpy()
    if not readable.any():
        raise MolgenError(f"the reference set '{name}' holds no readable sequence among {len(texts)} texts")
    return SequenceIndex(name, tuple(sequences[readable]), note(readable))


def late(table: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """With what classifiers say of the ranked, and of the same sequences shuffled, where their extra is installed."""
    return with_activity(table)


def first_training(designs: Sequence[str], family: str) -> dict[str, Any]:
    """A grammar as long as the longest sequence, and a small network with dropout: families are small."""
    lengths = [len(design) for design in designs] or [alphabet.LONGEST]
    grammar = (f"longest={max(lengths)}", f"shortest={max(1, min(lengths))}")
    return {"grammar": grammar, "recipe": SMALL.get(family, ()), "batch": 64, "rate": 2e-3}


def drawing(design: str) -> Any:
    """Coloured residues, and for a peptide its helical wheel."""
    from molgen.protein.drawing import drawn  # where pictures are wanted

    return drawn(design)


def thumbnail(design: str) -> str:
    """None: the sequence itself says more than a small picture."""
    return ""
