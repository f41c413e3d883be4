"""`molgen train`: from a file of designs to a prior with its card, resumable at any moment."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from molgen import starting, taught
from molgen.batch import Grammar
from molgen.encoding import TrainingSet, encode_training_set
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.generator import NeuralGenerator
from molgen.labels import labelled
from molgen.modality import named
from molgen.provenance import commit, find_device, versions
from molgen.recipes import build, family, settings_of
from molgen.sequences import Sequences
from molgen.settings import FITTED, Family, Modality
from molgen.starting import Origin
from molgen.store import finite, write_atomic
from molgen.train import History, Plan, train
from molgen.training_card import about, data_entry, deciding, other_setting, refuse_taken, say_coverage

MINUTES = 30.0  # of training where nothing is said
LEAST_LOOK = 10  # steps between looks at the held-out molecules, of small sets more than a pass
FURTHER = {"rate": 0.25, "patience": 5}  # where a prior is trained further: share of the family's rate; looks

Row = dict[str, float]


@dataclass(frozen=True)
class TrainSettings:
    """What `molgen train` is told.

    Attributes:
        train: a file of molecules or of sequences, or a data set by name (`molgen data list`).
        modality: what is in it.
        column: the column with SMILES or sequences, where it is not found by itself.
        minutes, steps: the run ends after the first of the two that is reached, or after half an hour where neither is
            given; only steps repeat exactly.
        held_out: molecules kept from training to watch the loss on, at most a tenth.
        origin: a prior to begin from (a file, or the name of one that ships). Of the same family, it is trained
            further; of another one, it gives the weights that have the same name and shape; over a latent space
            ("gan", "flow"), it is the autoencoder.
        recipe: settings of the family as NAME=VALUE, see its recipe in molgen/families/.
        grammar: limits of the grammar as NAME=VALUE, such as longest=200 residues; longer designs are not learned from.
        rate: of learning; by default the family's, a quarter of it where a prior is trained further.
        patience: looks at the held-out molecules (one a pass over the data) without gain after which training stops and
            the best weights are kept; 0: never; by default 5 where a prior is trained further, else 0.
        threads: CPU threads of the network; by default one for each core.
    """

    train: str
    out: str
    modality: Modality = "molecule"
    column: str | None = None
    family: Family = "autoregressive"
    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resume: bool = False
    invalid_rows: Literal["reject", "fail"] = "reject"
    held_out: int = 2048
    origin: str = ""
    recipe: tuple[str, ...] = ()
    grammar: tuple[str, ...] = ()
    rate: float | None = None
    batch: int | None = None
    patience: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("minutes", "steps", "rate", "batch", "threads"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise MolgenError(f"--{name} {value} must be a number above zero")
        for name in ("seed", "held_out", "patience"):
            if (getattr(self, name) or 0) < 0:
                raise MolgenError(f"--{name.replace('_', '-')} {getattr(self, name)} must be 0 or more")
        object.__setattr__(self, "recipe", tuple(self.recipe))
        object.__setattr__(self, "grammar", tuple(self.grammar))
        if self.minutes is None and self.steps is None:
            object.__setattr__(self, "minutes", MINUTES)
        if Path(self.out).suffix != ".safetensors":
            raise MolgenError(f"--out {self.out} must end in .safetensors")

    def split(self, data: Sequences) -> tuple[Sequences, Sequences]:
        """(for training, held out): `held_out`, a tenth at the most; what equals one held out is in neither."""
        return data.split(min(self.held_out, len(data) // 10), self.seed)


def train_generator(
    settings: TrainSettings,
    executor: Executor,
    report: Callable[[Row], None] = lambda row: None,
    tick: Callable[[float], None] = lambda share: None,
) -> Path:
    """Trains a prior; writes weights, card, the log of losses and a checkpoint beside them.

    Args:
        settings: see `TrainSettings`.
        executor: where the molecules are spelled.
        report: receives step, minutes, share done, and the losses (nats a molecule).
        tick: receives the share done, after every step.

    Raises:
        MolgenError: unusable training data; a checkpoint of other settings or molecules; or one that is there without
            `resume`; weights that are there without a checkpoint.
        OutputError: what cannot be written.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads or before)
    try:
        if settings.family in FITTED:
            from molgen.fitting import fit_baseline

            return fit_baseline(settings, executor, tick)
        return _train_network(settings, executor, report, tick)
    finally:
        torch.set_num_threads(before)


def _train_network(
    settings: TrainSettings, executor: Executor, report: Callable[[Row], None], tick: Callable[[float], None]
) -> Path:
    out = Path(settings.out)
    device = find_device(settings.device)
    made_by = {"commit": commit(), "versions": versions()}  # of the code that trains: the checkout may change meanwhile
    origin = starting.find_origin(settings.origin)
    recipe = starting.recipe(settings.family, settings.recipe, origin)
    modality = named(settings.modality)
    grammar = starting.grammar(modality, settings.grammar, origin)
    if origin and origin.path.resolve() == out.resolve():
        raise MolgenError(f"--out {out} is the prior to begin from: choose another name, so that it is kept")
    names = getattr(recipe, "properties", ())
    given = taught.given(names, settings.train, settings.column, modality.name)
    module = build(recipe, grammar, settings.seed)
    borrows = starting.take(module, origin, out)
    identity = _identity(settings, origin)
    _refuse_strangers(settings, out, identity)
    data = encode_training_set(settings.train, settings.column, grammar, executor, modality.name, given)
    say_coverage(settings, data)
    checkpoint = _begin(out, data, identity)
    training, held_out = settings.split(data.sequences)
    if names:
        training = labelled(training, names, grammar, executor, settings.seed, modality=modality.name)
    plan = _plan(settings, recipe, len(training), starting.goes_further(recipe, origin))
    history = _fit(module, training, held_out, settings, plan, device.kind, checkpoint, report, tick)
    entry = data_entry(settings, data, len(data.offsets) - 1, len(training), len(held_out))
    made_by |= {"device": device.title, **borrows}
    card = _card(settings, entry, recipe, grammar, history, made_by)
    NeuralGenerator(module.cpu(), card).save(out)
    return out


