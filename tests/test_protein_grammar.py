"""The grammar of proteins: which token sequences it allows, with and without a motif, counted by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from molgen.batch import Batch, guide_along
from molgen.errors import MolgenError
from molgen.protein.alphabet import INDEX, RESIDUES
from molgen.protein.codec import ProteinCodec
from molgen.protein.grammar import ProteinGrammar
from molgen.protein.motif import compile_motif
from tests.test_protein_motif import MOTIFS

LETTERS = "ACK"


def tokens_of(word: str) -> list[int]:
    return [INDEX[letter] + 1 for letter in word] + [0]


def walked(grammar: ProteinGrammar, steps: int) -> list[str]:
    """Every sequence of three letters that the walk allows, found by trying all allowed tokens, breadth first."""
    tried = [0, *(INDEX[letter] + 1 for letter in LETTERS)]
    found: list[str] = []
    begun = [""]
    for _ in range(steps):
        rows = torch.tensor([[INDEX[letter] + 1 for letter in word] for word in begun]).reshape(len(begun), -1)
        walk = grammar.walk(len(begun), steps)
        for column in rows.T:
            walk.advance(column)
        allowed = walk.guide().allowed
        assert bool(allowed.any(dim=1).all()), "no row may be left without a token"
        found += [word for word, row in zip(begun, allowed, strict=True) if row[0]]
        pairs = itertools.product(range(len(begun)), tried[1:])
        begun = [begun[row] + RESIDUES[token - 1] for row, token in pairs if allowed[row, token]]
        if not begun:
            return found
    raise AssertionError(f"{begun} did not end within {steps} steps")


@pytest.mark.parametrize(("shortest", "longest"), [(1, 3), (2, 4), (3, 3)])
def test_without_a_motif_every_sequence_of_its_lengths_is_allowed_once(shortest: int, longest: int) -> None:
    found = walked(ProteinGrammar(longest, shortest), longest + 1)
    assert len(found) == len(set(found)) == sum(3**size for size in range(shortest, longest + 1))
    assert {len(word) for word in found} == set(range(shortest, longest + 1))


@pytest.mark.parametrize("text", MOTIFS)
@pytest.mark.parametrize(("shortest", "longest", "steps"), [(1, 5, 6), (3, 5, 6), (1, 5, 5)])
def test_the_sequences_allowed_are_exactly_those_that_match(text: str, shortest: int, longest: int, steps: int) -> None:
    matching = [
        "".join(word)
        for size in range(shortest, steps)
        for word in itertools.product(LETTERS, repeat=size)
        if compile_motif(text).matches("".join(word))
    ]
    if matching:
        found = walked(ProteinGrammar(longest, shortest, text), steps)
        assert sorted(found) == sorted(matching)


@pytest.mark.parametrize("motif", ["", "XXXXC[3-8]CXXX", "X*RGDX*", "[KR](5,40){CM}*"])
def test_random_walks_end_within_their_steps_and_match(motif: str) -> None:
    grammar, chance = ProteinGrammar(30, 5, motif), torch.Generator().manual_seed(0)
    walk, drawn = grammar.walk(200, grammar.longest), []
    for _ in range(grammar.longest):
        drawn.append(torch.multinomial(walk.guide().allowed.float(), 1, generator=chance).squeeze(1))
        walk.advance(drawn[-1])
    assert bool(walk.done.all())
    texts = ProteinCodec(30, 5).decode(torch.stack(drawn, dim=1).tolist())
    assert all(5 <= len(text) <= 30 for text in texts)
    assert not motif or all(map(compile_motif(motif).matches, texts))


def test_a_motif_comes_in_good_time_rather_than_at_the_last_moment() -> None:
    """A writer that wants to end at 20 residues: by the mask alone RGD would stand at the end of 50."""
    grammar = ProteinGrammar(50, 5, "X*RGDX*").as_long_as(torch.full((100,), 20))
    walk, chance, drawn = grammar.walk(300, grammar.longest), torch.Generator().manual_seed(0), []
    for step in range(grammar.longest):
        guide = walk.guide()
        logits = guide.lean.clone()
        logits[:, 0] += 9.0 if step >= 20 else -9.0
        drawn.append(torch.multinomial(logits.masked_fill(~guide.allowed, -torch.inf).softmax(1), 1, generator=chance))
        walk.advance(drawn[-1].squeeze(1))
    texts = ProteinCodec(50, 5).decode(torch.cat(drawn, dim=1).tolist())
    places = np.array([text.index("RGD") for text in texts])
    assert np.mean([len(text) == 20 for text in texts]) > 0.9
    assert np.bincount(places, minlength=18)[:18].min() > 0 and 6 < places.mean() < 11


def test_rows_that_were_dropped_leave_the_others_as_they_are() -> None:
    grammar = ProteinGrammar(6, 1, "X*CX")
    walk = grammar.walk(3, grammar.longest)
    walk.advance(torch.tensor(tokens_of("CAK")[:3]))
    before = walk.guide().allowed
    walk.keep(torch.tensor([2, 0]))
    assert torch.equal(walk.guide().allowed, before[[2, 0]])


def test_networks_are_told_the_mask_without_the_motif() -> None:
    tokens = torch.tensor([tokens_of("AAAAACA")])
    free, bound = (guide_along(ProteinGrammar(10, 5, motif), tokens) for motif in ("", "X*CX"))
    assert free.told is None and torch.equal(bound.told, free.allowed) and torch.equal(bound.context, free.context)
    assert not torch.equal(bound.allowed, free.allowed)


def test_a_foreign_sequence_has_a_forbidden_token_and_then_only_an_end() -> None:
    guide = guide_along(ProteinGrammar(10, 5, "CXXXC"), torch.tensor([tokens_of("CAAAA")]))
    allowed = guide.allowed[0].gather(1, torch.tensor(tokens_of("CAAAA"))[:, None]).squeeze(1)
    assert allowed.tolist() == [True, True, True, True, False, True]
    assert guide.allowed[0, 5].nonzero().flatten().tolist() == [0]


def test_fields_are_the_residues_and_cost_nothing_a_pair() -> None:
    grammar = ProteinGrammar(6, 1)
    tokens = torch.tensor([tokens_of("ACK"), [*tokens_of("A"), 0, 0]])
    fields = Batch(grammar, tokens).fields
    assert fields.position.tolist() == [[0, 1, 8], [0, 0, 0]] and fields.sizes.tolist() == [3, 1]
    assert fields.pair is None and grammar.pair_classes == 1


def test_layouts_leave_open_what_the_motif_leaves_open() -> None:
    chance = np.random.default_rng(0)
    grammar = ProteinGrammar(10, 2, "C[1-8]K")
    assert np.flatnonzero(grammar.possible_sizes()).tolist() == [*range(3, 11)]
    allowed = grammar.layouts(torch.tensor([3, 5]), chance)
    assert allowed.shape == (2, 5, 20) and bool(allowed[0, 3:].all())
    assert allowed.sum(dim=2).tolist() == [[1, 20, 1, 20, 20], [1, 20, 20, 20, 1]]
    assert bool(ProteinGrammar(10, 2).layouts(torch.tensor([3]), chance).all())


def test_the_card_gives_the_grammar_back() -> None:
    grammar = ProteinGrammar(40, 6, "X*C")
    assert ProteinGrammar.of(grammar.settings()).settings() == {"longest": 40, "shortest": 6, "motif": "X*C"}
    assert grammar.with_motif("X*K").settings() == {"longest": 40, "shortest": 6, "motif": "X*K"}


@pytest.mark.parametrize(
    ("longest", "shortest", "motif", "told"),
    [
        (3, 5, "", "5 to 3 residues"),
        (50, 0, "", "0 to 50 residues"),
        (600, 5, "", "5 to 600 residues"),
        (50, 5, "RGD", "no sequence of 5 to 50 residues, as this prior draws them, is RGD"),
        (10, 5, "C[20]C", "no sequence of 5 to 10 residues"),
        (10, 5, "C%", "cannot be read at place 2"),
    ],
)
def test_limits_and_motifs_that_leave_nothing_are_refused(longest: int, shortest: int, motif: str, told: str) -> None:
    with pytest.raises(MolgenError, match=told):
        ProteinGrammar(longest, shortest, motif)


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(MolgenError, match="4 steps are too few for 5 residues and an end"):
        ProteinGrammar(50, 5).walk(1, 4)


def test_the_exchange_scores_are_biopythons_blosum62() -> None:
    from Bio.Align import substitution_matrices

    theirs = substitution_matrices.load("BLOSUM62")
    assert ProteinGrammar().exchange == tuple(tuple(theirs[one][other] for other in RESIDUES) for one in RESIDUES)
