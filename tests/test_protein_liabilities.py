"""Places that may spoil a sequence: which are found, where, and which are not."""

import pytest

from molgen.errors import MolgenError
from molgen.protein.liabilities import LIABILITIES, Liability, liabilities


def found(sequence: str, name: str) -> list[tuple[int, str]]:
    return [(one.position, one.text) for one in liabilities(sequence, (name,))]


@pytest.mark.parametrize(
    ("sequence", "name", "places"),
    [
        ("ANGSANPS", "glycosylation", [(2, "NGS")]),  # not with P in the middle
        ("NGSP", "glycosylation", []),  # nor before P
        ("AANGT", "glycosylation", [(3, "NGT")]),  # at the end there is nothing behind it
        ("NNSSA", "glycosylation", [(1, "NNS"), (2, "NSS")]),  # two that overlap
        ("ANGC", "glycosylation", []),
        ("ANGNSNN", "deamidation", [(2, "NG"), (4, "NS"), (6, "NN")]),
        ("NNNA", "deamidation", [(1, "NN"), (2, "NN")]),
        ("ANA", "deamidation", []),
        ("DDGDP", "isomerisation", [(1, "DD"), (2, "DG")]),
        ("ADPDP", "acid cleavage", [(2, "DP"), (4, "DP")]),
        ("MAWM", "oxidation", [(1, "M"), (3, "W"), (4, "M")]),
        ("CACC", "odd cysteines", [(1, "C"), (3, "C"), (4, "C")]),
        ("CAC", "odd cysteines", []),
        ("AAA", "odd cysteines", []),
        ("QAQ", "pyroglutamate", [(1, "Q")]),
        ("EAA", "pyroglutamate", [(1, "E")]),
        ("AQE", "pyroglutamate", []),
        ("ARGDRGD", "integrin", [(2, "RGD"), (5, "RGD")]),
        ("ARAKRA", "furin", [(2, "RAKR")]),
        ("RRRRR", "furin", [(1, "RRRR"), (2, "RRRR")]),
        ("RAAR", "furin", []),
        ("AENLYFQGA", "tev", [(2, "ENLYFQG")]),
        ("ENLYFQSENLYFQA", "tev", [(1, "ENLYFQS")]),
        ("LVPRGS", "thrombin", [(1, "LVPRGS")]),
        ("ADDDDDKA", "enterokinase", [(3, "DDDDK")]),
        ("AKARA", "trypsin", [(2, "K"), (4, "R")]),
        ("AKPRA", "trypsin", [(4, "R")]),  # not before P
        ("KKK", "trypsin", [(1, "K"), (2, "K")]),  # behind the last residue there is no bond
    ],
)
def test_each_place_is_found_and_no_other(sequence: str, name: str, places: list[tuple[int, str]]) -> None:
    assert found(sequence, name) == places


def test_all_liabilities_come_in_the_order_of_their_names_and_positions() -> None:
    every = liabilities("QMNGSDPW")
    assert [(one.name, one.position, one.text) for one in every] == [
        ("glycosylation", 3, "NGS"),
        ("deamidation", 3, "NG"),
        ("acid cleavage", 6, "DP"),
        ("oxidation", 2, "M"),
        ("oxidation", 8, "W"),
        ("pyroglutamate", 1, "Q"),
    ]
    assert all(isinstance(one, Liability) and one.why for one in every)


def test_positions_are_those_of_the_text() -> None:
    sequence = "QACMNGSDPWRGDRAKRNNSS"
    assert all(sequence[one.position - 1 :].startswith(one.text) for one in liabilities(sequence))


def test_a_quiet_sequence_has_none() -> None:
    assert liabilities("AAILLVAALFG") == [] and liabilities("") == []


def test_an_unknown_name_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(MolgenError, match="did you mean 'deamidation'"):
        liabilities("ACD", ("deamination",))
    assert len(set(LIABILITIES)) == 13
