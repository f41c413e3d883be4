"""Does a generator draw molecules, or its training set? An audit with real unseen molecules as the control.

Two questions, each with its own control out of the same held-out set. Copies: a generator that has learnt the
distribution also draws training molecules, but no more often, for each molecule of the set, than it draws held-out
ones. Near copies: designs that are in no set lie as far from the training set as held-out molecules do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem, rdBase

from molgen import novelty
from molgen.executor import Executor
from molgen.metrics import wilson_interval
from molgen.molecule import chemistry, distance
from molgen.molecule.distance import ReferenceIndex
from molgen.seeds import rng
from molgen.similarity import Searchable, nearest_similarity

CHUNK = 2000  # designs in one piece of work
SLICE = 250_000  # training molecules that are made ready for the search at a time: 100 MB
TIMES = 2.0  # copies above this many times the rate of held-out molecules are memorised
NEAR = 0.10  # so are designs of which more than this share lies nearer than 95 % of held-out molecules do


@dataclass(frozen=True)
class Spread:
    """Tanimoto similarities to the nearest training molecule (Morgan, radius 2, 1024 bits): 5 %, 50 % and 95 %."""

    n: int
    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Spread":
        low, median, high = np.quantile(values, (0.05, 0.5, 0.95)) if len(values) else [float("nan")] * 3
        return cls(len(values), float(low), float(median), float(high))


@dataclass(frozen=True)
class Audit:
    """What the audit found; intervals are of 95 % (Wilson). Designs are distinct by constitution, stereo left out."""

    training: str  # names of the sets
    held_out: str
    designs: int  # distinct and valid
    copies: int  # of them in the training set
    copied: float  # share
    copied_interval: tuple[float, float]
    held_out_hits: int  # of them in the held-out set
    times: float  # copies for each training molecule / hits for each held-out molecule; NaN without hits
    times_interval: tuple[float, float]
    nearest: Spread  # of a sample of the designs
    nearest_novel: Spread  # of those in it that are no copies
    nearest_held_out: Spread  # of as many held-out molecules: the control
    nearer: float  # share of the novel ones that lie nearer than 95 % of the control
    nearer_interval: tuple[float, float]
    verdict: str  # a sentence


@dataclass(frozen=True)
class _Distinct:
    constitutions: list[str]
    bits: np.ndarray  # (d, 128) uint8


def audit(
    designs: Sequence[str],
    training: ReferenceIndex,
    held_out: ReferenceIndex,
    executor: Executor,
    *,
    seed: int = 0,
    sample: int = 2000,
) -> Audit:
    """Compares designs (SMILES as drawn; invalid ones are left out) with the set that their generator learnt from.

    Args:
        training, held_out: two parts of the same data (`moses-train` and `moses-test`), without common molecules.
        seed: of the sample of designs, and of held-out molecules, whose nearest neighbour is looked for.
        sample: its size, or all designs where there are fewer; 3 ms each for 1.6 million training molecules.
    """
    distinct = _distinct(designs, executor)
    n = len(distinct.constitutions)
    copied = novelty.known(distinct.constitutions, distinct.bits, training)
    hits = int(novelty.known(distinct.constitutions, distinct.bits, held_out).sum())
    rows = np.sort(rng(seed, "audit").choice(n, min(n, sample), replace=False))
    control = rng(seed, "audit", "control").choice(len(held_out), min(len(rows), len(held_out)), replace=False)
    similarity = _nearest(np.concatenate([distinct.bits[rows], held_out.bits[control]]), training)
    near, unseen = similarity[: len(rows)], similarity[len(rows) :]
    return _audit(training, held_out, copied, hits, near, copied[rows], unseen)


def _audit(
    training: ReferenceIndex,
    held_out: ReferenceIndex,
    copied: np.ndarray,
    hits: int,
    near: np.ndarray,
    near_copied: np.ndarray,
    unseen: np.ndarray,
) -> Audit:
    """copied (d,) bool; near (s,) similarities of the sample, near_copied (s,) bool; unseen (c,) of the control."""
    n, copies = len(copied), int(copied.sum())
    novel = near[~near_copied]
    nearer = _share(int((novel > np.quantile(unseen, 0.95)).sum()) if len(unseen) else 0, len(novel))
    times, times_interval = _times(copies, len(training), hits, len(held_out), n)
    found = Audit(
        training=training.name,
        held_out=held_out.name,
        designs=n,
        copies=copies,
        copied=_share(copies, n),
        copied_interval=wilson_interval(_share(copies, n), n),
        held_out_hits=hits,
        times=times,
        times_interval=times_interval,
        nearest=Spread.of(near),
        nearest_novel=Spread.of(novel),
        nearest_held_out=Spread.of(unseen),
        nearer=nearer,
        nearer_interval=wilson_interval(nearer, len(novel)),
        verdict="",
    )
    return Audit(**{**vars(found), "verdict": verdict(found)})


def verdict(found: Audit) -> str:
    """The sentence: 'memorises' only where the lower end of an interval is above TIMES, or above NEAR."""
    if not found.designs:
        return "Nothing to judge: there is no valid design."
    reasons = []
    if found.times_interval[0] > TIMES:
        reasons.append(f"it copies more than {TIMES:g} times as often as it draws unseen molecules")
    if found.nearer_interval[0] > NEAR:
        reasons.append(f"more than {NEAR:.0%} of its novel designs lie nearer than 95 % of unseen molecules do")
    opening = f"Memorises: {' and '.join(reasons)}" if reasons else "No sign of memorising"
    return f"{opening}. {_copies_in_words(found)}; {_nearness_in_words(found)}."


def _copies_in_words(found: Audit) -> str:
    shares = f"{found.copied:.1%} of {found.designs:,} distinct designs are in {found.training}"
    low, high = found.times_interval
    if not found.copies:
        return shares
    if not found.held_out_hits:
        return (
            f"{shares} and none in {found.held_out}, the control: for each molecule at least {low:.2f} times as often"
        )
    return (
        f"{shares}, for each molecule {found.times:.2f} times ({low:.2f} to {high:.2f}) as often as in "
        f"{found.held_out}, the control"
    )


def _nearness_in_words(found: Audit) -> str:
    if not found.nearest_novel.n:
        return "no novel design was compared"
    return (
        f"of {found.nearest_novel.n:,} novel ones {found.nearer:.1%} lie nearer to {found.training} than 95 % of "
        f"{found.nearest_held_out.n:,} molecules of {found.held_out} do (median similarity "
        f"{found.nearest_novel.median:.2f}, control {found.nearest_held_out.median:.2f})"
    )


def _times(copies: int, training: int, hits: int, held_out: int, n: int) -> tuple[float, tuple[float, float]]:
    """The ratio of copies for each training molecule to hits for each held-out one, and bounds on it.

    The bounds divide the ends of both Wilson intervals, so that they hold without hits, too (the upper: infinite).
    """
    if not n:
        return float("nan"), (float("nan"), float("nan"))
    scale = held_out / training
    low, high = wilson_interval(copies / n, n)
    hit_low, hit_high = wilson_interval(hits / n, n)
    upper = scale * high / hit_low if hits else float("inf")
    return scale * copies / hits if hits else float("nan"), (scale * max(low, 0.0) / hit_high, upper)


def _distinct(designs: Sequence[str], executor: Executor) -> _Distinct:
    chunks = [designs[start : start + CHUNK] for start in range(0, len(designs), CHUNK)]
    parts = executor.map("compare", _described, chunks or [[]])
    constitutions = np.array([text for part in parts for text in part.constitutions], dtype=object)
    bits = np.concatenate([part.bits for part in parts])
    _, first = np.unique(constitutions, return_index=True)
    first = np.sort(first)
    return _Distinct([str(text) for text in constitutions[first]], bits[first])


def _described(texts: Sequence[str]) -> _Distinct:
    """Work for one process: the designs in the form in which molecules are compared; invalid ones are left out."""
    with rdBase.BlockLogs():
        mols: list[Chem.Mol] = [mol for text in texts if (mol := distance.comparable(text)) is not None]
    return _Distinct([chemistry.without_stereo(mol) for mol in mols], distance.morgan(mols))


def _nearest(bits: np.ndarray, index: ReferenceIndex) -> np.ndarray:
    """The greatest similarity (m,) to any reference, by slices, whatever their number."""
    best = np.zeros(len(bits))
    for start in range(0, len(index), SLICE):
        best = np.maximum(best, nearest_similarity(bits, Searchable.of(index.bits[start : start + SLICE])))
    return best


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
