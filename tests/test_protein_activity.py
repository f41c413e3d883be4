"""Antimicrobial and haemolytic votes: macrel's own, the same for a sequence in any company, and beside the control."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molgen import datasets
from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.pipeline import screen
from molgen.profile import Profile
from molgen.protein import activity as models
from molgen.protein.science import late
from molgen.report.pictures import Gallery
from molgen.report.selected import cards
from molgen.settings import ScreenSettings

MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS"
PEXIGANAN = "GIGKFLKKAKKFGKAFVKILKK"
MELITTIN = "GIGAVLKVLTTGLPALISWIKRKRQQ"
TEMPORIN = "FLPVLAGLTPSIVPKLVCLLTKKC"
STARTING_WITH_M = "MKKLLKKILKTL"
PEPTIDES = [MAGAININ, MELITTIN, TEMPORIN, STARTING_WITH_M, "ACDEFGHIKLMNPQRSTVWY"]
# of macrel's own tests, that is of its R original
PUBLISHED = [
    0.2916666666666667, 0.5416666666666666, 0.4583333333333333, 0.041666666666666664, 0.75, 0.25, 0.125, 0.125, 0.0,
    2.914112328517451, 9.66778564453125, 154.16666666666666, 42.63333333333334, -1.2358333333333336,
    0.3929166666666666, 0.5199225805121164, 4.166666666666666, 62.5, 12.5, 8.333333333333332, 4.166666666666666, 12.5,
]  # fmt: skip


@pytest.fixture
def extra() -> None:
    pytest.importorskip("macrel")
    pytest.importorskip("onnxruntime")


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "macrel", None)


def ranked(designs: list[str | None]) -> pd.DataFrame:
    """Designs ranked in their order; those that are None have neither."""
    return pd.DataFrame({
        "design": pd.array(designs, dtype="str"),
        "rank": pd.array([pd.NA if one is None else row for row, one in enumerate(designs, 1)], dtype="Int64"),
        "score_status": pd.array(["before", *[""] * (len(designs) - 1)], dtype="str"),
    })  # fmt: skip


def test_the_features_are_those_that_macrel_publishes(extra: None) -> None:
    assert np.allclose(models.features([TEMPORIN])[0], PUBLISHED)
    assert models.features([]).shape == (0, 22)


def test_the_votes_are_those_of_macrel_itself(extra: None, tmp_path: Path) -> None:
    from macrel import AMP_features, AMP_predict

    folder = Path(AMP_predict.__file__).parent / "data" / "models"
    (tmp_path / "some.fasta").write_text("".join(f">p{row}\n{one}\n" for row, one in enumerate(PEPTIDES)))
    described = AMP_features.fasta_features(str(tmp_path / "some.fasta"))
    theirs = AMP_predict.predict(folder / "AMP.onnx.gz", folder / "Hemo.onnx.gz", described, keep_negatives=True)
    ours = models.activity(PEPTIDES)
    assert np.allclose(ours.antimicrobial, theirs["AMP_probability"], atol=1e-6)
    assert np.allclose(ours.haemolytic, theirs["Hemolytic_probability"], atol=1e-6)
    assert ours.status == ("",) * 5


def test_votes_are_whole_trees_of_a_hundred_and_one(extra: None) -> None:
    votes = models.activity(PEPTIDES).haemolytic * 101
    assert np.allclose(votes, votes.round(), atol=1e-3) and len(set(votes)) == 5


def test_a_sequence_is_judged_alike_alone_and_in_company(extra: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "CHUNK", 2)
    together, control = models.activity(PEPTIDES), models.against_shuffled(PEPTIDES, 3)
    for row, one in enumerate(PEPTIDES):
        assert models.activity([one]).antimicrobial[0] == together.antimicrobial[row]
        assert models.against_shuffled([one], 3).antimicrobial[0] == control.antimicrobial[row]


def test_what_cannot_be_judged_is_missing_and_says_why(extra: None) -> None:
    found = models.activity(["KLXLK", "M", "", "K" * 101, MAGAININ])
    assert np.isnan(found.antimicrobial).tolist() == np.isnan(found.haemolytic).tolist() == [True] * 4 + [False]
    assert [bool(word) for word in found.status] == [True] * 4 + [False]
    assert "X" in found.status[0] and "101 residues" in found.status[3]
    assert models.activity([]).antimicrobial.shape == (0,)


def test_a_shuffle_keeps_the_composition_and_each_has_its_own_seed() -> None:
    made = {models.shuffled(MAGAININ, seed, number) for seed in (0, 1) for number in range(3)}
    assert len(made) == 6 and all(Counter(one) == Counter(MAGAININ) for one in made)
    assert models.shuffled(MAGAININ, 0, 1) == models.shuffled(MAGAININ, 0, 1)


def test_the_control_is_the_mean_of_three_shuffles(extra: None) -> None:
    shuffles = [models.shuffled(MAGAININ, 7, number) for number in range(3)]
    control, own = models.against_shuffled([MAGAININ], 7), models.activity(shuffles)
    assert control.antimicrobial[0] == pytest.approx(own.antimicrobial.sum() / 3)
    assert control.haemolytic[0] == pytest.approx(own.haemolytic.sum() / 3)


def test_half_of_the_shuffled_antimicrobial_peptides_are_called_active_too(extra: None) -> None:
    try:
        peptides = datasets.read_rows("amp")[1][::4]
    except MolgenError as absent:
        pytest.skip(str(absent))
    own = models.activity(peptides).antimicrobial > 0.5
    shuffled = models.activity([models.shuffled(one, 0, 0) for one in peptides]).antimicrobial > 0.5
    assert own.mean() == pytest.approx(0.91, abs=0.03)  # macrel saw many of them in training
    assert shuffled.mean() == pytest.approx(0.51, abs=0.05)


def test_a_plain_repeat_is_called_active_and_so_are_its_shuffles(extra: None) -> None:
    repeats = ["LK" * times for times in (3, 5, 8, 10, 15)]
    assert (models.activity(repeats).antimicrobial > 0.5).all()
    assert (models.against_shuffled(repeats, 0).antimicrobial > 0.5).all()


def test_only_what_is_ranked_is_filled_and_a_reason_stands_behind_older_ones(extra: None) -> None:
    table = late(ranked(["K" * 120, None, MAGAININ]), Profile("bare", modality="protein"))
    assert table["antimicrobial"].isna().tolist() == [True, True, False]
    assert table["antimicrobial"][2] == models.activity([MAGAININ]).antimicrobial[0]
    assert table["antimicrobial_shuffled"][2] == models.against_shuffled([MAGAININ], models.SEED).antimicrobial[0]
    assert table["haemolytic"][2] == models.activity([MAGAININ]).haemolytic[0]
    assert table["score_status"][0].startswith("before; activity: 120 residues")
    assert table["score_status"][2] == ""


def test_nothing_ranked_is_filled_with_nothing(extra: None) -> None:
    assert models.with_activity(ranked([None, None]))["haemolytic"].isna().all()


def test_without_the_extra_the_error_names_the_remedy(without_extra: None) -> None:
    assert not models.available()
    with pytest.raises(MolgenError, match=r"macrel.* not installed; pip install 'molgen-flows\[activity\]'"):
        models.activity([MAGAININ])


def test_without_the_extra_the_columns_stay_empty(
    without_extra: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "some.fasta").write_text(f">a\n{MAGAININ}\n>b\n{PEXIGANAN}\n")
    run = screen(ScreenSettings(tmp_path / "some.fasta", modality="protein", out=tmp_path / "run"), Serial())
    names = ["antimicrobial", "antimicrobial_shuffled", "haemolytic"]
    assert run.candidates[names].isna().all().all() and len(run.ranked) > 0
    assert "antimicrobial" not in run.report.read_text().split("Settings and prov")[0].replace("antimicrobial_pep", "")


def test_a_run_with_the_extra_shows_the_votes_beside_their_control(
    extra: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "some.fasta").write_text(f">a\n{MAGAININ}\n>b\n{PEXIGANAN}\n>c\nKLXLK\n")
    run = screen(ScreenSettings(tmp_path / "some.fasta", modality="protein", out=tmp_path / "run"), Serial())
    table = run.candidates
    assert (table["antimicrobial"].notna() == table["rank"].notna()).all() and len(run.selected) > 0
    assert (table["antimicrobial_shuffled"].notna() == table["rank"].notna()).all()
    page = run.report.read_text()
    assert "own shuffle" in page and "no prediction of activity in the laboratory" in page


def test_a_card_gives_the_votes_with_the_control_and_says_what_they_are_worth() -> None:
    table = pd.DataFrame({
        "id": ["a", "b"], "design": [MAGAININ, MELITTIN], "rank": [1, 2], "in_training": [False, False],
        "antimicrobial": [0.97, np.nan], "antimicrobial_shuffled": [0.62, np.nan], "haemolytic": [0.31, np.nan],
    })  # fmt: skip
    profile = Profile("bare", modality="protein")
    page = cards(table, profile, Gallery("protein"), "a set")
    assert page.count("antimicrobial 0.97 (own shuffle 0.62), haemolytic 0.31") == page.count("own shuffle") == 1
    assert "calls 1 of the 2 selected antimicrobial, and 1 when" in page
    assert "no prediction of activity in the laboratory" in page
    names = ["antimicrobial", "antimicrobial_shuffled", "haemolytic"]
    assert "antimicrobial" not in cards(table.drop(columns=names), profile, Gallery("protein"), "a set")
