"""The report page: one HTML file that a chemist reads without network, program or account.

Everything that came from a file or a model passes through `markup.element`, which escapes it, and the page forbids
itself every request and every script but its own (Content-Security-Policy with the script's checksum).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd

from molgen.profile import Profile
from molgen.report import charts
from molgen.report.charts import Series, Stage
from molgen.report.markup import Markup, element, joined
from molgen.report.pictures import Gallery
from molgen.report.selected import cards, ranked_table
from molgen.science import columns
from molgen.store import finite
from molgen.wording import label, missing, shown_scores, titled

CLOSE_ANALOGUE = 0.8
REJECTS_PER_RULE = 4
MOST_REJECTS = 40
LONGEST_TEXT = 160
REJECTED_AT = {
    "valid": "invalid",
    "unique": "duplicate",
    "novel": "known",
}  # the stage -> its rejected_by


@dataclass(frozen=True)
class Contents:
    """What a report is made of; `generated` are the rows that are designs, first occurrence of each."""

    candidates: pd.DataFrame
    stages: tuple[Stage, ...]
    manifest: Mapping[str, Any]
    profile: Profile

    @property
    def generated(self) -> pd.DataFrame:
        return self.candidates[self.candidates["mw"].notna() & (self.candidates["rejected_by"] != "duplicate")]

    @property
    def nouns(self) -> tuple[str, str]:
        """What designs are called: one, and several."""
        return columns(self.profile.modality).NOUNS

    @property
    def reference(self) -> str:
        """What the designs were compared with, by the name that the manifest gives it."""
        inputs = self.manifest.get("inputs")
        reference = inputs.get("reference") if isinstance(inputs, Mapping) else None
        return str(reference["name"]) if isinstance(reference, Mapping) else "the reference set"

    @property
    def ranked(self) -> pd.DataFrame:
        return self.candidates[self.candidates["rank"].notna()].sort_values("rank", kind="stable")

    @property
    def selected(self) -> pd.DataFrame:
        return self.ranked[self.ranked["selected"].astype(bool)]


def render(contents: Contents) -> str:
    """The whole page as text; the same contents give the same bytes."""
    gallery = Gallery(contents.profile.modality)
    title = f"Candidates for {contents.profile.name}"
    parts = [_top(title, contents), *_sections(contents, gallery), gallery.symbols()]
    body = element("body", *parts, element("script", Markup(resource("script.js"))))
    return f"<!doctype html>\n{element('html', _head(title), body, lang='en')}\n"


def resource(name: str) -> str:
    """A file that lies beside this module: the style sheet or the script."""
    return resources.files("molgen.report").joinpath(name).read_text(encoding="utf-8")


def _head(title: str) -> Markup:
    checksum = base64.b64encode(hashlib.sha256(resource("script.js").encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{checksum}'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(resource("style.css"))),
    )


def _sections(contents: Contents, gallery: Gallery) -> Iterator[Markup]:
    made = {
        ("selected", f"Selected {contents.nouns[1]}"): _selected(contents, gallery),
        ("funnel", "Funnel: what was left, and why the rest went"): charts.funnel(contents.stages),
        ("distributions", "Distributions"): _distributions(contents),
        ("table", f"Ranked {contents.nouns[1]}"): _ranked(contents, gallery),
        ("rejects", "A sample of the rejected"): _rejects(contents, gallery),
        ("provenance", "Settings and provenance"): _provenance(contents),
    }
    for (name, title), inside in made.items():
        yield element("section", element("h2", title), inside, id=name)


def _top(title: str, contents: Contents) -> Markup:
    links = {"selected": "selected", "funnel": "funnel", "distributions": "distributions", "table": "ranked table",
             "rejects": "rejected", "provenance": "settings and provenance"}  # fmt: skip
    nav = element("nav", *(joined([element("a", text, href=f"#{name}"), " "]) for name, text in links.items()))
    about = contents.profile.about
    soft = element("p", about, class_="soft") if about else None
    return element("header", element("h1", title), soft, _facts(contents), nav, _notes(contents))


def _facts(contents: Contents) -> Markup:
    selected = contents.selected
    facts = {
        contents.stages[0].name if contents.stages else "rows": len(contents.candidates),
        "passed every rule": len(contents.ranked),
        "selected": len(selected),
    }
    if "scaffold" in selected:
        facts["scaffolds among them"] = selected["scaffold"].nunique()
    items = [element("li", element("b", f"{value:,}"), name) for name, value in facts.items()]
    if selected["nearest_similarity"].notna().any():
        similarity = element("b", f"{selected['nearest_similarity'].median():.2f}")
        items.append(element("li", similarity, f"median similarity to the nearest in {contents.reference}"))
    return element("ul", *items, class_="facts")


def _notes(contents: Contents) -> Markup | None:
    notes = list(_findings(contents))
    return element("ul", *(element("li", note) for note in notes), class_="notes") if notes else None


def _findings(contents: Contents) -> Iterator[str]:
    """What a reader should know before ordering: close analogues, open stereocentres, values that are missing."""
    ranked, selected = contents.ranked, contents.selected
    if len(ranked) and ranked["nearest_similarity"].isna().all():
        yield "The designs were not compared with a reference set: how new they are is not known."
    close = int((selected["nearest_similarity"] >= CLOSE_ANALOGUE).sum())
    if close:
        words = f"similarity {CLOSE_ANALOGUE} or more"
        yield f"Close analogues of {contents.reference} ({words}): {close:,} of the {len(selected):,} selected."
    centres = selected.get("stereo_unassigned", pd.Series(dtype="Int64"))
    open_centres = int((centres.fillna(0) > 0).sum())
    if open_centres:
        words = "decide which isomer to make"
        yield f"Stereocentres that are not assigned ({words}): in {open_centres:,} of the {len(selected):,} selected."
    for name in shown_scores(contents.profile):
        lacking = int(ranked[name].isna().sum())
        if lacking:
            yield f"{label(name)} could not be calculated for {lacking:,} of the ranked {contents.nouns[1]}."


def _selected(contents: Contents, gallery: Gallery) -> Markup:
    if len(contents.selected):
        return cards(contents.selected, contents.profile, gallery, contents.reference)
    if len(contents.ranked):
        return element("p", f"No {contents.nouns[0]} was selected; the ranked table below holds those that passed.")
    worst = max(contents.stages, key=lambda stage: stage.removed, default=None)
    hint = f" Most were removed at “{worst.name}” ({worst.removed:,})." if worst and worst.removed else ""
    return element("p", f"No {contents.nouns[0]} passed every rule.{hint} Widen the profile, or draw more.")


def _ranked(contents: Contents, gallery: Gallery) -> Markup:
    if not len(contents.ranked):
        return element("p", "Nothing passed every rule.")
    return ranked_table(contents.ranked, contents.profile, gallery)


def groups(contents: Contents) -> tuple[Series, ...]:
    """The three groups of every distribution, without their values."""
    return tuple(
        Series(name, table["mw"].to_numpy(float), form, colour)
        for name, table, form, colour in _tables(contents)
    )  # fmt: skip


def _tables(contents: Contents) -> list[tuple[str, pd.DataFrame, str, str]]:
    return [
        (f"all {contents.nouns[1]}", contents.generated, "area", charts.SKY),
        ("passed every rule", contents.ranked, "line", charts.BLUE),
        ("selected", contents.selected, "ticks", charts.RED),
    ]


def _distributions(contents: Contents) -> Markup:
    names = [*shown_scores(contents.profile), "nearest_similarity"]
    drawn = [distribution(contents, name) for name in names if contents.candidates[name].notna().any()]
    if not drawn:
        return element("p", f"There is nothing to show: no row is a {contents.nouns[0]}.")
    words = "Each group is scaled to its own tallest bar; values outside of the axis are counted at its ends."
    note = element(
        "p", f"Light green: what the profile admits; darker: where its goal is fully met. {words}", class_="small"
    )
    return joined([charts.legend(groups(contents)), element("div", *drawn, class_="charts"), note])


def distribution(contents: Contents, name: str) -> Markup:
    """One property over all molecules, those that passed, and the selected; the profile's window and goal shaded."""
    tables = _tables(contents)
    series = [Series(group, table[name].to_numpy(float), form, colour) for group, table, form, colour in tables]
    return charts.distribution(titled(name), series, admitted(contents.profile, name), ideal(contents.profile, name))


