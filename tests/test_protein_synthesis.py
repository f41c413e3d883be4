"""Reasons why a peptide is hard to make, each alone and added up, and the propensity to aggregate."""

import numpy as np
import pytest

from molgen.protein.alphabet import RESIDUES
from molgen.protein.synthesis import A3V, AGGREGATION, SYNTHESIS_DIFFICULTY, aggregation_window, difficulties


def reasons(sequence: str) -> list[tuple[str, int, str]]:
    return [(one.name, one.position, one.text) for one in difficulties(sequence)]


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("GAKKLGAKEL", []),
        ("KVITK", [("beta-branched run", 2, "VIT")]),
        ("KVIK", []),
        ("KALFLK", [("hydrophobic run", 2, "ALFL")]),
        ("KALFK", []),
        ("KDGDNK", [("aspartimide", 2, "DG"), ("aspartimide", 4, "DN")]),
        ("KDPK", [("acid cleavage", 2, "DP")]),
        ("KNGK", [("deamidation", 2, "NG")]),
        ("GKKKKG", [("repeat", 2, "KKKK")]),
        ("GKKKG", []),
        ("GMKCGW", [("sensitive residue", 2, "M"), ("sensitive residue", 4, "C"), ("sensitive residue", 6, "W")]),
        ("GPKP", [("C-terminal P", 4, "P")]),
        ("QKQ", [("N-terminal Q", 1, "Q")]),
        ("KVVVVK", [(name, 2, "VVVV") for name in ("beta-branched run", "hydrophobic run", "repeat")]),
    ],
)
def test_each_reason_is_found_where_it_is(sequence: str, expected: list[tuple[str, int, str]]) -> None:
    assert reasons(sequence) == expected


def test_more_than_fifty_residues_are_a_reason() -> None:
    assert reasons("GAKEL" * 10) == []
    assert reasons("GAKEL" * 10 + "G") == [("length", 1, "GAKEL" * 10 + "G")]


def test_the_difficulty_is_the_number_of_reasons() -> None:
    assert SYNTHESIS_DIFFICULTY(["GAKKLG", "QKDGMVVTP", "KVVVVK"]).values.tolist() == [0, 5, 3]


def test_every_reason_is_explained() -> None:
    assert all(one.why for one in difficulties("QVVVVLLLLDGDPNGDNMCWKKKKP" * 3))


def test_the_propensities_are_those_of_aggrescan3d_but_for_its_shift() -> None:
    """Aggrescan3D 1.0.2 carries the same scale 0.0916 higher, with other values for the charged residues."""
    theirs = {
        "I": 1.9136, "F": 1.8456, "V": 1.6856, "L": 1.4716, "Y": 1.2506, "W": 1.1286, "M": 1.0016, "C": 0.6956,
        "A": 0.0556, "T": -0.0674, "S": -0.2024, "P": -0.2424, "G": -0.4434, "H": -0.9414, "Q": -1.1394, "N": -1.2104,
    }  # fmt: skip
    assert {letter: pytest.approx(value - 0.0916, abs=1e-6) for letter, value in theirs.items()} == {
        letter: A3V[letter] for letter in theirs
    }
    assert sorted(A3V) == list(RESIDUES)


def test_the_most_sticky_window_decides() -> None:
    values = AGGREGATION(["VVVVV", "KKKKKKVVVVVKKKKKK", "K" * 20, "V", "IK"]).values
    assert values == pytest.approx([1.594, 1.594, -0.931, 1.594, (1.822 - 0.931) / 2])


def test_windows_grow_with_the_sequence() -> None:
    lengths = (5, 75, 76, 175, 176, 300, 301, 512)
    assert [aggregation_window(length) for length in lengths] == [5, 5, 7, 7, 9, 9, 11, 11]
    rng = np.random.default_rng(1)
    for length in (4, 40, 100, 200, 400):
        sequence = "".join(rng.choice(list(RESIDUES), size=length))
        width = min(aggregation_window(length), length)
        windows = [sequence[start : start + width] for start in range(length - width + 1)]
        by_hand = max(sum(A3V[letter] for letter in window) / width for window in windows)
        assert AGGREGATION([sequence]).values[0] == pytest.approx(by_hand)
