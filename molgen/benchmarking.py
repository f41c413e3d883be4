"""`molgen benchmark generators`: every shipped prior and baseline by the same figures, real molecules beside them.

One unit a generator and seed, kept in the folder, so that a killed benchmark goes on where it was.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from rdkit import rdBase

from molgen import contests, drawing
from molgen.contests import Contest, Figures
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.line import executing
from molgen.progress import progress
from molgen.provenance import code_digest, commit, find_device, now, version_of, versions
from molgen.science import science
from molgen.seeds import spawn
from molgen.store import Ref, Store, write_atomic

log = logging.getLogger("molgen.benchmark")

VERSION = "1"
CODE = ("benchmarking.py", "contests.py", "metrics.py", "moses", "small.py", "similarity.py", *drawing.CODE)
CODE += ("protein/evaluation", "protein/properties.py", "protein/distance.py")


@dataclass(frozen=True)
class BenchmarkSettings:
    """`molgen benchmark generators`.

    Attributes:
        out: folder for generators.json, .csv and .md.
        data: which contest: MOSES (30,000 designs), QM9 (10,000), or antimicrobial peptides (1,000).
        generators: names, or files of priors; by default all shipped priors of that data, the baselines, and the real
            training molecules.
        samples, seeds: designs of each generator, and how often.
        temperature, top_p: how priors draw.
    """

    out: Path = Path("runs/benchmark")
    data: Literal["moses", "qm9", "amp"] = "moses"
    generators: tuple[str, ...] = ()
    samples: int | None = None
    seeds: tuple[int, ...] = (0, 1, 2)
    temperature: float = 1.0
    top_p: float = 1.0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))
        object.__setattr__(self, "generators", tuple(self.generators))
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if self.samples is not None and self.samples < 2:
            raise MolgenError(f"--samples {self.samples} must be 2 or more")
        if not (0 < self.temperature < math.inf and 0 < self.top_p <= 1):
            raise MolgenError(f"--temperature {self.temperature} must be above 0, --top-p {self.top_p} above 0 to 1")
        if not self.seeds or min(self.seeds) < 0:
            raise MolgenError(f"--seeds {self.seeds} must be numbers from 0 on")


def benchmark(settings: BenchmarkSettings, executor: Executor | None = None) -> Path:
    """Measures and writes the table; gives the path of generators.json.

    Raises:
        MolgenError: an unknown generator, or data that were not fetched.
    """
    contest = contests.CONTESTS[settings.data]
    names = settings.generators or contests.entrants(contest)
    sources = {name: contests.source(name) for name in names}  # an unknown name is told before anything is spent
    with executing(executor, settings.workers) as running:
        measured = _Measure(settings, contest, Store(settings.out / ".units"), running)
        tables = [measured(name, sources[name], seed) for name in names for seed in settings.seeds]
    return _written(settings, pd.concat(tables, ignore_index=True))


class _Measure:
    """Figures of one generator and seed; what is expensive to load is loaded when the first of them needs it."""

    def __init__(self, settings: BenchmarkSettings, contest: Contest, store: Store, executor: Executor) -> None:
        self.settings, self.contest, self.store, self.executor = settings, contest, store, executor
        self._figures: Figures | None = None
        self._opened: tuple[str, Any, dict[str, float]] = ("", None, {})  # the last one: seeds follow each other

    def __call__(self, name: str, source: Path | None, seed: int) -> pd.DataFrame:
        n = self.settings.samples or self.contest.samples
        log.info("%s, seed %d: %s designs", name, seed, f"{n:,}")
        key = {"name": name, "seed": seed, "n": n, "data": self.contest.name, "code": code_digest(*CODE)}
        key |= {"prior": drawing.identity(source) if source else "", "rdkit": rdBase.rdkitVersion}
        key |= {"device": find_device(self.settings.device).kind, "torch": version_of("torch")}
        key |= {"temperature": self.settings.temperature, "top_p": self.settings.top_p}
        ref: Ref = self.store.unit("figures", VERSION, key, lambda: self._row(name, source, seed, n))
        return self.store.table(ref)

    def _row(self, name: str, source: Path | None, seed: int, n: int) -> pd.DataFrame:
        device = find_device(self.settings.device).kind
        if self._opened[0] != name:
            opened = contests.opened(name, source, self.contest, device, self.executor)
            self._opened = name, opened, self.contest.likelihood(opened)  # which is the same for every seed
        _, generator, likelihood = self._opened
        shape = {"temperature": self.settings.temperature, "top_p": self.settings.top_p}
        if contests.kind(name) == "control":  # in one piece: chunks of their own seeds would repeat molecules
            designs, seconds = generator.sample(n, seed), math.nan
        else:
            designs, seconds = drawn(generator.sample, n, seed, shape, self.contest.modality)
        if self._figures is None:
            self._figures = self.contest.load(self.executor)
        about = {
            "generator": name,
            "kind": contests.kind(name),
            "family": generator.card.get("family", name),
            "seed": seed,
        }
        trained = {"minutes": generator.card.get("minutes"), "device": generator.card.get("device", "")}
        measured = {"designs_per_cpu_second": n / seconds} | likelihood
        return pd.DataFrame([about | shape | trained | measured | self._figures(designs, seed)])


def drawn(
    sample: Callable[..., list[str]], n: int, seed: int, shape: dict[str, float], modality: str = "molecule"
) -> tuple[list[str], float]:
    """Designs as `molgen generate` draws them, and the CPU seconds from nothing to canonical texts."""
    designs: list[str] = []
    started = time.process_time()
    with progress("draw", n) as advance:
        for chunk, start in enumerate(range(0, n, drawing.CHUNK)):
            size = min(drawing.CHUNK, n - start)
            designs += sample(size, spawn(seed, "draw", chunk), **shape, progress=advance)
    with rdBase.BlockLogs():
        science(modality).judge(designs)
    return designs, time.process_time() - started


def _written(settings: BenchmarkSettings, table: pd.DataFrame) -> Path:
    """The rows as JSON with where they come from, as CSV, and the means as Markdown."""
    about = {"commit": commit(), "made": now(), "versions": versions(), "device": find_device(settings.device).title}
    told = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(settings).items() if name != "out"}
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=10))
    record = {"about": about, "settings": told, "rows": rows}
    write_atomic(settings.out / "generators.csv", table.to_csv(index=False).encode())
    write_atomic(settings.out / "generators.md", markdown(rows, contests.CONTESTS[settings.data].first).encode())
    path = settings.out / "generators.json"
    write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
    return path


COLUMNS = {
    "valid_as_drawn": "valid as drawn", "unique_at_10000": "unique@10k", "unique": "unique", "novelty": "novel",
    "fcd_test": "FCD test", "fcd_test_scaffolds": "FCD scaffold", "snn_test": "SNN", "scaf_test": "Scaf",
    "intdiv": "IntDiv", "filters": "Filters", "bits": "bits", "perplexity": "perplexity", "copies": "copies",
    "near": "identity > .8", "jsd2": "JSD2", "jsd3": "JSD3", "ks_length": "KS length", "ks_net_charge": "KS charge",
    "ks_gravy": "KS GRAVY", "designs_per_cpu_second": "per CPU-s",
}  # fmt: skip


def markdown(rows: Sequence[dict[str, Any]], first: str = "fcd_test") -> str:
    """One line a generator: means over the seeds, least `first` on top; for FCD the deviation of several seeds."""
    table = pd.DataFrame(rows)
    skipped = "unique" if "unique_at_10000" in table else ""
    columns = [name for name in COLUMNS if name in table and name != skipped]
    means = table.groupby("generator")[columns].mean().sort_values(first)
    spread = table.groupby("generator")[columns].std()
    kinds = table.groupby("generator")["kind"].first()
    shares = table["bits_of"].fillna(1.0).groupby(table["generator"]).mean() if "bits_of" in table else {}
    lines = ["| generator | " + " | ".join(COLUMNS[name] for name in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in means.iterrows():
        label = f"**{name}**" if kinds[name] == "prior" else f"{name} ({kinds[name]})"
        cells = [_cell(column, row[column], spread.loc[name, column]) for column in columns]
        if "bits_of" in table and shares[name] < 1:
            cells[columns.index("bits")] += f" (of {shares[name]:.1%})"
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(column: str, mean: float, deviation: float) -> str:
    if pd.isna(mean):
        return ""
    if column == "designs_per_cpu_second":
        return f"{mean:,.0f}"
    digits = 4 if column in ("valid_as_drawn", "unique_at_10000") else 3
    spread = f" ± {deviation:.3f}" if column.startswith("fcd") and not pd.isna(deviation) else ""
    return f"{mean:.{digits}f}{spread}"
