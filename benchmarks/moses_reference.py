"""Runs MOSES' own code, molsets 0.3.1, which neither installs nor imports today, on a list of designs.

    python -m benchmarks.moses_reference FOLDER DESIGNS.json FIGURES.json

FOLDER holds the unpacked wheel. It was written for older packages, so what is missing is put in its place, in this
process only: `rdkit.six`, `DataFrame.append`, `numpy.NaN`, and a `matplotlib` that draws nothing. `moses/__init__.py`,
which imports the models, is passed over.
"""

import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
import typer
from rdkit import rdBase


def _put_in_place(folder: Path) -> None:
    moses, six, matplotlib = ModuleType("moses"), ModuleType("rdkit.six"), ModuleType("matplotlib")
    moses.__path__ = [str(folder / "moses")]
    six.iteritems = lambda mapping: mapping.items()  # type: ignore[attr-defined]
    matplotlib.pyplot = ModuleType("matplotlib.pyplot")  # type: ignore[attr-defined]
    sys.modules |= {"moses": moses, "rdkit.six": six, "matplotlib": matplotlib}
    sys.modules["matplotlib.pyplot"] = matplotlib.pyplot
    pd.DataFrame.append = _append  # type: ignore[attr-defined]
    for name, old in (("NaN", np.nan), ("row_stack", np.vstack)):
        setattr(np, name, old)


def _append(self: pd.DataFrame, other: pd.DataFrame, sort: bool = False) -> pd.DataFrame:
    return pd.concat([self, other], sort=sort)


def main(folder: Path, designs: Path, figures: Path) -> None:
    """Writes MOSES' figures by its own names, and `cpu_seconds`, all on one thread."""
    torch.set_num_threads(1)
    _put_in_place(folder)
    with rdBase.BlockLogs():
        from moses.metrics import get_all_metrics  # noqa: PLC0415 - out of FOLDER

        begun = time.process_time()
        found: dict[str, Any] = get_all_metrics(json.loads(designs.read_text()), n_jobs=1)
    result = {name: float(value) for name, value in found.items()}
    figures.write_text(json.dumps({**result, "cpu_seconds": time.process_time() - begun}))


if __name__ == "__main__":
    typer.run(main)
