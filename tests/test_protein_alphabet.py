"""Texts that are sequences, texts that are not, and what each refusal says."""

import string

import pytest

from molgen.protein.alphabet import AMBIGUOUS, RESIDUES, THREE_LETTERS, Judged, classes, judge


def one(text: str, **limits: int) -> Judged:
    return judge([text], **limits)[0]


def test_the_alphabet_has_the_twenty_amino_acids_in_the_order_of_their_letters() -> None:
    assert len(RESIDUES) == 20 and list(RESIDUES) == sorted(RESIDUES)
    assert sorted(THREE_LETTERS.values()) == list(RESIDUES)
    assert set(string.ascii_uppercase) - set(RESIDUES) == set(AMBIGUOUS) - {"*"}


def test_classes_count_from_zero_in_the_order_of_the_alphabet() -> None:
    assert classes("ACY").tolist() == [0, 1, 19]
    assert classes(RESIDUES).tolist() == list(range(20))


@pytest.mark.parametrize("odd", ["AX", "Aé", "ac", "A C"])
def test_classes_refuse_what_is_no_residue(odd: str) -> None:
    with pytest.raises(ValueError):
        classes(odd)


def test_a_plain_sequence_passes_unchanged_and_without_a_note() -> None:
    assert one("GIGKFLHSAK") == Judged("GIGKFLHSAK", "GIGKFLHSAK", None, "")


def test_the_numbered_lines_of_a_flat_file_are_one_sequence() -> None:
    text = "        1 gigkflhsak kfgkafvgei\n       21 mns\r\n"
    assert one(text) == Judged(text, "GIGKFLHSAKKFGKAFVGEIMNS", None, "")


@pytest.mark.parametrize(
    ("text", "sequence", "note"),
    [
        ("AC-D..E", "ACDE", "gaps removed: 3"),
        ("ACDE*", "ACDE", "stop at the end removed"),
        ("AC-DE*--", "ACDE", "gaps removed: 3; stop at the end removed"),
        ("ACde", "ACDE", "lower case read as upper case"),
    ],
)
def test_what_is_taken_out_stands_in_the_note(text: str, sequence: str, note: str) -> None:
    assert one(text) == Judged(text, sequence, None, note)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ACXD", "residue: X at position 3, any residue; give the sequence with it resolved"),
        ("acxd", "residue: X at position 3, any residue; give the sequence with it resolved"),
        ("BACD", "residue: B at position 1, D or N; give the sequence with it resolved"),
        ("ACZ", "residue: Z at position 3, E or Q; give the sequence with it resolved"),
        ("J", "residue: J at position 1, I or L; give the sequence with it resolved"),
        ("AU", "residue: U at position 2, selenocysteine, none of the 20; write C if cysteine will do"),
        ("AO", "residue: O at position 2, pyrrolysine, none of the 20; write K if lysine will do"),
        ("AC*DE*", "residue: * at position 3, a stop before the end; give one reading frame only"),
        ("ACDE**", "residue: * at position 5, a stop before the end; give one reading frame only"),
        ("AC?", "residue: ? at position 3, no amino acid"),
        ("A\u0410", "residue: U+0410 CYRILLIC CAPITAL LETTER A at position 2, no amino acid"),
        ("aßc", "residue: U+00DF LATIN SMALL LETTER SHARP S at position 2, no amino acid"),
        ("A\x00C", "residue: U+0000 control character at position 2, no amino acid"),
    ],
)
def test_a_refusal_names_letter_place_and_meaning(text: str, reason: str) -> None:
    assert one(text) == Judged(text, None, reason)


def test_positions_count_residues_and_not_blanks_or_gaps() -> None:
    reason = one(" 1 AC--DE\n 5 FX").reason
    assert reason is not None and reason.startswith("residue: X at position 6,")


@pytest.mark.parametrize("text", ["", "  \n", "*", "--..", "12 34"])
def test_a_text_without_residues_is_empty(text: str) -> None:
    assert one(text).reason == "empty"


def test_the_limits_of_length_belong_to_what_is_allowed() -> None:
    assert one("A" * 512).sequence and one("AC-", shortest=2).sequence
    assert one("A" * 513).reason == "too long: 513 residues (limit 512)"
    assert one("AC", longest=2).sequence
    assert one("AC--", shortest=3).reason == "too short: 2 residues (at least 3)"


@pytest.mark.parametrize("text", ["Ala-Gly-Ser", "Ala Gly Ser", "AlaGlySer"])
def test_three_letter_code_is_not_read_as_one_letter_code(text: str) -> None:
    assert one(text).reason == "three-letter code: write AGS"


@pytest.mark.parametrize(("text", "cap"), [("Ac-KLLK", "Ac-"), ("KLLK-NH2", "-NH2"), ("pGlu-HWSYG", "pGlu-")])
def test_a_capped_end_is_not_read_as_residues(text: str, cap: str) -> None:
    assert one(text).reason == f"modified: {cap} is no residue; give the sequence with free ends"


def test_each_text_has_its_result_in_its_place() -> None:
    assert [judged.sequence for judged in judge(["AC", "X", "de"])] == ["AC", None, "DE"]
