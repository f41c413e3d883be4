"""The choice of a generator: frozen records with a `kind`, and how a module is built from one."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from molgen.batch import Grammar
from molgen.errors import MolgenError
from molgen.families.autoregressive import Autoregressive, AutoregressiveRecipe
from molgen.seeds import seeded

Recipe = AutoregressiveRecipe  # a union with the next family
FAMILIES = {"autoregressive": (AutoregressiveRecipe, Autoregressive)}


def recipe_of(settings: dict[str, Any]) -> Recipe:
    """The recipe of a card or of a schedule's JSON.

    Raises:
        MolgenError: an unknown family or setting; the message lists the known ones.
    """
    kind = settings.get("kind")
    if kind not in FAMILIES:
        raise MolgenError(f"unknown family {kind!r}; known: {', '.join(FAMILIES)}")
    record = FAMILIES[kind][0]
    known = [f.name for f in fields(record)]
    if strange := sorted(set(settings) - set(known)):
        raise MolgenError(f"the {kind} recipe has no setting {strange[0]!r}; it has {', '.join(known)}")
    return record(**settings)


def build(recipe: Recipe, grammar: Grammar, seed: int = 0) -> Autoregressive:
    """The family's module with weights drawn by the seed."""
    with seeded(seed):
        return FAMILIES[recipe.kind][1](grammar, recipe)


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """Plain values for a card."""
    return asdict(recipe)
