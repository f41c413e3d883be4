"""A chunk of texts, judged, filtered and scored; duplicates, known designs, the funnel. Numbers by hand."""

import numpy as np
import pandas as pd
import pytest

from molgen.funnel import as_dict, count_funnel, from_dict
from molgen.molecule import distance
from molgen.molecule.distance import ReferenceIndex
from molgen.molecule.science import WHOLE_REASONS, packed
from molgen.novelty import fingerprint_hashes, known
from molgen.profile import parse_profile
from molgen.report.charts import Stage
from molgen.screening import DUPLICATE, INVALID, KNOWN, mark_duplicates, mark_known, screen_texts

PARACETAMOL, ASPIRIN = "CC(=O)Nc1ccc(O)cc1", "CC(=O)Oc1ccccc1C(=O)O"
ACYL_CHLORIDE, DECANE = "O=C(Cl)c1ccccc1", "CCCCCCCCCC"
PROFILE = parse_profile({
    "name": "test",
    "windows": {"mw": [100, 300], "logp": [-2, 4]},
    "goals": {"qed": {"shape": "higher", "low": 0.0, "high": 1.0}},
})  # fmt: skip


def table_of(*texts: str) -> pd.DataFrame:
    ids = pd.DataFrame({"id": [f"m{number}" for number in range(1, len(texts) + 1)], "as_drawn": texts})
    return ids.join(screen_texts(texts, PROFILE))


def test_paracetamol_passes_with_its_published_numbers() -> None:
    row = screen_texts([PARACETAMOL], PROFILE).iloc[0]
    assert (row["rejected_by"], row["reason"], row["design"]) == ("", "", PARACETAMOL)
    assert row["mw"] == pytest.approx(151.165, abs=0.01)
    assert (row["hbd"], row["hba"], row["heavy_atoms"], row["aromatic_rings"]) == (2, 2, 11, 1)
    assert row["tpsa"] == pytest.approx(49.33, abs=0.01)
    assert (row["scaffold"], row["score_status"]) == ("c1ccccc1", "")


def test_each_text_keeps_its_place_and_its_reason() -> None:
    table = screen_texts([DECANE, "C1CC", PARACETAMOL, "", ACYL_CHLORIDE, "c1ccccc1C(Cl)(Cl)=O"], PROFILE)
    assert table["rejected_by"].tolist() == ["window logp", INVALID, "", INVALID, "reactive", INVALID]
    assert [reason.split(":")[0].split(" ")[0] for reason in table["reason"]] == [
        "logp", "unparsable", "", "empty", "reactive", "valence",
    ]  # fmt: skip
    assert table["design"].isna().tolist() == [False, True, False, True, False, True]
    assert table["mw"].isna().tolist() == [False, True, False, True, False, True]


def test_rejected_molecules_have_scores_too_so_that_distributions_show_all() -> None:
    row = screen_texts([DECANE], PROFILE).iloc[0]
    assert row["mw"] == pytest.approx(142.286, abs=0.01)
    assert np.isfinite(row[["qed", "sa_score", "logp"]].astype(float)).all()


def test_a_chunk_of_nothing_and_a_chunk_of_rubbish_have_the_same_columns() -> None:
    columns = screen_texts([PARACETAMOL], PROFILE).columns.tolist()
    assert screen_texts([], PROFILE).columns.tolist() == columns
    assert screen_texts(["nonsense", "C1CC"], PROFILE).columns.tolist() == columns


def test_a_chunk_is_the_same_alone_or_among_others() -> None:
    texts = [PARACETAMOL, ASPIRIN, DECANE, "bad", ACYL_CHLORIDE]
    whole = screen_texts(texts, PROFILE)
    parts = pd.concat([screen_texts([text], PROFILE) for text in texts], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts)


def test_the_first_of_equal_designs_stays_and_counts_the_others() -> None:
    table = mark_duplicates(table_of("OCC", PARACETAMOL, "CCO", "bad", "bad", "C(O)C"))
    assert table["rejected_by"].tolist()[2::3] == [DUPLICATE, DUPLICATE]
    assert table["reason"].tolist()[2] == "duplicate: the same design as m1"
    assert table["times_drawn"].tolist()[:2] == [3, 1]
    assert table["times_drawn"].isna().tolist() == [False, False, True, True, True, True]
    assert (table["rejected_by"] == INVALID).tolist() == [False, False, False, True, True, False]


def test_stereoisomers_are_no_duplicates() -> None:
    assert DUPLICATE not in mark_duplicates(table_of("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"))["rejected_by"].tolist()


def test_novelty_is_exact_whatever_the_spelling_and_without_stereochemistry() -> None:
    index = ReferenceIndex.build(["OC(=O)c1ccccc1OC(C)=O", "C[C@@H](N)C(O)=O", "not a molecule"])
    table = mark_known(table_of(ASPIRIN, "CC(N)C(=O)O", "C[C@H](N)C(=O)O", PARACETAMOL, "bad"), _in(index), reject=True)
    assert table["in_training"].tolist() == [True, True, True, False, pd.NA]
    assert table["rejected_by"].tolist() == [KNOWN, KNOWN, KNOWN, "", INVALID]


