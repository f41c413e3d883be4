"""The audit of memorisation, on designs of which it is known where they come from."""

import dataclasses
import math

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molgen import memorisation
from molgen.executor import Serial
from molgen.memorisation import Audit, Spread, audit, verdict
from molgen.metrics import wilson_interval
from molgen.molecule.distance import ReferenceIndex


@pytest.fixture(scope="module")
def sets(drug_like: list[str]) -> tuple[ReferenceIndex, ReferenceIndex]:
    """2,000 training and 500 held-out molecules."""
    training = ReferenceIndex.build(drug_like[:2000], name="training")
    return training, ReferenceIndex.build(drug_like[2000:2500], name="held-out")


def audited(designs: list[str], sets: tuple[ReferenceIndex, ReferenceIndex], sample: int = 200) -> Audit:
    return audit(designs, *sets, Serial(), sample=sample)


def nearest(texts: list[str], references: list[str]) -> list[float]:
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024).GetFingerprint
    known = [make(Chem.MolFromSmiles(text)) for text in references]
    return [max(DataStructs.BulkTanimotoSimilarity(make(Chem.MolFromSmiles(text)), known)) for text in texts]


def test_a_generator_that_replays_its_training_set_memorises(
    sets: tuple[ReferenceIndex, ReferenceIndex], drug_like: list[str]
) -> None:
    found = audited([*drug_like[:300], *drug_like[:50], "CC("], sets)
    assert (found.designs, found.copies, found.copied, found.held_out_hits) == (300, 300, 1.0, 0)
    assert found.nearest == Spread(200, 1.0, 1.0, 1.0) and found.nearest_novel.n == 0
    assert math.isnan(found.times) and found.times_interval[1] == math.inf
    # 300 of 300 against none of 300: (0.98736 / 2000) / (0.012645 / 500), by Wilson's formula.
    assert found.times_interval[0] == pytest.approx(0.25 * 0.98736 / 0.012645, rel=1e-3)
    assert found.verdict.startswith("Memorises: it copies more than 2 times as often as it draws unseen molecules")
    assert "none in held-out, the control" in found.verdict


def test_a_generator_that_draws_both_sets_alike_does_not(
    sets: tuple[ReferenceIndex, ReferenceIndex], drug_like: list[str]
) -> None:
    found = audited([*drug_like[:400], *drug_like[2000:2100], *drug_like[3000:3500]], sets)
    assert (found.designs, found.copies, found.held_out_hits) == (1000, 400, 100)
    assert found.times == pytest.approx(1.0)
    assert found.times_interval[0] < 1.0 < found.times_interval[1]
    assert found.verdict.startswith("No sign of memorising. 40.0% of 1,000 distinct designs are in training")
    assert "1.00 times" in found.verdict and "of held-out do (median similarity" in found.verdict


def test_near_copies_are_memorised_too(sets: tuple[ReferenceIndex, ReferenceIndex], drug_like: list[str]) -> None:
    methylated = [text.replace("c1ccc", "c1c(CCC)cc", 1) for text in drug_like[:2000] if text.count("c1ccc") == 1][:200]
    mols = [text for text in methylated if Chem.MolFromSmiles(text) is not None]
    near = [text for text, value in zip(mols, nearest(mols, drug_like[:2000]), strict=True) if 0.7 < value < 1][:40]
    found = audited(near, sets)
    assert found.copies == 0 and found.nearer == 1.0
    assert found.verdict.startswith("Memorises: more than 10% of its novel designs lie nearer than 95 % of unseen")


def test_similarities_are_those_of_a_plain_loop(
    sets: tuple[ReferenceIndex, ReferenceIndex], drug_like: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memorisation, "SLICE", 700)
    designs = [*drug_like[3000:3080], *drug_like[:20]]
    found = audited(designs, sets)
    every = nearest(designs, drug_like[:2000])
    assert found.nearest == Spread(100, *np.quantile(every, (0.05, 0.5, 0.95)))
    assert found.nearest_novel == Spread(80, *np.quantile(every[:80], (0.05, 0.5, 0.95)))
    assert found.nearest_held_out.n == 100 and found.nearest_held_out.high < 1.0
    beyond = [value for value in every[:80] if value > found.nearest_held_out.high]
    assert found.nearer == pytest.approx(len(beyond) / 80)
    assert found.nearer_interval == wilson_interval(found.nearer, 80)


def test_salts_charges_and_stereochemistry_do_not_hide_a_copy() -> None:
    training = ReferenceIndex.build(["CC(N)C(=O)O", "CCCCCC"], name="training")
    held_out = ReferenceIndex.build(["c1ccccc1", "CCO"], name="held-out")
    found = audited(["C[C@H](N)C(=O)O", "CC(N)C(=O)[O-].[Na+]", "CCN"], (training, held_out))
    assert (found.designs, found.copies) == (2, 1)


def test_the_sample_has_a_seed(sets: tuple[ReferenceIndex, ReferenceIndex], drug_like: list[str]) -> None:
    designs = drug_like[3000:3300]
    one, two = (audit(designs, *sets, Serial(), sample=50, seed=seed) for seed in (0, 1))
    assert repr(one) == repr(audit(designs, *sets, Serial(), sample=50, seed=0))  # `times` is not a number
    assert one.nearest != two.nearest and one.nearest.n == 50 and one.copies == two.copies


@pytest.mark.parametrize("designs", [[], ["CC(", ""]])
def test_without_a_valid_design_there_is_nothing_to_judge(
    designs: list[str], sets: tuple[ReferenceIndex, ReferenceIndex]
) -> None:
    found = audited(designs, sets)
    assert found.designs == 0 and math.isnan(found.copied)
    assert found.verdict == "Nothing to judge: there is no valid design."


def test_only_the_lower_end_of_an_interval_convicts(
    sets: tuple[ReferenceIndex, ReferenceIndex], drug_like: list[str]
) -> None:
    found = audited(drug_like[3000:3020], sets)
    spared = dataclasses.replace(found, times_interval=(1.9, 9.0), nearer_interval=(0.09, 0.9))
    assert verdict(spared).startswith("No sign of memorising")
    both = verdict(dataclasses.replace(found, times_interval=(2.1, 9.0), nearer_interval=(0.11, 0.9)))
    assert both.startswith("Memorises: it copies more than 2 times") and " and more than 10% of" in both
