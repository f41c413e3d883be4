"""The target profile: what the user wants, as a TOML file that a person can write.

Hard rules reject a design, soft goals turn a score into a desirability between 0 and 1. Every key is checked: an
unknown one is an error that names the nearest valid key, a wrong type or range says what is expected. Knows no
chemistry: the names of the scores come from `candidates.SCHEMA`.
"""

import dataclasses
import difflib
import hashlib
import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from molgen.candidates import score_names
from molgen.errors import MolgenError

CITED_RULES = ("lipinski", "veber", "rule_of_three", "no_acids")
CATALOGS = (
    "PAINS",
    "PAINS_A",
    "PAINS_B",
    "PAINS_C",
    "reactive",
    "BRENK",
    "NIH",
    "ZINC",
    "CHEMBL_BMS",
    "CHEMBL_Dundee",
    "CHEMBL_Glaxo",
    "CHEMBL_Inpharmatica",
    "CHEMBL_LINT",
    "CHEMBL_MLSMR",
    "CHEMBL_SureChEMBL",
)
COMPARED = ("nearest_similarity",)  # scores that exist only after comparison with the reference: goals, not windows
ELEMENTS = (
    "H",
    "B",
    "C",
    "N",
    "O",
    "F",
    "Si",
    "P",
    "S",
    "Cl",
    "As",
    "Se",
    "Br",
    "Te",
    "I",
)  # metals are always refused
ORGANIC = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")


@dataclass(frozen=True)
class Standardise:
    """How a text becomes a molecule."""

    strip_salts: bool = True  # take known counter-ions and solvents off and neutralise, with a note
    max_heavy_atoms: int = 200  # larger molecules are refused before anything costly


@dataclass(frozen=True)
class Rules:
    """Published rules, and the limits of a structure."""

    use: tuple[str, ...] = ()  # of CITED_RULES
    lipinski_violations: int = 1  # how many of Lipinski's four limits may be broken (1997: one)
    elements: tuple[str, ...] = ORGANIC
    max_ring_size: int = 8
    mode: Literal["first", "all"] = "first"  # 'all' collects the reasons of every rule: slower, for diagnosis


@dataclass(frozen=True)
class Window:
    """A hard window: outside of [low, high] a design is rejected. Infinite where only one side is set."""

    score: str
    low: float
    high: float


@dataclass(frozen=True)
class Alerts:
    """Catalogs of unwanted groups: those that reject, and those that only flag."""

    reject: tuple[str, ...] = ("reactive", "PAINS")
    flag: tuple[str, ...] = ("BRENK", "NIH")


@dataclass(frozen=True)
class Novelty:
    """What to do with a design that the training set already holds."""

    reject_known: bool = True


@dataclass(frozen=True)
class Goal:
    """A soft goal: piecewise linear between no (0) and full (1) desirability of one score.

    higher: 0 at `low` and below, 1 at `high` and above. lower: 1 at `low` and below, 0 at `high` and above.
    window: 1 from `low` to `high`, falling to 0 at `zero_below` and at `zero_above`.
    """

    score: str
    shape: Literal["higher", "lower", "window"]
    low: float
    high: float
    weight: float = 1.0
    zero_below: float | None = None
    zero_above: float | None = None


@dataclass(frozen=True)
class Rank:
    """How the goals become one number, and what a missing score means."""

    method: Literal["geometric", "arithmetic", "pareto"] = "geometric"
    missing: Literal["worst", "exclude"] = "worst"


@dataclass(frozen=True)
class Select:
    """Which of the ranked designs are picked for diversity."""

    count: int = 20
    max_per_scaffold: int = 2
    max_similarity: float = 0.6  # Tanimoto to every other pick, at the most
    method: Literal["maxmin", "greedy"] = "maxmin"
    pool: int = 200  # MaxMin picks among the best `pool` designs only


