"""What every result file says of the place and the time it was made."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from molgen.provenance import commit, versions


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write_result(name: str, result: dict[str, Any], minutes: float) -> Path:
    """Writes benchmarks/results/NAME.json with commit, machine, versions and minutes."""
    about = {
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "versions": versions(),
        "minutes": round(minutes, 1),
    }
    path = Path(__file__).parent / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**result, "about": about}, indent=2) + "\n")
    return path
