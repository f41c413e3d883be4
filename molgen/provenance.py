"""Where a result comes from: versions, commit, device, checksums, seconds. What `run.json` is made of."""

import hashlib
import logging
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from molgen.datasets import sha256_of
from molgen.errors import MolgenError
from molgen.executor import available_cores
from molgen.store import Ref

log = logging.getLogger("molgen.provenance")

PACKAGES = ("molgen-flows", "rdkit", "torch", "torch-geometric", "numpy", "pandas", "pyarrow", "safetensors", "prefect")
PACKAGES += ("biopython", "rapidfuzz", "macrel", "onnxruntime", "dnachisel")
PACKAGE = Path(__file__).resolve().parent
DeviceName = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Device:
    """What the networks run on."""

    kind: Literal["cpu", "cuda"]
    title: str  # 'cpu (2 cores)' or 'cuda (NVIDIA H100)'


def find_device(wanted: DeviceName = "auto") -> Device:
    """The device of a run: 'auto' takes a GPU if torch sees one. MolgenError where 'cuda' is wanted and not there."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise MolgenError("no CUDA device is visible to torch: leave --device out, or use --device cpu")
    if wanted != "cpu" and torch.cuda.is_available():
        return Device("cuda", f"cuda ({torch.cuda.get_device_name()})")
    return Device("cpu", cores())


def cores() -> str:
    """'cpu (2 cores)': the device line of a command that uses no network."""
    return f"cpu ({available_cores()} cores)"


def versions() -> dict[str, str]:
    """Python and the packages that decide results; one that isn't installed is left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            log.debug("%s is not installed", package)
    return found


def version_of(package: str) -> str:
    """The installed version, 'none' where there is none: for the keys of units."""
    return versions().get(package, "none")


@cache
def code_digest(*places: str) -> str:
    """The sha256 of those of molgen's sources that decide a result: files and folders, named from the package on.

    It goes into the keys of units, so that edited code never meets results of other code; read once a process.
    """
    hashed = hashlib.sha256()
    for place in places:
        path = PACKAGE / place
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            hashed.update(f"{source.relative_to(PACKAGE).as_posix()} {source.stat().st_size}\n".encode())
            hashed.update(source.read_bytes())
    return hashed.hexdigest()


def commit() -> str | None:
    """The checkout's commit, with '+changes' where files differ from it; None outside of a checkout."""
    head = _git(PACKAGE, "rev-parse", "HEAD")
    if head is None or _git(PACKAGE, "ls-files", "--error-unmatch", "store.py") is None:
        return None
    return f"{head}+changes" if _git(PACKAGE, "status", "--porcelain", "--", ".") else head


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def input_file(path: Path) -> dict[str, Any]:
    """Path, size and sha256 of a file that a run reads."""
    try:
        return {"path": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    except OSError as error:
        raise MolgenError(f"cannot read {path}: {error.strerror or error}") from error


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Record:
    """What a run notes while it runs: seconds and counted units of each stage."""

    started: str = field(default_factory=now)
    seconds: dict[str, float] = field(default_factory=dict)
    units: dict[str, dict[str, int]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the block's wall time to the seconds of `name`."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - begun, 3)

    def count(self, name: str, refs: list[Ref | None]) -> None:
        """Counts the units of a stage: made in this run, reused from an earlier one, not reached in time."""
        self.units[name] = {
            "made": sum(ref is not None and not ref.reused for ref in refs),
            "reused": sum(ref is not None and ref.reused for ref in refs),
            "missing": sum(ref is None for ref in refs),
        }

    @property
    def complete(self) -> bool:
        return not any(units["missing"] for units in self.units.values())


def plain(value: Any) -> Any:
    """JSON-able form of settings: dataclasses as dicts, paths as texts."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value
