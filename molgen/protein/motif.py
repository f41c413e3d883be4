"""Motifs: what stays fixed in a sequence, and where, as one writes it.

    C         this residue                 X, x      any residue
    [KR]      one of these                 {CM}      none of these
    [3-8]     three to eight of any residue; [4] four
    x(3,8)    a count behind any of the others: (3), (3,8), or * for any number, none included

A motif is about the whole sequence: `XXXXC[3-8]CXXX` has 12 to 17 residues, `X*RGDX*` holds RGD anywhere. Hyphens
between the elements, as in PROSITE's patterns, are passed over.

Needs numpy only. Designs are laid out by counting (`Motif.drawn_layout`) and verified by a regular expression.
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
MOST = 512  # elements, and residues of one with a count


@dataclass(frozen=True)
class Element:
    """`least` to `most` residues (None: any number) out of `residues`."""

    residues: str
    least: int = 1
    most: int | None = 1


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
    def _allowed(self) -> np.ndarray:
        """(E, 20) bool: the residues of each element."""
        return np.array([[residue in element.residues for residue in RESIDUES] for element in self.elements])

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
        counts: list[int] = []
        for number, element in enumerate(self.elements):
            least, left = element.least, size - sum(counts)
            most = left if element.most is None else min(left, element.most)
            odds = ways[number + 1, left - np.arange(least, most + 1)]
            chosen = np.searchsorted(odds.cumsum(), chance.random() * odds.sum(), side="right") if most > least else 0
            counts.append(least + int(chosen))
        return np.repeat(self._allowed, counts, axis=0)


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
    if len(elements) > MOST:
        raise MolgenError(f"the motif of {len(elements):,} elements is too long: at most {MOST}")
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
    if high > MOST:
        raise _wrong(text, place, f"{high:,} residues are too many (at most {MOST}); X* stands for any number")
    return low, high


def _wrong(text: str, place: int, what: str) -> MolgenError:
    return MolgenError(f"the motif {text!r} cannot be read at place {place + 1}: {what}")


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