def _refuse_strangers(settings: TrainSettings, out: Path, identity: dict[str, Any]) -> None:
    """Before anything is spent: is there room for this run, or a checkpoint of it?"""
    checkpoint, told = _checkpoint(out), _told(out)
    if not checkpoint.exists():
        refuse_taken(out)
        write_atomic(told, _as_json(identity))
        return
    if not settings.resume:
        raise MolgenError(f"{checkpoint} is there from an earlier run; go on with --resume, or delete it to begin anew")
    if not told.exists():
        raise MolgenError(f"{told} is gone, so nothing says what {checkpoint} was begun with; delete it to begin anew")
    _refuse_other(checkpoint, told, identity)


def _begin(out: Path, data: TrainingSet, identity: dict[str, Any]) -> Path:
    """The checkpoint's file; it is gone on with only by the same settings and the same molecules."""
    checkpoint, told = _checkpoint(out), _told(out)
    labels = b"" if data.labels is None else data.labels.tobytes()
    tokens = hashlib.blake2b(data.flat.tobytes() + data.offsets.tobytes() + labels, digest_size=16).hexdigest()
    identity = identity | {"training molecules": tokens}
    if checkpoint.exists():
        _refuse_other(checkpoint, told, identity)
    else:
        out.with_suffix(".losses.csv").unlink(missing_ok=True)
    write_atomic(told, _as_json(identity))
    return checkpoint


def _refuse_other(checkpoint: Path, told: Path, now: dict[str, Any]) -> None:
    try:
        before = json.loads(told.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MolgenError(f"{told} is damaged; delete it and {checkpoint} to begin anew") from error
    if other := other_setting(before, now):
        raise MolgenError(
            f"{checkpoint} was begun with {other}: choose another --out, or delete the checkpoint to begin anew"
        )


def _checkpoint(out: Path) -> Path:
    return out.with_suffix(".checkpoint")


def _told(out: Path) -> Path:
    """What the checkpoint was begun with."""
    return out.with_suffix(".settings.json")


def _identity(settings: TrainSettings, origin: Origin | None) -> dict[str, Any]:
    """What may not change when a run goes on, as JSON gives it back."""
    return deciding(settings) | ({"weights of the origin": origin.sha256} if origin else {})


def _as_json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def _plan(settings: TrainSettings, recipe: Any, rows: int, further: bool) -> Plan:
    """The family's habits, unless told otherwise; a prior that is trained further learns slowly and stops early.

    Not where properties are taught: the held-out molecules say nothing of how well these are learned.
    """
    habits = family(settings.family)[1].habits
    batch = settings.batch or habits["batch"]
    unwatched = settings.family in ("gan", "adjacency_gan")
    if settings.patience and unwatched:
        raise MolgenError(f"--patience {settings.patience}: the {settings.family} family has no likelihood to watch")
    watched = further and not unwatched and not getattr(recipe, "properties", ())
    patience = (FURTHER["patience"] if watched else 0) if settings.patience is None else settings.patience
    return Plan(
        minutes=settings.minutes,
        steps=settings.steps,
        seed=settings.seed,
        batch=batch,
        rate=settings.rate or habits["rate"] * (FURTHER["rate"] if further else 1.0),
        look_steps=max(LEAST_LOOK, rows // batch) if patience else None,
        patience=patience or None,
    )


def _fit(
    module: torch.nn.Module,
    training: Sequences,
    held_out: Sequences,
    settings: TrainSettings,
    plan: Plan,
    device: str,
    checkpoint: Path,
    report: Callable[[Row], None],
    tick: Callable[[float], None],
) -> History:
    log = Path(settings.out).with_suffix(".losses.csv")

    def both(row: Row) -> None:
        _log(log, row)
        report(row)

    return train(
        module, training, plan, held_out=held_out, device=device, checkpoint=checkpoint, report=both, tick=tick
    )


def _log(path: Path, row: Row) -> None:
    """Adds one line of losses; those that a resumed run makes anew are replaced."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else [",".join(row)]
    kept = [line for line in lines[1:] if float(line.split(",")[0]) < row["step"]]
    new = ",".join([f"{row['step']:.0f}", *(f"{value:.6g}" for name, value in row.items() if name != "step")])
    write_atomic(path, ("\n".join([lines[0], *kept, new]) + "\n").encode())


def _card(
    settings: TrainSettings,
    data: dict[str, Any],
    recipe: Any,
    grammar: Grammar,
    history: History,
    made_by: dict[str, Any],
) -> dict[str, Any]:
    """What a reader must know of a prior: what it is, what it was made from and how, and how good it is."""
    last = history.kept
    return {
        "family": recipe.kind,
        "modality": settings.modality,
        "recipe": settings_of(recipe),
        "data": data,
        **about(settings),
        **made_by,
        "minutes": round(history.minutes, 1),
        "steps": history.steps,
        "metrics": {name: finite(v) for name, v in last.items() if name.startswith(("held_out_", "train_"))},
        "grammar": grammar.settings(),
    }
