"""Writes the README's tables of generators from the result files.

    python -m benchmarks.tables            # rewrites README.md between the markers

A test holds the README to what this gives.
"""

import json
import re
from pathlib import Path

from molgen.benchmarking import markdown
from molgen.contests import CONTESTS

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"


def table(name: str) -> str:
    """The table of benchmarks/results/NAME.json, with where it comes from."""
    record = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    about, told = record["about"], record["settings"]
    seeds = ", ".join(map(str, told["seeds"]))
    n = f"{record['rows'][0]['n']:,.0f}"
    source = f"{n} designs each, seeds {seeds}, {about['device']}, commit {about['commit'][:7]}, `results/{name}.json`."
    first = CONTESTS[told["data"]].first
    return f"{markdown(record['rows'], first)}\n{source}\n"


def written(text: str) -> str:
    """The README with its tables as the results have them."""

    def filled(found: re.Match[str]) -> str:
        return f"{found[1]}\n{table(found[2])}{found[4]}"

    return re.sub(r"(<!-- table: ([\w-]+) -->)\n(.*?)(<!-- end -->)", filled, text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
