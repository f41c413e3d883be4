"""Profile, profile HMM and arDCA: the contract of generators, likelihoods by enumeration, couplings put in."""

import itertools
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from molgen.baselines import Ardca, ArdcaRecipe, Hmm, HmmRecipe, Profile, ProfileRecipe, load_baseline
from molgen.baselines.hmm import SEARCH, _Parameters
from molgen.errors import MolgenError
from molgen.protein.alignment import STATES, fitting, one_hot, rows_of, states_of, ungapped

# columns 1 and 3 are the same residue; column 2 is sometimes a gap
FAMILY = ["ACAW", "A-AW", "KCKW", "K-KF", "ACAF", "KCKW", "ARAW", "KRKF"]
FITS = {
    "profile": lambda states: Profile.fit(states),
    "hmm": lambda states: Hmm.fit(states),
    "ardca": lambda states: Ardca.fit(states),
}


@pytest.fixture(params=FITS)
def model(request: pytest.FixtureRequest) -> Any:
    return FITS[request.param](states_of(FAMILY))


def every_row(columns: int) -> list[str]:
    return ["".join(row) for row in itertools.product(STATES, repeat=columns)]


# the alignment as numbers


def test_rows_come_back_from_their_states() -> None:
    states = states_of(FAMILY)
    assert states[1].tolist() == [0, 20, 0, 18] and rows_of(states) == FAMILY
    assert ungapped(FAMILY)[1] == "AAW"
    assert fitting(["ACAW", "ACA", "AXAW", "----"], 4) == [0, 3]
    assert one_hot(states).reshape(8, 4, 21).argmax(axis=2).tolist() == states.tolist()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "without columns"),
        (["AC", "A"], "row 2 has 1 columns, the first one 2"),
        (["AC", "XC"], "'X' in row 2, column 1 is neither"),
    ],
)
def test_what_is_no_alignment_is_refused(rows: list[str], message: str) -> None:
    with pytest.raises(MolgenError, match=message):
        states_of(rows)


# the contract


def test_the_seed_decides_the_draws_and_nothing_else(model: Any) -> None:
    first = model.sample(12, 0)
    before = [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()]
    assert model.sample(12, 0) == first and model.sample(5, 0) == first[:5] and model.sample(12, 1) != first
    assert [torch.get_rng_state().tolist(), str(np.random.get_state()), random.getstate()] == before
    counted: list[int] = []
    assert len(model.sample(1030, 0, progress=counted.append)) == sum(counted) == 1030
    assert model.sample(0, 0) == []
    assert not set("".join(first)) - set(STATES[:-1])


