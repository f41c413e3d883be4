"""A chunk of texts, judged, filtered and scored; and the chunks, put together into one table.

The work of one chunk runs in a process that loads neither torch nor Prefect.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from molgen.molecule import chemistry, distance, properties, synthesis
from molgen.molecule.rules import build_flags, build_rules
from molgen.profile import Profile
from molgen.provenance import code_digest
from molgen.scoring import Rule, apply_rules, flag_chunk, score_chunk
from molgen.store import Ref, Store

VERSION = "2"
CODE = ("screening.py", "scoring.py")  # and of molecule/, below: the sources that decide a chunk's table
CODE += tuple(f"molecule/{name}.py" for name in ("chemistry", "distance", "properties", "rules", "salts", "synthesis"))
CHUNK = 500  # texts: some 3 seconds of work
SCORES = (*properties.SCORES, *synthesis.SCORES)
INVALID, DUPLICATE, KNOWN, UNREACHED = "invalid", "duplicate", "known", "not reached"
Known = Callable[[Sequence[str], np.ndarray], np.ndarray]  # (constitutions, fingerprints) -> bool (n,)
NO_BITS = bytes(distance.BYTES)


@dataclass(frozen=True)
class ScreenTask:
    """Rows `start` to `stop` of a table of texts that lies in the store."""

    texts: Ref
    start: int
    stop: int


@dataclass(frozen=True)
class Screen:
    """Work for one process: `screen(task)` gives the unit with the chunk's table."""

    root: Path
    profile: Profile

    def __call__(self, task: ScreenTask) -> Ref:
        store = Store(self.root)
        texts = store.table(task.texts)["text"].tolist()[task.start : task.stop]
        made_by = {"rdkit": rdBase.rdkitVersion, "code": code_digest(*CODE)}
        key = {"texts": _sha256(texts), "profile": chunk_part(self.profile), **made_by}
        return store.unit("screen", VERSION, key, lambda: screen_texts(texts, self.profile))


def tasks(refs: Sequence[Ref], chunk: int = CHUNK) -> list[ScreenTask]:
    """The texts of these units in chunks."""
    return [ScreenTask(ref, start, min(start + chunk, ref.rows)) for ref in refs for start in range(0, ref.rows, chunk)]


def chunk_part(profile: Profile) -> Mapping[str, object]:
    """What of a profile decides a chunk's table: the rest (goals, ranking, selection) can change at no cost."""
    whole = profile.as_dict()
    return {name: whole[name] for name in ("standardise", "rules", "windows", "alerts")}


def screen_texts(texts: Sequence[str], profile: Profile) -> pd.DataFrame:
    """One row a text: its design or the reason of refusal, the rule that rejects it, flags, scores, fingerprint."""
    chosen = profile.standardise
    judged = chemistry.judge(texts, strip_salts=chosen.strip_salts, max_heavy_atoms=chosen.max_heavy_atoms)
    table = pd.DataFrame({
        "design": pd.array([one.canonical for one in judged], dtype="str"),
        "note": pd.array([one.note for one in judged], dtype="str"),
        "rejected_by": pd.array([INVALID if one.mol is None else "" for one in judged], dtype="str"),
        "reason": pd.array([one.reason or "" for one in judged], dtype="str"),
    })  # fmt: skip
    rows = [row for row, one in enumerate(judged) if one.mol is not None]
    with rdBase.BlockLogs():
        valid = _molecules([one.mol for one in judged if one.mol is not None], profile)
    valid.index = pd.Index(rows)
    for column in ("rejected_by", "reason"):
        table.loc[rows, column] = valid[column].to_numpy()
    return table.join(valid.drop(columns=["rejected_by", "reason"]))


def _molecules(mols: Sequence[Chem.Mol], profile: Profile) -> pd.DataFrame:
    rules, flags = _rules(profile)
    verdicts = apply_rules(rules, mols, profile.rules.mode)
    passed = [row for row, rule in enumerate(verdicts.rejected_by) if not rule]
    flagged = dict(zip(passed, flag_chunk(flags, [mols[row] for row in passed]), strict=True))
    scores = score_chunk(SCORES, mols)
    scaffolds = [_scaffold(mol) for mol in mols]
    compared = [_as_compared(mol, profile) for mol in mols]
    statuses = zip(scores["score_status"], (status for _, status in scaffolds), strict=True)
    scores["score_status"] = pd.array([_joined(*pair) for pair in statuses], dtype="str")
    return scores.assign(
        rejected_by=pd.array(verdicts.rejected_by, dtype="str"),
        reason=pd.array(verdicts.reason, dtype="str"),
        flags=pd.array([flagged.get(row, "") for row in range(len(mols))], dtype="str"),
        scaffold=pd.array([scaffold for scaffold, _ in scaffolds], dtype="str"),
        constitution=pd.array([chemistry.without_stereo(mol) for mol in compared], dtype="str"),
        fingerprint=pd.Series([bits.tobytes() for bits in distance.morgan(compared)], dtype=object),
    )


@lru_cache(maxsize=4)
def _rules(profile: Profile) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    return build_rules(profile), build_flags(profile)


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


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def mark_duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """Keeps the first row of each design, counts it in `times_drawn`, and rejects the others."""
    table = table.copy()
    designs = table.loc[table["design"].notna(), "design"]
    first = designs.index.to_series().groupby(designs, sort=False).transform("first")
    later = first[first != first.index]
    table["times_drawn"] = pd.array([pd.NA] * len(table), dtype="Int64")
    counts = first.value_counts()
    table.loc[counts.index, "times_drawn"] = counts.astype("Int64")
    table.loc[later.index, "rejected_by"] = DUPLICATE
    table.loc[later.index, "reason"] = [f"duplicate: the same design as {table.loc[row, 'id']}" for row in later]
    return table


def mark_known(table: pd.DataFrame, known: Known, reject: bool) -> pd.DataFrame:
    """Fills `in_training` by `known(constitutions, fingerprints)`, and rejects known designs if that is wanted.

    A reason that a row has already (it broke a rule as well) stays behind the new one.
    """
    table = table.copy()
    rows = np.flatnonzero((table["design"].notna() & (table["rejected_by"] != DUPLICATE)).to_numpy())
    found = known(table["constitution"].iloc[rows].tolist(), packed(table["fingerprint"].iloc[rows]))
    in_training = pd.Series(pd.NA, index=table.index, dtype="boolean")
    in_training.iloc[rows] = found
    table["in_training"] = in_training
    if reject:
        same = table.index[rows[found]]
        table.loc[same, "rejected_by"] = KNOWN
        word = "known: the training set holds this constitution"
        table.loc[same, "reason"] = [_joined(word, reason) for reason in table.loc[same, "reason"]]
    return table


def packed(fingerprints: pd.Series) -> np.ndarray:
    """(n, 128) uint8 from a column of bytes; zeros where there is none."""
    joined = b"".join(NO_BITS if bits is None or bits is pd.NA or bits != bits else bits for bits in fingerprints)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, distance.BYTES)


def _sha256(texts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
