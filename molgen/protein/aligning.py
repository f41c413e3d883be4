"""Relatives aligned to each other by a profile HMM that is built from nothing but themselves.

As in an iterated search (Eddy 1998, doi 10.1093/bioinformatics/14.9.755; Johnson et al. 2010, doi
10.1186/1471-2105-11-431): the HMM of one sequence, by BLOSUM62, aligns all; the columns that most of them fill give
the next HMM, and so on until the columns stay. On 580 globins the columns are as many as those of a progressive
aligner, to one or two; where the rows shall be those of mafft or clustalo, give their alignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from molgen.baselines.hmm import SEARCH, Hmm, pyhmmer_parts
from molgen.protein.alignment import states_of, well_filled

if TYPE_CHECKING:
    from pyhmmer.plan7 import HMM

ROUNDS = 6  # at the most; 580 globins need four
RELATIVE = 0.01  # expected strangers as similar as this sequence, above which it is none: HMMER's inclusion threshold


def align(sequences: Sequence[str]) -> tuple[np.ndarray, int]:
    """States (n, C) of the columns that most sequences fill, and how many columns were dropped.

    Every sequence comes out as a row, a stranger too: `relatives` tells them.

    Raises:
        MolgenError: pyhmmer is missing.
    """
    model = _of_one(_typical(sequences))
    before = np.zeros((0, 0), dtype=np.int8)
    for _ in range(ROUNDS):
        whole = states_of(Hmm(model, {}).align(sequences, insertions=True))
        kept = well_filled(whole)
        states = whole[:, kept]
        if not kept.any() or np.array_equal(states, before):
            break
        model, before = Hmm.fit(states, SEARCH).hmm, states
    return states, int((~kept).sum())


def relatives(states: np.ndarray, sequences: Sequence[str]) -> np.ndarray:
    """Which sequences resemble the others of their alignment (n, C) better than strangers do: (n,) bool.

    Each half of the rows is judged by the HMM of the other one: that of a set holds each of its members for a relative.
    """
    found = np.zeros(len(sequences), dtype=bool)
    for half in (0, 1):
        others = states[1 - half :: 2]
        if len(others):
            found[half::2] = Hmm.fit(others, SEARCH).expected(sequences[half::2]) <= RELATIVE
    return found


def _typical(sequences: Sequence[str]) -> str:
    """The first of those of median length."""
    return sorted(sequences, key=len)[len(sequences) // 2]


def _of_one(sequence: str) -> HMM:
    easel, plan7 = pyhmmer_parts()
    alphabet = easel.Alphabet.amino()
    text = easel.TextSequence(name=b"first", sequence=sequence).digitize(alphabet)
    return plan7.Builder(alphabet).build(text, plan7.Background(alphabet))[0]
