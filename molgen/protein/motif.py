"""Motifs: what stays fixed in a sequence, and where, as one writes it.

    C         this residue                 X, x      any residue
    [KR]      one of these                 {CM}      none of these
    [3-8]     three to eight of any residue; [4] four
    x(3,8)    a count behind any of the others: (3), (3,8), or * for any number, none included

A motif is about the whole sequence: `XXXXC[3-8]CXXX` has 12 to 17 residues, `X*RGDX*` holds RGD anywhere. Hyphens
between the elements, as in PROSITE's patterns, are passed over.

Needs numpy only. The automaton is that of Glushkov (Russ. Math. Surv. 1961, 16, 1): one place for each residue that may
be written, and a last one for 'all is written'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from molgen.errors import MolgenError
from molgen.protein.alphabet import RESIDUES

ELEMENT = re.compile(
    r"(?P<letter>[A-Za-z])|\[(?P<least>\d+)(?:-(?P<most>\d+))?\]|\[(?P<among>[A-Z]*)\]|\{(?P<without>[A-Z]*)\}"
)
COUNT = re.compile(r"(?P<any>\*)|\((?P<least>\d+)(?:,(?P<most>\d+))?\)")
ANY = "Xx"
MOST_PLACES = 1024  # of an automaton


@dataclass(frozen=True)
class Element:
    """`least` to `most` residues (None: any number) out of `residues`."""

    residues: str
    least: int = 1
    most: int | None = 1


@dataclass(frozen=True)
class Automaton:
    """S places; the last one means that all is written, and takes no residue."""

    residues: np.ndarray  # (S, 20) bool: what may be written at a place
    follow: np.ndarray  # (S, S) bool: the places that may come after one
    start: np.ndarray  # (S,) bool: the places to begin at

    def completes(self, shortest: int, longest: int) -> np.ndarray:
        """(longest + 1, S) bool: with p residues written, can a place still lead to a match of shortest to longest?"""
        reached = np.zeros((longest + 1, len(self.start)), dtype=np.int64)  # in exactly k residues
        reached[0, -1] = 1
        follow = self.follow.astype(np.float32)
        for k in range(longest):
            reached[k + 1] = follow @ reached[k].astype(np.float32) > 0
        within = np.concatenate([np.zeros_like(reached[:1]), reached.cumsum(axis=0)])  # in fewer than k
        written = np.arange(longest + 1)
        return within[longest - written + 1] > within[np.maximum(shortest - written, 0)]

    def odds(self, stops: np.ndarray) -> np.ndarray:
        """(L + 1, S): with p residues written, how likely a place leads to a match by chance.

        By chance means: any residue is equally likely, and a sequence of p residues ends there with probability
        `stops[p]` (L + 1,). Places are summed over, as if no two led to the same match, and capped at one.
        """
        found = np.zeros((len(stops), len(self.start)))
        found[:, -1] = stops
        share, follow = self.residues.mean(axis=1), self.follow.astype(float)
        for written in reversed(range(len(stops) - 1)):
            found[written] += (1 - stops[written]) * share * np.minimum(follow @ found[written + 1], 1)
        return found


@dataclass(frozen=True)
class Motif:
    """A motif that has been read."""

    text: str
    elements: tuple[Element, ...]

    @property
    def shortest(self) -> int:
        """Residues of the shortest sequence that matches."""
        return sum(element.least for element in self.elements)

    @property
    def longest(self) -> int | None:
        """Residues of the longest sequence that matches; None where there is no longest."""
        most = [element.most for element in self.elements]
        return None if None in most else sum(count for count in most if count is not None)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The same as a regular expression: what verifies designs isn't what draws them."""
        counts = ("" if e.most is None else str(e.most) for e in self.elements)
        return re.compile(
            "".join(f"[{e.residues}]{{{e.least},{most}}}" for e, most in zip(self.elements, counts, strict=True))
        )

    def matches(self, sequence: str) -> bool:
        """Whether the whole sequence is as the motif says."""
        return self._pattern.fullmatch(sequence) is not None

    @cached_property
    def automaton(self) -> Automaton:
        """The automaton whose paths from a start to the last place are the sequences that match."""
        places = [place for element in self.elements for place in _places(element)]
        size = len(places) + 1
        residues, follow = np.zeros((size, len(RESIDUES)), dtype=bool), np.zeros((size, size), dtype=bool)
        for here, place in enumerate(places):
            residues[here] = _classes(place.residues)
            follow[here] = _entered(places, here if place.repeats else here + 1)
        return Automaton(residues, follow, _entered(places, 0))

    def lengths(self, longest: int) -> np.ndarray:
        """(longest + 1,) bool: how many residues a sequence that matches may have."""
        return _ways(self.elements, longest)[0] > 0

    def drawn_layout(self, size: int, chance: np.random.Generator) -> np.ndarray:
        """(size, 20) bool: the residues that each position may be, where the motif has been spread over `size`.

        Every choice of counts that adds up to `size` is equally likely.

        Raises:
            MolgenError: no sequence of that many residues matches.
        """
        ways = _ways(self.elements, size)
        if not ways[0, size]:
            raise MolgenError(f"no sequence of {size} residues matches the motif {self.text}")
        rows: list[np.ndarray] = []
        for number, element in enumerate(self.elements):
            left = size - len(rows)
            counts = np.arange(element.least, min(left, left if element.most is None else element.most) + 1)
            odds = ways[number + 1, left - counts]
            count = counts[np.searchsorted(odds.cumsum(), chance.random() * odds.sum(), side="right")]
            rows += [_classes(element.residues)] * int(count)
        return np.array(rows, dtype=bool).reshape(size, len(RESIDUES))


