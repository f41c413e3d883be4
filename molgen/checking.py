"""Checks of what a person wrote into a file of settings; each fault is a sentence with the place and the remedy."""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from molgen.errors import MolgenError


def record(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """Fill a dataclass, checking each key and the type that its field declares."""
    fields = {item.name: item for item in dataclasses.fields(kind)}
    for key in values:
        known(key, fields, where, "key")
    return kind(**converted(values, {name: item.type for name, item in fields.items()}, where))


def converted(values: Mapping[str, Any], types: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values, each checked against the type that its field declares."""
    return {key: _converted(value, types[key], key, where) for key, value in values.items()}


def _converted(value: Any, kind: Any, key: str, where: str) -> Any:
    if getattr(kind, "__origin__", None) is Literal:
        return _choice(value, kind.__args__, key, where)
    if kind is bool:
        return expect(value, isinstance(value, bool), key, where, "true or false")
    if kind is int:
        return expect(value, isinstance(value, int) and not isinstance(value, bool), key, where, "a whole number")
    if kind == tuple[str, ...]:
        return tuple(expect(value, _is_texts(value), key, where, 'a list of texts like ["C", "N"]'))
    if kind is str:
        return text(value, key, where)
    return _number(value, key, where)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_number(value: Any) -> bool:
    """Is it a number, and not NaN?"""
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _number(value: Any, key: str, where: str) -> float:
    return float(expect(value, is_number(value), key, where, "a number"))


def text(value: Any, key: str, where: str) -> str:
    """The value, if it is a text."""
    return expect(value, isinstance(value, str), key, where, "a text in quotes")


def expect(value: Any, holds: bool, key: str, where: str, expected: str) -> Any:
    """The value, if the condition holds; else a MolgenError that says what was expected."""
    if not holds:
        raise MolgenError(f"{where}: {key} = {value!r} must be {expected}")
    return value


def _choice(value: Any, choices: Iterable[str], key: str, where: str) -> str:
    text(value, key, where)
    known(value, choices, where, f"value for {key}")
    return value


def known(key: str, valid: Iterable[str], where: str, what: str) -> None:
    """Refuse a name that is not among the valid ones, and say which is the nearest."""
    valid = list(valid)
    if key in valid:
        return
    near = difflib.get_close_matches(key.lower(), [name.lower() for name in valid], n=1, cutoff=0.5)
    meant = next((name for name in valid if near and name.lower() == near[0]), None)
    hint = f"did you mean '{meant}'?" if meant else f"valid: {', '.join(valid) or 'none'}"
    raise MolgenError(f"{where}: unknown {what} '{key}'; {hint}")
