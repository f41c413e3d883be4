"""The report: what it shows, that nothing in it can act, and that it is the same page each time."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from molgen.candidates import SCHEMA
from molgen.errors import OutputError
from molgen.profile import parse_profile
from molgen.report import Contents, Stage, render, write_report
from molgen.report.charts import Series, distribution, percent, round_ticks
from molgen.report.markup import Markup, element
from molgen.report.page import admitted, flattened, ideal, shortened
from molgen.report.pictures import Gallery, paths
from molgen.wording import goal_text, titled, written

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
PROFILE = parse_profile(
    {
        "name": "test profile",
        "windows": {"mw": [100, 300]},
        "goals": {
            "qed": {"shape": "higher", "low": 0.3, "high": 0.8, "weight": 2},
            "sa_score": {"shape": "lower", "low": 2, "high": 5},
        },
    }
)
STAGES = (
    Stage("drawn", 6, 0),
    Stage("valid", 5, 1, (("unparsable", 1),)),
    Stage("windows", 3, 2, (("mw above 300", 2),)),
    Stage("ranked", 3, 0),
    Stage("selected", 2, 1),
)
MANIFEST = {
    "command": "molgen design",
    "settings": {"seed": 0},
    "inputs": {"training": None, "reference": {"name": "in-house set", "sha256": "ab"}},
}
EMPTY = {"str": "", "float64": np.nan, "Int64": pd.NA, "bool": False, "boolean": pd.NA}


def row(**values):
    return {**{column.name: EMPTY[column.dtype] for column in SCHEMA}, "d_qed": np.nan, "d_sa_score": np.nan, **values}


def table(rows):
    frame = pd.DataFrame(rows)
    return frame.astype({column.name: column.dtype for column in SCHEMA})


def candidates():
    """Paracetamol (2nd), aspirin (1st) and caffeine (3rd) passed; two are too heavy; one text is not a molecule."""
    passed = [
        ("CC(=O)Nc1ccc(O)cc1", 2, 151.2),
        ("CC(=O)Oc1ccccc1C(=O)O", 1, 180.2),
        ("Cn1c(=O)c2c(ncn2C)n(C)c1=O", 3, 194.2),
    ]
    rows = [
        row(id=f"D-{place}", design=smiles, as_drawn=smiles, rank=place, mw=mw, qed=0.5, d_qed=0.4, desirability=0.7,
            selected=place < 3, nearest_reference="c1ccccc1", nearest_similarity=0.25, stereo_unassigned=0.0)
        for smiles, place, mw in passed
    ]  # fmt: skip
    rows[1].update(flags="BRENK: phenol ester; NIH: ester", why_selected="the best of all", nearest_similarity=0.85)
    heavy = "CCCCCCCCCCCCCCCCCCCCCCCC(=O)O"
    rows += [
        row(id=f"H-{n}", design=heavy, as_drawn=heavy, rejected_by="windows", reason="mw 368.6 > 300", mw=368.6)
        for n in (1, 2)
    ]
    rows.append(row(id=HOSTILE, design=None, as_drawn=HOSTILE, rejected_by="invalid", reason=f"unparsable: {HOSTILE}"))
    return table(rows)


def page(frame=None, stages=STAGES, profile=PROFILE, manifest=MANIFEST):
    return render(Contents(candidates() if frame is None else frame, stages, manifest, profile))


class Tags(HTMLParser):
    """Counts elements and keeps the attributes and the text as a browser would read them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text.append(data)


def test_a_hostile_name_becomes_text_and_never_an_element_or_a_handler():
    read = Tags(page())
    assert "img" not in read.elements
    assert read.elements.count("script") == 1
    assert not [a for a in read.attributes if a[1].startswith("on")]
    assert HOSTILE in read.text  # the reader still sees what stood in the file


def test_a_hostile_name_of_a_selected_molecule_is_escaped_in_the_card_and_in_the_table():
    frame = candidates()
    frame.loc[1, "id"] = HOSTILE
    frame.loc[1, "why_selected"] = HOSTILE
    frame.loc[1, "flags"] = HOSTILE
    read = Tags(page(frame, manifest={HOSTILE: HOSTILE}))
    assert "img" not in read.elements and read.elements.count("script") == 1
    assert read.text.count(HOSTILE) >= 5


def test_a_closing_script_tag_in_a_value_cannot_end_the_pages_script():
    text = page(manifest={"note": "</script><script>alert(1)</script>"})
    assert text.count("</script>") == 1


def test_the_page_forbids_every_request_and_every_script_but_its_own():
    text = page()
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)[1]
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{checksum}'"
    assert ("meta", "content", policy) in Tags(text).attributes
    assert re.findall(r'(?:src|href)="(?!#)', text) == []
    assert [link for link in re.findall(r"https?://[^\"' )]+", text) if link != "http://www.w3.org/2000/svg"] == []


