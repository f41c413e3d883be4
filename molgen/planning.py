"""What a run is made from: looked up and checked before anything is spent or written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from molgen import drawing, generating, reading, resources, screening
from molgen.comparing import Comparison, check_goals
from molgen.drawing import Carded
from molgen.profile import Profile, load_profile
from molgen.provenance import code_digest, cores, find_device, input_file
from molgen.references import Reference, find_reference, training_set
from molgen.runs import refuse_taken
from molgen.settings import TRAINING, DesignSettings, GenerateSettings, ScreenSettings, Settings

G = TypeVar("G", bound=Carded | None)

# Sources that decide a run's tables once the chunks are there.
CODE = ("candidates.py", "comparing.py", "funnel.py", "novelty.py", "profile.py", "ranking.py", "references.py")
CODE += ("results.py", "wording.py", *screening.CODE)


@dataclass(frozen=True)
class Plan(Generic[G]):
    """What a run needs to begin."""

    profile_path: Path
    profile: Profile
    comparison: Comparison
    made_from: dict[str, Any]  # what decides the results: settings and checksums of inputs
    inputs: dict[str, Any]
    device: str
    generator: G


def check(settings: Settings) -> None:
    """MolgenError now for what would stop the command at its beginning. Reads cards and headers, writes nothing."""
    if isinstance(settings, DesignSettings):
        plan_design(settings, drawing.load_card)
    elif isinstance(settings, ScreenSettings):
        reading.find_column(settings.file, settings.column)
        plan_screen(settings)
    elif isinstance(settings, GenerateSettings):
        generating.planned(settings)


def plan_design(settings: DesignSettings, load: Callable[[Path, str], G]) -> Plan[G]:
    """The plan of `design`; `load` brings the generator, or its card alone."""
    profile_path, profile = _profile(settings.profile)
    prior = input_file(drawing.find_prior(settings))
    device = find_device(settings.device)
    generator = load(Path(prior["path"]), device.kind)
    card = generator.card if generator is not None else {}
    drawing.refuse_untaught(settings, card)
    comparison = _comparison(settings.reference, *training_set(card))
    made_from = drawing.made_from(drawing.identity(Path(prior["path"])), device.kind, settings)
    made_from["code"] = code_digest(*drawing.CODE, *CODE)
    inputs = {"prior": prior | {"card": card, "arithmetic": str(getattr(generator, "arithmetic", ""))}}
    return _plan(settings, profile_path, profile, comparison, made_from, inputs, device.title, generator)


def plan_screen(settings: ScreenSettings) -> Plan[None]:
    """The plan of `screen`."""
    profile_path, profile = _profile(settings.profile)
    training = find_reference(settings.training)
    why_not = "" if training else "no training set was named (--training)"
    comparison = _comparison(settings.reference, training, why_not)
    file = input_file(settings.file)
    made_from = {"file": file["sha256"], "column": settings.column, "code": code_digest(*CODE)}
    return _plan(settings, profile_path, profile, comparison, made_from, {"file": file}, cores(), None)


def _plan(
    settings: DesignSettings | ScreenSettings,
    profile_path: Path,
    profile: Profile,
    comparison: Comparison,
    made_from: dict[str, Any],
    inputs: dict[str, Any],
    device: str,
    generator: G,
) -> Plan[G]:
    """Adds what both commands share, once the goals can be answered and the folder is free."""
    check_goals(profile, comparison)
    made_from = {**made_from, "profile": profile.digest(), **comparison.made_from()}
    command = "design" if isinstance(settings, DesignSettings) else "screen"
    refuse_taken(settings.out, command, made_from, settings.replace)
    inputs = {"profile": input_file(profile_path), **inputs, **comparison.inputs()}
    return Plan(profile_path, profile, comparison, made_from, inputs, device, generator)


def _profile(name: str) -> tuple[Path, Profile]:
    path = resources.find("profiles", name)
    return path, load_profile(path)


def _comparison(reference: str, training: Reference | None, why_not: str) -> Comparison:
    return Comparison(training, training if reference == TRAINING else find_reference(reference), why_not)
