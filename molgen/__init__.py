"""molgen: from a set of molecules to a ranked table of new ones.

    import molgen
    run = molgen.design(molgen.DesignSettings(profile="oral_drug", samples=2000, out="runs/demo"))
    run.ranked.head()
    molgen.open_run("runs/demo").candidates

Importing molgen loads nothing heavy: each name is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molgen.errors import MolgenError, OutputError
    from molgen.generator import load_generator
    from molgen.pipeline import design, generate, screen
    from molgen.profile import Profile, load_profile
    from molgen.reading import read_designs
    from molgen.runs import Run, open_run
    from molgen.settings import DesignSettings, GenerateSettings, ScreenSettings
    from molgen.training_run import TrainSettings, train_generator

_PLACES = {
    "DesignSettings": "settings",
    "GenerateSettings": "settings",
    "MolgenError": "errors",
    "OutputError": "errors",
    "Profile": "profile",
    "Run": "runs",
    "ScreenSettings": "settings",
    "TrainSettings": "training_run",
    "design": "pipeline",
    "generate": "pipeline",
    "load_generator": "generator",
    "load_profile": "profile",
    "open_run": "runs",
    "read_designs": "reading",
    "screen": "pipeline",
    "train_generator": "training_run",
}

__all__ = [
    "DesignSettings",
    "GenerateSettings",
    "MolgenError",
    "OutputError",
    "Profile",
    "Run",
    "ScreenSettings",
    "TrainSettings",
    "design",
    "generate",
    "load_generator",
    "load_profile",
    "open_run",
    "read_designs",
    "screen",
    "train_generator",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'molgen' has no attribute {name!r}")
    return getattr(import_module(f"molgen.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
