"""What a run is made from: looked up and checked before anything is spent or written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from molgen import drawing, generating, resources, screening
from molgen.comparing import Comparison, check_goals
from molgen.drawing import Carded
from molgen.errors import MolgenError
from molgen.profile import Profile, load_profile
from molgen.provenance import code_digest, cores, find_device, input_file
from molgen.references import Reference, find_reference, training_set
from molgen.runs import refuse_taken
from molgen.science import columns, science, sections
from molgen.settings import PROFILES, TRAINING, DesignSettings, GenerateSettings, ScreenSettings, Settings

G = TypeVar("G", bound=Carded | None)

# Sources that decide a run's tables once the chunks are there.
CODE = ("candidates.py", "comparing.py", "funnel.py", "novelty.py", "profile.py", "ranking.py", "references.py")
CODE += ("column.py", "results.py", "wording.py")


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
        science(profile_of(settings)[1].modality).find_column(settings.file, settings.column)
        plan_screen(settings)
    elif isinstance(settings, GenerateSettings):
        generating.planned(settings)


def plan_design(settings: DesignSettings, load: Callable[[Path, str], G]) -> Plan[G]:
    """The plan of `design`; `load` brings the generator, or its card alone."""
    profile_path, profile = profile_of(settings)
    prior = input_file(drawing.find_prior(settings, profile.modality))
    device = find_device(settings.device)
    generator = load(Path(prior["path"]), device.kind)
    card = generator.card if generator is not None else {}
    drawing.refuse_untaught(settings, card)
    _refuse_other(card, profile, settings)
    comparison = _comparison(settings.reference, *training_set(card), profile.modality)
    made_from = drawing.made_from(drawing.identity(Path(prior["path"])), device.kind, settings, _motif(profile))
    made_from["code"] = code_digest(*drawing.CODE, *_code(profile))
    inputs = {"prior": prior | {"card": card, "arithmetic": str(getattr(generator, "arithmetic", ""))}}
    return _plan(settings, profile_path, profile, comparison, made_from, inputs, device.title, generator)


def plan_screen(settings: ScreenSettings) -> Plan[None]:
    """The plan of `screen`."""
    profile_path, profile = profile_of(settings)
    training = find_reference(settings.training, modality=profile.modality)
    why_not = "" if training else "no training set was named (--training)"
    comparison = _comparison(settings.reference, training, why_not, profile.modality)
    file = input_file(settings.file)
    made_from = {"file": file["sha256"], "column": settings.column, "code": code_digest(*_code(profile))}
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


def profile_of(settings: DesignSettings | ScreenSettings) -> tuple[Path, Profile]:
    """The profile of a run, with the motif that is asked for, and its file.

    MolgenError where it is for another modality than the one asked for, or the motif is none.
    """
    path = resources.find("profiles", settings.profile or PROFILES[settings.modality])
    profile = load_profile(path)
    if settings.modality not in ("", profile.modality):
        raise MolgenError(
            f"--modality {settings.modality}: the profile '{profile.name}' is for {columns(profile.modality).NOUNS[1]} "
            f"(modality = {profile.modality}); name another with --profile"
        )
    return path, _with_motif(profile, getattr(settings, "motif", ""))


def checked(settings: DesignSettings) -> Profile:
    """The profile, once all is well that can be told without a prior: before one is trained."""
    _, profile = profile_of(settings)
    if settings.reference != TRAINING:
        find_reference(settings.reference, modality=profile.modality)
    return profile


def _motif(profile: Profile) -> str:
    """What every design must look like, '' for anything."""
    return str(getattr(profile.rules, "motif", ""))


def _with_motif(profile: Profile, motif: str) -> Profile:
    """The profile with the motif of --motif as its rule, which every design is held to once more after drawing."""
    if not motif:
        return profile
    if not hasattr(profile.rules, "motif"):
        raise MolgenError(f"--motif {motif}: {columns(profile.modality).NOUNS[1]} have no motifs")
    changed = replace(profile, rules=replace(profile.rules, motif=motif))
    sections(profile.modality).check(changed, "--motif")
    return changed


def _refuse_other(card: Mapping[str, Any], profile: Profile, settings: DesignSettings) -> None:
    """MolgenError where the prior draws another kind of design than the profile is for."""
    drawn = card.get("modality", profile.modality)
    if drawn != profile.modality:
        raise MolgenError(
            f"the prior draws {columns(drawn).NOUNS[1]}, and the profile '{profile.name}' is for "
            f"{columns(profile.modality).NOUNS[1]}: name another --profile or another --prior"
        )


def _code(profile: Profile) -> tuple[str, ...]:
    return (*CODE, f"{profile.modality}/columns.py", *screening.code(profile.modality))


def _comparison(reference: str, training: Reference | None, why_not: str, modality: str) -> Comparison:
    other = training if reference == TRAINING else find_reference(reference, modality=modality)
    return Comparison(training, other, why_not)
