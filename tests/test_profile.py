"""Profiles: the shipped ones load, and every fault of a file is a sentence that names file, key and remedy."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molgen.errors import MolgenError
from molgen.molecule import properties, synthesis
from molgen.molecule.rules import build_rules
from molgen.profile import Goal, Profile, Select, Window, load_profile, parse_profile
from molgen.ranking import desirability, rank
from molgen.scoring import apply_rules, score_chunk

PROFILES = Path(__file__).parents[1] / "data" / "profiles"


@pytest.mark.parametrize("name", ["oral_drug", "cns", "fragment"])
def test_the_shipped_profiles_load_and_carry_their_names(name: str) -> None:
    profile = load_profile(PROFILES / f"{name}.toml")
    assert profile.name == name and profile.about and profile.goals
    assert "PAINS" in profile.alerts.reject and "reactive" in profile.alerts.reject
    assert set(profile.alerts.flag) == {"BRENK", "NIH"}


def test_oral_drug_says_what_its_comments_say() -> None:
    profile = load_profile(PROFILES / "oral_drug.toml")
    assert profile.rules.use == ("lipinski", "veber") and profile.rules.max_ring_size == 8
    assert profile.rules.lipinski_violations == 1 and Window("mw", 150.0, math.inf) in profile.windows
    assert Goal("qed", "higher", 0.3, 0.9, 1.0) in profile.goals
    assert profile.select == Select(count=20, max_per_scaffold=1, max_similarity=0.6, method="maxmin", pool=200)


def test_the_cns_goals_have_the_corners_of_wagers_mpo() -> None:
    goals = {goal.score: goal for goal in load_profile(PROFILES / "cns.toml").goals}
    assert goals["logp"] == Goal("logp", "lower", 3.0, 5.0)
    assert goals["mw"] == Goal("mw", "lower", 360.0, 500.0)
    assert goals["tpsa"] == Goal("tpsa", "window", 40.0, 90.0, zero_below=20.0, zero_above=120.0)
    assert goals["hbd"] == Goal("hbd", "lower", 0.5, 3.5)


def test_cns_adds_its_goals_up_as_mpo_does_and_leaves_acids_out() -> None:
    profile = load_profile(PROFILES / "cns.toml")
    assert profile.rank.method == "arithmetic"
    assert profile.rules.use == ("no_acids",) and Window("charge", 0.0, 0.0) in profile.windows


@pytest.mark.parametrize(("name", "most"), [("oral_drug", 2), ("cns", 2), ("fragment", 1)])
def test_open_stereocentres_are_limited_and_large_molecules_are_left_to_the_rules(name: str, most: int) -> None:
    profile = load_profile(PROFILES / f"{name}.toml")
    assert Window("stereo_unassigned", 0.0, most) in profile.windows
    assert profile.standardise.max_heavy_atoms == 100


def drugs() -> list[Chem.Mol]:
    with (Path(__file__).parent / "molecule" / "drugs.csv").open() as file:
        return [Chem.MolFromSmiles(row["smiles"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("name", "passed"), [("oral_drug", 30), ("cns", 18)])
def test_no_marketed_drug_that_passes_the_rules_is_worth_nothing(name: str, passed: int) -> None:
    profile, mols = load_profile(PROFILES / f"{name}.toml"), drugs()
    verdicts = apply_rules(build_rules(profile), mols)
    table = score_chunk((*properties.SCORES, *synthesis.SCORES), mols)
    table = table.assign(
        design=range(len(mols)), rejected_by=list(verdicts.rejected_by), reason=list(verdicts.reason)
    )  # fmt: skip
    found = rank(table, profile)
    assert found["rank"].notna().sum() == passed
    assert found["desirability"].min() > 0.1


@pytest.mark.parametrize("name", ["oral_drug", "fragment"])
def test_a_flat_molecule_is_worse_and_not_worthless(name: str) -> None:
    goal = next(goal for goal in load_profile(PROFILES / f"{name}.toml").goals if goal.score == "fsp3")
    flat = desirability(np.array([0.0]), goal)[0]  # dapsone: 0.4 of the way from -0.4 to `high`
    assert flat == pytest.approx(0.4 / (0.4 + goal.high)) and 0.4 < flat < 0.5


GOAL = {"shape": "higher", "low": 0.3, "high": 0.9}
WINDOW_GOAL = {"shape": "window", "low": 1, "high": 3, "zero_below": -1, "zero_above": 5}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "p.toml has no `name`; add a line like name = \"my_profile\" at its top"),
        ({"name": 3}, "p.toml: name = 3 must be a text in quotes"),
        ({"widows": {}}, "p.toml: unknown key 'widows'; did you mean 'windows'?"),
        ({"select": 20}, "p.toml: `select` must be a table, written as [select], not 20"),
        ({"select": {"cout": 3}}, "p.toml [select]: unknown key 'cout'; did you mean 'count'?"),
        ({"select": {"count": "20"}}, "p.toml [select]: count = '20' must be a whole number"),
        ({"select": {"count": True}}, "p.toml [select]: count = True must be a whole number"),
        ({"select": {"count": 2.5}}, "p.toml [select]: count = 2.5 must be a whole number"),
        ({"select": {"count": 0}}, "p.toml [select]: count = 0 must be 1 or more"),
        ({"select": {"pool": 5}}, "p.toml [select]: pool = 5 must be at least `count`"),
        ({"select": {"max_similarity": 1.5}}, "p.toml [select]: max_similarity = 1.5 must be in (0, 1]"),
        ({"select": {"method": "MaxMin"}}, "[select]: unknown value for method 'MaxMin'; did you mean 'maxmin'?"),
        ({"standardise": {"strip_salts": 1}}, "p.toml [standardise]: strip_salts = 1 must be true or false"),
        ({"windows": {"molwt": [1, 2]}}, "p.toml [windows]: unknown score 'molwt'; did you mean"),
        ({"windows": {"mw": 500}}, "p.toml [windows]: mw = 500 must be a pair of numbers [low, high]"),
        ({"windows": {"mw": [500, 150]}}, "p.toml [windows]: mw = [500, 150] must be in order: [low, high]"),
        ({"windows": {"mw": [math.nan, 1]}}, "p.toml [windows]: mw = [nan, 1] must be a pair of numbers"),
        ({"windows": {"nearest_similarity": [0, 1]}}, "p.toml [windows]: unknown score 'nearest_similarity'"),
        ({"goals": {"qued": GOAL}}, "p.toml [goals]: unknown score 'qued'; did you mean 'qed'?"),
        ({"goals": {"qed": 1}}, "p.toml [goals.qed]: qed = 1 must be a table [goals.qed] with shape, low and high"),
        ({"goals": {"qed": {"low": 1}}}, "[goals.qed]: shape and high missing; a goal needs shape, low and high"),
        ({"goals": {"qed": GOAL | {"wieght": 2}}}, "p.toml [goals.qed]: unknown key 'wieght'; did you mean 'weight'?"),
        ({"goals": {"qed": GOAL | {"weight": -1}}}, "p.toml [goals.qed]: weight of qed = -1.0 must be 0 or more"),
        ({"goals": {"qed": GOAL | {"low": 0.9}}}, "p.toml [goals.qed]: [low, high] = [0.9, 0.9] must be in order"),
        ({"goals": {"qed": GOAL | {"low": "a"}}}, "p.toml [goals.qed]: low = 'a' must be a number"),
        ({"goals": {"qed": GOAL | {"high": math.inf}}}, "must be finite"),
        ({"goals": {"qed": GOAL | {"zero_above": 1.0}}}, "must be 'window' where zero_below or zero_above is set"),
        ({"goals": {"logp": WINDOW_GOAL | {"zero_above": 2}}}, "[zero_below, low, high, zero_above] = "),
        ({"goals": {"logp": {"shape": "window", "low": 1, "high": 3}}}, "must be all set and in this order"),
        ({"alerts": {"reject": ["pains"]}}, "p.toml [alerts]: unknown catalog 'pains'; did you mean 'PAINS'?"),
        ({"alerts": {"reject": "PAINS"}}, "p.toml [alerts]: reject = 'PAINS' must be a list of texts"),
        ({"rules": {"use": ["lipinsky"]}}, "p.toml [rules]: unknown rule 'lipinsky'; did you mean 'lipinski'?"),
        ({"rules": {"elements": ["CL"]}}, "p.toml [rules]: unknown element 'CL'; did you mean 'Cl'?"),
        ({"rules": {"max_ring_size": 2}}, "p.toml [rules]: max_ring_size = 2 must be 3 or more"),
        ({"rules": {"lipinski_violations": 5}}, "p.toml [rules]: lipinski_violations = 5 must be from 0 to 4"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place_and_the_remedy(data: dict, message: str) -> None:
    with pytest.raises(MolgenError) as caught:
        parse_profile(({"name": "t"} if data else {}) | data, "p.toml")
    assert message in str(caught.value)


def test_a_bare_profile_needs_only_its_name() -> None:
    assert parse_profile({"name": "t"}) == Profile("t")


def test_an_open_side_of_a_window_is_infinite_and_null_in_json() -> None:
    profile = parse_profile({"name": "to Infinity", "windows": {"mw": [-math.inf, 500]}})
    assert profile.windows == (Window("mw", -math.inf, 500.0),)
    assert profile.as_dict()["windows"] == [{"score": "mw", "low": None, "high": 500.0}]
    assert profile.as_dict()["name"] == "to Infinity"


def test_a_file_that_is_not_there_or_no_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(MolgenError, match="no profile at .*none.toml; the shipped ones are in data/profiles"):
        load_profile(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("name = \n")
    with pytest.raises(MolgenError, match="bad.toml is no valid TOML: .*line 1"):
        load_profile(bad)
    bad.write_bytes(b'name = "\xff"')
    with pytest.raises(MolgenError, match="cannot read the profile"):
        load_profile(bad)
    with pytest.raises(MolgenError, match="cannot read the profile"):
        load_profile(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "t"\n')
    assert load_profile(path).name == "t"


def test_the_digest_knows_content_and_not_layout_or_place(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text('name = "t"\n[select]\ncount = 5\n')
    two.write_text('# a comment\nname = "t"\nselect = { count = 5 }\n')
    assert load_profile(one).digest() == load_profile(two).digest() and len(load_profile(one).digest()) == 64
    assert load_profile(one) == load_profile(two)
    two.write_text('name = "t"\nselect = { count = 6 }\n')
    assert load_profile(one).digest() != load_profile(two).digest()


def test_weights_can_be_changed_by_name_only() -> None:
    profile = Profile("t", goals=(Goal("qed", "higher", 0.3, 0.9), Goal("logp", "lower", 1.0, 3.0)))
    changed = profile.with_weights({"qed": 3})
    assert [goal.weight for goal in changed.goals] == [3, 1.0] and profile.goals[0].weight == 1.0
    with pytest.raises(MolgenError, match="the weights: unknown goal 'qde'; did you mean 'qed'?"):
        profile.with_weights({"qde": 3})
    with pytest.raises(MolgenError, match="weight of qed = -1.0 must be 0 or more"):
        profile.with_weights({"qed": -1})
