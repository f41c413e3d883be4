"""Two classifiers of peptides, antimicrobial and haemolytic, always beside what they say of the same peptide shuffled.

The random forests of macrel (Santos-Júnior 2020, doi 10.7717/peerj.10555), from the optional extra `activity`. They
were trained on public peptides and answer mostly to composition, so that many a shuffled peptide is called active too.
They are no prediction of activity in the laboratory.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from molgen.errors import MolgenError
from molgen.protein.alphabet import RESIDUES
from molgen.seeds import rng

PACKAGES = ("macrel", "onnxruntime")
FORESTS = {"antimicrobial": ("AMP.onnx.gz", "AMP"), "haemolytic": ("Hemo.onnx.gz", "Hemo")}  # file, and its class
FEATURES = 22
LONGEST = 100  # residues: longer ones the models never saw
SHUFFLES = 3
CHUNK = 10_000  # sequences at a time, so that a long table fits into memory
DECIMALS = 6  # the forests add the votes of 101 trees as float32
SEED = 0  # of the control in the table: the same sequence has the same shuffles in every run


@dataclass(frozen=True)
class Activity:
    """What both classifiers say of n sequences: the share of the trees that vote for it."""

    antimicrobial: np.ndarray  # (n,) float64 in [0, 1], NaN where the status says why
    haemolytic: np.ndarray  # (n,) likewise
    status: tuple[str, ...]  # (n,) '' if all is well


def available() -> bool:
    """Is the extra `activity` installed?"""
    return all(find_spec(name) is not None for name in PACKAGES)


def activity(sequences: Sequence[str]) -> Activity:
    """Both classifiers; NaN with a status for a sequence of other letters, of more than `LONGEST` residues or of none.

    As in macrel, an M at the start is left out. A sequence's values do not depend on those beside it. MolgenError where
    the extra is not installed.
    """
    _require()
    status = tuple(map(_status, sequences))
    rows = [row for row, word in enumerate(status) if not word]
    values = {name: np.full(len(sequences), np.nan) for name in FORESTS}
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        described = features([sequences[row] for row in part])
        for name in FORESTS:
            values[name][part] = _votes(name, described)
    return Activity(values["antimicrobial"], values["haemolytic"], status)


def against_shuffled(sequences: Sequence[str], seed: int) -> Activity:
    """The control: the means over `SHUFFLES` shuffles of each sequence, which keep its composition.

    A sequence's shuffles depend on `seed` and on itself alone. Raises MolgenError as `activity` does.
    """
    found = [activity([shuffled(one, seed, number) for one in sequences]) for number in range(SHUFFLES)]
    means = (np.mean([getattr(one, name) for one in found], axis=0) for name in FORESTS)
    return Activity(*means, status=found[0].status)


def shuffled(sequence: str, seed: int, number: int) -> str:
    """The residues in random order: shuffle `number` of this sequence."""
    return "".join(rng(seed, "shuffle", sequence, number).permutation(list(sequence)))


def features(sequences: Sequence[str]) -> np.ndarray:
    """macrel's own features, (n, 22) float64: composition, charge, pI, indices, moment, and where groups begin."""
    from macrel.macrel_features import compute_all, normalize_seq

    return np.array([compute_all(normalize_seq(one)) for one in sequences], dtype=np.float64).reshape(-1, FEATURES)


def with_activity(table: pd.DataFrame) -> pd.DataFrame:
    """Fills antimicrobial, antimicrobial_shuffled and haemolytic where there is a rank, and why they lack.

    Without the extra the table is given back as it is.
    """
    if not available():
        return table
    rows = np.flatnonzero(table["rank"].notna())
    designs = table["design"].iloc[rows].tolist()
    own, control = activity(designs), against_shuffled(designs, SEED)
    return table.assign(
        antimicrobial=_placed(own.antimicrobial, rows, len(table)),
        antimicrobial_shuffled=_placed(control.antimicrobial, rows, len(table)),
        haemolytic=_placed(own.haemolytic, rows, len(table)),
        score_status=_noted(table["score_status"], rows, own.status),
    )


def _placed(values: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    whole = np.full(count, np.nan)
    whole[rows] = values
    return whole


def _noted(before: pd.Series, rows: np.ndarray, status: Sequence[str]) -> pd.Series:
    """The statuses of the table with those of the classifiers behind them."""
    noted = before.copy()
    for row, word in zip(rows, status, strict=True):
        if word:
            noted.iloc[row] = "; ".join(filter(None, (noted.iloc[row], f"activity: {word}")))
    return noted


def _require() -> None:
    if not available():
        lacking = ", ".join(name for name in PACKAGES if find_spec(name) is None)
        raise MolgenError(
            f"antimicrobial and haemolytic activity: {lacking} not installed; pip install 'molgen-flows[activity]'"
        )


def _status(sequence: str) -> str:
    other = sorted(set(sequence) - set(RESIDUES))
    if other:
        return f"no residue: {', '.join(other)}"
    if not sequence.removeprefix("M"):
        return "nothing is left of it without its starting M"
    if len(sequence) > LONGEST:
        return f"{len(sequence)} residues, and the models are for {LONGEST} at the most"
    return ""


def _votes(name: str, described: np.ndarray) -> np.ndarray:
    """(n,) in [0, 1] for features (n, 22)."""
    label = FORESTS[name][1]
    (answers,) = _forest(name).run(["output_probability"], {"input_features": described.astype(np.float32)})
    return np.round([float(answer[label]) for answer in answers], DECIMALS)


@cache
def _forest(name: str) -> Any:
    """The onnxruntime session of a forest: on one thread, as the order in which votes are added is part of the sum."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = gzip.decompress((files("macrel") / "data" / "models" / FORESTS[name][0]).read_bytes())
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
