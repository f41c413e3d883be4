"""Training sets as arrays: every design of a file spelled once, kept in the cache, and the coverage reported.

The arrays are all that training needs: a machine without RDKit trains from them. Who spells is a modality, by its
name, in the settings of a grammar; both are plain values, so that work goes to other processes.
"""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from molgen.datasets import DATASETS, cache_dir, locate, read_cells, read_rows, sha256_of
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.modality import named
from molgen.science import columns, science
from molgen.store import digest, write_atomic
from molgen.taught import numbers

if TYPE_CHECKING:
    from molgen.sequences import Sequences

logger = logging.getLogger("molgen.encoding")

CHUNK = 5000
VERSION = 1  # of the spelling: a change makes the cached arrays void


class Spells(Protocol):
    """A grammar, or the vocabulary of one."""

    def settings(self) -> dict[str, Any]:
        """Plain values from which a codec is built."""
        ...


@dataclass(frozen=True)
class TrainingSet:
    """Spelled designs, and what became of the rows that are not among them."""

    name: str
    sha256: str
    rows: int
    flat: np.ndarray  # tokens, one design after another
    offsets: np.ndarray  # (n + 1,)
    stereo_dropped: int
    rejected: pd.DataFrame  # row, id, text, reason
    designs: str = "molecules"  # what they are called
    labels: np.ndarray | None = None  # (n, G) of the columns that are taught, NaN where not known

    @property
    def sequences(self) -> Sequences:
        """The designs as training takes them."""
        from molgen.sequences import Sequences  # loads torch, which processes that spell do without

        return Sequences(self.flat, self.offsets, self.labels)

    def coverage(self) -> str:
        """One sentence: how many rows are used, how many lost stereochemistry, why the others are not used."""
        used = len(self.offsets) - 1
        parts = [f"{used:,} of {self.rows:,} {self.designs} of {self.name} can be spelled"]
        if self.stereo_dropped:
            parts.append(f"stereochemistry was dropped from {self.stereo_dropped:,} of them (graphs do not carry it)")
        reasons = Counter(self.rejected["reason"]).most_common()
        parts += [f"{count:,} rejected: {reason}" for reason, count in reasons[:5]]
        if others := sum(count for _, count in reasons[5:]):
            parts.append(f"{others:,} rejected for other reasons")
        return "; ".join(parts)


def encode_training_set(
    source: str | Path,
    column: str | None,
    grammar: Spells,
    executor: Executor,
    modality: str = "molecule",
    given: Sequence[str] = (),
) -> TrainingSet:
    """Spells a data set that molgen knows by name, or a user's file; keeps the arrays in the cache.

    `grammar`: its settings, or those of a vocabulary, are the codec's. `given`: numeric columns that are taught.

    Raises:
        MolgenError: no such file or data set, or not one row that can be spelled.
    """
    designs, settings = columns(modality).NOUNS[1], grammar.settings()
    table, rejected, path = training_rows(source, column, modality, given)
    if table.empty:
        raise MolgenError(f"no {modality} of {source} can be used for training. {_first(rejected)}")
    cached = cache_dir() / "encoded" / f"{_key(table, modality, settings)}.npz"
    if not cached.exists():
        logger.info("spelling %s %s of %s (once; kept in %s)", f"{len(table):,}", designs, source, cached.parent)
        _spell(table["text"].tolist(), partial(_spell_chunk, modality, settings), executor, cached)
    found = _training_set(str(source), sha256_of(path), table, rejected, cached, modality)
    return replace(found, labels=_labels(table, cached, given)) if given else found


def _key(table: pd.DataFrame, modality: str, settings: dict[str, Any]) -> str:
    """What decides the tokens: the texts (of one file, two readers may take other rows), and who spells them."""
    speller = {"vocabulary": settings, "version": VERSION, **science(modality).versions()}
    return digest({"texts": table["text"].tolist(), **speller})


def _first(rejected: pd.DataFrame) -> str:
    """Where the first unusable row is, and why it cannot be used."""
    first = rejected.iloc[0]
    where = f"row {first['row']}: {str(first['text'])[:80]!r} ({first['reason']})"
    return f"{len(rejected):,} rows are rejected; the first is {where}"


def training_rows(
    source: str | Path, column: str | None, modality: str, given: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame, Path]:
    """row, id and text of each design to learn from; row, id, text and reason of those that were refused; the file.

    With the columns `given`, as numbers; a row of another cell there is refused.
    """
    if str(source) not in DATASETS:
        designs = science(modality).read_designs(Path(source), column, given)
        table, refused = numbers(designs.table, given)
        return table, _refused(designs.rejected, refused), designs.path
    rows, texts = read_rows(str(source))
    cells = {name: read_cells(str(source), name) for name in given}
    table, refused = numbers(pd.DataFrame({"row": rows, "id": "", "text": texts, **cells}), given)
    return table, refused, locate(str(source))


def _refused(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    if second.empty:
        return first
    return pd.concat([first, second]).sort_values("row", kind="stable", ignore_index=True)


def _labels(table: pd.DataFrame, cached: Path, given: Sequence[str]) -> np.ndarray:
    """(n, G) of the rows that could be spelled."""
    with np.load(cached, allow_pickle=False) as arrays:
        return table.loc[arrays["lengths"] > 0, list(given)].to_numpy(dtype=np.float32)


Spelled = tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]


def _spell(texts: list[str], work: Callable[[list[str]], Spelled], executor: Executor, cached: Path) -> None:
    chunks = [texts[i : i + CHUNK] for i in range(0, len(texts), CHUNK)]
    spelled = executor.map("spelling", work, chunks)
    lengths = np.concatenate([lengths for lengths, _, _, _ in spelled])
    arrays: dict[str, Any] = {
        "flat": np.concatenate([flat for _, flat, _, _ in spelled]),
        "lengths": lengths,
        "stereo": np.concatenate([stereo for _, _, stereo, _ in spelled]),
        "reasons": np.array(json.dumps([reason for *_, reasons in spelled for reason in reasons])),
    }
    write_atomic(cached, _npz(arrays))


def _spell_chunk(modality: str, settings: dict[str, Any], texts: Sequence[str]) -> Spelled:
    """(tokens per row, all tokens, stereochemistry dropped per row, reasons of the rows without tokens)."""
    encoded = named(modality).codec(settings).encode(texts)
    rows: list[tuple[int, ...]] = [e.tokens or () for e in encoded]
    lengths = np.array([len(row) for row in rows], dtype=np.int32)
    flat = np.fromiter((token for row in rows for token in row), dtype=np.uint8, count=int(lengths.sum()))
    return lengths, flat, np.array([e.stereo_dropped for e in encoded]), [e.reason for e in encoded if not e.tokens]


def _npz(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _training_set(
    name: str, sha256: str, table: pd.DataFrame, rejected: pd.DataFrame, cached: Path, modality: str
) -> TrainingSet:
    with np.load(cached, allow_pickle=False) as arrays:
        lengths, flat, stereo = arrays["lengths"], arrays["flat"], arrays["stereo"]
        reasons = json.loads(str(arrays["reasons"]))
    kept = lengths > 0
    unspelled = table.loc[~kept].assign(reason=reasons)
    offsets = np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64)
    refused = _refused(rejected, unspelled[["row", "id", "text", "reason"]])
    if not kept.any():
        raise MolgenError(f"no {modality} of {name} can be used for training. {_first(refused)}")
    designs = columns(modality).NOUNS[1]
    return TrainingSet(name, sha256, len(table) + len(rejected), flat, offsets, int(stereo.sum()), refused, designs)
