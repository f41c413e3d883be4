"""What a training begins from: a fresh network, or a prior."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from torch import nn

from molgen import resources
from molgen.batch import Grammar
from molgen.errors import MolgenError
from molgen.generator import load_module, read_card
from molgen.modality import Modality, modality_of
from molgen.provenance import sha256_of
from molgen.recipes import family, recipe_of

TRUTH = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
OF_PROPERTIES = ("decoder.condition", "centre", "spread", "told.", "network.told.")  # weights that go with them
AUTOENCODER = "autoencoder."  # the weights that priors over its latent space borrow

logger = logging.getLogger("molgen.train")


@dataclass(frozen=True)
class Origin:
    """A prior to begin from."""

    path: Path
    sha256: str
    recipe: Any
    grammar: Grammar
    modality: str


def find_origin(name: str) -> Origin | None:
    """The prior of that name or path; None for ''."""
    if not name:
        return None
    path = resources.find("priors", name)
    card = read_card(path)
    modality = modality_of(card)
    grammar = modality.grammar(card["grammar"])
    return Origin(path, sha256_of(path), recipe_of(card["recipe"]), grammar, modality.name)


def grammar(modality: Modality, words: tuple[str, ...], origin: Origin | None) -> Grammar:
    """The grammar of the origin, or a fresh one with the limits that `words` (NAME=VALUE) change.

    Raises:
        MolgenError: a word that is no limit of this modality's grammar; an origin of another modality.
    """
    if origin is None:
        begun = modality.settings()
        return modality.grammar({**begun, **dict(_limit(modality, begun, word) for word in words)})
    if origin.modality != modality.name:
        raise MolgenError(f"{origin.path} is the prior of a {origin.modality}: say --modality {origin.modality}")
    if words:
        raise MolgenError(f"--grammar {words[0]}: {origin.path} brings its own grammar; leave one of the two out")
    return origin.grammar


def _limit(modality: Modality, begun: dict[str, Any], word: str) -> tuple[str, int]:
    name, _, value = word.partition("=")
    known = [one for one, value in begun.items() if isinstance(value, int)]
    if name not in known:
        raise MolgenError(f"the grammar of a {modality.name} has no limit {name!r}; it has {', '.join(known)}")
    if not value.isdecimal() or not int(value):
        raise MolgenError(f"--grammar {word}: {name} must be a whole number above zero, such as {begun[name]}")
    return name, int(value)


def recipe(kind: str, words: tuple[str, ...], origin: Origin | None) -> Any:
    """The recipe of a family with the settings that `words` (NAME=VALUE) change, from the origin's where it has one.

    Raises:
        MolgenError: a word that is no setting; a family over a latent space without its autoencoder.
    """
    record, _ = family(kind)
    latent = any(f.name == "autoencoder" for f in fields(record))
    if latent and (origin is None or origin.recipe.kind != "vae"):
        raise MolgenError(f"the {kind} family draws in a VAE's latent space: give the VAE with --from")
    if origin is not None and origin.recipe.kind == kind:
        begun = origin.recipe
    else:
        begun = record(autoencoder=origin.recipe) if latent and origin else record()
    return changed(begun, words)


def changed(begun: Any, words: tuple[str, ...]) -> Any:
    """The recipe with the settings that `words` (NAME=VALUE) change; MolgenError for a word that is no setting."""
    return replace(begun, **dict(_setting(begun, word) for word in words))


def _setting(begun: Any, word: str) -> tuple[str, Any]:
    """One NAME=VALUE, read as the type that the setting has."""
    name, _, value = word.partition("=")
    known = {f.name: getattr(begun, f.name) for f in fields(begun) if f.name not in ("kind", "autoencoder")}
    if name not in known:
        raise MolgenError(f"the {begun.kind} recipe has no setting {name!r}; it has {', '.join(known)}")
    choices = get_args(get_type_hints(type(begun))[name])
    kind = type(known[name])
    if kind is tuple:
        return name, tuple(word.strip() for word in value.split(",") if word.strip())
    if kind is bool:
        choices, kind = tuple(TRUTH), TRUTH.__getitem__
    if kind is str and not choices:
        return name, value
    try:
        if choices and value not in choices:
            raise ValueError
        read = kind(value)
    except ValueError as error:
        wanted = f"one of {', '.join(choices)}" if choices else f"a number such as {known[name]!r}"
        raise MolgenError(f"--set {word}: {name} must be {wanted}") from error
    least = 1 if isinstance(read, int) and name not in ("origins", "glance") else 0
    if not isinstance(read, str | bool) and not least <= read < math.inf:
        raise MolgenError(f"--set {word}: {name} must be {least} or more")
    return name, read


def goes_further(begun: Any, origin: Origin | None) -> bool:
    """Has the origin the same network, so that its training goes on?"""
    return origin is not None and _network(origin.recipe) == _network(begun)


def _network(begun: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(begun).items() if name != "properties"}


def take(module: nn.Module, origin: Origin | None, out: Path) -> dict[str, Any]:
    """Copies what the origin can give into the module; gives what the card must say of it.

    Raises:
        MolgenError: a prior of the same family whose weights do not fit.
    """
    if origin is None:
        return {}
    weights = load_module(origin.path).state_dict()
    begun = {"from": {"file": origin.path.name, "sha256": origin.sha256}}
    if hasattr(module, "autoencoder"):
        module.autoencoder.load_state_dict(weights)
        lender = Path(out).with_name(origin.path.name)
        if not lender.exists() or sha256_of(lender) != origin.sha256:
            raise MolgenError(f"{out} will need its autoencoder beside it: copy {origin.path} and its card there first")
        return {"borrows": {"prefix": AUTOENCODER, **begun["from"]}}
    own = module.state_dict()
    if getattr(origin.recipe, "properties", ()) != getattr(module.recipe, "properties", ()):
        weights = {name: w for name, w in weights.items() if not name.startswith(OF_PROPERTIES)}
    fitting = {name: w for name, w in weights.items() if name in own and own[name].shape == w.shape}
    if not fitting:
        raise MolgenError(f"{origin.path} has no weights that fit the {module.recipe.kind} family: leave out --from")
    logger.info("%d of %d tensors are taken from %s", len(fitting), len(own), origin.path.name)
    if origin.recipe == module.recipe and len(fitting) < len(own):
        raise MolgenError(f"{origin.path} does not fit its own recipe: copy it again")
    module.load_state_dict(own | fitting)
    return begun
