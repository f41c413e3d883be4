"""The two charts of the report, as plain HTML and SVG: the funnel, and one distribution a property.

Colours are Okabe and Ito's, which stay apart for every kind of colour vision; in the distributions the series also
differ in form (outline, line, ticks). Everything carries its own style, so a notebook shows the same charts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molgen.report.markup import Markup, element, joined

GREY, SKY, BLUE, RED, GREEN = "#767676", "#a6d5f2", "#0072b2", "#d55e00", "#009e73"
ADMITTED, IDEAL = "#edf7ef", "#c9e8d1"
WIDTH, HEIGHT, LEFT, FOOT, TOP = 300, 150, 8, 26, 18
BINS = 32
MOST_REASONS = 5
Range = tuple[float | None, float | None]  # low and high; None is open
OPEN: Range = (None, None)


@dataclass(frozen=True)
class Stage:
    """One bar of the funnel: how many rows are left after it, how many it removed, and for which reasons."""

    name: str
    count: int
    removed: int
    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Series:
    """One group of molecules in a distribution; `form` is area, line or ticks."""

    name: str
    values: np.ndarray  # (n,) float, NaN where not scored
    form: str
    colour: str

    def finite(self) -> np.ndarray:
        return self.values[np.isfinite(self.values)]


def funnel(stages: Sequence[Stage]) -> Markup:
    """Bars with count, percent of the first stage, and what was removed, most frequent reasons first."""
    total = stages[0].count if stages else 0
    head = element("tr", *(element("th", text, scope="col") for text in ("stage", "left", "", "removed, and why")))
    rows = (_bar(stage, total) for stage in stages)
    return element("table", element("thead", head), element("tbody", *rows), class_="funnel")


def _bar(stage: Stage, total: int) -> Markup:
    share = stage.count / total if total else 0.0
    fill = element("span", style=f"display:block;height:1em;min-width:1px;width:{100 * share:.2f}%;background:{BLUE}")
    track = element("span", fill, style="display:block;background:#e8eef2;width:100%;min-width:6em")
    return element(
        "tr",
        element("th", stage.name, scope="row"),
        element("td", f"{stage.count:,}", element("small", f" {percent(share)}"), class_="number"),
        element("td", track, style="width:40%"),
        element("td", _reasons(stage), style="text-align:left"),
    )


def percent(share: float) -> str:
    """A share as people read it: 100 %, 73.6 %, 0.04 %; never rounded to 0 or 100 where it is neither."""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    digits = 1 if 0.001 <= share <= 0.999 else 2
    return f"{min(max(100 * share, 0.01), 99.99):.{digits}f} %"


def _reasons(stage: Stage) -> Markup:
    if stage.name == "selected":
        return Markup("the others stay in the ranked table")
    why = "; ".join(f"{reason} ({count:,})" for reason, count in stage.reasons[:MOST_REASONS])
    removed = element("b", f"−{stage.removed:,}") if stage.removed else Markup("none")
    return joined([removed, f" {why}" if why else None])


def distribution(title: str, series: Sequence[Series], admitted: Range = OPEN, ideal: Range = OPEN) -> Markup:
    """Histograms of several groups on one axis, each scaled to its own tallest bar; two ranges are shaded.

    The axis spans the central 99 % of the first series and all of the series drawn as ticks; values outside are
    counted in the outermost bins, so nothing is left out.
    """
    low, high = _span(series)
    shades = [_shaded(admitted, low, high, ADMITTED), _shaded(ideal, low, high, IDEAL)]
    body = [_title(title), *shades, *(_drawn(one, low, high) for one in series), _axis(low, high)]
    counts = ", ".join(f"{one.finite().size:,} {one.name}" for one in series)
    return element("svg", element("title", f"{title}: {counts}"), *body, xmlns="http://www.w3.org/2000/svg",
                   viewBox=f"0 0 {WIDTH} {HEIGHT}", width=WIDTH, height=HEIGHT, role="img", class_="chart",
                   font_family="system-ui, sans-serif", font_size=11, fill="#222")  # fmt: skip


def legend(series: Sequence[Series]) -> Markup:
    """Which form and colour is which group, with the number of molecules."""
    return element("p", *(_key(one) for one in series), class_="legend")


def _key(one: Series) -> Markup:
    mark = {
        "area": element("rect", x=1, y=2, width=20, height=10, fill=one.colour),
        "line": element("path", d="M1 7H21", stroke=one.colour, stroke_width=3),
        "ticks": element("path", d="M4 2V12M11 2V12M18 2V12", stroke=one.colour, stroke_width=2),
    }[one.form]
    shown = element("svg", mark, width=22, height=14, aria_hidden="true")
    words = f" {one.name} ({one.values.size:,})"
    return element("span", shown, words, style="margin-right:1.4em;white-space:nowrap")


def _span(series: Sequence[Series]) -> tuple[float, float]:
    kept = [one.finite() for one in series]
    ends = [np.quantile(v, (0.005, 0.995)) for v in kept[:1] if v.size]
    ticks = [one.finite() for one in series if one.form == "ticks"]
    ends += [np.array([v.min(), v.max()]) for v in ticks if v.size]
    if not ends:
        return 0.0, 1.0
    low, high = float(min(e[0] for e in ends)), float(max(e[1] for e in ends))
    wide = high - low > 1e-9 * max(1.0, abs(low))  # values that differ by rounding are one value
    return (low, high) if wide else (low - 0.5, high + 0.5)


def _x(value: float, low: float, high: float) -> float:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return round(LEFT + share * (WIDTH - 2 * LEFT), 1)


def _title(title: str) -> Markup:
    return element("text", title, x=LEFT, y=12, font_weight="bold")


def _shaded(wanted: Range, low: float, high: float, colour: str) -> Markup:
    if wanted == OPEN:
        return Markup("")
    start, end = (low if wanted[0] is None else wanted[0]), (high if wanted[1] is None else wanted[1])
    left, right = _x(start, low, high), _x(end, low, high)
    bar = element("rect", x=left, y=TOP, width=round(max(right - left, 1.0), 1), height=HEIGHT - FOOT - TOP,
                  fill=colour)  # fmt: skip
    edges = [f"M{_x(v, low, high)} {TOP}V{HEIGHT - FOOT}" for v in wanted if v is not None and low <= v <= high]
    return joined([bar, element("path", d="".join(edges) or "M0 0", stroke=GREEN, stroke_dasharray="3 2")])


def _drawn(one: Series, low: float, high: float) -> Markup:
    values = one.finite()
    if not values.size:
        return Markup("")
    if one.form == "ticks":
        marks = "".join(f"M{_x(v, low, high)} {HEIGHT - FOOT - 12}V{HEIGHT - FOOT}" for v in np.sort(values))
        return element("path", d=marks, stroke=one.colour, stroke_width=1.5)
    steps = _outline(values, low, high)
    if one.form == "area":
        return element("path", d=f"{steps}Z", fill=one.colour)
    return element("path", d=steps, fill="none", stroke=one.colour, stroke_width=1.8)


def _outline(values: np.ndarray, low: float, high: float) -> str:
    counts, edges = np.histogram(np.clip(values, low, high), bins=BINS, range=(low, high))
    room = HEIGHT - FOOT - TOP - 6
    heights = [round(HEIGHT - FOOT - room * count / counts.max(), 1) for count in counts]
    steps = "".join(f"V{y}H{_x(right, low, high)}" for y, right in zip(heights, edges[1:], strict=True))
    return f"M{LEFT} {HEIGHT - FOOT}{steps}V{HEIGHT - FOOT}"


def _axis(low: float, high: float) -> Markup:
    line = element("path", d=f"M{LEFT} {HEIGHT - FOOT}H{WIDTH - LEFT}", stroke="#555")
    ticks = [t for t in round_ticks(low, high) if low <= t <= high]
    marks = element("path", d="".join(f"M{_x(t, low, high)} {HEIGHT - FOOT}v4" for t in ticks) or "M0 0", stroke="#555")
    labels = (element("text", f"{t:g}", x=_x(t, low, high), y=HEIGHT - 9, text_anchor="middle") for t in ticks)
    return joined([line, marks, *labels])


def round_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in [low, high], steps of 1, 2 or 5 times a power of ten, about `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]
