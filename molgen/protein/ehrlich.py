"""Ehrlich functions: sequence optimisation with a known optimum, computed exactly, and a genetic algorithm to beat.

f(x) = prod_i q(h_i(x)) where every transition x_l -> x_{l+1} is allowed, and no number elsewhere. h_i is the greatest
share, over the positions of x, of the k spaced elements of motif i that stand there; q rounds it down to multiples of
1 / q. A transition is allowed where a sparse ergodic matrix is above zero. The greatest value is 1 and is reached by
`Ehrlich.optimum` (Stanton et al. 2024, arXiv:2407.00236; no epistasis).

Axis letters: n designs, L positions, V classes (amino acids in the order of RESIDUES), c motifs of k elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from molgen.errors import MolgenError
from molgen.protein.alphabet import INDEX, RESIDUES
from molgen.scoring import Better, Values
from molgen.seeds import rng

BAND = 0.4  # a class may go to 2 x BAND x V + 1 others
DRAWS = 50  # of a generation, to find designs worth an evaluation
TEMPERATURE = 0.5  # of the softmax that makes transition probabilities of standard normal numbers


@dataclass(frozen=True)
class Ehrlich:
    """One function. As a `Score` it takes sequences; `values` takes classes, for optimisers that count evaluations."""

    length: int
    quantisation: int
    transitions: np.ndarray  # (V, V) float64, rows sum to one, 0 where banned
    motifs: np.ndarray  # (c, k) int64
    offsets: np.ndarray  # (c, k) int64: where the elements stand, from the first one on, which is at 0
    name: str = "ehrlich"
    unit: str = "0 to 1"
    better: Better = "higher"

    @classmethod
    def of(cls, length: int, motifs: int, elements: int, quantisation: int, seed: int, classes: int = 20) -> Ehrlich:
        """The function of a seed, with `motifs` motifs of `elements` elements each.

        Raises:
            MolgenError: motifs longer than the sequence, or elements that the quantisation does not divide.
        """
        _refuse(length, motifs, elements, quantisation, classes)
        transitions = sparse_ergodic(classes, seed)
        chance = rng(seed, "ehrlich", "motifs")
        chain = _walk(transitions, _stationary(transitions), motifs * elements, chance)
        room = (length - motifs * elements) // motifs  # free positions that the gaps of one motif may take
        shares = chance.dirichlet(np.ones(elements - 1), size=motifs) if elements > 1 else np.zeros((motifs, 0))
        gaps = 1 + np.floor(room * shares).astype(np.int64)
        offsets = np.concatenate([np.zeros((motifs, 1), dtype=np.int64), gaps.cumsum(axis=1)], axis=1)
        return cls(length, quantisation, transitions, chain.reshape(motifs, elements), offsets)

    def values(self, classes: np.ndarray) -> np.ndarray:
        """f of classes (n, L) -> (n,) float64; NaN where a transition is banned. Some 10^5 to 10^6 a second."""
        found = np.ones(len(classes))
        for motif, offsets in zip(self.motifs, self.offsets, strict=True):
            found *= self._quantised(_present(classes, motif, offsets))
        return np.where(self.feasible(classes), found, np.nan)

    def _quantised(self, present: np.ndarray) -> np.ndarray:
        """The share of elements that are present, rounded down to a multiple of 1 / quantisation."""
        return present // (self.motifs.shape[1] // self.quantisation) / self.quantisation

    def feasible(self, classes: np.ndarray) -> np.ndarray:
        """Whether every transition of classes (n, L) is allowed: (n,) bool."""
        return (self.transitions > 0)[classes[:, :-1], classes[:, 1:]].all(axis=1)

    def optimum(self) -> np.ndarray:
        """Classes (L,) of value 1: the motifs one after another, each gap filled with the class before it.

        The motifs were drawn as one walk of the transition matrix and staying is always allowed, so it is feasible.
        """
        steps = np.concatenate([np.diff(self.offsets, axis=1), np.ones((len(self.motifs), 1), dtype=np.int64)], axis=1)
        filled = np.repeat(self.motifs.ravel(), steps.ravel())
        return np.append(filled, np.repeat(filled[-1], self.length - len(filled)))

    def start(self, seed: int) -> np.ndarray:
        """A feasible design, a walk of the transition matrix: classes (L,)."""
        return _walk(self.transitions, _stationary(self.transitions), self.length, rng(seed, "ehrlich", "start"))

    def __call__(self, chunk: Sequence[str]) -> Values:
        """f of sequences; NaN and a status where one has another length, a strange letter or a banned transition."""
        status = [self._flaw(text) for text in chunk]
        found = np.full(len(chunk), np.nan)
        if rows := [row for row, flaw in enumerate(status) if not flaw]:
            found[rows] = self.values(np.array([[INDEX[letter] for letter in chunk[row]] for row in rows]))
        return Values(found, tuple(status))

    def _flaw(self, text: str) -> str:
        if len(text) != self.length:
            return f"infeasible: {len(text)} residues, not {self.length}"
        letters = RESIDUES[: len(self.transitions)]
        places = [letters.find(letter) for letter in text]
        if -1 in places:
            return f"infeasible: no letter {text[places.index(-1)]!r} (position {places.index(-1) + 1})"
        banned = self.transitions[places[:-1], places[1:]] == 0
        if banned.any():
            place = int(banned.argmax())
            return f"infeasible: {text[place + 1]} after {text[place]} is banned (position {place + 2})"
        return ""


def sparse_ergodic(classes: int, seed: int) -> np.ndarray:
    """A transition matrix (V, V) with banned transitions, in which every class can be reached and may stay.

    Allowed are a band of 2 x BAND x V + 1 classes, its rows shuffled, and the diagonal; drawn again until ergodic:
    with the diagonal allowed, irreducible is enough.
    """
    width = int(classes * BAND)
    distance = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
    band = np.minimum(distance, classes - distance) <= width
    chance = rng(seed, "ehrlich", "transitions")
    while True:
        weights = np.exp(chance.standard_normal((classes, classes)) / TEMPERATURE)
        allowed = band[chance.permutation(classes)] | np.eye(classes, dtype=bool)
        if (np.linalg.matrix_power(allowed.astype(float), classes) > 0).all():
            weights = np.where(allowed, weights, 0.0)
            return weights / weights.sum(axis=1, keepdims=True)


def sequences_of(classes: np.ndarray) -> list[str]:
    """Classes (n, L) as sequences over RESIDUES."""
    return ["".join(RESIDUES[place] for place in row) for row in classes]


@dataclass(frozen=True)
class Evolution:
    """A genetic algorithm: the best `keep` are parents of the next `generation` children.

    A child takes each position from one of two parents, and then a random class with probability `mutation` / L. The
    first generation are copies of one feasible design in which a position is redrawn with probability `spread` / L.

    Attributes:
        crossing: share of children with two parents; the others have one.
        shifts: share of children in which one position is left out and a random class put in elsewhere.
        copies: share of children in which a stretch of up to L / 2 positions is written over another place.
        drifts: whether a child takes the place of a parent that is as good.
        learns: whether no design is proposed that was evaluated before, or holds a transition known to be banned: the
            only one of an infeasible design that was never seen in a feasible one.
    """

    generation: int = 1000
    keep: int = 100
    mutation: float = 1.0
    spread: float = 3.0
    crossing: float = 1.0
    shifts: float = 0.0
    copies: float = 0.0
    drifts: bool = False
    learns: bool = False


# At 5,000 evaluations as far as the reference's is at 20,000. Settled on functions of other seeds than the benchmark's.
FRUGAL = Evolution(generation=50, keep=20, crossing=0.3, shifts=0.3, copies=0.2, drifts=True, learns=True)


@dataclass(frozen=True)
class Generation:
    """What is known after one generation."""

    evaluations: int  # so far
    best: float  # so far; NaN where nothing was feasible
    feasible: float  # share of this generation


class _Known:
    """What evaluated designs tell: which they were, and which transitions are allowed or banned."""

    def __init__(self, classes: int) -> None:
        self.designs: set[bytes] = set()
        self.allowed = np.zeros((classes, classes), dtype=bool)
        self.banned = np.zeros((classes, classes), dtype=bool)

    def worthwhile(self, designs: np.ndarray) -> dict[bytes, np.ndarray]:
        """Of designs (n, L) those that are new and hold no transition known to be banned."""
        fair = designs[~self.banned[designs[:, :-1], designs[:, 1:]].any(axis=1)]
        return {row.tobytes(): row for row in fair if row.tobytes() not in self.designs}

    def learn(self, designs: np.ndarray, feasible: np.ndarray) -> None:
        """Takes evaluated designs (n, L), and whether each was feasible (n,)."""
        self.designs |= {row.tobytes() for row in designs}
        good = designs[feasible]
        self.allowed[good[:, :-1], good[:, 1:]] = True
        for row in designs[~feasible]:
            doubtful = {pair for pair in zip(row[:-1], row[1:], strict=True) if not self.allowed[pair]}
            if len(doubtful) == 1:
                self.banned[doubtful.pop()] = True


def evolve(function: Ehrlich, seed: int, evaluations: int, settings: Evolution | None = None) -> Iterator[Generation]:
    """Maximises the function with a genetic algorithm; gives each generation, until `evaluations` are spent.

    Raises:
        MolgenError: fewer evaluations than one generation takes.
    """
    settings = settings or Evolution()
    if evaluations < settings.generation:
        raise MolgenError(f"{evaluations} evaluations are less than a generation of {settings.generation}: give more")
    chance, size, known = rng(seed, "ehrlich", "evolve"), settings.generation, _Known(len(function.transitions))
    parents, values = np.zeros((0, function.length), dtype=np.int64), np.zeros(0)
    for done in range(size, evaluations + 1, size):
        if len(parents):
            draw = partial(_children, parents, settings, function, chance)
        else:
            draw = partial(_mutated, np.tile(function.start(seed), (size, 1)), settings.spread, function, chance)
        children = _worthwhile(draw, size, known) if settings.learns else draw()
        found = function.values(children)
        if settings.learns:
            known.learn(children, ~np.isnan(found))
        parents, values = _fittest(parents, values, children, found, settings)
        yield Generation(done, float(values[0]) if len(values) else float("nan"), float(np.mean(~np.isnan(found))))


def _children(parents: np.ndarray, settings: Evolution, function: Ehrlich, chance: np.random.Generator) -> np.ndarray:
    """A generation of children (size, L) of parents (n, L)."""
    children = _crossed(parents, settings.generation, settings.crossing, chance)
    for share, change in ((settings.shifts, _shift), (settings.copies, _copy)):
        for row in np.flatnonzero(chance.random(len(children)) < share) if share else ():
            children[row] = change(children[row], len(function.transitions), chance)
    return _mutated(children, settings.mutation, function, chance)


def _worthwhile(draw: Callable[[], np.ndarray], size: int, known: _Known) -> np.ndarray:
    """`size` worthwhile designs of several draws; where there are hardly any left, others too."""
    found: dict[bytes, np.ndarray] = {}
    for _ in range(DRAWS):
        found |= known.worthwhile(draw())
        if len(found) >= size:
            return np.array(list(found.values())[:size])
    return np.array([*found.values(), *draw()][:size])


def _fittest(
    parents: np.ndarray, values: np.ndarray, children: np.ndarray, found: np.ndarray, settings: Evolution
) -> tuple[np.ndarray, np.ndarray]:
    """The best feasible designs of both, and their values; of equal ones the older, or where it drifts the younger."""
    pairs = ((children, found), (parents, values)) if settings.drifts else ((parents, values), (children, found))
    designs, values = (np.concatenate(one) for one in zip(*pairs, strict=True))
    order = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")[: settings.keep]
    order = order[~np.isnan(values[order])]
    return designs[order], values[order]


def best_at(generations: Sequence[Generation], marks: Sequence[int]) -> list[float]:
    """The best value when `marks` evaluations were done; NaN where the evolution ended before."""
    known = {one.evaluations: one.best for one in generations}
    return [known.get(mark, float("nan")) for mark in marks]


def _crossed(parents: np.ndarray, size: int, share: float, chance: np.random.Generator) -> np.ndarray:
    """Children (size, L); a share of them takes each position from one of two parents, either alike."""
    one, other = parents[chance.integers(len(parents), size=(2, size))]
    mixed = chance.random(one.shape) < 0.5
    return np.where(mixed if share == 1 else mixed | (chance.random((size, 1)) >= share), one, other)


def _shift(design: np.ndarray, classes: int, chance: np.random.Generator) -> np.ndarray:
    """A design (L,) in which what lies between two places has moved by one."""
    gone, new = chance.integers(len(design), size=2)
    return np.insert(np.delete(design, gone), new, chance.integers(classes))


def _copy(design: np.ndarray, classes: int, chance: np.random.Generator) -> np.ndarray:
    """A design (L,) in which a stretch stands at two places."""
    size = chance.integers(1, max(2, len(design) // 2 + 1))
    here, there = chance.integers(len(design) - size + 1, size=2)
    copied = design.copy()
    copied[there : there + size] = design[here : here + size]
    return copied


def _mutated(designs: np.ndarray, times: float, function: Ehrlich, chance: np.random.Generator) -> np.ndarray:
    """The designs (n, L) with `times` positions each, on average, redrawn from all classes."""
    changed = chance.random(designs.shape) < times / function.length
    return np.where(changed, chance.integers(len(function.transitions), size=designs.shape), designs)


def _present(classes: np.ndarray, motif: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The greatest number of elements of a spaced motif that stand anywhere in classes (n, L): (n,)."""
    places = classes.shape[1] - offsets[-1]
    standing = np.zeros((len(classes), places), dtype=np.uint8)
    for element, offset in zip(motif, offsets, strict=True):
        standing += classes[:, offset : offset + places] == element
    return standing.max(axis=1)


