"""`molgen train --family ardca` and the other generators without a network: fitted to a whole set at once.

Models of a protein family's columns need its alignment, or make it; an n-gram model and resampling take the designs as
they are. Card, checksum and rejected rows are those of a network's training, so that `molgen design` treats both alike.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from molgen import starting
from molgen.baselines import BASELINES, RECIPES, Baseline, Hmm, Ngram, Resample
from molgen.datasets import DATASETS
from molgen.encoding import encode_training_set, training_rows
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.generator import card_path, read_card
from molgen.modality import named
from molgen.protein.alignment import rows_of, ungapped
from molgen.protein.alignment_reading import holds_alignment
from molgen.protein.family import FamilyRows, align_family, read_family
from molgen.provenance import commit, cores, sha256_of, versions
from molgen.sequences import Sequences
from molgen.settings import ALIGNED
from molgen.store import finite
from molgen.training_card import about, data_entry, deciding, other_setting, refuse_taken, say_coverage

if TYPE_CHECKING:
    from molgen.training_run import TrainSettings

MEANINGLESS = {"origin": "--from", "steps": "--steps", "rate": "--rate", "batch": "--batch", "patience": "--patience"}

logger = logging.getLogger("molgen.train")
Tick = Callable[[float], None]


@dataclass(frozen=True)
class _Fitted:
    model: Baseline
    data: dict[str, Any]  # the card's entry on the training set
    metrics: dict[str, float | None]


def fit_baseline(settings: TrainSettings, executor: Executor, tick: Tick = lambda share: None) -> Path:
    """Fits a generator without a network; writes it, its card, and the rejected rows beside it.

    `minutes` has no say: what is fitted is fitted whole. With `resume`, what is there of the same settings and the same
    file is left alone.

    Raises:
        MolgenError: unusable training data; a setting that has no meaning for this generator; a model that is there
            without `resume`, or of other settings or another file.
        OutputError: what cannot be written.
    """
    _refuse_meaningless(settings)
    out = Path(settings.out)
    if _is_there(settings, out):
        return out
    begun, made_by = time.monotonic(), {"commit": commit(), "versions": versions(), "device": cores()}
    fitted = _fit_columns(settings, tick) if settings.family in ALIGNED else _fit_tokens(settings, executor)
    minutes = round((time.monotonic() - begun) / 60, 1)
    fitted.model.card |= {"data": fitted.data, **about(settings), **made_by, "minutes": minutes}
    fitted.model.card["metrics"] = fitted.metrics
    fitted.model.save(out)
    logger.info("%s: %s", out, ", ".join(f"{name} {value}" for name, value in fitted.metrics.items()) or "fitted")
    return out


def _refuse_meaningless(settings: TrainSettings) -> None:
    for name, option in MEANINGLESS.items():
        if getattr(settings, name):
            raise MolgenError(
                f"{option} {getattr(settings, name)}: the {settings.family} family is fitted, not trained step by "
                f"step; leave {option} out"
            )
    if settings.family not in ALIGNED:
        return
    if settings.modality != "protein":
        raise MolgenError(f"--family {settings.family} is of aligned protein sequences: say --modality protein")
    if settings.grammar:
        raise MolgenError(f"--grammar {settings.grammar[0]}: the alignment says how long a design is; leave it out")


def _is_there(settings: TrainSettings, out: Path) -> bool:
    """Has this very model been fitted? As for networks: what is there goes on as it was begun, or stays.

    A training file is known by its content; one that is gone since is taken for the same. Where rejected rows shall
    stop the command and there were some, the answer is no: fitting again names them.

    Raises:
        MolgenError: a model that is there without `resume`, of other settings, or of another file.
    """
    if not settings.resume:
        refuse_taken(out)
    if not (out.exists() and card_path(out).exists()):  # a kill may leave weights without a card
        return False
    card = read_card(out)
    data, before = card.get("data") or {}, card.get("settings") or {}
    now = deciding(settings)
    if settings.train not in DATASETS:
        del now["train"]
    other = other_setting(before, now)
    if not other and Path(settings.train).is_file() and data.get("sha256") != sha256_of(Path(settings.train)):
        other = f"another content of {settings.train}"
    if other:
        raise MolgenError(f"{out} was fitted with {other}: choose another --out, or delete it to begin anew")
    return not (settings.invalid_rows == "fail" and data.get("rejected"))


def _fit_columns(settings: TrainSettings, tick: Tick) -> _Fitted:
    """A model of the columns of an alignment."""
    family = family_of(settings.train, settings.column)
    say_coverage(settings, family)
    training, held_out = _split(family.states, settings)
    done, how = 0, {}

    def advance(more: int) -> None:
        nonlocal done
        done += more
        tick(done / training.shape[1])

    if settings.family == "ardca":
        how = {"progress": advance}
    kind: Any = BASELINES[settings.family]
    model = kind.fit(training, starting.changed(RECIPES[settings.family](), settings.recipe), **how)
    entry = data_entry(settings, family, len(family.states), len(training), len(held_out))
    entry |= {"columns": training.shape[1], "columns_dropped": family.dropped, "aligned_here": family.aligned_here}
    entry |= {"notes": list(family.notes)} if family.notes else {}
    return _Fitted(model, entry, _per_site("train", model, training) | _per_site("held_out", model, held_out))


def family_of(source: str, column: str | None = None) -> FamilyRows:
    """The alignment of a file, or one that is made of the sequences of a file or data set."""
    if source not in DATASETS and holds_alignment(source):
        return read_family(source)
    table, rejected, path = training_rows(source, column, "protein")
    return align_family(source, sha256_of(path), table, rejected)


def _split(states: np.ndarray, settings: TrainSettings) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, C) for fitting and held out; those equal to one held out are in neither."""
    rows, columns = states.shape
    data = Sequences(states.astype(np.uint8).reshape(-1), columns * np.arange(rows + 1))
    training, held_out = (part.flat.reshape(-1, columns).astype(np.int8) for part in settings.split(data))
    return training, held_out


def _per_site(name: str, model: Any, states: np.ndarray) -> dict[str, float | None]:
    """Nats of a row, and of a column; those of an HMM are of its sequence, over all its alignments."""
    rows = rows_of(states)
    nats = _mean(-model.log_likelihood(ungapped(rows) if isinstance(model, Hmm) else rows).double().numpy())
    return {f"{name}_nats": nats, f"{name}_nats_per_site": None if nats is None else nats / states.shape[1]}


def _mean(nats: Sequence[float] | np.ndarray) -> float | None:
    """None of nothing, and where one is infinite."""
    return finite(float(np.mean(nats))) if len(nats) else None


def _fit_tokens(settings: TrainSettings, executor: Executor) -> _Fitted:
    """A model of designs as they are spelled."""
    modality = named(settings.modality)
    grammar = starting.grammar(modality, settings.grammar, None)
    recipe = starting.changed(RECIPES[settings.family](), settings.recipe)
    data = encode_training_set(settings.train, settings.column, grammar, executor, modality.name)
    say_coverage(settings, data)
    sequences = data.sequences
    if settings.family == "resample":
        designs = modality.codec(grammar.settings()).decode(sequences.lists())
        entry = data_entry(settings, data, len(sequences), len(designs), 0)
        return _Fitted(Resample.fit(designs, recipe, modality=modality.name), entry, {})
    training, held_out = settings.split(sequences)
    entry = data_entry(settings, data, len(sequences), len(training), len(held_out))
    model = Ngram.fit(training, grammar, recipe, modality=modality.name)
    return _Fitted(model, entry, {"held_out_nats": _mean(-model.score(held_out))})
