"""HTML that is escaped by construction: text becomes markup only through `element`."""

from __future__ import annotations

import html
from collections.abc import Iterable

VOID = frozenset({"br", "meta", "input", "line", "rect", "path", "use", "circle", "polyline"})


class Markup(str):
    """Text that is HTML already; every other string is escaped when it enters an element."""


def escaped(child: object) -> Markup:
    """The child as HTML: markup as it is, nothing for None, everything else escaped."""
    if child is None:
        return Markup("")
    return child if isinstance(child, Markup) else Markup(html.escape(str(child)))


def joined(children: Iterable[object], between: str = "") -> Markup:
    """All children, escaped where they are not markup, one after another."""
    return Markup(html.escape(between).join(escaped(child) for child in children))


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element. Attribute names lose a trailing `_` and turn `_` into `-`; None leaves the attribute out."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    closing = "" if name in VOID else f"{joined(children)}</{name}>"
    return Markup(f"<{name}{shown}>{closing}" if name not in VOID else f"<{name}{shown}/>")
