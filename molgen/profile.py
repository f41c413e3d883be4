"""The target profile: what the user wants, as a TOML file that a person can write.

Hard rules reject a design, soft goals turn a score into a desirability between 0 and 1. Every key is checked: an
unknown one is an error that names the nearest valid key, a wrong type or range says what is expected. Knows no
chemistry: the names of the scores come from `candidates.schema`.
"""

import dataclasses
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from molgen.candidates import score_names
from molgen.checking import converted, expect, is_number, known, record, text
from molgen.errors import MolgenError
from molgen.science import MODALITIES, sections

COMPARED = ("nearest_similarity",)  # scores that exist only after comparison with the reference: goals, not windows


@dataclass(frozen=True)
class Window:
    """A hard window: outside of [low, high] a design is rejected. Infinite where only one side is set."""

    score: str
    low: float
    high: float


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
    modality: str = "molecule"
    standardise: Any = None  # these three as the modality has them: molgen/<modality>/sections.py
    rules: Any = None
    windows: tuple[Window, ...] = ()
    alerts: Any = None
    novelty: Novelty = Novelty()
    goals: tuple[Goal, ...] = ()
    rank: Rank = Rank()
    select: Select = Select()
    source: str = field(default="", compare=False)  # the file it came from

    def __post_init__(self) -> None:
        for name, section in sections(self.modality).SECTIONS.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, section())

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
            known(name, names, "the weights", "goal")
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
    modality = text(data.get("modality", "molecule"), "modality", source)
    known(modality, MODALITIES, source, "modality")
    tables = {**sections(modality).SECTIONS, "novelty": Novelty, "rank": Rank, "select": Select}
    for key in data:
        known(key, ["name", "about", "modality", "windows", "goals", *tables], source, "key")
    if "name" not in data:
        raise MolgenError(f'{source} has no `name`; add a line like name = "my_profile" at its top')
    parts = {key: record(kind, _table(data, key, source), f"{source} [{key}]") for key, kind in tables.items()}
    profile = Profile(
        modality=modality,
        name=text(data["name"], "name", source),
        about=text(data.get("about", ""), "about", source),
        windows=tuple(_window(key, value, source, modality) for key, value in _table(data, "windows", source).items()),
        goals=tuple(_goal(key, value, source, modality) for key, value in _table(data, "goals", source).items()),
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


def _window(key: str, value: Any, source: str, modality: str) -> Window:
    where = f"{source} [windows]"
    known(key, [name for name in score_names(modality) if name not in COMPARED], where, "score")
    pair = isinstance(value, list) and len(value) == 2 and all(is_number(item) for item in value)
    expect(value, pair, key, where, "a pair of numbers [low, high]; inf and -inf leave a side open")
    low, high = map(float, value)
    expect(value, low <= high, key, where, "in order: [low, high]")
    return Window(key, low, high)


def _goal(key: str, value: Any, source: str, modality: str) -> Goal:
    where = f"{source} [goals.{key}]"
    known(key, score_names(modality), f"{source} [goals]", "score")
    expect(value, isinstance(value, Mapping), key, where, f"a table [goals.{key}] with shape, low and high")
    fields = {item.name: item.type for item in dataclasses.fields(Goal) if item.name != "score"}
    for name in value:
        known(name, fields, where, "key")
    missing = [name for name in ("shape", "low", "high") if name not in value]
    if missing:
        raise MolgenError(f"{where}: {' and '.join(missing)} missing; a goal needs shape, low and high")
    goal = Goal(score=key, **converted(value, fields, where))
    _check_goal(goal, where)
    return goal


def _check_goal(goal: Goal, where: str) -> None:
    expect(goal.weight, 0 <= goal.weight < math.inf, f"weight of {goal.score}", where, "0 or more")
    finite = math.isfinite(goal.low) and math.isfinite(goal.high)
    expect([goal.low, goal.high], finite, "[low, high]", where, "finite")
    if goal.shape != "window":
        expect([goal.low, goal.high], goal.low < goal.high, "[low, high]", where, "in order: low below high")
        unused = goal.zero_below is None and goal.zero_above is None
        expect(goal.shape, unused, "shape", where, "'window' where zero_below or zero_above is set")
        return
    edges = [goal.zero_below, goal.low, goal.high, goal.zero_above]
    ordered = None not in edges and edges[0] < edges[1] <= edges[2] < edges[3]
    expect(edges, ordered, "[zero_below, low, high, zero_above]", where, "all set and in this order")


def _check(profile: Profile, source: str) -> None:
    chosen, where = profile.select, f"{source} [select]"
    expect(chosen.max_similarity, 0 < chosen.max_similarity <= 1, "max_similarity", where, "in (0, 1]")
    for key in ("count", "max_per_scaffold", "pool"):
        expect(getattr(chosen, key), getattr(chosen, key) >= 1, key, where, "1 or more")
    expect(chosen.pool, chosen.pool >= chosen.count, "pool", where, "at least `count`")
    sections(profile.modality).check(profile, source)
