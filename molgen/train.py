"""The one training function: mixed precision, EMA, warm-up and cosine, clipping, checkpoints that resume exactly.

It takes any family with `objectives(batch)`, and token arrays; it imports neither RDKit nor Prefect, so that it runs on
a bare machine that has only torch. The order of the data is a function of the seed and of the step, hence a checkpoint
needs no more than the model, its average, the optimisers and the step.
"""

from __future__ import annotations

import copy
import io
import math
import os
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from molgen.batch import Batch, Grammar
from molgen.errors import MolgenError, OutputError
from molgen.seeds import rng, spawn

# What reading a broken or foreign checkpoint may raise.
DAMAGED = (RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Plan:
    """How to train. The run ends after `steps` or after `minutes`, whichever comes first; the rate falls to 2 % there.

    Only a plan by steps repeats exactly, on a CPU: minutes depend on the machine, sums on a GPU on their order.
    """

    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    batch: int = 256
    rate: float = 2e-3
    warm_up: int = 200
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    checkpoint_minutes: float = 2.0

    def __post_init__(self) -> None:
        if not (0 < (self.minutes or 0) < math.inf or (self.steps or 0) > 0):
            raise ValueError("a plan needs minutes > 0 or steps > 0")


@dataclass(frozen=True)
class Sequences:
    """Token sequences of different lengths, one after another: `flat` (sum of lengths,), `offsets` (n + 1,)."""

    flat: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, rows: list[tuple[int, ...]] | list[list[int]]) -> Sequences:
        """Packs rows; tokens are stored in a byte where they fit."""
        lengths = [len(row) for row in rows]
        flat = np.fromiter((t for row in rows for t in row), dtype=np.int64, count=sum(lengths))
        kind = np.uint8 if not len(flat) or flat.max() < 256 else np.int32
        return cls(flat.astype(kind), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> np.ndarray:
        """(n,) tokens of each row, `end` included."""
        return np.diff(self.offsets)

    @cached_property
    def mean_length(self) -> float:
        """Tokens of a row on average."""
        return float(self.lengths.mean())

    def padded(self, rows: np.ndarray, end: int) -> Tensor:
        """The given rows as (B, T) int64, T the longest of them, padded with `end`."""
        starts, lengths = self.offsets[rows], self.lengths[rows]
        place = np.arange(lengths.max())
        inside = place < lengths[:, None]
        index = np.minimum(starts[:, None] + place, len(self.flat) - 1)
        return torch.from_numpy(np.where(inside, self.flat[index], end).astype(np.int64))

    def split(self, held_out: int, seed: int) -> tuple[Sequences, Sequences]:
        """(for training, held out), drawn by the seed. Rows equal to one held out are in neither."""
        order = rng(seed, "held-out").permutation(len(self))
        first: dict[bytes, int] = {}
        cuts = pairwise(self.offsets.tolist())
        kind = np.array([first.setdefault(self.flat[a:b].tobytes(), row) for row, (a, b) in enumerate(cuts)])
        chosen = order[np.sort(np.unique(kind[order[:held_out]], return_index=True)[1])]
        left = np.flatnonzero(~np.isin(kind, kind[chosen]))
        if not len(left):  # every row is the same: nothing can be held out
            return self, self.take(order[:0])
        return self.take(left), self.take(np.sort(chosen))

    def take(self, rows: np.ndarray) -> Sequences:
        """The given rows, packed."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        index = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Sequences(self.flat[index], offsets)


Report = Callable[[dict[str, float]], None]


class Family(Protocol):
    """What training asks of a family (an `nn.Module`)."""

    grammar: Grammar

    def objectives(self, batch: Batch) -> dict[str, Tensor]:
        """Losses by name; their sum is minimised."""
        ...


@dataclass
class History:
    """What training reports: one row per evaluation."""

    rows: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    minutes: float = 0.0


def batches(data: Sequences, size: int, seed: int, first: int = 0, pool: int = 50) -> Iterator[np.ndarray]:
    """Endless row numbers, `size` at a time, from batch `first` on: a function of the seed alone."""
    per_epoch = max(1, len(data) // size)
    for epoch in range(first // per_epoch, 2**31):
        yield from _epoch(data, size, rng(seed, "epoch", epoch), pool)[max(0, first - epoch * per_epoch) :]


def _epoch(data: Sequences, size: int, chance: np.random.Generator, pool: int) -> list[np.ndarray]:
    """One pass: rows in random order, sorted by length within pools of batches, so that little is padded."""
    order = chance.permutation(len(data))[: max(1, len(data) // size) * size]
    found: list[np.ndarray] = []
    for start in range(0, len(order), size * pool):
        rows = order[start : start + size * pool]
        ordered = rows[np.argsort(data.lengths[rows], kind="stable")]
        group = [ordered[i : i + size] for i in range(0, len(ordered), size)]
        found += [group[j] for j in chance.permutation(len(group))]
    return found


@dataclass
class _Session:
    """The mutable whole of a training run: what a checkpoint holds."""

    model: nn.Module
    average: nn.Module
    optimisers: list[torch.optim.Optimizer]
    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)  # reported so far

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [o.state_dict() for o in self.optimisers],
            "step": self.step,
            "seconds": self.seconds,
            "rows": self.rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.seconds, self.rows = state["step"], state["seconds"], state.get("rows", [])


def optimisers(model: nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101); its betas suit short runs."""
    return [torch.optim.AdamW(model.parameters(), lr=plan.rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay)]


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
        report: receives a row at every evaluation (step, minutes, share of the plan done,
            train_nats_per_token since the last row, held_out_nats per sequence).
        tick: receives the share of the plan done, after every step.

    Returns:
        The rows reported, the steps and the minutes, those before an interruption included.
    """
    session = _begin(model.to(device), plan, checkpoint)
    started = time.monotonic() - session.seconds
    due = session.seconds + 60 * plan.checkpoint_minutes
    losses: list[Tensor] = []
    for rows in batches(data, min(plan.batch, len(data)), spawn(plan.seed, "data"), session.step):
        session.seconds = time.monotonic() - started
        if progress_of(plan, session.step, session.seconds) >= 1:
            break
        losses.append(_step(session, data, rows, plan))
        tick(progress_of(plan, session.step, session.seconds))
        if session.seconds >= due:
            _keep(session, plan, losses, held_out, report, checkpoint)
            losses, due = [], session.seconds + 60 * plan.checkpoint_minutes
    if losses or not session.rows:
        _keep(session, plan, losses, held_out, report, checkpoint)
    model.load_state_dict(session.average.state_dict())
    return History(session.rows, session.step, session.seconds / 60)


def _keep(
    session: _Session,
    plan: Plan,
    losses: list[Tensor],
    held_out: Sequences | None,
    report: Report,
    checkpoint: Path | None,
) -> None:
    """One row of losses, reported, and the checkpoint that holds it."""
    row = _evaluate(session, plan, losses, held_out)
    session.rows.append(row)
    report(row)
    save_checkpoint(session, checkpoint)


def _begin(model: nn.Module, plan: Plan, checkpoint: Path | None) -> _Session:
    session = _Session(model, copy.deepcopy(model).requires_grad_(False), optimisers(model, plan))
    if checkpoint is not None and checkpoint.exists():
        try:
            session.restore(torch.load(checkpoint, weights_only=True, map_location="cpu"))
        except DAMAGED as error:
            problem = type(error).__name__
            raise MolgenError(f"{checkpoint} cannot be gone on with ({problem}): delete it to begin anew") from error
    return session


def _step(session: _Session, data: Sequences, rows: np.ndarray, plan: Plan) -> Tensor:
    """One update; returns the loss, still on the device, so that nothing waits for it."""
    device = next(session.model.parameters()).device
    for optimiser in session.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group.setdefault("full", group["lr"]) * rate_factor(plan, session.step, session.seconds)
    loss = _loss(session.model, data, rows, device)
    # A batch holds sequences of like length. Its mean per token alone would weigh each by 1 / length, and short designs
    # would be learned as too common.
    (loss * (float(data.lengths[rows].mean()) / data.mean_length)).backward()
    nn.utils.clip_grad_norm_(session.model.parameters(), plan.clip)
    for optimiser in session.optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    session.step += 1
    _average(session, min(plan.average, session.step / (session.step + 10)))
    return loss.detach()


def _loss(model: Family, data: Sequences, rows: np.ndarray, device: torch.device) -> Tensor:
    with torch.no_grad():
        batch = Batch.of(model.grammar, data.padded(rows, model.grammar.end).to(device))
    with torch.autocast(device.type, torch.bfloat16):
        return torch.stack(list(model.objectives(batch).values())).sum()


@torch.no_grad()
def _average(session: _Session, decay: float) -> None:
    """Exponential moving average of the weights, shorter at the start."""
    kept, new = list(session.average.parameters()), list(session.model.parameters())
    torch._foreach_lerp_(kept, new, 1 - decay)


def _evaluate(session: _Session, plan: Plan, losses: list[Tensor], held_out: Sequences | None) -> dict[str, float]:
    share = progress_of(plan, session.step, session.seconds)
    row = {"step": float(session.step), "minutes": session.seconds / 60, "share": share}
    row["train_nats_per_token"] = float(torch.stack(losses).mean()) if losses else math.nan
    if losses and not math.isfinite(row["train_nats_per_token"]):
        raise MolgenError(f"the loss is no longer a number at step {session.step}; the checkpoint before is kept")
    if held_out is not None and len(held_out):
        row["held_out_nats"] = held_out_nats(session.average, held_out)
    return row


@torch.no_grad()
def held_out_nats(model: nn.Module, data: Sequences, size: int = 256) -> float:
    """Mean negative log-likelihood (or its bound) of `data`, nats a sequence."""
    device = next(model.parameters()).device
    order = np.argsort(data.lengths, kind="stable")
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    tokens = [data.lengths[rows].sum() for rows in groups]
    losses = [float(_loss(model, data, rows, device)) for rows in groups]
    return float(np.dot(losses, tokens) / len(data))


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
