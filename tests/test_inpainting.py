"""The benchmark of inpainting: what is exact in it is so by brute force, and a fill keeps what is shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from benchmarks.inpainting import Case, bound, by_diffusion, by_frequencies, cases, conditional, refilled, shown
from molgen.baselines.ngram import Ngram, NgramRecipe
from molgen.families.diffusion import Diffusion, DiffusionRecipe
from molgen.modality import PROTEIN
from molgen.protein.alphabet import INDEX, RESIDUES
from molgen.recipes import build
from molgen.seeds import torch_rng
from molgen.sequences import Sequences

PEPTIDES = ["GIGKFLHSAKKFGK", "KWKLFKKIEKVGQ", "RRWQWR", "GIGAVLKVLTTGLPALISWIKRKRQQ", "KWKSFIKKLTSAAKK"]


def gram(n: int) -> Ngram:
    tokens = [[INDEX[letter] + 1 for letter in text] + [0] for text in PEPTIDES]
    grammar = PROTEIN.grammar(PROTEIN.settings())
    return Ngram.fit(Sequences.of(tokens), grammar, NgramRecipe(n=n), modality=PROTEIN.name)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("case", [Case("GIGKFLKK", 2, 4), Case("KWKSFI", 0, 2), Case("RRWQWR", 4, 6)])
def test_conditionals_of_an_ngram_are_those_of_all_fills(n: int, case: Case) -> None:
    model, size = gram(n), case.end - case.begin
    fills = ["".join(fill) for fill in itertools.product(RESIDUES, repeat=size)]
    whole = [case.text[: case.begin] + fill + case.text[case.end :] for fill in fills]
    p = model.log_likelihood(whole).double().softmax(0).numpy()
    marginals, nats = conditional(model, case)
    assert nats == pytest.approx(-np.log(p[whole.index(case.text)]), rel=1e-4)
    for place in range(size):
        expected = [sum(p[row] for row, fill in enumerate(fills) if fill[place] == letter) for letter in RESIDUES]
        assert marginals[place] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_frequencies_recover_their_squares_and_the_consensus() -> None:
    shares = np.full(20, 0.5 / 19)
    shares[INDEX["K"]] = 0.5
    found = by_frequencies(Case("GKKAG", 1, 4), shares)
    assert found.nats == pytest.approx(-2 * np.log(0.5) - np.log(0.5 / 19))
    assert found.drawn == pytest.approx([0.5, 0.5, 0.5 / 19]) and found.likeliest.tolist() == [1, 1, 0]
    even = by_frequencies(Case("GKKAG", 1, 4), np.full(20, 0.05))
    assert even.likeliest == pytest.approx([0.05] * 3)


def test_a_span_lies_within_its_sequence_and_the_seed_decides_where() -> None:
    found = [cases(PEPTIDES, lambda size: 5, seed) for seed in range(99)]
    assert all(len(one) == 4 for one in found)  # one is too short
    assert all(0 <= c.begin and c.end == c.begin + 5 and c.end <= len(c.text) for one in found for c in one)
    assert {one[1].begin for one in found} == set(range(9)) and found[3] == cases(PEPTIDES, lambda size: 5, 3)
    assert Case("GIGKFLAKKF", 6, 9).motif == "GIGKFLXXXF"


@pytest.fixture(scope="module")
def wild() -> Diffusion:
    recipe = DiffusionRecipe(width=16, depth=1, heads=2)
    model = build(recipe, PROTEIN.grammar(PROTEIN.settings()), seed=1)
    torch.nn.init.normal_(model.network.head.weight, std=0.5, generator=torch_rng(0, "shake"))
    return model.eval()


BATCH = [Case(PEPTIDES[0], 3, 4), Case(PEPTIDES[1], 0, 5), Case(PEPTIDES[3], 20, 26)]


def test_the_bound_of_one_hidden_residue_is_its_likelihood_and_of_two_the_mean_of_both_orders(wild: Diffusion) -> None:
    def log_p(case: Case) -> torch.Tensor:
        with torch.inference_mode():
            return wild.predict(shown([case])[0])[0][0]

    text = PEPTIDES[0]
    one, two = Case(text, 3, 4), Case(text, 6, 8)
    assert bound(wild, [one], 0)[0] == pytest.approx(-float(log_p(one)[3, INDEX[text[3]]]), rel=1e-4)
    here, there = INDEX[text[6]], INDEX[text[7]]
    first = log_p(two)[6, here] + log_p(Case(text, 7, 8))[7, there]
    second = log_p(two)[7, there] + log_p(Case(text, 6, 7))[6, here]
    assert abs(first - second) > 0.01
    found = bound(wild, [two], 0, orders=400)[0]
    assert found == pytest.approx(-float(first + second) / 2, abs=4 * float(abs(first - second)) / 2 / 400**0.5)


def test_a_fill_keeps_what_is_shown_and_changes_what_is_hidden(wild: Diffusion) -> None:
    fills = refilled(wild, BATCH, 0)
    for case, fill in zip(BATCH, fills, strict=True):
        assert fill[: case.begin] == case.text[: case.begin] and fill[case.end :] == case.text[case.end :]
        assert len(fill) == len(case.text)
    assert fills == refilled(wild, BATCH, 0) and fills != refilled(wild, BATCH, 1)
    found = by_diffusion(wild, BATCH, 0)
    assert [len(one.drawn) for one in found] == [len(one.likeliest) for one in found] == [1, 5, 6]
