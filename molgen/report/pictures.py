"""Structure pictures as small inline SVG: one symbol per molecule, used wherever the molecule is shown.

RDKit writes one path with a full style per bond and per letter (14 kB a molecule). Here all paths that look the
same are joined, so that a page holds 300 pictures in less than 2 MB.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from xml.etree import ElementTree

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from molgen.report.markup import Markup, element, joined
from molgen.science import science

WIDTH, HEIGHT = 240, 170
MOST_ATOMS = 120
# RDKit's yellow, cyan and light green letters are too pale on white paper.
DARKER = {9: (0.0, 0.42, 0.42), 16: (0.55, 0.42, 0.0), 17: (0.0, 0.45, 0.1), 15: (0.75, 0.35, 0.0)}
PAINTED = ("stroke", "stroke-width", "fill")


class Gallery:
    """The pictures of one page. Each design is drawn once; `symbols` is put at the end of the page."""

    def __init__(self, modality: str = "molecule") -> None:
        own = science(modality)
        self._drawing, self.likeness = own.drawing, own.LIKENESS
        self._names: dict[str, str] = {}

    def picture(self, design: str, width: int = WIDTH, label: str = "") -> Markup:
        """An svg that shows the design, or the sentence why there is no picture."""
        drawing = self._drawing(design)
        if isinstance(drawing, str) and not isinstance(drawing, Markup):
            return element("span", drawing, class_="nopicture")
        name = self._names.setdefault(design, f"m{len(self._names) + 1}")
        height = round(width * HEIGHT / WIDTH)
        return element(
            "svg",
            element("use", href=f"#{name}"),
            class_="mol", role="img", width=width, height=height,
            viewBox=f"0 0 {WIDTH} {HEIGHT}", aria_label=label or f"structure of {design}",
        )  # fmt: skip

    def symbols(self) -> Markup:
        """The drawings themselves, hidden, in the order in which they were first asked for."""
        drawn = (
            element("symbol", self._drawing(design), id=name, viewBox=f"0 0 {WIDTH} {HEIGHT}")
            for design, name in self._names.items()
        )
        return element("svg", joined(drawn), width=0, height=0, style="position:absolute", aria_hidden="true")


def structure(design: str, width: int = WIDTH, modality: str = "molecule") -> Markup:
    """A picture that stands alone, for a cell of a notebook's table."""
    drawing = science(modality).drawing(design)
    if not isinstance(drawing, Markup):
        return element("span", drawing)
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", drawing, xmlns="http://www.w3.org/2000/svg", width=width,
                   height=round(width * HEIGHT / WIDTH), viewBox=box)  # fmt: skip


def png(smiles: str) -> str:
    """The structure as a PNG in a markdown image, where inline SVG is not shown; '' if it cannot be drawn."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            return ""
        drawer = rdMolDraw2D.MolDraw2DCairo(150, 100)
        rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
        drawer.FinishDrawing()
    return f"![structure](data:image/png;base64,{base64.b64encode(drawer.GetDrawingText()).decode()})"


@lru_cache(maxsize=4096)
def paths(smiles: str) -> Markup | str:
    """The molecule's drawing as joined SVG paths; a plain sentence where it cannot be drawn."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
        if mol is None:
            return "no picture: not a readable structure"
        if mol.GetNumAtoms() > MOST_ATOMS:
            return f"no picture: {mol.GetNumAtoms()} atoms (at most {MOST_ATOMS} are drawn)"
        return _joined_paths(_drawn(mol))


def _drawn(mol: Chem.Mol) -> str:
    drawer = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT)
    options = drawer.drawOptions()
    options.clearBackground = False
    options.padding = 0.03
    options.bondLineWidth = 1.8
    options.fixedBondLength = 26
    options.updateAtomPalette(DARKER)
    rdDepictor.Compute2DCoords(mol, canonOrient=True)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def _joined_paths(svg: str) -> Markup:
    """All paths of one look as one path, in the order in which the looks first appear."""
    by_look: dict[tuple[str, ...], list[str]] = {}
    for node in ElementTree.fromstring(svg.encode("latin-1")).iter():
        if node.tag.endswith("path"):
            by_look.setdefault(_look(node), []).append(" ".join(node.get("d", "").split()))
    return joined(_path(look, pieces) for look, pieces in by_look.items())


def _look(node: ElementTree.Element) -> tuple[str, ...]:
    style = dict(item.split(":", 1) for item in node.get("style", "").split(";") if ":" in item)
    return tuple(style.get(key, node.get(key, "")).strip() for key in PAINTED)


def _path(look: tuple[str, ...], pieces: list[str]) -> Markup:
    stroke, width, fill = look
    drawn = stroke not in ("", "none")
    return element(
        "path", d=" ".join(pieces), fill=fill or "none",
        stroke=stroke if drawn else None, stroke_width=width.removesuffix("px") if drawn else None,
    )  # fmt: skip
