"""The choice of a generator: frozen records with a `kind`, and how a module is built from one."""

from __future__ import annotations

from dataclasses import asdict, fields
from importlib import import_module
from typing import Any

from torch import nn

from molgen.batch import Grammar
from molgen.errors import MolgenError
from molgen.seeds import seeded

# Module, recipe and class of every family. Imported when asked for: torch-geometric takes seconds.
FAMILIES = {
    "autoregressive": ("autoregressive", "AutoregressiveRecipe", "Autoregressive"),
    "vae": ("vae", "VaeRecipe", "Vae"),
    "gan": ("gan", "GanRecipe", "LatentGan"),
    "adjacency_gan": ("adjacency_gan", "AdjacencyGanRecipe", "AdjacencyGan"),
    "diffusion": ("diffusion", "DiffusionRecipe", "Diffusion"),
    "flow": ("flow", "FlowRecipe", "LatentFlow"),
}


def family(kind: str) -> tuple[type, type[nn.Module]]:
    """Recipe and module class of a family.

    Raises:
        MolgenError: an unknown family; the message lists the known ones.
    """
    if kind not in FAMILIES:
        raise MolgenError(f"unknown family {kind!r}; known: {', '.join(FAMILIES)}")
    module, recipe, network = FAMILIES[kind]
    found = import_module(f"molgen.families.{module}")
    return getattr(found, recipe), getattr(found, network)


def recipe_of(settings: dict[str, Any]) -> Any:
    """The recipe of a card or of a schedule's JSON.

    Raises:
        MolgenError: an unknown family or setting; the message lists the known ones.
    """
    record, _ = family(settings.get("kind", ""))
    known = [f.name for f in fields(record)]
    if strange := sorted(set(settings) - set(known)):
        raise MolgenError(f"the {settings['kind']} recipe has no setting {strange[0]!r}; it has {', '.join(known)}")
    inner = {name: recipe_of(value) for name, value in settings.items() if isinstance(value, dict)}
    lists = {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}  # JSON has no tuples
    return record(**{**settings, **inner, **lists})


def build(recipe: Any, grammar: Grammar, seed: int = 0) -> nn.Module:
    """The family's module with weights drawn by the seed.

    Raises:
        MolgenError: settings that do not go together.
    """
    try:
        with seeded(seed):
            return family(recipe.kind)[1](grammar, recipe)
    except (ValueError, RuntimeError, AssertionError) as error:
        raise MolgenError(f"no {recipe.kind} network can be built of {recipe}: {error}") from error


def settings_of(recipe: Any) -> dict[str, Any]:
    """Plain values for a card."""
    return asdict(recipe)
