"""DNA of designs: it codes for the sequence and nothing else, keeps its limits, and is the same every time."""

import re
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest

from molgen.errors import MolgenError
from molgen.protein import dna
from molgen.protein.fasta import order_sheet
from molgen.seeds import numpy_seeded

CODE = dict(zip(map("".join, product("TCAG", repeat=3)),
                "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", strict=True))  # fmt: skip
MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS"
HARD = ["K" * 40, "G" * 40, "P" * 30, "LELELELE", "EFEFEF", "HMHMHM", "GLGLGL", "KKKKFFFF", "W" * 12, "M", MAGAININ]
COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.fixture
def extra() -> None:
    pytest.importorskip("dnachisel")


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dnachisel", None)


def selected(designs: list[str]) -> pd.DataFrame:
    numbers = {name: [1.0] * len(designs) for name in ("mw", "net_charge", "pi", "extinction", "synthesis_difficulty")}
    names = [f"d{row}" for row in range(len(designs))]
    return pd.DataFrame({"id": names, "design": designs, "length": [*map(len, designs)], "flags": "", **numbers})


def sheet_of(designs: list[str]) -> pd.DataFrame:
    from io import BytesIO

    return pd.read_csv(BytesIO(order_sheet(selected(designs))), keep_default_na=False)


def translated(text: str) -> str:
    return "".join(CODE[text[start : start + 3]] for start in range(0, len(text), 3))


def test_every_text_codes_for_its_sequence_and_keeps_every_limit(extra: None) -> None:
    for sequence, coding in zip(HARD, dna.coded(HARD), strict=True):
        text = coding.dna
        assert coding.status == "" and translated(text) == sequence
        both = f"{text} {text.translate(COMPLEMENT)[::-1]}"
        assert not re.search("GGTCTC|CGTCTC|GAATTC|CTCGAG|CATATG|AAAAAAA|CCCCCCC|GGGGGGG|TTTTTTT", both)
        windows = [text[start : start + 50] for start in range(max(len(text) - 50, 0) + 1)]
        assert all(0.3 <= sum(base in "GC" for base in window) / len(window) <= 0.7 for window in windows)


def test_free_codons_are_the_ones_that_the_organism_uses_most(extra: None) -> None:
    assert dna.coded(["DTDT"])[0].dna == "GATACCGATACC"  # E. coli K12: GAT 63 %, ACC 44 %
    assert dna.coded(["DTDT"], "h_sapiens")[0].dna == "GACACCGACACC"  # man: GAC 54 %, ACC 36 %


def test_a_text_depends_on_its_sequence_and_seed_alone(extra: None) -> None:
    together = dna.coded(HARD[:5], seed=4)
    assert [dna.coded([one], seed=4)[0] for one in reversed(HARD[:5])] == together[::-1]


def test_numpys_own_random_state_is_left_as_it_was(extra: None) -> None:
    with numpy_seeded(5):
        expected = np.random.random(3).tolist()
    with numpy_seeded(5):
        dna.coded(["K" * 40])
        assert np.random.random(3).tolist() == expected


def test_the_state_comes_back_after_an_error_too() -> None:
    with numpy_seeded(1):
        before = np.random.get_state()[1].tolist()
        with pytest.raises(ZeroDivisionError), numpy_seeded(2):
            assert np.random.get_state()[1].tolist() != before
            raise ZeroDivisionError
        assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize(
    ("text", "sequence", "fault"),
    [
        ("GATACC", "DT", None),
        ("GATACC", "DS", "does not translate"),
        ("GATACCG", "DT", "does not translate"),
        ("GAATTC", "EF", "a site of EcoRI"),
        ("GGTCTCGATAAC", "GLDN", "a site of BsaI"),
        ("GAGACCGATAAC", "ETDN", "a site of BsaI"),  # on the other strand
        ("GCTAAAAAAAGCTGCT", "AKKAA", "does not translate"),  # 16 bases
        ("GCTAAAAAAACTGCT", "AKKTA", "more than 6 times"),
        ("GGCGGCGGC", "GGG", "100% to 100% G and C"),
        ("ATTAATATT", "INI", "0% to 0% G and C"),
        ("GCC" * 20 + "ATA" * 20, "A" * 20 + "I" * 20, "0% to 100%"),  # half of it in the mean
    ],
)
def test_a_fault_of_a_text_is_found(text: str, sequence: str, fault: str | None) -> None:
    found = "; ".join(dna.faults(text, sequence))
    assert found == "" if fault is None else fault in found


def test_what_cannot_be_coded_has_a_status_and_no_text(extra: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [(one.dna, bool(one.status)) for one in dna.coded(["", "KXK"])] == [("", True)] * 2
    monkeypatch.setattr(dna, "LEAST_GC", 0.69)
    assert dna.coded(["KKKK"])[0].dna == "" and dna.coded(["KKKK"])[0].status.startswith("no DNA found")
    assert "no DNA found" in sheet_of(["KKKK"])["synthesis_notes"][0]


def test_a_text_that_fails_the_check_is_not_given_out(extra: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dna, "faults", lambda text, sequence: ["a fault"])
    assert dna.coded(["DTDT"])[0] == dna.Coding("", "no DNA found: a fault")


@pytest.mark.parametrize("organism", ["e_colli", "83333"])  # a number would be downloaded
def test_an_unknown_organism_is_refused_with_those_that_there_are(extra: None, organism: str) -> None:
    with pytest.raises(MolgenError, match=f"'{organism}'; there are .*e_coli, .*s_cerevisiae"):
        dna.coded(["K"], organism)


def test_the_order_sheet_holds_the_dna_of_each_design(extra: None) -> None:
    sheet = sheet_of([MAGAININ, "DTDT"])
    assert [translated(text) for text in sheet["dna"]] == [MAGAININ, "DTDT"]
    assert sheet["synthesis_notes"][1] == ""


def test_without_the_extra_the_sheet_has_an_empty_column_and_the_error_names_the_remedy(without_extra: None) -> None:
    assert sheet_of([MAGAININ])["dna"].tolist() == [""]
    with pytest.raises(MolgenError, match=r"pip install 'molgen-flows\[dna\]'"):
        dna.coded([MAGAININ])