def admitted(profile: Profile, name: str) -> charts.Range:
    """The profile's hard window on a score; None is open."""
    for window in profile.windows:
        if window.score == name:
            return finite(window.low), finite(window.high)
    return charts.OPEN


def ideal(profile: Profile, name: str) -> charts.Range:
    """The range where the profile's goal for a score is fully met; None is open."""
    for goal in profile.goals:
        if goal.score == name:
            return {"higher": (goal.high, None), "lower": (None, goal.low), "window": (goal.low, goal.high)}[goal.shape]
    return charts.OPEN


def _rejects(contents: Contents, gallery: Gallery) -> Markup:
    rejected = contents.candidates[contents.candidates["rejected_by"] != ""]
    if rejected.empty:
        return element("p", "No row was rejected.")
    titles = ("structure", "rejected by", "reason", "as it came in")
    head = element("tr", *(element("th", text, scope="col") for text in titles))
    rows = (_reject(row, gallery) for row in _sample(rejected, contents.stages).to_dict("records"))
    words = f"The first {REJECTS_PER_RULE} of each rule; all {len(rejected):,} are in candidates.csv with their reason."
    table = element("table", element("thead", head), element("tbody", *rows), class_="rejects")
    return joined([element("p", words), element("div", table, class_="wide")])


def _sample(rejected: pd.DataFrame, stages: Sequence[Stage]) -> pd.DataFrame:
    """The first rows of each rule, rules in the order of the funnel."""
    order = {REJECTED_AT.get(stage.name, stage.name): place for place, stage in enumerate(stages)}
    first = rejected.groupby("rejected_by", sort=False).head(REJECTS_PER_RULE)
    place = first["rejected_by"].map(order).fillna(len(order))
    return first.loc[place.sort_values(kind="stable").index].head(MOST_REJECTS)


