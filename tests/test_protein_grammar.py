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
from molgen.protein.grammar import ProteinGrammar, ProteinWalk
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


def uniform(rows: int, grammar: ProteinGrammar, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, grammar.longest, generator=torch.Generator().manual_seed(seed))


def allowed_by(walk: ProteinWalk, steps: int) -> torch.Tensor:
    """(B, T, V) bool: what each row may take at every step, if it always takes the first it may."""
    found = []
    for _ in range(steps):
        found.append(walk.guide().allowed)
        walk.advance(found[-1].int().argmax(dim=1))
    return torch.stack(found, dim=1)


@pytest.mark.parametrize("text", MOTIFS)
@pytest.mark.parametrize(("shortest", "longest", "steps"), [(1, 5, 6), (3, 5, 6), (1, 5, 5)])
def test_the_sequences_of_all_layouts_are_exactly_those_that_match(
    text: str, shortest: int, longest: int, steps: int
) -> None:
    """Of three letters, by brute force; what one layout holds are the products of its positions."""
    matching = {
        "".join(word)
        for size in range(shortest, steps)
        for word in itertools.product(LETTERS, repeat=size)
        if compile_motif(text).matches("".join(word))
    }
    if not matching:
        return
    grammar, held = ProteinGrammar(longest, shortest, text), set()
    for row in {
        row.numpy().tobytes() for row in allowed_by(grammar.walk(600, steps, uniform=uniform(600, grammar)), steps)
    }:
        allowed = np.frombuffer(row, dtype=bool).reshape(steps, -1)
        size = int(allowed[:, 0].argmax())
        assert allowed[size:, 0].all() and not allowed[size:, 1:].any() and not allowed[:size, 0].any()
        choices = ([letter for letter in LETTERS if row[INDEX[letter] + 1]] for row in allowed[:size])
        held |= {"".join(word) for word in itertools.product(*choices)}
    assert held == matching


@pytest.mark.parametrize("motif", ["", "XXXXC[3-8]CXXX", "X*RGDX*", "[KR](5,40){CM}*"])
def test_random_walks_end_within_their_steps_and_match(motif: str) -> None:
    grammar, chance = ProteinGrammar(30, 5, motif), torch.Generator().manual_seed(0)
    walk, drawn = grammar.walk(200, grammar.longest, uniform=uniform(200, grammar)), []
    for _ in range(grammar.longest):
        drawn.append(torch.multinomial(walk.guide().allowed.float(), 1, generator=chance).squeeze(1))
        walk.advance(drawn[-1])
    assert bool(walk.done.all())
    texts = ProteinCodec(30, 5).decode(torch.stack(drawn, dim=1).tolist())
    assert all(5 <= len(text) <= 30 for text in texts)
    assert not motif or all(map(compile_motif(motif).matches, texts))


def test_a_motif_stands_anywhere_alike_in_designs_as_long_as_free_ones() -> None:
    """RGD in 20 residues has 18 places; a mask alone, without layouts, would put it off to the end."""
    grammar = ProteinGrammar(50, 5, "X*RGDX*").as_long_as(torch.full((100,), 20))
    allowed = allowed_by(grammar.walk(1800, 51, uniform=uniform(1800, grammar)), 51)
    sizes, first = allowed[:, :, 0].int().argmax(dim=1), (allowed[:, :, 1:].sum(dim=2) == 1).int().argmax(dim=1)
    assert (sizes == 20).float().mean() > 0.97
    counts = np.bincount(first[sizes == 20], minlength=18)
    assert len(counts) == 18 and np.abs(counts - 100).max() < 4 * np.sqrt(1800 / 18 * 17 / 18)


def test_a_row_is_laid_out_by_its_own_numbers_alone() -> None:
    grammar = ProteinGrammar(30, 5, "X*C[2-6]CX*")
    numbers = uniform(40, grammar)
    whole = allowed_by(grammar.walk(40, 31, uniform=numbers), 31)
    assert torch.equal(allowed_by(grammar.walk(3, 31, uniform=numbers[[7, 0, 39]]), 31), whole[[7, 0, 39]])
    assert len({row.numpy().tobytes() for row in whole}) > 35


def test_rows_that_were_dropped_leave_the_others_as_they_are() -> None:
    grammar = ProteinGrammar(6, 1, "X*CX*")
    numbers = uniform(20, grammar)
    one, other = (grammar.walk(20, grammar.longest, uniform=numbers) for _ in range(2))
    kept = torch.tensor([17, 0, 4])
    other.keep(kept)
    assert torch.equal(allowed_by(one, 7)[kept], allowed_by(other, 7))


def test_networks_are_told_the_mask_without_the_motif() -> None:
    free, bound = (ProteinGrammar(10, 5, motif) for motif in ("", "CX*"))
    plain, guide = free.walk(9, 11).guide(), bound.walk(9, 11, uniform=uniform(9, bound)).guide()
    assert plain.told is None and torch.equal(guide.told, plain.allowed) and torch.equal(guide.context, plain.context)
    assert not torch.equal(guide.allowed, plain.allowed)


def test_a_likelihood_is_that_of_free_designs() -> None:
    tokens = torch.tensor([tokens_of("AAAAACA")])
    free, bound = (guide_along(ProteinGrammar(10, 5, motif), tokens) for motif in ("", "CXXXX"))
    assert bound.told is None and torch.equal(bound.allowed, free.allowed)


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
    with pytest.raises(MolgenError, match="11 steps are too few for 12 residues and an end"):
        ProteinGrammar(50, 5, "XXXXC[3-8]CXXX").walk(1, 11)


def test_the_exchange_scores_are_biopythons_blosum62() -> None:
    from Bio.Align import substitution_matrices

    theirs = substitution_matrices.load("BLOSUM62")
    assert ProteinGrammar().exchange == tuple(tuple(theirs[one][other] for other in RESIDUES) for one in RESIDUES)
