"""What the pipeline asks of molecules; the protocol is molgen/science.py."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from molgen.molecule import chemistry, distance, properties, synthesis
from molgen.molecule.distance import Part, ReferenceIndex
from molgen.molecule.rules import build_flags, build_rules
from molgen.molecule.sdf import to_sdf
from molgen.molecule.sections import CATALOGS
from molgen.novelty import known
from molgen.profile import Profile
from molgen.reading import column_names, find_column, read_designs
from molgen.science import Read

__all__ = ["build_flags", "build_rules", "column_names", "find_column", "known", "read_designs"]

CODE = tuple(f"molecule/{name}.py" for name in ("chemistry", "distance", "properties", "rules", "salts", "science"))
CODE += ("molecule/sections.py", "molecule/synthesis.py")
SCORES = (*properties.SCORES, *synthesis.SCORES)
LIKENESS = "Tanimoto"
WHOLE_REASONS = frozenset((*CATALOGS, "acid"))  # which entry it was
SELECTIONS: Mapping[str, Callable[[pd.DataFrame], bytes]] = MappingProxyType({"selected.sdf": to_sdf})
NO_BITS = bytes(distance.BYTES)

load_index = ReferenceIndex.load


def versions() -> dict[str, str]:
    """RDKit's."""
    return {"rdkit": rdBase.rdkitVersion}


def judge(texts: Sequence[str], profile: Profile | None = None) -> list[Read]:
    """Reads SMILES as the profile standardises them; without one nothing is repaired, and chlorine is a valid draw."""
    if profile is None:
        judged = chemistry.judge(texts, organic=False)
    else:
        chosen = profile.standardise
        judged = chemistry.judge(texts, strip_salts=chosen.strip_salts, max_heavy_atoms=chosen.max_heavy_atoms)
    return [Read(one.canonical, one.mol, one.reason, one.note) for one in judged]


def described(parsed: Sequence[Chem.Mol], profile: Profile) -> pd.DataFrame:
    """Scaffold, constitution and Morgan fingerprint, and a status where no scaffold could be made."""
    scaffolds = [_scaffold(mol) for mol in parsed]
    compared = [_as_compared(mol, profile) for mol in parsed]
    return pd.DataFrame({
        "scaffold": pd.array([scaffold for scaffold, _ in scaffolds], dtype="str"),
        "constitution": pd.array([chemistry.without_stereo(mol) for mol in compared], dtype="str"),
        "fingerprint": pd.Series([bits.tobytes() for bits in distance.morgan(compared)], dtype=object),
        "status": pd.array([status for _, status in scaffolds], dtype="str"),
    })  # fmt: skip


def _as_compared(mol: Chem.Mol, profile: Profile) -> Chem.Mol:
    """The form in which sets are indexed (neutral, without counter-ions), also where the profile keeps charges."""
    if profile.standardise.strip_salts or not any(atom.GetFormalCharge() for atom in mol.GetAtoms()):
        return mol
    return distance.comparable(Chem.MolToSmiles(mol)) or mol


def _scaffold(mol: Chem.Mol) -> tuple[str | None, str]:
    try:
        return chemistry.scaffold(mol), ""
    except (ValueError, RuntimeError) as problem:  # RDKit cannot sanitise what is left of some odd molecules
        return None, f"scaffold: failed: {str(problem).splitlines()[0] if str(problem) else type(problem).__name__}"


def packed(fingerprints: pd.Series) -> np.ndarray:
    """(n, 128) uint8 from a column of bytes; zeros where there is none."""
    joined = b"".join(NO_BITS if bits is None or bits is pd.NA or bits != bits else bits for bits in fingerprints)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, distance.BYTES)


def fingerprints(designs: Sequence[str]) -> np.ndarray:
    """(n, 128) uint8; zeros for what cannot be read."""
    part = distance.fingerprint_chunk(designs)
    found = np.zeros((len(designs), distance.BYTES), dtype=np.uint8)
    found[part.readable] = part.bits
    return found


def similarities(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of one packed fingerprint (128,) to each of many (n, 128)."""
    shared = np.bitwise_count(many & one).sum(axis=1, dtype=np.int64)
    return shared / np.maximum(np.bitwise_count(many | one).sum(axis=1, dtype=np.int64), 1)


def index_key() -> list[Any]:
    """The fingerprint, and RDKit's version."""
    return [rdBase.rdkitVersion, distance.VERSION, distance.RADIUS, distance.BITS]


def index_chunk(texts: Sequence[str]) -> pd.DataFrame:
    """`bits` of each text, null where it cannot be read."""
    part = distance.fingerprint_chunk(texts)
    bits = iter(part.bits)
    return pd.DataFrame({"bits": [next(bits).tobytes() if good else None for good in part.readable]}, dtype=object)


def join_index(
    texts: Sequence[str], chunks: Sequence[pd.DataFrame], name: str, note: Callable[[np.ndarray], str]
) -> ReferenceIndex:
    """The index of chunks that `index_chunk` made."""
    parts = [_part(chunk) for chunk in chunks]
    readable = np.concatenate([part.readable for part in parts]) if parts else np.zeros(0, dtype=bool)
    return ReferenceIndex.join(texts, parts, name=name, note=note(readable))


def _part(table: pd.DataFrame) -> Part:
    readable = table["bits"].notna().to_numpy()
    joined = b"".join(table.loc[readable, "bits"])
    return Part(np.frombuffer(joined, dtype=np.uint8).reshape(-1, distance.BYTES), readable)


def late(table: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Nothing is left to add to molecules that are ranked."""
    return table


def first_training(designs: Sequence[str], family: str) -> dict[str, Any]:
    """The family's own settings."""
    return {}


def drawing(design: str) -> Any:
    """The structure as SVG paths."""
    from molgen.report.pictures import paths  # where pictures are wanted

    return paths(design)


def thumbnail(design: str) -> str:
    """The structure as a picture in markdown."""
    from molgen.report.pictures import png

    return png(design)