def _reject(row: Mapping[str, Any], gallery: Gallery) -> Markup:
    design = "" if missing(row["design"]) else str(row["design"])
    picture = gallery.picture(design, 130) if design else element("span", "no structure", class_="nopicture")
    return element(
        "tr",
        element("td", picture),
        element("td", row["rejected_by"]),
        element("td", shortened(row["reason"])),
        element("td", element("small", row["id"]), element("br"), element("code", shortened(row["as_drawn"]))),
    )


def shortened(text: Any) -> str:
    """Long texts (a polymer's SMILES) cut, with the number of characters that are left out."""
    whole = "" if missing(text) else str(text)
    rest = len(whole) - LONGEST_TEXT
    return whole if rest <= 0 else f"{whole[:LONGEST_TEXT]}… ({rest:,} more characters)"


def _provenance(contents: Contents) -> Markup:
    run = {name: value for name, value in contents.manifest.items() if name != "profile"}
    return joined([_facts_table("run.json", run), _facts_table("profile", contents.profile.as_dict())])


def _facts_table(title: str, facts: Mapping[str, Any]) -> Markup:
    rows = (
        element("tr", element("th", name, scope="row"), element("td", shortened(value)))
        for name, value in flattened(facts)
    )  # fmt: skip
    return joined([element("h3", title), element("table", element("tbody", *rows), class_="facts-table")])


def flattened(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as lines: {'a': {'b': 1}} is ('a.b', '1'); a list of plain values is one line."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flattened(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(v, Mapping) for v in value):
        for index, inner in enumerate(value):
            yield from flattened(inner, f"{name}[{index}]")
    else:
        yield name, ", ".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value)