def _walk(transitions: np.ndarray, first: np.ndarray, steps: int, chance: np.random.Generator) -> np.ndarray:
    """A walk (steps,) of the transition matrix from a class drawn with probabilities `first` (V,)."""
    found = np.zeros(steps, dtype=np.int64)
    for step in range(steps):
        found[step] = chance.choice(len(first), p=transitions[found[step - 1]] if step else first)
    return found


def _stationary(transitions: np.ndarray) -> np.ndarray:
    """The distribution (V,) that the transition matrix leaves as it is: pi P = pi, sum pi = 1."""
    size = len(transitions)
    equations = np.concatenate([np.eye(size) - transitions.T, np.ones((1, size))])
    found = np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]
    return np.clip(found, 0, None) / np.clip(found, 0, None).sum()


def _refuse(length: int, motifs: int, elements: int, quantisation: int, classes: int) -> None:
    if min(length, motifs, elements, quantisation) < 1 or motifs * elements > length:
        raise MolgenError(f"{motifs} motifs of {elements} elements do not fit into {length} positions: take fewer")
    if elements % quantisation:
        raise MolgenError(f"quantisation {quantisation} does not divide {elements} elements: take a divisor")
    if not 2 <= classes <= len(RESIDUES):
        raise MolgenError(f"{classes} classes: an Ehrlich function here has 2 to {len(RESIDUES)}")