def test_equal_fingerprints_alone_do_not_make_a_design_known() -> None:
    """Decane and undecane have the same Morgan bits of radius 2, and are two molecules."""
    index = ReferenceIndex.build([DECANE])
    fingerprints = distance.fingerprint_chunk([DECANE + "C"]).bits
    assert (fingerprints == index.bits).all()
    assert known([DECANE + "C"], fingerprints, index).tolist() == [False]
    assert known([DECANE], index.bits, index).tolist() == [True]


def test_known_designs_are_only_marked_where_the_profile_wants_that() -> None:
    table = mark_known(table_of(ASPIRIN), _in(ReferenceIndex.build([ASPIRIN])), reject=False)
    assert (table["in_training"].tolist(), table["rejected_by"].tolist()) == ([True], [""])


def test_a_known_design_that_broke_a_rule_keeps_that_reason_behind() -> None:
    table = table_of(DECANE)
    before = table.loc[0, "reason"]
    known_too = mark_known(table, _in(ReferenceIndex.build([DECANE])), reject=True)
    assert known_too.loc[0, "rejected_by"] == KNOWN
    assert known_too.loc[0, "reason"] == f"known: the training set holds this constitution; {before}"
    assert before.startswith("logp")


def test_a_charged_design_is_known_by_the_form_in_which_it_was_drawn() -> None:
    """Standardising makes an amine of an ammonium; the training set holds the ammonium."""
    drawn = "C[NH2+]Cc1ccccc1"
    table = table_of(drawn)
    assert table["design"].tolist() == ["CNCc1ccccc1"]
    assert mark_known(table, _in(ReferenceIndex.build([drawn])), reject=True)["rejected_by"].tolist() == [KNOWN]


def test_novelty_agrees_with_sets_of_canonical_strings(drug_like: list[str]) -> None:
    """The differential test: 300 designs, half of them from the set, against RDKit's canonical strings."""
    training, others = drug_like[:400], drug_like[5000:5150]
    designs = training[:150] + others
    index = ReferenceIndex.build(training)
    part = distance.fingerprint_chunk(designs)
    expected = [design in set(training) for design in designs]
    assert known(designs, part.bits, index).tolist() == expected
    assert sum(expected) == 150


def test_hashes_tell_fingerprints_apart(drug_like: list[str]) -> None:
    bits = distance.fingerprint_chunk(drug_like[:1000]).bits
    assert len(np.unique(fingerprint_hashes(bits))) == len(np.unique(bits, axis=0))


def test_missing_fingerprints_are_zeros() -> None:
    assert packed(pd.Series([b"\x01" * 128, None], dtype=object)).sum(axis=1).tolist() == [128, 0]


def test_the_funnel_is_counted_from_the_rows() -> None:
    rejected_by = ["invalid", "invalid", "duplicate", "known", "window mw", "window mw", "PAINS", "", "", ""]
    table = pd.DataFrame({
        "rejected_by": rejected_by,
        "reason": [
            "empty", "valence: x", "duplicate: m1", "known: y", "mw 90 below 100", "mw 80 below 100", "PAINS: azo",
            "", "", "",
        ],
        "rank": pd.array([pd.NA] * 7 + [1, 2, 3], dtype="Int64"),
        "selected": [False] * 7 + [True, False, False],
    })  # fmt: skip
    stages = count_funnel(table, ["window mw", "PAINS"], source="drawn", compared=True, whole_reasons=WHOLE_REASONS)
    assert [(stage.name, stage.count, stage.removed) for stage in stages] == [
        ("drawn", 10, 0), ("valid", 8, 2), ("unique", 7, 1), ("novel", 6, 1), ("window mw", 4, 2), ("PAINS", 3, 1),
        ("ranked", 3, 0), ("selected", 1, 2),
    ]  # fmt: skip
    assert stages[4].reasons == (("mw below", 2),)
    assert stages[5].reasons == (("PAINS: azo", 1),)
    assert from_dict(as_dict(stages)) == stages


def test_the_funnel_says_where_known_designs_are_kept() -> None:
    table = pd.DataFrame(
        {"rejected_by": [""], "reason": [""], "rank": pd.array([1], dtype="Int64"), "selected": [True]}
    )
    assert Stage("known kept", 1, 0) in count_funnel(table, [], source="read", compared=True, reject_known=False)


def test_the_funnel_says_where_novelty_was_not_checked() -> None:
    table = pd.DataFrame(
        {"rejected_by": [""], "reason": [""], "rank": pd.array([1], dtype="Int64"), "selected": [True]}
    )
    assert Stage("novelty not checked", 1, 0) in count_funnel(table, [], source="read", compared=False)


def _in(index: ReferenceIndex):  # noqa: ANN202
    return lambda constitutions, fingerprints: known(constitutions, fingerprints, index)
