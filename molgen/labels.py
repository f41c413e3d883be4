"""Properties of training designs, for generators that are taught to draw to order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from molgen.encoding import Spells
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.modality import named
from molgen.science import science
from molgen.seeds import rng
from molgen.taught import computed, refuse_constant, unknown

if TYPE_CHECKING:
    from molgen.sequences import Sequences

CHUNK = 5000
MOST = 250_000  # designs that are labelled: enough to learn what a property means; the others are trained on unlabelled


def labelled(
    data: Sequences,
    names: Sequence[str],
    grammar: Spells,
    executor: Executor,
    seed: int,
    most: int = MOST,
    modality: str = "molecule",
) -> Sequences:
    """The same sequences with the properties named (n, P), NaN where not known.

    What molgen computes is computed for a sample of `most`; the others are the columns of `data.labels`, in this order.

    Raises:
        MolgenError: a property that is neither computed nor given; a given one of a single value.
    """
    known = computed(names, modality)
    given = [name for name in names if name not in known]
    if given and (data.labels is None or data.labels.shape[1] != len(given)):
        raise MolgenError(unknown(given[0], modality))
    labels = np.full((len(data), len(names)), np.nan, dtype=np.float32)
    if given and data.labels is not None:
        refuse_constant(data.labels, given)
        labels[:, [names.index(name) for name in given]] = data.labels
    if known:
        rows = np.sort(rng(seed, "labels").permutation(len(data))[:most])
        parts = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
        work = partial(_properties, modality, grammar.settings(), known)
        found = executor.map("properties", work, [data.take(part).lists() for part in parts])
        labels[np.ix_(rows, [names.index(name) for name in known])] = np.concatenate(found)
    return replace(data, labels=labels)


def _properties(modality: str, settings: dict[str, Any], names: tuple[str, ...], tokens: list[list[int]]) -> np.ndarray:
    """(n, P) of spelled designs; NaN where one cannot be read back."""
    kind = science(modality)
    read = kind.judge(named(modality).codec(settings).decode(tokens))
    rows = [row for row, one in enumerate(read) if one.design is not None]
    wanted = [next(score for score in kind.SCORES if score.name == name) for name in names]
    found = np.full((len(tokens), len(names)), np.nan, dtype=np.float32)
    found[rows] = np.stack([score([read[row].parsed for row in rows]).values for score in wanted], axis=1)
    return found