@dataclass(frozen=True)
class Profile:
    """What the user wants of a design."""

    name: str
    about: str = ""
    standardise: Standardise = Standardise()
    rules: Rules = Rules()
    windows: tuple[Window, ...] = ()
    alerts: Alerts = Alerts()
    novelty: Novelty = Novelty()
    goals: tuple[Goal, ...] = ()
    rank: Rank = Rank()
    select: Select = Select()
    source: str = field(default="", compare=False)  # the file it came from

    def as_dict(self) -> dict[str, Any]:
        """The resolved profile as plain values, without the name of its file."""
        plain = _plain(dataclasses.asdict(self))
        del plain["source"]
        return plain

    def digest(self) -> str:
        """The sha256 of the resolved profile: the same wherever the file lies and however it is laid out."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()

    def with_weights(self, weights: Mapping[str, float]) -> "Profile":
        """The same profile with other weights for some of its goals."""
        names = [goal.score for goal in self.goals]
        for name in weights:
            _known(name, names, "the weights", "goal")
        goals = [dataclasses.replace(goal, weight=float(weights.get(goal.score, goal.weight))) for goal in self.goals]
        for goal in goals:
            _check_goal(goal, "the weights")
        return dataclasses.replace(self, goals=tuple(goals))


def load_profile(path: Path | str) -> Profile:
    """Read and check a profile; every fault is a MolgenError that names file, key and remedy."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as problem:
        raise MolgenError(f"no profile at {path}; the shipped ones are in data/profiles") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise MolgenError(f"cannot read the profile {path}: {problem}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise MolgenError(f"{path} is no valid TOML: {problem}") from problem
    return parse_profile(data, str(path))


def parse_profile(data: Mapping[str, Any], source: str = "the profile") -> Profile:
    """Make a profile of what a TOML file holds; `source` is named in errors."""
    tables = {"standardise": Standardise, "rules": Rules, "alerts": Alerts, "novelty": Novelty, "rank": Rank}
    tables |= {"select": Select}
    for key in data:
        _known(key, ["name", "about", "windows", "goals", *tables], source, "key")
    if "name" not in data:
        raise MolgenError(f'{source} has no `name`; add a line like name = "my_profile" at its top')
    parts = {key: _record(kind, _table(data, key, source), f"{source} [{key}]") for key, kind in tables.items()}
    profile = Profile(
        name=_text(data["name"], "name", source),
        about=_text(data.get("about", ""), "about", source),
        windows=tuple(_window(key, value, source) for key, value in _table(data, "windows", source).items()),
        goals=tuple(_goal(key, value, source) for key, value in _table(data, "goals", source).items()),
        source=source,
        **parts,
    )
    _check(profile, source)
    return profile


def _plain(value: Any) -> Any:
    """Lists for tuples, and null for an open side of a window: what JSON can hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isinf(value) else value


def _table(data: Mapping[str, Any], key: str, source: str) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, Mapping):
        raise MolgenError(f"{source}: `{key}` must be a table, written as [{key}], not {value!r}")
    return value


def _record(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """Fill a dataclass, checking each key and the type that its field declares."""
    fields = {item.name: item for item in dataclasses.fields(kind)}
    for key in values:
        _known(key, fields, where, "key")
    return kind(**{key: _converted(value, fields[key].type, key, where) for key, value in values.items()})


def _converted(value: Any, kind: Any, key: str, where: str) -> Any:
    if getattr(kind, "__origin__", None) is Literal:
        return _choice(value, kind.__args__, key, where)
    if kind is bool:
        return _expect(value, isinstance(value, bool), key, where, "true or false")
    if kind is int:
        return _expect(value, isinstance(value, int) and not isinstance(value, bool), key, where, "a whole number")
    if kind == tuple[str, ...]:
        return tuple(_expect(value, _is_texts(value), key, where, 'a list of texts like ["C", "N"]'))
    if kind is str:
        return _text(value, key, where)
    return _number(value, key, where)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _number(value: Any, key: str, where: str) -> float:
    return float(_expect(value, _is_number(value), key, where, "a number"))


def _text(value: Any, key: str, where: str) -> str:
    return _expect(value, isinstance(value, str), key, where, "a text in quotes")


def _expect(value: Any, holds: bool, key: str, where: str, expected: str) -> Any:
    if not holds:
        raise MolgenError(f"{where}: {key} = {value!r} must be {expected}")
    return value


def _choice(value: Any, choices: Iterable[str], key: str, where: str) -> str:
    _text(value, key, where)
    _known(value, choices, where, f"value for {key}")
    return value


def _known(key: str, valid: Iterable[str], where: str, what: str) -> None:
    """Refuse a name that is not among the valid ones, and say which is the nearest."""
    valid = list(valid)
    if key in valid:
        return
    near = difflib.get_close_matches(key.lower(), [name.lower() for name in valid], n=1, cutoff=0.5)
    meant = next((name for name in valid if near and name.lower() == near[0]), None)
    hint = f"did you mean '{meant}'?" if meant else f"valid: {', '.join(valid) or 'none'}"
    raise MolgenError(f"{where}: unknown {what} '{key}'; {hint}")


def _window(key: str, value: Any, source: str) -> Window:
    where = f"{source} [windows]"
    _known(key, [name for name in score_names() if name not in COMPARED], where, "score")
    pair = isinstance(value, list) and len(value) == 2 and all(_is_number(item) for item in value)
    _expect(value, pair, key, where, "a pair of numbers [low, high]; inf and -inf leave a side open")
    low, high = map(float, value)
    _expect(value, low <= high, key, where, "in order: [low, high]")
    return Window(key, low, high)


def _goal(key: str, value: Any, source: str) -> Goal:
    where = f"{source} [goals.{key}]"
    _known(key, score_names(), f"{source} [goals]", "score")
    _expect(value, isinstance(value, Mapping), key, where, f"a table [goals.{key}] with shape, low and high")
    fields = {item.name: item.type for item in dataclasses.fields(Goal) if item.name != "score"}
    for name in value:
        _known(name, fields, where, "key")
    missing = [name for name in ("shape", "low", "high") if name not in value]
    if missing:
        raise MolgenError(f"{where}: {' and '.join(missing)} missing; a goal needs shape, low and high")
    goal = Goal(score=key, **{name: _converted(item, fields[name], name, where) for name, item in value.items()})
    _check_goal(goal, where)
    return goal


def _check_goal(goal: Goal, where: str) -> None:
    _expect(goal.weight, 0 <= goal.weight < math.inf, f"weight of {goal.score}", where, "0 or more")
    finite = math.isfinite(goal.low) and math.isfinite(goal.high)
    _expect([goal.low, goal.high], finite, "[low, high]", where, "finite")
    if goal.shape != "window":
        _expect([goal.low, goal.high], goal.low < goal.high, "[low, high]", where, "in order: low below high")
        unused = goal.zero_below is None and goal.zero_above is None
        _expect(goal.shape, unused, "shape", where, "'window' where zero_below or zero_above is set")
        return
    edges = [goal.zero_below, goal.low, goal.high, goal.zero_above]
    ordered = None not in edges and edges[0] < edges[1] <= edges[2] < edges[3]
    _expect(edges, ordered, "[zero_below, low, high, zero_above]", where, "all set and in this order")


def _check(profile: Profile, source: str) -> None:
    for name in profile.rules.use:
        _known(name, CITED_RULES, f"{source} [rules]", "rule")
    for name in profile.rules.elements:
        _known(name, ELEMENTS, f"{source} [rules]", "element")
    for name in (*profile.alerts.reject, *profile.alerts.flag):
        _known(name, CATALOGS, f"{source} [alerts]", "catalog")
    chosen = profile.select
    _expect(chosen.max_similarity, 0 < chosen.max_similarity <= 1, "max_similarity", f"{source} [select]", "in (0, 1]")
    positive = {"select": ("count", "max_per_scaffold", "pool"), "standardise": ("max_heavy_atoms",)}
    for table, keys in positive.items():
        for key in keys:
            value = getattr(getattr(profile, table), key)
            _expect(value, value >= 1, key, f"{source} [{table}]", "1 or more")
    rules, where = profile.rules, f"{source} [rules]"
    _expect(rules.max_ring_size, rules.max_ring_size >= 3, "max_ring_size", where, "3 or more")
    violations = rules.lipinski_violations
    _expect(violations, 0 <= violations <= 4, "lipinski_violations", where, "from 0 to 4")
    _expect(chosen.pool, chosen.pool >= chosen.count, "pool", f"{source} [select]", "at least `count`")
