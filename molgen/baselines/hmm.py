"""A profile hidden Markov model of a protein family (plan 7 of HMMER 3), built, drawn from and searched by pyhmmer.

Match, insert and delete states along the columns of an alignment (Krogh et al. 1994; Eddy 2011, doi
10.1371/journal.pcbi.1002195). Unlike the profile it gives sequences of any length their likelihood, needs no alignment
of what it judges, and aligns sequences to the columns of its family.

Axis letters: B sequences, M match states = columns of the alignment.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

import numpy as np
import torch
from torch import Tensor

from molgen.baselines import columns, storage
from molgen.errors import MolgenError
from molgen.generator import ROWS, in_blocks
from molgen.protein.alignment import matched, rows_of
from molgen.protein.alphabet import RESIDUES, classes, is_sequence
from molgen.scoring import Values
from molgen.seeds import spawn

if TYPE_CHECKING:
    from pyhmmer.easel import DigitalSequenceBlock
    from pyhmmer.plan7 import HMM


@dataclass(frozen=True)
class HmmRecipe:
    """`effective`: how many independent sequences the alignment counts for.

    "none": all of them, which keeps what the family holds fast, as a generator must. "entropy": so few that the model
    still finds remote relatives (HMMER's own default, for searching).
    """

    kind: Literal["hmm"] = "hmm"
    effective: Literal["none", "entropy"] = "none"


DEFAULT = HmmRecipe()
SEARCH = HmmRecipe(effective="entropy")  # for `bits`


class Hmm:
    """The model as pyhmmer holds it."""

    def __init__(self, hmm: HMM, card: dict[str, Any]) -> None:
        self.hmm, self.card = hmm, card

    @classmethod
    def fit(cls, states: np.ndarray, recipe: HmmRecipe = DEFAULT, *, data: dict[str, Any] | None = None) -> Self:
        """Builds the model of an alignment (n, C) of states: every column is a match state.

        Raises:
            MolgenError: no rows, or pyhmmer is missing.
        """
        columns.refuse_no_alignment(states)
        easel, plan7 = pyhmmer_parts()
        alphabet = easel.Alphabet.amino()
        rows = [easel.TextSequence(name=str(place).encode(), sequence=row) for place, row in enumerate(rows_of(states))]
        builder = plan7.Builder(alphabet, symfrac=0.0, effective_number=recipe.effective)
        aligned = easel.TextMSA(name=b"family", sequences=rows).digitize(alphabet)
        hmm = builder.build_msa(aligned, plan7.Background(alphabet))[0]
        hmm.creation_time = hmm.command_line = None  # the file says what the model is, not when and where it was made
        return cls(hmm, storage.new_card(recipe, data, "protein", {"columns": states.shape[1]}))

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]:
        """`n` sequences emitted, each decided by its own number. Temperature and top_p change nothing."""
        easel, _ = pyhmmer_parts()

        def draw(block: range) -> list[str]:
            seeds = (spawn(seed, "draw", number) % (2**32 - 1) + 1 for number in block)  # 0 would be the clock
            drawn = (self.hmm.emit_sequence(easel.Randomness(one)) for one in seeds)
            return [self.hmm.alphabet.decode(one.sequence) for one in drawn]

        return in_blocks(n, temperature, top_p, progress, draw)

    def log_likelihood(self, designs: Sequence[str]) -> Tensor:
        """log p of sequences without gaps, nats (n,), exact: the sum over all paths. NaN outside of the 20 residues."""
        found = np.full(len(designs), np.nan)
        places = [place for place, text in enumerate(designs) if not set(text) - set(RESIDUES)]
        parameters = _Parameters.of(self.hmm)
        for start in range(0, len(places), ROWS):
            part = places[start : start + ROWS]
            found[part] = parameters.forward([classes(designs[place]) for place in part])
        return torch.from_numpy(found).float()

    def bits(self, designs: Sequence[str]) -> Values:
        """HMMER's bit score of each sequence, no filter in the way; NaN where no part of it resembles the family."""
        found = np.full(len(designs), np.nan)
        for place, bits, _ in self._hits(designs):
            found[place] = bits
        return Values(found, tuple("" if one == one else "no domain of the family found" for one in found))

    def expected(self, designs: Sequence[str]) -> np.ndarray:
        """HMMER's E-value of each (n,): how many of as many strangers score like it; inf where no part resembles."""
        found = np.full(len(designs), np.inf)
        for place, _, evalue in self._hits(designs):
            found[place] = evalue
        return found

    def _hits(self, designs: Sequence[str]) -> Iterator[tuple[int, float, float]]:
        """Place, bits and E-value of every design that has a domain, no filter in the way."""
        from pyhmmer import hmmsearch

        block = self._block(designs)
        thresholds: dict[str, Any] = {"T": -1e6, "F1": 1.0, "F2": 1.0, "F3": 1.0, "bias_filter": False}
        for hit in next(iter(hmmsearch(self.hmm, block, cpus=1, **thresholds))) if len(block) else ():
            yield int(hit.name), hit.score, hit.evalue

    def align(self, designs: Sequence[str], *, insertions: bool = False) -> list[str]:
        """Sequences as rows of the alignment, gaps as '-': what is inserted between columns is left out.

        With `insertions` it stays, in columns of its own.

        Raises:
            MolgenError: a design that is no sequence of the 20 residues.
        """
        from pyhmmer import hmmalign

        block = self._block(designs)
        if len(block) < len(designs):
            odd = next(text for text in designs if not is_sequence(text))
            raise MolgenError(f"{odd!r} cannot be aligned: it is no sequence of the residues {RESIDUES}")
        if not designs:
            return []
        aligned = hmmalign(self.hmm, block, cpus=1, all_consensus_cols=True)
        if insertions:
            return [row.upper().replace(".", "-") for row in aligned.alignment]
        return [matched(row) for row in aligned.alignment]

    def with_motif(self, text: str) -> NoReturn:
        """MolgenError: it keeps no motif."""
        storage.refuse_motif(self.card, text)

    def _block(self, designs: Sequence[str]) -> DigitalSequenceBlock:
        """Those designs that are sequences, named by their places."""
        easel, _ = pyhmmer_parts()
        texts = [
            easel.TextSequence(name=str(place).encode(), sequence=text).digitize(self.hmm.alphabet)
            for place, text in enumerate(designs)
            if is_sequence(text)
        ]
        return easel.DigitalSequenceBlock(self.hmm.alphabet, texts)

    def save(self, path: Path) -> None:
        """Writes the model in HMMER's binary format, as an array, and the card."""
        written = io.BytesIO()
        self.hmm.write(written, binary=True)
        storage.write(path, {"hmm": np.frombuffer(written.getvalue(), dtype=np.uint8)}, self.card)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        arrays, card = storage.read(path, "hmm", ["hmm"])
        _, plan7 = pyhmmer_parts()
        with plan7.HMMFile(io.BytesIO(arrays["hmm"].tobytes())) as file:
            return cls(file.read(), card)


@dataclass(frozen=True)
class _Parameters:
    """Probabilities of the core model, states 0 to M; match state 0 is the beginning."""

    match: np.ndarray  # (20, M + 1) of emitting each residue
    insert: np.ndarray  # (20, M + 1)
    moves: dict[str, np.ndarray]  # (M + 1,): mm, mi, md, im, ii, dm, dd; from state M on to the end
    deletes: np.ndarray  # (M + 1, M + 1): from match state j through deletes into delete state k

    @classmethod
    def of(cls, hmm: HMM) -> _Parameters:
        table = np.array(hmm.transition_probabilities, dtype=np.float64)
        moves = dict(zip(("mm", "mi", "md", "im", "ii", "dm", "dd"), table.T, strict=True))
        match, insert = np.array(hmm.match_emissions, dtype=float).T, np.array(hmm.insert_emissions, dtype=float).T
        return cls(match * (np.arange(match.shape[1]) > 0), insert, moves, _deletes(moves["md"], moves["dd"]))

    def forward(self, sequences: Sequence[np.ndarray]) -> np.ndarray:
        """log p (B,) by the forward algorithm (Durbin et al. 1998, section 5.4), each position scaled to sum to one."""
        lengths = np.array([len(one) for one in sequences])
        padded = np.zeros((len(sequences), lengths.max(initial=0)), dtype=np.int64)
        for row, one in enumerate(sequences):
            padded[row, : len(one)] = one
        found, scale = np.zeros(len(sequences)), np.zeros(len(sequences))
        m = np.zeros((len(sequences), self.match.shape[1]))
        m[:, 0] = 1.0
        i = np.zeros_like(m)
        for position in range(padded.shape[1] + 1):
            d = m @ self.deletes
            ending = lengths == position
            found[ending] = scale[ending] + _log(self._into_match(m, i, d)[ending, -1])
            if position < padded.shape[1]:
                m, i = self._step(m, i, d, padded[:, position])
                total = m.sum(axis=1) + i.sum(axis=1)
                m, i, scale = m / total[:, None], i / total[:, None], scale + np.log(total)
        return found

    def _into_match(self, m: np.ndarray, i: np.ndarray, d: np.ndarray) -> np.ndarray:
        """Probability (B, M + 1) of leaving each state for the next match state, or, from the last one, for the end."""
        return m * self.moves["mm"] + i * self.moves["im"] + d * self.moves["dm"]

    def _step(self, m: np.ndarray, i: np.ndarray, d: np.ndarray, residues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Match and insert states after one more residue (B,)."""
        arriving = np.roll(self._into_match(m, i, d), 1, axis=1)  # state 0 emits nothing: what wraps around is lost
        inserted = m * self.moves["mi"] + i * self.moves["ii"]
        return arriving * self.match[residues], inserted * self.insert[residues]


def _deletes(md: np.ndarray, dd: np.ndarray) -> np.ndarray:
    """t_jk = md_j dd_{j+1} ... dd_{k-1} for k > j, else 0: (M + 1, M + 1)."""
    size = len(md)
    found = np.zeros((size, size))
    for k in range(1, size):
        found[:k, k] = found[:k, k - 1] * dd[k - 1]
        found[k - 1, k] = md[k - 1]
    return found


def _log(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(p)


def pyhmmer_parts() -> tuple[ModuleType, ModuleType]:
    """easel and plan7 of pyhmmer; MolgenError where it is missing."""
    try:
        from pyhmmer import easel, plan7
    except ImportError as error:
        raise MolgenError(
            f"profile HMMs need the package pyhmmer ({error}). Run `{sys.executable} -m pip install pyhmmer`"
        ) from error
    return easel, plan7
