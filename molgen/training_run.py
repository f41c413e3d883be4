"""`molgen train`: from a file of molecules to a prior with its card, resumable at any moment."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from molgen.datasets import DATASETS
from molgen.encoding import TrainingSet, encode_training_set
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.generator import NeuralGenerator
from molgen.line import command_line
from molgen.molecule.grammar import MoleculeGrammar
from molgen.provenance import commit, find_device, versions
from molgen.recipes import Recipe, build, settings_of
from molgen.store import write_atomic
from molgen.train import History, Plan, Sequences, train

logger = logging.getLogger("molgen.train")

MINUTES = 30.0  # of training where nothing is said

Row = dict[str, float]


@dataclass(frozen=True)
class TrainSettings:
    """What `molgen train` is told.

    Attributes:
        train: a file of molecules, or a data set by name (`molgen data list`).
        column: the column with SMILES, where it is not found by itself.
        minutes, steps: the run ends after the first of the two that is reached, or after half an hour where neither is
            given; only steps repeat exactly.
        held_out: molecules kept from training to watch the loss on, at most a tenth.
        threads: CPU threads of the network; by default one for each core.
    """

    train: str
    out: str
    column: str | None = None
    family: Literal["autoregressive"] = "autoregressive"
    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resume: bool = False
    invalid_rows: Literal["reject", "fail"] = "reject"
    held_out: int = 2048
    width: int = 480
    depth: int = 3
    batch: int = 256
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("minutes", "steps", "width", "depth", "batch"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise MolgenError(f"--{name} is {value}; it must be above zero")
        if self.minutes is None and self.steps is None:
            object.__setattr__(self, "minutes", MINUTES)
        if Path(self.out).suffix != ".safetensors":
            raise MolgenError(f"--out {self.out} must end in .safetensors")


def train_generator(
    settings: TrainSettings, executor: Executor, report: Callable[[Row], None] = lambda row: None
) -> Path:
    """Trains a prior; writes weights, card, the log of losses and a checkpoint beside them.

    Args:
        settings: see `TrainSettings`.
        executor: where the molecules are spelled.
        report: receives step, minutes, share done, and the losses in nats a molecule.

    Raises:
        MolgenError: unusable training data; a checkpoint of other settings; or one that is there without `resume`.
    """
    out = Path(settings.out)
    device = find_device(settings.device).kind
    grammar = MoleculeGrammar()
    checkpoint = _checkpoint(settings, out)
    data = encode_training_set(settings.train, settings.column, grammar.vocabulary, executor)
    logger.info("%s", data.coverage())
    _refuse(settings, data)
    recipe = AutoregressiveRecipe(width=settings.width, depth=settings.depth)
    module = build(recipe, grammar, settings.seed)
    history = _fit(module, data, settings, device, checkpoint, report)
    card = _card(settings, data, recipe, grammar, history, device)
    NeuralGenerator(module, card).save(out)
    return out


def _checkpoint(settings: TrainSettings, out: Path) -> Path:
    """The checkpoint's file; it is gone on with only by the same settings (time and threads aside)."""
    checkpoint, told = out.with_suffix(".checkpoint"), out.with_suffix(".settings.json")
    same = {k: v for k, v in asdict(settings).items() if k not in ("minutes", "steps", "resume", "threads", "device")}
    if checkpoint.exists() and not settings.resume:
        raise MolgenError(f"{checkpoint} is there from an earlier run; go on with --resume, or delete it to begin anew")
    if checkpoint.exists() and told.exists() and (before := json.loads(told.read_text())) != same:
        changed = next(k for k in same if before.get(k) != same[k])
        raise MolgenError(f"{checkpoint} was begun with {changed} = {before.get(changed)!r}, not {same[changed]!r}")
    write_atomic(told, (json.dumps(same, indent=2) + "\n").encode())
    return checkpoint


def _refuse(settings: TrainSettings, data: TrainingSet) -> None:
    if settings.invalid_rows == "fail" and len(data.rejected):
        first = data.rejected.iloc[0]
        raise MolgenError(
            f"{settings.train}, row {first['row']}: {first['text']!r}: {first['reason']} "
            f"({len(data.rejected)} such rows). Mend them, or leave --invalid-rows at reject"
        )


def _fit(
    module: torch.nn.Module,
    data: TrainingSet,
    settings: TrainSettings,
    device: str,
    checkpoint: Path,
    report: Callable[[Row], None],
) -> History:
    sequences = Sequences(data.flat, data.offsets)
    training, held_out = sequences.split(min(settings.held_out, len(sequences) // 10), settings.seed)
    plan = Plan(minutes=settings.minutes, steps=settings.steps, seed=settings.seed, batch=settings.batch)
    log = Path(settings.out).with_suffix(".losses.csv")
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads or before)
    try:
        return train(
            module, training, plan, held_out=held_out, device=device, checkpoint=checkpoint,
            report=lambda row: (_log(log, row), report(row))[1],
        )  # fmt: skip
    finally:
        torch.set_num_threads(before)


def _data(settings: TrainSettings, data: TrainingSet) -> dict[str, Any]:
    """Where the training molecules are, so that designs can be compared with them later."""
    name = data.name if data.name in DATASETS else str(Path(data.name).resolve())
    used = len(data.offsets) - 1
    return {"name": name, "column": settings.column, "sha256": data.sha256, "rows": data.rows, "used": used}


def _log(path: Path, row: Row) -> None:
    """Appends one line of losses; a resumed run goes on in the same file."""
    new = not path.exists()
    with path.open("a", encoding="utf-8") as file:
        if new:
            file.write(",".join(row) + "\n")
        file.write(",".join(f"{value:.6g}" for value in row.values()) + "\n")


def _card(
    settings: TrainSettings, data: TrainingSet, recipe: Recipe, grammar: MoleculeGrammar, history: History, device: str
) -> dict[str, Any]:
    """What a reader must know of a prior: what it is, what it was made from and how, and how good it is."""
    last = history.rows[-1]
    return {
        "family": recipe.kind,
        "modality": "molecule",
        "recipe": settings_of(recipe),
        "data": _data(settings, data),
        "licence": DATASETS[data.name].licence if data.name in DATASETS else "that of the training molecules",
        "command": command_line("train", settings),
        "settings": asdict(settings),
        "seed": settings.seed,
        "commit": commit(),
        "versions": versions(),
        "device": device,
        "minutes": round(history.minutes, 1),
        "steps": history.steps,
        "metrics": {"held_out_nats": last.get("held_out_nats"), "train_nats_per_token": last["train_nats_per_token"]},
        "grammar": grammar.settings(),
    }
