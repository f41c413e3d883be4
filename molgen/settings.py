"""What a user asks for: one frozen record a command, checked before anything is spent.

Simple field types only: Prefect validates these records and publishes their schema.
"""

import difflib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from molgen.errors import MolgenError

MOST_SAMPLES = 100_000_000
MOST_GUIDANCE = 100
Fitted = Literal["profile", "hmm", "ardca", "ngram", "resample"]  # without a network: none ships, each is fitted whole
Generator = Literal["autoregressive", "vae", "gan", "diffusion", "flow", Fitted]
Family = Literal["autoregressive", "vae", "gan", "adjacency_gan", "diffusion", "flow", Fitted]
ALIGNED = ("profile", "hmm", "ardca")  # of the columns of an alignment
FITTED = get_args(Fitted)
TRAINING = "training"  # as a reference: the training set that the prior's card names
NOTHING = "none"
Modality = Literal["molecule", "protein"]
PROFILES = {"": "oral_drug", "molecule": "oral_drug", "protein": "protein"}  # where none is named


@dataclass(frozen=True)
class GenerateSettings:
    """`molgen generate`: draw designs and say which are valid."""

    out: Path = Path("designs.csv")
    modality: Modality = "molecule"  # of the prior that ships
    generator: Generator = "autoregressive"  # the family whose prior ships
    prior: str = ""  # another prior: a file, or the name of one that ships
    samples: int = 2000
    seed: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    want: tuple[str, ...] = ()  # properties to draw to order, NAME=VALUE, of those that the prior was taught
    guidance: float | None = None  # how far to lean to them: 1 as the data do, 0 not at all; None: as the prior says
    motif: str = ""  # what every design must look like, such as XXXXC[3-8]CXXX; kept by construction
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | None = None  # processes for chemistry; None: one a core
    minutes: float | None = None  # deadline, after which what exists is written
    replace: bool = False  # may results of other settings be replaced?

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))
        object.__setattr__(self, "want", tuple(self.want))
        _check_drawing(self)
        _check_running(self)


@dataclass(frozen=True)
class DesignSettings:
    """`molgen design`: draw, judge, compare, filter, score, rank, select."""

    profile: str = ""  # file, or name of one that ships; '': the modality's own
    modality: Literal["", "molecule", "protein"] = ""  # '': that of the profile
    samples: int = 2000
    seed: int = 0
    out: Path = Path("runs/design")
    generator: Generator = "autoregressive"  # the family whose prior ships
    prior: str = ""  # another prior: a file, or the name of one that ships
    train: str = ""  # a set to train a prior on first (or the prior that is named, further): a file or a data set
    train_steps: int = 600  # of training, at the most
    reference: str = TRAINING  # for the nearest neighbour: 'training', 'none', a data set, FILE or FILE:COLUMN
    temperature: float = 1.0
    top_p: float = 1.0
    want: tuple[str, ...] = ()  # properties to draw to order, NAME=VALUE, of those that the prior was taught
    guidance: float | None = None  # how far to lean to them: 1 as the data do, 0 not at all; None: as the prior says
    motif: str = ""  # what every design must look like, such as XXXXC[3-8]CXXX; kept by construction
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | None = None
    minutes: float | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))
        object.__setattr__(self, "want", tuple(self.want))
        if self.train_steps < 1:
            raise MolgenError(f"--train-steps {self.train_steps} must be 1 or more")
        _check_drawing(self)
        _check_running(self)


@dataclass(frozen=True)
class ScreenSettings:
    """`molgen screen`: rules, scores, rank and selection for a user's own designs."""

    file: Path
    profile: str = ""  # file, or name of one that ships; '': the modality's own
    modality: Literal["", "molecule", "protein"] = ""  # '': that of the profile
    out: Path = Path("runs/screen")
    column: str | None = None  # name or number of the column with designs; None: found by its name
    invalid_rows: Literal["reject", "fail"] = "reject"
    reference: str = NOTHING  # for the nearest neighbour: 'none', a data set, FILE or FILE:COLUMN
    training: str = NOTHING  # designs that this set holds are known: 'none', a data set, FILE or FILE:COLUMN
    workers: int | None = None
    minutes: float | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", Path(self.file))
        object.__setattr__(self, "out", Path(self.out))
        _choice("--invalid-rows", self.invalid_rows, ("reject", "fail"))
        _check_running(self)


Settings = GenerateSettings | DesignSettings | ScreenSettings


def _check_drawing(settings: GenerateSettings | DesignSettings) -> None:
    if not 1 <= settings.samples <= MOST_SAMPLES:
        raise MolgenError(f"--samples {settings.samples} must be a number from 1 to {MOST_SAMPLES:,}")
    if not 0 < settings.temperature <= 10 or not math.isfinite(settings.temperature):
        raise MolgenError(f"--temperature {settings.temperature} must be above 0 and at most 10 (1 draws as trained)")
    if not 0 < settings.top_p <= 1:
        raise MolgenError(f"--top-p {settings.top_p} must be above 0 and at most 1 (1 draws as trained)")
    if settings.seed < 0:
        raise MolgenError(f"--seed {settings.seed} must be 0 or more")
    if not wanted(settings) and settings.guidance is not None:
        raise MolgenError(f"--guidance {settings.guidance} leans to what is wanted: say that with --want NAME=VALUE")
    if settings.guidance is not None and not 0 <= settings.guidance <= MOST_GUIDANCE:
        raise MolgenError(f"--guidance {settings.guidance} must be from 0 to {MOST_GUIDANCE} (1 draws as trained)")
    _choice("--device", settings.device, ("auto", "cpu", "cuda"))
    _choice("--generator", settings.generator, get_args(Generator))


def wanted(settings: GenerateSettings | DesignSettings) -> dict[str, float]:
    """The properties to draw to order.

    Raises:
        MolgenError: a word that is not NAME=VALUE with a number.
    """
    found: dict[str, float] = {}
    for word in settings.want:
        name, _, value = word.partition("=")
        if name.strip() in found:
            raise MolgenError(f"--want {word}: {name.strip()} is wanted twice")
        try:
            found[name.strip()] = float(value)
        except ValueError as error:
            raise MolgenError(f"--want {word} must be NAME=VALUE with a number, such as logp=2.5") from error
        if not math.isfinite(found[name.strip()]):
            raise MolgenError(f"--want {word}: the value must be finite")
    return found


def _check_running(settings: Settings) -> None:
    if settings.workers is not None and not 1 <= settings.workers <= 1024:
        raise MolgenError(f"--workers {settings.workers} must be a number of processes, from 1 to 1024")
    if settings.minutes is not None and not 0 <= settings.minutes < math.inf:
        raise MolgenError(f"--minutes {settings.minutes} must be 0 or more")


def _choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise MolgenError(f"{option} {value} must be one of {', '.join(choices)}{hint}")