def test_the_same_run_gives_the_same_bytes_and_another_run_does_not():
    changed = candidates()
    changed.loc[0, "qed"] = 0.51
    assert page() == page()
    assert page() != page(changed)


def test_the_selected_come_best_first_with_reason_flags_and_nearest_reference():
    text = page()
    shown = text[text.index('id="selected"') : text.index('id="funnel"')]
    assert shown.index("D-1") < shown.index("D-2")
    assert "D-3" not in shown
    assert "the best of all" in shown
    assert "BRENK: phenol ester</span>" in shown and "NIH: ester</span>" in shown
    assert "<b>0.85</b>" in shown and "nearest in in-house set: c1ccccc1" in shown
    assert shown.count("<article") == 2


def test_the_head_warns_of_close_analogues_and_of_missing_values():
    text = page()
    assert "Close analogues of in-house set (similarity 0.8 or more): 1 of the 2 selected." in text
    assert "SA score could not be calculated for 3 of the ranked molecules." in text
    assert "QED could not" not in text


def test_the_funnel_shows_count_percent_and_reasons():
    text = page()
    shown = text[text.index('id="funnel"') : text.index('id="distributions"')]
    assert "6<small> 100 %" in shown and "5<small> 83.3 %" in shown and "3<small> 50.0 %" in shown
    assert "<b>−2</b>" in shown and "mw above 300 (2)" in shown
    assert "width:83.33%" in shown


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.5, "50.0 %"), (0.0004, "0.04 %"), (0.99996, "99.99 %"), (0.9996, "99.96 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share, text):
    assert percent(share) == text


def test_the_table_holds_at_most_200_rows_and_says_where_the_others_are():
    one = candidates().iloc[0].to_dict()
    many = table([{**one, "id": f"D-{n}", "rank": n, "selected": False, "why_selected": ""} for n in range(1, 251)])
    text = page(many)
    body = text[text.index("<tbody", text.index('id="ranked"')) :]
    assert body[: body.index("</tbody>")].count("<tr") == 200
    assert "The best 200 of 250; the other 50 are in ranked.csv." in text
    assert len(text.encode()) < 7_000_000


def test_a_molecule_is_drawn_once_and_used_wherever_it_is_shown():
    gallery = Gallery()
    first, again, other = (gallery.picture(smiles) for smiles in ("CCO", "CCO", "CCN"))
    assert 'href="#m1"' in first and 'href="#m1"' in again and 'href="#m2"' in other
    assert gallery.symbols().count("<symbol") == 2


def test_a_picture_is_small_and_an_unreadable_or_huge_structure_has_none_but_a_reason():
    assert len(paths("CC(=O)Oc1ccccc1C(=O)O")) < 6_000
    assert "2000 atoms" in paths("C" * 2000)
    assert "not a readable structure" in paths("C1CC")
    assert not isinstance(paths("C" * 2000), Markup)


def test_rejected_rows_stand_in_the_order_of_the_funnel_with_their_reason():
    text = page()
    shown = text[text.index('id="rejects"') : text.index('id="provenance"')]
    assert shown.index("unparsable") < shown.index("mw 368.6 &gt; 300")
    assert "all 3 are in candidates.csv" in shown


def test_a_long_text_is_cut_and_says_by_how_much():
    assert shortened("C" * 200) == "C" * 160 + "… (40 more characters)"
    assert shortened("CCO") == "CCO"
    assert shortened(None) == ""


def test_a_run_in_which_nothing_passed_says_where_most_went():
    frame = candidates().iloc[3:]
    text = page(frame)
    assert "No molecule passed every rule. Most were removed at “windows” (2)." in text
    assert 'id="ranked"' not in text


def test_a_run_in_which_no_row_is_a_molecule_still_has_a_report():
    text = page(candidates().iloc[5:])
    assert "There is nothing to show: no row is a molecule." in text


def test_an_empty_run_still_has_a_report():
    text = page(candidates().iloc[:0], (Stage("read", 0, 0),))
    assert "No molecule passed every rule." in text and "No row was rejected." in text


def test_the_shades_are_the_hard_window_and_the_satisfied_end_of_the_goal():
    assert admitted(PROFILE, "mw") == (100, 300)
    assert admitted(PROFILE, "qed") == (None, None)
    assert ideal(PROFILE, "qed") == (0.8, None)
    assert ideal(PROFILE, "sa_score") == (None, 2)
    assert ideal(PROFILE, "mw") == (None, None)


def test_a_run_without_a_reference_set_says_so_and_shows_no_similarity():
    frame = candidates().assign(nearest_similarity=np.nan, nearest_reference="")
    text = page(frame)
    assert "were not compared with a reference set" in text
    assert "nearest similarity" not in text and "Nearest in" not in text
    assert "were not compared" not in page()


def test_the_nearest_molecule_is_named_by_the_set_it_is_of():
    assert page().count("Nearest in in-house set<br/>Tanimoto <b>") == 2
    assert "median similarity to the nearest in in-house set" in page()
    assert "Nearest in the reference set<br/>" in page(manifest={"command": "molgen screen"})


def test_no_alerts_is_said_only_of_the_catalogs_that_were_looked_at():
    assert page().count("No BRENK, NIH alerts.") == 1
    one = parse_profile({"name": "t", "alerts": {"reject": ["PAINS"], "flag": ["CHEMBL_Dundee"]}})
    none = parse_profile({"name": "t", "alerts": {"reject": ["PAINS"], "flag": []}})
    assert page(profile=one).count("No CHEMBL_Dundee alerts.") == 1
    assert " alerts.</p>" not in page(profile=none)


def test_the_goals_are_told_by_their_best_and_their_worst():
    assert "QED: best 0.8 or more, worst 0.3 or less, weight 2; SA score: best 2 or less, worst 5 or more" in page()
    window = {"shape": "window", "zero_below": -2.5, "low": 1, "high": 3, "zero_above": 6, "weight": 0.5}
    goal = parse_profile({"name": "t", "goals": {"logp": window}}).goals[0]
    assert goal_text(goal) == "logP: best 1 to 3, worst -2.5 or less and 6 or more, weight 0.5"


def test_a_molecule_of_the_training_set_is_said_to_be_one():
    frame = candidates()
    frame.loc[1, "in_training"] = True
    assert page(frame).count("This design is in the training set.") == 1
    assert "This design is in the training set." not in page()


def test_ticks_are_round_numbers_inside_of_the_axis():
    assert round_ticks(0.17, 0.53) == [0.2, 0.3, 0.4, 0.5]
    assert round_ticks(-120, 480) == [0, 200, 400]
    assert round_ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]


