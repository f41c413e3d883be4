"""What baselines share: one file of arrays with a card beside it, and designs as an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from molgen.errors import MolgenError
from molgen.generator import card_path, read_card, write_card
from molgen.store import write_atomic

Arrays = dict[str, np.ndarray]


def new_card(
    recipe: Any, data: dict[str, Any] | None, modality: str, grammar: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """The card of a baseline. `data` says what it was fitted on, as a prior's card does; no grammar: {}."""
    kind = asdict(recipe)["kind"]
    return {"family": kind, "modality": modality, "recipe": asdict(recipe), "data": data, "grammar": grammar, **more}


def write(path: Path, arrays: Arrays, card: dict[str, Any]) -> None:
    """Arrays as safetensors, the card beside them as JSON."""
    write_atomic(Path(path), save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
    write_card(path, card)


def read(path: Path, kind: str, names: Sequence[str]) -> tuple[Arrays, dict[str, Any]]:
    """The arrays of that name and the card.

    Raises:
        MolgenError: no such file, another kind of generator, or arrays that are damaged or missing.
    """
    card = read_card(path)
    found = card["recipe"].get("kind") if isinstance(card["recipe"], dict) else card["recipe"]
    if found != kind:
        raise MolgenError(f"{path} holds a generator of the kind {found!r}, not {kind!r}")
    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise MolgenError(f"{path} is damaged or no file of weights ({error}): copy it again") from error
    if missing := set(names) - arrays.keys():
        raise MolgenError(f"{path} lacks {', '.join(sorted(missing))}: it does not fit its card {card_path(path).name}")
    return arrays, card


def as_array(designs: Sequence[str]) -> np.ndarray:
    """Designs as bytes, one a line."""
    if odd := next((design for design in designs if "\n" in design), None):
        raise MolgenError(f"a design cannot hold a line break: {odd!r}")
    return np.frombuffer("".join(f"{design}\n" for design in designs).encode(), dtype=np.uint8)


def as_designs(array: np.ndarray) -> list[str]:
    """The designs of `as_array`."""
    return array.tobytes().decode().split("\n")[:-1]


def refuse_motif(card: dict[str, Any], text: str) -> NoReturn:
    """MolgenError: a generator that draws neither tokens nor fields under a grammar keeps no motif."""
    kind = card["recipe"]["kind"]
    raise MolgenError(f"a generator of the kind {kind!r} keeps no motif ({text}): leave it out, or take another prior")


def refuse_nothing(designs: int) -> None:
    """MolgenError where there is no design to fit on."""
    if not designs:
        raise MolgenError("there is no design to fit a baseline on")
