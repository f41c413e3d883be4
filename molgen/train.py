"""The one training function: mixed precision, EMA, warm-up and cosine, clipping, checkpoints that resume exactly.

It takes any family with `objectives(batch, chance)`, and token arrays; it imports neither RDKit nor Prefect, so that it
runs on a bare machine that has only torch. The order of the data and all noise are functions of the seed and of the
step, hence a checkpoint needs no more than the model, its average, the optimisers and the step.
"""

from __future__ import annotations

import copy
import io
import math
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from molgen.batch import Batch, Grammar
from molgen.errors import MolgenError, OutputError
from molgen.graphs import Graphs
from molgen.players import Player
from molgen.seeds import spawn
from molgen.sequences import POOL, Sequences, batches

# What reading a broken or foreign checkpoint may raise.
DAMAGED = (RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Plan:
    """How to train. The run ends after `steps` or after `minutes`, whichever comes first; the rate falls to 2 % there.

    Only a plan by steps repeats exactly, on a CPU: minutes depend on the machine, sums on a GPU on their order.

    Attributes:
        rate, warm_up, weight_decay: of AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101).
        average: decay of the moving average of the weights, which are what is kept in the end.
        checkpoint_minutes: how often the held-out designs are looked at and a checkpoint is written.
        look_steps, patience: looks at the held-out designs every so many steps; after `patience` of them without a
            better loss training stops, and the best weights are kept.
    """

    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    batch: int = 256
    rate: float = 2e-3
    warm_up: int = 200
    weight_decay: float = 0.01
    average: float = 0.999
    checkpoint_minutes: float = 2.0
    look_steps: int | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        if not (0 < (self.minutes or 0) < math.inf or (self.steps or 0) > 0):
            raise ValueError("a plan needs minutes > 0 or steps > 0")


Report = Callable[[dict[str, float]], None]


class Family(Protocol):
    """What training asks of a family (an `nn.Module`)."""

    grammar: Grammar
    habits: ClassVar[dict[str, Any]]  # rate and batch that suit it; `fields` where it sees nothing else; `pool`

    def prepare(self, data: Sequences) -> None:
        """Learns what must be known of the data before the first step (sizes, frequencies), into buffers."""
        ...

    def objectives(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """Losses by player, means over the designs; `chance` is on the device of the batch."""
        ...

    def players(self) -> dict[str, Player]:
        """What each objective trains."""
        ...

    def held_out(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """Measures of every design (B,): "nats" is its negative log-likelihood or a bound of it, if there is one."""
        ...


@dataclass
class History:
    """What training reports: one row per evaluation."""

    rows: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    minutes: float = 0.0
    kept: dict[str, float] = field(default_factory=dict)  # the row of the weights that are left in the model


@dataclass
class _Session:
    """The mutable whole of a training run: what a checkpoint holds."""

    model: nn.Module
    average: nn.Module
    players: dict[str, Player]
    optimisers: dict[str, torch.optim.Optimizer]
    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)  # reported so far
    best: dict[str, Tensor] | None = None  # averaged weights at the best look at held-out designs
    best_row: dict[str, float] | None = None  # what was reported then
    waited: int = 0  # looks since then

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "step": self.step,
            "seconds": self.seconds,
            "rows": self.rows,
            "best": self.best,
            "best_row": self.best_row,
            "waited": self.waited,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.step, self.seconds, self.rows = state["step"], state["seconds"], state["rows"]
        self.best, self.best_row, self.waited = state["best"], state["best_row"], state["waited"]

    def watch(self) -> None:
        """Keeps the weights of the best look."""
        row = self.rows[-1]
        if "held_out_nats" not in row:
            return
        if self.best_row is None or row["held_out_nats"] < self.best_row["held_out_nats"]:
            self.best, self.best_row, self.waited = copy.deepcopy(self.average.state_dict()), row, 0
        else:
            self.waited += 1


def rate_factor(plan: Plan, step: int, seconds: float) -> float:
    """Share of the full rate: linear warm-up, then half a cosine down to 2 % at the end of the plan."""
    warm = min(1.0, (step + 1) / plan.warm_up) if plan.warm_up else 1.0
    return warm * (0.02 + 0.49 * (1.0 + math.cos(math.pi * min(1.0, progress_of(plan, step, seconds)))))


def progress_of(plan: Plan, step: int, seconds: float) -> float:
    """Share of the plan that is done; 1 or more ends the run."""
    by_time = seconds / (60 * plan.minutes) if plan.minutes else 0.0
    return max(by_time, step / plan.steps if plan.steps else 0.0)


def train(
    model: nn.Module,
    data: Sequences,
    plan: Plan,
    *,
    held_out: Sequences | None = None,
    device: str = "cpu",
    checkpoint: Path | None = None,
    report: Report = lambda row: None,
    tick: Callable[[float], None] = lambda share: None,
) -> History:
    """Trains `model` in place and leaves the averaged weights in it.

    Args:
        model: a family's module on the CPU.
        data: training sequences.
        plan: how long and how.
        held_out: sequences whose loss is reported; they are never trained on.
        device: where to compute ("cpu", "cuda").
        checkpoint: file to go on from if it exists, and to write to every `plan.checkpoint_minutes`.
        report: receives a row at every evaluation (step, minutes, share of the plan done, train_* losses since the last
            row, held_out_* measures per design).
        tick: receives the share of the plan done, after every step.

    Returns:
        The rows reported, the steps and the minutes, those before an interruption included.
    """
    model.prepare(data)
    session = _begin(model.to(device), plan, checkpoint)
    started = time.monotonic() - session.seconds
    due = session.seconds + 60 * plan.checkpoint_minutes
    losses: list[dict[str, Tensor]] = []
    packs = model.habits.get("fields") and model.grammar.pair_classes > 1  # pairs are what packing saves
    graphs = Graphs.of(data, model.grammar) if packs else None
    pool = model.habits.get("pool", POOL)
    for rows in batches(data, min(plan.batch, len(data)), spawn(plan.seed, "data"), session.step, pool):
        session.seconds = time.monotonic() - started
        if progress_of(plan, session.step, session.seconds) >= 1 or _gave_up(session, plan):
            break
        losses.append(_step(session, _batch(session.model, data, graphs, rows), plan))
        tick(progress_of(plan, session.step, session.seconds))
        late = session.seconds >= due
        if late or _looks(session, plan):
            _keep(session, plan, losses, held_out, report, checkpoint if late else None)
            losses = []
        if late:
            due = session.seconds + 60 * plan.checkpoint_minutes
    if losses or not session.rows:
        _keep(session, plan, losses, held_out, report, checkpoint)
    model.load_state_dict(session.best or session.average.state_dict())
    return History(session.rows, session.step, session.seconds / 60, session.best_row or session.rows[-1])


def _looks(session: _Session, plan: Plan) -> bool:
    """Is this one of the looks, counted in steps so that they repeat, by which training may stop?"""
    return plan.patience is not None and plan.look_steps is not None and session.step % plan.look_steps == 0


def _gave_up(session: _Session, plan: Plan) -> bool:
    return plan.patience is not None and session.waited >= plan.patience


def _keep(
    session: _Session,
    plan: Plan,
    losses: list[dict[str, Tensor]],
    held_out: Sequences | None,
    report: Report,
    checkpoint: Path | None,
) -> None:
    """One row of losses, reported, and the checkpoint that holds it."""
    row = _evaluate(session, plan, losses, held_out)
    session.rows.append(row)
    if _looks(session, plan):
        session.watch()
    report(row)
    save_checkpoint(session, checkpoint)


def _begin(model: nn.Module, plan: Plan, checkpoint: Path | None) -> _Session:
    players = model.players()
    session = _Session(model, copy.deepcopy(model).requires_grad_(False), players, _optimisers(players, plan))
    if checkpoint is not None and checkpoint.exists():
        try:
            session.restore(torch.load(checkpoint, weights_only=True, map_location="cpu"))
        except DAMAGED as error:
            problem = type(error).__name__
            raise MolgenError(f"{checkpoint} cannot be gone on with ({problem}): delete it to begin anew") from error
    return session


def _optimisers(players: dict[str, Player], plan: Plan) -> dict[str, torch.optim.Optimizer]:
    return {
        name: torch.optim.AdamW(p.parameters, lr=plan.rate * p.rate, betas=p.betas, weight_decay=plan.weight_decay)
        for name, p in players.items()
    }


def _batch(model: Family, data: Sequences, graphs: Graphs | None, rows: np.ndarray) -> Batch:
    """The given rows on the device of the model."""
    device = next(model.parameters()).device
    batch = data.batch(rows, model.grammar, device)
    return batch if graphs is None else replace(batch, unpacked=graphs.fields(rows, device))


def _step(session: _Session, batch: Batch, plan: Plan) -> dict[str, Tensor]:
    """One update of every player; returns the losses, still on the device, so that nothing waits for them."""
    device = batch.tokens.device
    factor = rate_factor(plan, session.step, session.seconds)
    chance = _noise(plan.seed, session.step, device)
    with torch.autocast(device.type, torch.bfloat16):
        losses = session.model.objectives(batch, chance)
    for name, player in session.players.items():
        losses[name].backward(inputs=player.parameters, retain_graph=len(session.players) > 1)
        nn.utils.clip_grad_norm_(player.parameters, player.clip)
    for name, optimiser in session.optimisers.items():
        optimiser.param_groups[0]["lr"] = plan.rate * session.players[name].rate * factor
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    session.step += 1
    _average(session, min(plan.average, session.step / (session.step + 10)))
    return {name: loss.detach() for name, loss in losses.items()}


def _noise(seed: int, step: int, device: torch.device) -> torch.Generator:
    """The random numbers of one step: a resumed run draws the same ones."""
    return torch.Generator(device).manual_seed(spawn(seed, "noise", step))


@torch.no_grad()
def _average(session: _Session, decay: float) -> None:
    """Exponential moving average of the weights, shorter at the start."""
    kept, new = list(session.average.parameters()), list(session.model.parameters())
    torch._foreach_lerp_(kept, new, 1 - decay)


def _evaluate(
    session: _Session, plan: Plan, losses: list[dict[str, Tensor]], held_out: Sequences | None
) -> dict[str, float]:
    share = progress_of(plan, session.step, session.seconds)
    row = {"step": float(session.step), "minutes": session.seconds / 60, "share": share}
    for name in losses[0] if losses else ():
        row[f"train_{name}"] = float(torch.stack([loss[name] for loss in losses]).mean())
    if held_out is not None and len(held_out):
        row |= {f"held_out_{name}": value for name, value in measure(session.average, held_out).items()}
    if strange := [name for name, value in row.items() if not math.isfinite(value)]:
        where = f"{strange[0]} is no longer a number at step {session.step}"
        raise MolgenError(f"{where}; the checkpoint before is kept: begin anew with a lower --rate")
    return row


@torch.no_grad()
def measure(model: nn.Module, data: Sequences, size: int = 256) -> dict[str, float]:
    """Means over `data` of what the family measures of designs that it was not trained on."""
    device = next(model.parameters()).device
    order = np.argsort(data.lengths, kind="stable")
    sums: dict[str, float] = {}
    for start in range(0, len(order), size):
        batch = data.batch(order[start : start + size], model.grammar, device)
        with torch.autocast(device.type, torch.bfloat16):
            found = model.held_out(batch, _noise(0, start, device))
        for name, values in found.items():
            sums[name] = sums.get(name, 0.0) + float(values.sum())
    return {name: total / len(data) for name, total in sums.items()}


def save_checkpoint(session: _Session, path: Path | None) -> None:
    """Writes beside and renames, so that a kill leaves the old checkpoint or the new one.

    Raises:
        OutputError: it cannot be written; the one before is kept.
    """
    if path is None:
        return
    buffer = io.BytesIO()
    torch.save(session.state(), buffer)
    beside = path.with_suffix(path.suffix + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        kept = "the one before is kept: go on with --resume" if path.exists() else "nothing is kept"
        raise OutputError(f"cannot write the checkpoint {path}: {error.strerror or error}; {kept}") from error