def test_a_distribution_counts_every_finite_value_and_leaves_out_the_missing():
    values = np.array([0.0, 0.0, 1.0, np.nan])
    shown = distribution("x", [Series("all", values, "area", "#000"), Series("chosen", values[2:], "ticks", "#f00")])
    assert "x: 3 all, 1 chosen" in shown
    assert "M292.0 112V124" in shown  # the one tick lies at the right end: 300 wide, 8 of margin
    assert shown.count("V18.0") == 0 and "V24.0H16.9" in shown  # two zeros: the tallest bar, the first of 32


def test_a_value_outside_of_the_axis_is_counted_in_the_outermost_bin():
    values = np.concatenate([np.zeros(100), np.ones(100), [50.0]])  # the 99.5 % quantile is 1: the axis ends there
    shown = distribution("x", [Series("all", values, "area", "#000")])
    assert "V25.0H16.9" in shown and "V24.0H292.0" in shown  # 100 on the left, 101 on the right: 124 - 100 * 100/101


def test_values_that_differ_by_rounding_are_one_value() -> None:
    values = np.array([2.584962500721156, np.nextafter(2.584962500721156, 3)])
    assert "<svg" in distribution("entropy", [Series("all", values, "area", "#000")])


def test_a_distribution_of_one_single_value_has_an_axis_around_it():
    assert "nan" not in distribution("x", [Series("all", np.array([2.0, 2.0]), "area", "#000")])


def test_values_are_written_with_their_kind_of_precision():
    assert [written(v, n) for v, n in [(0.5, "qed"), (151.163, "mw"), (3.0, "hba"), (np.nan, "qed"), (None, "id")]] == [
        "0.50", "151.2", "3", "–", "–",
    ]  # fmt: skip
    assert titled("tpsa") == "TPSA (Å²)" and titled("qed") == "QED"


def test_nested_settings_become_lines():
    assert list(flattened({"a": {"b": 1}, "c": [1, 2], "d": [{"e": None}]})) == [
        ("a.b", "1"),
        ("c", "1, 2"),
        ("d[0].e", "None"),
    ]


def test_markup_passes_and_text_is_escaped_also_in_attributes():
    assert element("p", "<b>", Markup("<i/>"), title='"') == '<p title="&quot;">&lt;b&gt;<i/></p>'


def test_the_report_is_written_whole_and_a_folder_that_is_none_is_an_output_error(tmp_path):
    path = write_report(tmp_path / "report.html", candidates(), STAGES, MANIFEST, PROFILE)
    assert path.read_text(encoding="utf-8") == page()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="report.html"):
        write_report(tmp_path / "file" / "report.html", candidates(), STAGES, MANIFEST, PROFILE)
