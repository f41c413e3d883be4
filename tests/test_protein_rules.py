"""Rules for sequences: what each rejects, with which reason, and in which order they come."""

import pytest

from molgen.errors import MolgenError
from molgen.profile import Profile, Window, parse_profile
from molgen.protein import rules, sections
from molgen.protein.liabilities import LIABILITIES
from molgen.protein.properties import INSTABILITY, NET_CHARGE
from molgen.protein.rules import build_flags, build_rules
from molgen.scoring import Rule, WindowRule, apply_rules, flag_chunk

MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS"


def reason(rule: Rule, sequence: str) -> str | None:
    return rule([sequence])[0]


@pytest.mark.parametrize(
    ("rule", "sequence", "said"),
    [
        (rules.forbidden("CM"), "ACDMC", "forbidden: C at 2, M at 4, C at 5"),
        (rules.forbidden("CM"), "ADE", None),
        (rules.cysteines("none"), "ACDC", "cysteines: 2, none is allowed"),
        (rules.cysteines("even"), "ACDC", None),
        (rules.cysteines("even"), "ACD", "cysteines: 1, an even number is asked for"),
        (rules.run(2), "AAKKKA", "run: KKK at 3; at most 2 in a row"),
        (rules.run(3), "AAKKKA", None),
        (rules.run(1), "AKKAA", "run: KK at 2, AA at 4; at most 1 in a row"),
        (rules.hydrophobic_run(3), "KALFVKGAC", "hydrophobic run: ALFV at 2; at most 3 in a row"),
        (rules.hydrophobic_run(4), "KALFVK", None),
        (rules.liability("deamidation"), "AANGANS", "deamidation: NG at 3, NS at 6"),
        (rules.liability("odd cysteines"), "ACDC", None),
        (rules.motif("X*RGDX*"), "AARGDA", None),
        (rules.motif("X*RGDX*"), "AARGEA", "motif: X*RGDX* is not kept"),
    ],
)
def test_a_rule_says_what_and_where(rule: Rule, sequence: str, said: str | None) -> None:
    assert reason(rule, sequence) == said


def test_a_motif_with_a_range_is_about_the_whole_sequence() -> None:
    rule = rules.motif("XXXXC[3-8]CXXX")
    assert reason(rule, "AAAACAAACAAA") is None
    assert reason(rule, "AAAACAACAAA") is not None and reason(rule, "AAAACAAACAAAK") is not None


def test_a_window_says_on_which_side_a_value_lies() -> None:
    window = WindowRule(NET_CHARGE, 2, 9)
    assert window.name == "window net_charge"
    assert reason(window, MAGAININ) is None
    assert reason(window, "DDDD") == f"net_charge {NET_CHARGE(['DDDD']).values[0]:.4g} below 2"
    assert reason(window, "K" * 12) == f"net_charge {NET_CHARGE(['K' * 12]).values[0]:.4g} above 9"


def test_a_value_that_cannot_be_computed_is_rejected_and_says_so() -> None:
    said = reason(WindowRule(INSTABILITY, 0, 40), "A")
    assert said == "instability not scored: failed: one residue has no dipeptide"


def test_a_bare_profile_lets_short_runs_pass() -> None:
    built = build_rules(Profile("bare", modality="protein"))
    assert apply_rules(built, [MAGAININ, "ACCCCCA", "A"]).rejected_by == ("", "", "")


def test_a_profile_becomes_rules_and_flags() -> None:
    profile = Profile(
        name="test",
        modality="protein",
        rules=sections.Rules(forbidden="W", cysteines="none", max_run=2, max_hydrophobic_run=3, motif="AX*"),
        alerts=sections.Alerts(reject=("oxidation",), flag=("deamidation",)),
        windows=(Window("gravy", -4, 1),),
    )
    said = apply_rules(build_rules(profile), ["ACWNGMKKKLILVVKKKK", "NCKKK", "AVVRRK", "AK"], mode="all").reason
    assert said == (
        "forbidden: W at 3; cysteines: 1, none is allowed; run: KKK at 7, KKKK at 15; at most 2 in "
        "a row; hydrophobic run: LILVV at 10; at most 3 in a row; oxidation: W at 3, M at 6",
        "cysteines: 1, none is allowed; run: KKK at 3; at most 2 in a row; motif: AX* is not kept",
        "",
        "",
    )
    assert flag_chunk(build_flags(profile), ["ANGM", "AK"]) == ["deamidation: NG at 2", ""]


def wishing(windows: tuple[Window, ...] = (), reject: tuple[str, ...] = (), **wishes: object) -> tuple[Rule, ...]:
    """The rules of a profile with these wishes."""
    alerts, chosen = sections.Alerts(reject=reject), sections.Rules(**wishes)
    return build_rules(Profile("wishes", modality="protein", rules=chosen, alerts=alerts, windows=windows))


def test_the_rules_stand_with_the_cheap_ones_first() -> None:
    windows = (Window("pi", 9.0, 12.0), Window("length", 8, 30), Window("aggregation", -3, 1))
    wishes = {"forbidden": "C", "cysteines": "even", "max_run": 3, "motif": "X*"}
    assert [rule.name for rule in wishing(windows, ("deamidation", "odd cysteines"), **wishes)] == [
        "forbidden", "cysteines", "run", "hydrophobic run", "deamidation", "odd cysteines", "motif",
        "window length", "window pi", "window aggregation",
    ]  # fmt: skip


def test_the_first_rule_rejects_and_mode_all_gives_every_reason() -> None:
    built = wishing(reject=("deamidation",), forbidden="C", max_run=2)
    assert apply_rules(built, ["ACNGKKK"]).reason == ("forbidden: C at 2",)
    every = apply_rules(built, ["ACNGKKK"], mode="all")
    assert every.rejected_by == ("forbidden",)
    assert every.reason == ("forbidden: C at 2; run: KKK at 5; at most 2 in a row; deamidation: NG at 3",)


def test_flags_name_liabilities_without_rejecting() -> None:
    profile = Profile("flags", modality="protein", alerts=sections.Alerts(flag=LIABILITIES))
    cut = "trypsin: K at 4, K at 10, K at 11, K at 14"
    expected = [f"deamidation: NS at 22; oxidation: M at 21; {cut}", ""]
    assert flag_chunk(build_flags(profile), [MAGAININ, "AAILLK"]) == expected


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"alerts": {"reject": ["deamination"]}}, "did you mean 'deamidation'"),
        ({"rules": {"forbidden": "CX"}}, "unknown residue 'X'"),
        ({"rules": {"max_run": 0}}, "max_run = 0 must be 1 or more"),
        ({"rules": {"max_hydrophobic_run": -1}}, "max_hydrophobic_run = -1 must be 1 or more"),
        ({"rules": {"motif": "C[8-3]"}}, "8-3"),
        ({"windows": {"logp": [0, 1]}}, "unknown score 'logp'"),
        ({"standardise": {"longest": 0}}, "longest = 0 must be 1 or more"),
    ],
)
def test_a_profile_that_cannot_be_met_is_an_error_before_any_work(wish: dict[str, object], message: str) -> None:
    with pytest.raises(MolgenError, match=message):
        parse_profile({"name": "wishes", "modality": "protein", **wish})
