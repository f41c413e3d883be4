"""The codec of proteins: text and tokens are the same thing twice, and what cannot be spelled says why."""

from __future__ import annotations

import pytest
import torch

from molgen.batch import Fields
from molgen.errors import MolgenError
from molgen.protein.alphabet import RESIDUES
from molgen.protein.codec import ProteinCodec
from molgen.protein.grammar import ProteinGrammar

MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS"


def test_the_tokens_of_a_residue_are_its_class_and_one() -> None:
    (encoded,) = ProteinCodec(20, 1).encode([RESIDUES])
    assert encoded.tokens == (*range(1, 21), 0) and encoded.reason == "" and not encoded.stereo_dropped


def test_what_was_spelled_reads_the_same() -> None:
    codec = ProteinCodec()
    encoded = codec.encode([MAGAININ, MAGAININ.lower(), RESIDUES])
    assert codec.decode([one.tokens or () for one in encoded]) == [MAGAININ, MAGAININ, RESIDUES]
    assert codec.decode([[1, 2, 0, 3], [4], []]) == ["AC", "E", ""]


def test_fields_read_the_same_as_the_tokens_that_they_are_made_of() -> None:
    grammar, codec = ProteinGrammar(), ProteinCodec()
    rows = [one.tokens or () for one in codec.encode([MAGAININ, "KLAKLAK", RESIDUES])]
    tokens = torch.tensor([[*row, *[0] * (24 - len(row))] for row in rows])
    assert codec.texts(grammar.fields(tokens), 2) == [MAGAININ, "KLAKLAK"]
    assert codec.texts(Fields(torch.zeros(0, 3, dtype=torch.int64), None, torch.zeros(0, 3, dtype=torch.bool)), 5) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("GIGKX", "residue: X at position 5"),
        ("GIGKFU", "residue: U at position 6, selenocysteine"),
        ("GIGK", "too short: 4 residues"),
        ("G" * 51, "too long: 51 residues"),
        ("Ac-KLAKLAK-NH2", "modified"),
    ],
)
def test_what_cannot_be_spelled_says_why(text: str, reason: str) -> None:
    (encoded,) = ProteinCodec().encode([text])
    assert encoded.tokens is None and encoded.reason.startswith(reason)


@pytest.mark.parametrize("token", [-1, 21])
def test_a_number_that_is_no_token_is_refused(token: int) -> None:
    with pytest.raises(MolgenError, match=f"there is no token {token}"):
        ProteinCodec().decode([[1, token]])