@pytest.mark.parametrize("asked", [{"n": -1}, {"temperature": 0.0}, {"top_p": 1.1}])
def test_a_senseless_draw_is_refused(model: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(MolgenError, match="cannot draw"):
        model.sample(**({"n": 1, "seed": 0} | asked))


def test_saved_and_loaded_it_is_the_same_to_the_byte(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "a.safetensors")
    again = load_baseline(tmp_path / "a.safetensors")
    again.save(tmp_path / "b.safetensors")
    FITS[model.card["family"]](states_of(FAMILY)).save(tmp_path / "c.safetensors")
    a, b, c = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b == c
    assert type(again) is type(model) and again.card == model.card
    assert again.sample(20, 3) == model.sample(20, 3)
    assert torch.equal(again.log_likelihood(["ACAW"]), model.log_likelihood(["ACAW"]))


def test_a_card_says_what_it_was_fitted_on() -> None:
    data = {"name": "globins", "sha256": "0" * 64}
    for fit in (Profile.fit, Hmm.fit, Ardca.fit):
        card = fit(states_of(FAMILY), data=data).card
        assert card["data"] == data and card["modality"] == "protein" and card["grammar"] == {"columns": 4}


def test_what_cannot_be_fitted_is_refused() -> None:
    for fit in FITS.values():
        for states in (np.zeros((0, 4), dtype=np.int8), np.zeros((4, 0), dtype=np.int8)):
            with pytest.raises(MolgenError, match="an alignment of shape"):
                fit(states)
    with pytest.raises(MolgenError, match="must be above 0"):
        ProfileRecipe(pseudocount=0)
    with pytest.raises(MolgenError, match="must be above 0"):
        ArdcaRecipe(couplings=0)


# likelihoods


@pytest.mark.parametrize("name", ["profile", "ardca"])
def test_the_likelihoods_of_all_rows_sum_to_one(name: str) -> None:
    model = FITS[name](states_of([row[:3] for row in FAMILY]))
    assert model.log_likelihood(every_row(3)).double().exp().sum().item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", ["profile", "ardca"])
def test_rows_are_drawn_as_often_as_their_likelihood_says(name: str) -> None:
    model = FITS[name](states_of(FAMILY))
    drawn = model.sample_aligned(8192, 0)
    assert model.sample(8192, 0) == ungapped(drawn)
    for row, times in Counter(drawn).most_common(12):
        mean = model.log_likelihood([row]).exp().item() * len(drawn)
        assert abs(times - mean) < 5 * math.sqrt(mean), row


@pytest.mark.parametrize("name", ["profile", "ardca"])
def test_what_is_no_row_of_the_alignment_has_no_likelihood(name: str) -> None:
    found = FITS[name](states_of(FAMILY)).log_likelihood(["ACAW", "ACA", "AXAW", "A-AW", ""])
    assert found.isnan().tolist() == [False, True, True, False, True]


@pytest.mark.parametrize("name", ["profile", "ardca"])
def test_cold_draws_are_the_likeliest(name: str) -> None:
    model = FITS[name](states_of(["ACD", "ACD", "AC-"]))
    assert set(model.sample(50, 0, temperature=1e-3)) == set(model.sample(50, 0, top_p=1e-3)) == {"ACD"}
    assert len(set(model.sample(50, 0))) > 1


def test_a_profile_counts_columns_by_hand() -> None:
    """A in 4 of 8 rows, a pseudocount of 1 shared by 21 states: (4 + 1/21) / 9; a state never seen: (1/21) / 9."""
    p = Profile.fit(states_of(FAMILY)).log_p.exp()
    assert p[0, 0].item() == pytest.approx((4 + 1 / 21) / 9) and p[0, 5].item() == pytest.approx(1 / 21 / 9)
    assert p[1, 20].item() == pytest.approx((2 + 1 / 21) / 9)


# arDCA


def coupled(n: int, seed: int = 0) -> np.ndarray:
    """Five columns of four letters: the fourth is a fixed function of the first nine times in ten, else anything."""
    chance = np.random.default_rng(seed)
    states = chance.integers(4, size=(n, 5))
    follows = chance.random(n) < 0.9
    states[follows, 3] = (states[follows, 0] + 1) % 4
    return states.astype(np.int8)


def couplings(model: Ardca, i: int, j: int) -> np.ndarray:
    """J_ij (a_i, a_j) of the four letters in use, rows and columns summing to zero."""
    first = 21 * i * (i - 1) // 2 + 21 * j
    block = model.couplings[first : first + 21].T.double().numpy()[:4, :4]
    return block - block.mean(axis=0) - block.mean(axis=1, keepdims=True) + block.mean()


def test_ardca_finds_the_pair_that_is_coupled_and_how() -> None:
    model = Ardca.fit(coupled(2000), ArdcaRecipe(order="natural", couplings=1e-4))
    strength = {(i, j): np.linalg.norm(couplings(model, i, j)) for i in range(5) for j in range(i)}
    coupling = strength.pop((3, 0))
    assert coupling > 8 * max(strength.values())
    assert couplings(model, 3, 0).argmax(axis=0).tolist() == [1, 2, 3, 0]
    # on average log of 0.925 / 0.025 above the others of its column, as the data have it
    block = couplings(model, 3, 0)
    follows = np.roll(np.eye(4, dtype=bool), 1, axis=0)
    assert block[follows].mean() - block[~follows].mean() == pytest.approx(math.log(0.925 / 0.025), abs=0.3)


def test_the_likelihood_of_ardca_is_the_sum_of_its_fields_and_couplings() -> None:
    states = coupled(300, seed=1)
    model = Ardca.fit(states)
    h, j = model.fields.double().numpy(), model.couplings.double().numpy()

    def log_p(row: list[int]) -> float:
        found = 0.0
        for i, state in enumerate(row):
            logits = h[i] + sum((j[21 * i * (i - 1) // 2 + 21 * k + row[k]] for k in range(i)), np.zeros(21))
            found += logits[state] - math.log(np.exp(logits).sum())
        return found

    expected = [log_p(states[row][model.order].tolist()) for row in range(50)]
    assert model.log_likelihood(rows_of(states[:50])).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("n", [30, 300])
def test_ardca_stands_at_the_optimum_of_every_column(n: int) -> None:
    """The gradient of the loss, written out, is zero: with fewer rows than features, and with more."""
    states, recipe = coupled(n), ArdcaRecipe(order="natural")
    model = Ardca.fit(states, recipe)
    x = one_hot(states).astype(np.float64)
    for i in range(5):
        first = 21 * i * (i - 1) // 2
        j, h = model.couplings[first : first + 21 * i].double().numpy(), model.fields[i].double().numpy()
        logits = h + x[:, : 21 * i] @ j
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        residual = (p - np.eye(21)[states[:, i]]) / n
        assert residual.sum(axis=0) + 2 * recipe.fields * h == pytest.approx(np.zeros(21), abs=3e-4)
        assert x[:, : 21 * i].T @ residual + 2 * recipe.couplings * j == pytest.approx(np.zeros_like(j), abs=3e-4)


def test_the_order_of_columns_changes_neither_rows_nor_what_is_possible() -> None:
    states = states_of(["ACDE", "KCDF", "ACDG", "KCDH"])  # columns 2 and 3 vary least
    model = Ardca.fit(states)
    assert model.order.tolist() == [1, 2, 0, 3]
    assert all(row[1:3] == "CD" for row in model.sample_aligned(20, 0, temperature=0.1))
    assert model.log_likelihood(["ACDE"]).item() > model.log_likelihood(["CADE"]).item()


# the HMM


def probability(parameters: _Parameters, sequence: list[int], kind: str, k: int) -> float:
    """Of emitting the sequence from a state on: every path, one after another."""
    last = parameters.match.shape[1] - 1
    moves = {name: values[k] for name, values in parameters.moves.items()}
    if k == last:
        found = 0.0 if sequence else moves[f"{kind}m"]
    else:
        found = moves[f"{kind}m"] * emitted(parameters, sequence, "m", k + 1)
        if kind != "i":
            found += moves[f"{kind}d"] * probability(parameters, sequence, "d", k + 1)
    if kind != "d":
        found += moves[f"{kind}i"] * emitted(parameters, sequence, "i", k)
    return found


def emitted(parameters: _Parameters, sequence: list[int], kind: str, k: int) -> float:
    if not sequence:
        return 0.0
    table = parameters.match if kind == "m" else parameters.insert
    return table[sequence[0], k] * probability(parameters, sequence[1:], kind, k)


def test_the_forward_algorithm_sums_over_every_path() -> None:
    model = Hmm.fit(states_of(FAMILY))
    parameters = _Parameters.of(model.hmm)
    designs = ["ACAW", "AAW", "W", "KCKCKFW", "MMM", "AC"]
    expected = [math.log(probability(parameters, [STATES.index(x) for x in text], "m", 0)) for text in designs]
    assert model.log_likelihood(designs).tolist() == pytest.approx(expected, rel=1e-5)
    assert model.log_likelihood(["AXA", "ac"]).isnan().all()


def test_an_hmm_emits_sequences_as_often_as_their_likelihood_says() -> None:
    model = Hmm.fit(states_of(FAMILY * 20))
    drawn = model.sample(6000, 0)
    for design, times in Counter(drawn).most_common(8):
        mean = model.log_likelihood([design]).exp().item() * len(drawn)
        assert abs(times - mean) < 5 * math.sqrt(mean), design


def relatives(n: int, seed: int = 0) -> list[str]:
    """Rows of thirty columns, a quarter of them mutated, three of them gaps in every fifth row."""
    chance = np.random.default_rng(seed)
    states = np.tile(np.random.default_rng(99).integers(20, size=30), (n, 1))
    changed = chance.random(states.shape) < 0.25
    states[changed] = chance.integers(20, size=changed.sum())
    states[::5, 10:13] = 20
    return rows_of(states)


def test_relatives_score_more_bits_than_strangers_and_align_to_their_columns() -> None:
    rows = relatives(60)
    model = Hmm.fit(states_of(rows[:40]), SEARCH)
    others = ungapped(rows[40:])
    strangers = ["".join(np.random.default_rng(seed).permutation(list(one))) for seed, one in enumerate(others)]
    found = model.bits([*others, *strangers, "AXA", ""])
    assert np.nanmin(found.values[:20]) > 15 > np.nanmax(found.values[20:40])
    assert found.status[-2:] == 2 * ("no domain of the family found",) and np.isnan(found.values[-2:]).all()
    aligned = model.align(others)
    same = np.mean(
        [a == b for one, other in zip(aligned, rows[40:], strict=True) for a, b in zip(one, other, strict=True)]
    )
    assert {len(row) for row in aligned} == {30} and same > 0.95
    assert model.align([others[0][:15] + "GGGG" + others[0][15:]])[0].count("-") == aligned[0].count("-")
    with pytest.raises(MolgenError, match="'AXA' cannot be aligned"):
        model.align(["AXA"])


def test_an_hmm_for_searching_holds_its_family_less_fast_than_one_for_drawing() -> None:
    rows = states_of(relatives(100))
    drawing, searching = Hmm.fit(rows, HmmRecipe()), Hmm.fit(rows, SEARCH)
    held_out = ungapped(relatives(20, seed=1))
    assert drawing.hmm.nseq_effective == 100 and searching.hmm.nseq_effective < 20
    assert drawing.log_likelihood(held_out).mean() > searching.log_likelihood(held_out).mean()
