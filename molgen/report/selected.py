"""The designs themselves: a card for each selected one, and the sortable table of the ranked ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from molgen.profile import Profile
from molgen.report.markup import Markup, element, joined
from molgen.report.pictures import Gallery
from molgen.wording import goal_text, label, meaning, missing, shown_scores, unit, written

MOST_CARDS = 100
MOST_ROWS = 200
MEANS = {
    "geometric": "weighted geometric mean",
    "arithmetic": "weighted mean",
    "pareto": "weighted geometric mean (the rank goes by Pareto front first)",
}


def cards(selected: pd.DataFrame, profile: Profile, gallery: Gallery, reference: str) -> Markup:
    """The selected designs, best first: picture, values, nearest of the reference set, flags, and why.

    reference: what to call the reference set.
    """
    made = (_card(row, profile, gallery, reference) for row in selected.head(MOST_CARDS).to_dict("records"))
    more = len(selected) - MOST_CARDS
    note = element("p", f"{more:,} more selected are in ranked.csv.") if more > 0 else None
    return joined([element("div", *made, class_="cards"), note, _active(selected)])


def _card(row: Mapping[str, Any], profile: Profile, gallery: Gallery, reference: str) -> Markup:
    why = _text(row, "why_selected") or "no reason was recorded"
    return element(
        "article",
        _head(row),
        gallery.picture(row["design"], 300, f"structure of {row['id']}"),
        element("table", *(_score_line(row, name) for name in shown_scores(profile)), class_="values"),
        _nearest(row, gallery, reference),
        _activity(row),
        _flags(row, profile),
        element("p", element("b", "Why selected: "), why, class_="why"),
        element("code", row["design"], class_="smiles"),
        class_="card",
    )


def _head(row: Mapping[str, Any]) -> Markup:
    value = row.get("desirability")
    desirability = element("span", "desirability ", element("b", written(value)), _bar(value))
    rank = element("span", str(row["rank"]), class_="rank")
    return element("header", rank, element("span", row["id"], class_="id"), desirability)


def _score_line(row: Mapping[str, Any], name: str) -> Markup:
    title = [label(name), element("small", f" {unit(name)}") if unit(name) else None]
    return element(
        "tr",
        element("th", *title, scope="row", title=meaning(name)),
        element("td", written(row.get(name), name), class_="number"),
        element("td", _bar(row.get(f"d_{name}"))),
    )


def _bar(share: Any) -> Markup | None:
    """A desirability as a small bar; nothing where the profile has no such goal."""
    if missing(share):
        return None
    fill = element("i", style=f"width:{100 * float(share):.0f}%")
    return element("span", fill, class_="bar", title=f"desirability {share:.2f} (0 worst, 1 best)")


def _nearest(row: Mapping[str, Any], gallery: Gallery, reference: str) -> Markup | None:
    nearest = _text(row, "nearest_reference")
    if not nearest:
        return None
    similarity = written(row.get("nearest_similarity"))
    known = " This design is in the training set." if row["in_training"] is True else ""
    value = joined([f"{gallery.likeness} ", element("b", similarity), f".{known}"])
    words = element("p", f"Nearest in {reference}", element("br"), value)
    return element("div", gallery.picture(nearest, 125, f"nearest in {reference}: {nearest}"), words, class_="nearest")


def _activity(row: Mapping[str, Any]) -> Markup | None:
    """The classifiers' votes where there are any, and those for the same sequence shuffled."""
    if missing(row.get("antimicrobial")):
        return None
    votes, control, blood = (written(row[name]) for name in ("antimicrobial", "antimicrobial_shuffled", "haemolytic"))
    return element("p", f"antimicrobial {votes} (own shuffle {control}), haemolytic {blood}", class_="flags")


