"""Motifs: what they mean, how a wrong one is told, and that expression and layouts agree."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from molgen.errors import MolgenError
from molgen.protein.alphabet import INDEX, RESIDUES
from molgen.protein.motif import compile_motif

LETTERS = "ACK"  # every motif below tells these three apart, or not
MOTIFS = [
    "CXXC", "X*", "X*C", "X*CX*", "[CK]A", "{C}X", "C[1-3]C", "[2]", "C(2,3)A", "[AC]*K", "Cx(0,2)C", "x(1,2)-K-x",
    "[AK](1,2)[CK](0,2)A*", "C*A*C*",
]  # fmt: skip


def words(longest: int) -> list[str]:
    return ["".join(word) for size in range(longest + 1) for word in itertools.product(LETTERS, repeat=size)]


@pytest.mark.parametrize(
    ("text", "kept", "broken"),
    [
        ("CXXC", ["CAAC", "CCCC"], ["CAC", "CAAAC", "CAAK", "ACAAC"]),
        ("XXXXC[3-8]CXXX", ["AAAAC" + "G" * n + "CAAA" for n in (3, 8)], ["AAAAC" + "G" * n + "CAAA" for n in (2, 9)]),
        ("X*RGDX*", ["RGD", "AARGDK"], ["RGE", "R-G-D", "RG"]),
        ("[KR]{CM}X", ["KAC", "RKM"], ["ACC", "KCA", "RMA"]),
        ("C-x(2,4)-C", ["CAAC", "CAAAAC"], ["CAC", "CAAAAAC"]),
        ("[KR](2)A*", ["KR", "RKAAA"], ["K", "KRK"]),
    ],
)
def test_a_motif_is_about_the_whole_sequence(text: str, kept: list[str], broken: list[str]) -> None:
    motif = compile_motif(text)
    assert all(map(motif.matches, kept)) and not any(map(motif.matches, broken))


def test_the_shortest_and_the_longest_are_counted_by_hand() -> None:
    found = {text: (compile_motif(text).shortest, compile_motif(text).longest) for text in MOTIFS[:7]}
    assert found == {
        "CXXC": (4, 4), "X*": (0, None), "X*C": (1, None), "X*CX*": (1, None), "[CK]A": (2, 2), "{C}X": (2, 2),
        "C[1-3]C": (3, 5),
    }  # fmt: skip
    motif = compile_motif("XXXXC[3-8]CXXX")
    assert (motif.shortest, motif.longest) == (12, 17)
    assert np.flatnonzero(motif.lengths(50)).tolist() == [12, 13, 14, 15, 16, 17]


@pytest.mark.parametrize("text", MOTIFS)
def test_layouts_of_a_size_hold_exactly_the_sequences_that_match(text: str) -> None:
    motif, chance = compile_motif(text), np.random.default_rng(0)
    for size in range(1, 5):
        matching = {word for word in words(size) if len(word) == size and motif.matches(word)}
        assert bool(matching) == bool(motif.lengths(4)[size])
        if not matching:
            with pytest.raises(MolgenError, match=f"no sequence of {size} residues matches"):
                motif.drawn_layout(size, chance)
            continue
        layouts = {motif.drawn_layout(size, chance).tobytes() for _ in range(200)}
        held: set[str] = set()
        for layout in layouts:
            allowed = np.frombuffer(layout, dtype=bool).reshape(size, 20)
            choices = ([letter for letter in LETTERS if row[INDEX[letter]]] for row in allowed)
            held |= {"".join(word) for word in itertools.product(*choices)}
        assert held == matching


def test_the_longest_motif_that_is_read_can_be_laid_out() -> None:
    layout = compile_motif("X*" * 512).drawn_layout(512, np.random.default_rng(0))
    assert layout.shape == (512, 20) and layout.all()


def test_each_way_to_spread_a_motif_is_equally_likely() -> None:
    motif, chance = compile_motif("X*CX*CX*"), np.random.default_rng(1)
    layouts = (motif.drawn_layout(4, chance).sum(axis=1) == 1 for _ in range(1800))
    fixed = Counter(tuple(np.flatnonzero(layout).tolist()) for layout in layouts)
    assert sorted(fixed) == list(itertools.combinations(range(4), 2))
    assert max(abs(count - 300) for count in fixed.values()) < 4 * np.sqrt(1800 / 6 * 5 / 6)


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("CXXZ", 4, "'Z' is none of the 20 residues"),
        ("AC[KO]", 5, "'O' is none"),
        ("ac", 1, "'a' is none"),
        ("CC[]", 3, r"\[\] leaves no residue"),
        ("C{" + RESIDUES + "}", 2, r"\{A.*Y\} leaves no residue"),
        ("C[8-3]C", 2, "8 to 3 residues: write the smaller number first"),
        ("Cx(0)C", 3, "0 to 0 residues"),
        ("CX[3-", 3, r"'\[' begins no element"),
        ("C C", 2, "' ' begins no element"),
        ("*C", 1, r"'\*' begins no element"),
    ],
)
def test_a_wrong_motif_is_told_with_its_place(text: str, place: int, told: str) -> None:
    with pytest.raises(MolgenError, match=f"cannot be read at place {place}: {told}"):
        compile_motif(text)


def test_an_empty_or_endless_motif_is_refused() -> None:
    with pytest.raises(MolgenError, match="an empty motif"):
        compile_motif("")
    with pytest.raises(MolgenError, match="too many"):
        compile_motif("C[1-2000]C")
    with pytest.raises(MolgenError, match="513 elements is too long: at most 512"):
        compile_motif("X*" * 513)
