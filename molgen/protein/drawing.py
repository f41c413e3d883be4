"""A sequence as a picture: residues in the colours of their kinds, and for a peptide its helical wheel."""

from __future__ import annotations

import math

from molgen.report.markup import Markup, element, joined

WIDTH, HEIGHT = 240, 170
KINDS = {"KRH": "#1f6fb5", "DE": "#c8442d", "STNQ": "#3f8f5a", "AVLIMFW": "#8a6d1d", "Y": "#8a6d1d", "GPC": "#6b6b6b"}
COLOURS = {letter: colour for letters, colour in KINDS.items() for letter in letters}
WHEEL = 36  # residues at the most, on two turns of 18
PEPTIDE = 50
TURN = math.radians(100)  # a residue of an alpha helix


def drawn(sequence: str) -> Markup | str:
    """Markup of 240 x 170; for nothing, a sentence."""
    if not sequence:
        return "no picture: no sequence"
    across, height = (20, 15.0) if len(sequence) <= PEPTIDE else (32, 10.0)
    cells = joined(_cell(letter, place, across, height) for place, letter in enumerate(sequence))
    if len(sequence) > PEPTIDE:
        return cells
    return joined([cells, _wheel(sequence[:WHEEL], top=height * math.ceil(len(sequence) / across))])


def _cell(letter: str, place: int, across: int, height: float) -> Markup:
    width = WIDTH / across
    x, y = (place % across) * width, (place // across) * height
    colour = COLOURS[letter]
    box = element("rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width - 0.6:.1f}", height=f"{height - 0.8:.1f}",
                  fill=colour, fill_opacity="0.16")  # fmt: skip
    return joined([box, _letter(letter, x + width / 2, y + 0.76 * height, 0.74 * height, colour)])


def _letter(letter: str, x: float, y: float, size: float, colour: str) -> Markup:
    return element("text", letter, x=f"{x:.1f}", y=f"{y:.1f}", font_size=f"{size:.1f}", text_anchor="middle",
                   font_family="monospace", fill=colour)  # fmt: skip


def _wheel(sequence: str, top: float) -> Markup:
    """The helix seen along its axis (Schiffer and Edmundson 1967): 100 degrees a residue, the second 18 outside."""
    middle, radius = top + (HEIGHT - top) / 2, min(46.0, (HEIGHT - top) / 2 - 12)
    places = [_on_wheel(number, radius, middle) for number in range(len(sequence))]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places[:18])
    line = element("polyline", points=path, fill="none", stroke="#b8c0c6", stroke_width="0.6")
    return joined([line, *(_bead(letter, *place) for letter, place in zip(sequence, places, strict=True))])


def _on_wheel(number: int, radius: float, middle: float) -> tuple[float, float]:
    away = radius - 8 if number < 18 else radius + 4
    angle = number * TURN - math.pi / 2
    return WIDTH / 2 + away * math.cos(angle), middle + away * math.sin(angle)


def _bead(letter: str, x: float, y: float) -> Markup:
    disc = element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5.4", fill="#ffffff", stroke=COLOURS[letter])
    return joined([disc, _letter(letter, x, y + 2.6, 7.6, COLOURS[letter])])