def _active(selected: pd.DataFrame) -> Markup | None:
    """How many are called antimicrobial, always with how many of their shuffles, and what that is worth."""
    if "antimicrobial" not in selected or selected["antimicrobial"].isna().all():
        return None
    called, control = (int((selected[name] > 0.5).sum()) for name in ("antimicrobial", "antimicrobial_shuffled"))
    words = (
        f"A classifier (macrel) calls {called:,} of the {len(selected):,} selected antimicrobial, and {control:,} when "
        "their residues are shuffled. It answers mostly to composition: these votes are no prediction of activity in "
        "the laboratory, and those on haemolysis are weaker still."
    )
    return element("p", words, class_="small")


def _flags(row: Mapping[str, Any], profile: Profile) -> Markup | None:
    """The alerts that flag; that there are none is said of the catalogs that were looked at, and only of those."""
    flags = flag_list(row.get("flags"))
    if not flags:
        looked = ", ".join(profile.alerts.flag)
        return element("p", f"No {looked} alerts.", class_="flags") if looked else None
    return element("p", *(joined([element("span", flag, class_="flag"), " "]) for flag in flags), class_="flags")


def flag_list(flags: Any) -> list[str]:
    """The alerts of one row, split and readable; an empty list where there are none."""
    return [] if missing(flags) else [flag.strip().replace("_", " ") for flag in str(flags).split(";") if flag.strip()]


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if missing(value) else str(value)


def ranked_table(ranked: pd.DataFrame, profile: Profile, gallery: Gallery) -> Markup:
    """The best `MOST_ROWS` that passed; the page's script sorts and searches it, and without script it still reads."""
    scores = shown_scores(profile)
    if ranked["nearest_similarity"].notna().any():
        scores.append("nearest_similarity")
    titles = ["rank", "structure", "id", "desirability", *scores, "flags", "design"]
    head = element("tr", *(_column_title(name) for name in titles))
    rows = (_row(row, scores, gallery) for row in ranked.head(MOST_ROWS).to_dict("records"))
    table = element("table", element("thead", head), element("tbody", *rows), id="ranked", class_="ranked")
    return joined([_controls(ranked), element("div", table, class_="wide"), _goals(profile)])


def _controls(ranked: pd.DataFrame) -> Markup:
    shown = min(len(ranked), MOST_ROWS)
    rest = len(ranked) - shown
    words = f"All {shown:,} that passed."
    if rest:
        words = f"The best {shown:,} of {len(ranked):,}; the other {rest:,} are in ranked.csv."
    search = element("label", "Search ", element("input", type="search", id="search", placeholder="id, SMILES or flag"))
    only = element("label", element("input", type="checkbox", id="only"), " selected only")
    return joined([element("p", words), element("p", search, only, element("output", id="shown"), class_="controls")])


def _column_title(name: str) -> Markup:
    text = [label(name), element("small", f" {unit(name)}") if unit(name) else None]
    if name == "structure":
        return element("th", *text, scope="col")
    return element("th", element("button", *text, type="button"), scope="col", title=meaning(name))


def _row(row: Mapping[str, Any], scores: Sequence[str], gallery: Gallery) -> Markup:
    chosen = bool(row["selected"])
    rank = [str(row["rank"]), element("small", " selected") if chosen else None]
    numbers = [_number(row, name) for name in ("desirability", *scores)]
    flags = flag_list(row.get("flags"))
    return element(
        "tr",
        element("td", *rank, data_v=row["rank"], class_="number"),
        element("td", gallery.picture(row["design"], 150, f"structure of {row['id']}")),
        element("td", row["id"]),
        *numbers,
        element("td", "; ".join(flags) or "–", data_v="; ".join(flags)),
        element("td", element("code", row["design"], class_="smiles")),
        class_="chosen" if chosen else None,
    )


def _number(row: Mapping[str, Any], name: str) -> Markup:
    value = row.get(name)
    return element("td", written(value, name), class_="number", data_v="" if missing(value) else f"{value:.6g}")


def _goals(profile: Profile) -> Markup | None:
    if not profile.goals:
        return None
    words = "; ".join(goal_text(goal) for goal in profile.goals)
    return element("p", f"Desirability is the {MEANS[profile.rank.method]} of the goals. {words}.", class_="small")