@lru_cache(maxsize=64)
def compile_motif(text: str) -> Motif:
    """Reads a motif.

    Raises:
        MolgenError: what is no motif, with the place (from 1) where it stops being one.
    """
    elements: list[Element] = []
    place = 0
    while place < len(text):
        if text[place] == "-" and elements:
            place += 1
            continue
        element, place = _element(text, place)
        elements.append(element)
    if not elements:
        raise MolgenError(f"an empty motif {text!r}: write one such as XXXXC[3-8]CXXX")
    if sum(len(_places(element)) for element in elements) > MOST_PLACES:
        raise MolgenError(f"the motif {text!r} has more than {MOST_PLACES} places: shorten it, or write X* for a range")
    return Motif(text, tuple(elements))


def _element(text: str, place: int) -> tuple[Element, int]:
    """The element that begins at a place, and where it ends."""
    found = ELEMENT.match(text, place)
    if found is None:
        raise _wrong(text, place, f"{text[place]!r} begins no element: a residue, X, [KR], {{CM}} or [3-8] does")
    end = found.end()
    if found["least"] is not None:
        return Element(RESIDUES, *_range(text, place, found["least"], found["most"])), end
    residues = _residues(text, place, found)
    count = COUNT.match(text, end)
    if count is None:
        return Element(residues), end
    if count["any"]:
        return Element(residues, 0, None), count.end()
    return Element(residues, *_range(text, end, count["least"], count["most"])), count.end()


def _residues(text: str, place: int, found: re.Match[str]) -> str:
    """The residues that an element may be."""
    if found["letter"] is not None and found["letter"] in ANY:
        return RESIDUES
    letters = found["letter"] or found["among"] or found["without"] or ""
    if odd := [letter for letter in letters if letter not in RESIDUES]:
        at = text.index(odd[0], place)
        raise _wrong(text, at, f"{odd[0]!r} is none of the 20 residues {RESIDUES}; X stands for any")
    kept = "".join(r for r in RESIDUES if (r in letters) != (found["without"] is not None))
    if not letters or not kept:
        raise _wrong(text, place, f"{found[0]} leaves no residue")
    return kept


def _range(text: str, place: int, least: str, most: str | None) -> tuple[int, int]:
    low, high = int(least), int(least if most is None else most)
    if low > high or not high:
        raise _wrong(text, place, f"{low} to {high} residues: write the smaller number first, and at least one residue")
    if high > MOST_PLACES:
        raise _wrong(text, place, f"{high:,} residues are too many (at most {MOST_PLACES:,}); X* stands for any number")
    return low, high


def _wrong(text: str, place: int, what: str) -> MolgenError:
    return MolgenError(f"the motif {text!r} cannot be read at place {place + 1}: {what}")


def _classes(residues: str) -> np.ndarray:
    """(20,) bool."""
    return np.array([residue in residues for residue in RESIDUES])


@dataclass(frozen=True)
class _Place:
    """A place of the automaton: `skips` is how many places on one may go instead of writing; 0: it must be written."""

    residues: str
    skips: int = 0
    repeats: bool = False


def _places(element: Element) -> list[_Place]:
    """Who skips one of several optional places skips the others too, so that each count has one path."""
    must = [_Place(element.residues)] * element.least
    if element.most is None:
        return [*must, _Place(element.residues, 1, repeats=True)]
    return must + [_Place(element.residues, left) for left in range(element.most - element.least, 0, -1)]


def _entered(places: list[_Place], first: int) -> np.ndarray:
    """(S,) bool: a place, and those to which one may skip from it."""
    entered = np.zeros(len(places) + 1, dtype=bool)
    entered[first] = True
    while first < len(places) and places[first].skips:
        first += places[first].skips
        entered[first] = True
    return entered


@lru_cache(maxsize=1024)
def _ways(elements: tuple[Element, ...], longest: int) -> np.ndarray:
    """(E + 1, longest + 1): in how many ways the elements from the e-th on may have n residues in all."""
    ways = np.zeros((len(elements) + 1, longest + 1))
    ways[-1, 0] = 1
    for number in reversed(range(len(elements))):
        most = elements[number].most
        for count in range(elements[number].least, (longest if most is None else min(most, longest)) + 1):
            ways[number, count:] += ways[number + 1, : longest + 1 - count]
    return ways
