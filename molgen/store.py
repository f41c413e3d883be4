"""Content-addressed store of finished pieces of work, so that a killed run goes on where it was.

A unit's file name is a digest of its step, the step's version and everything it was made from. The table is written
aside, flushed and renamed; the done-file comes last and is the only thing that means 'finished'. There are no locks:
two writers write the same bytes, and a rename is atomic.
"""

import hashlib
import io
import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from molgen.errors import OutputError

DONE = ".done.json"
STALE_AFTER_SECONDS = 3600.0


@dataclass(frozen=True)
class Ref:
    """A finished unit: what to pass on instead of its table. Some 400 bytes."""

    step: str
    version: str
    key: str  # digest of step, version and key
    path: str  # of the table, relative to the store's root
    rows: int
    bytes: int
    sha256: str  # of the table's file: the identity for what is made from it
    pid: int  # of the process that made it
    seconds: float  # that making it took
    reused: bool = False  # found finished, not made in this call


@dataclass(frozen=True)
class Store:
    """Units below `root`, one folder a step. Cheap to pickle: workers write into the same folder."""

    root: Path

    def unit(self, step: str, version: str, key: Mapping[str, object], make: Callable[[], pd.DataFrame]) -> Ref:
        """The unit of `step` for `key` (JSON-able), made by `make` unless it is there and whole.

        Raises OutputError where the folder cannot be written.
        """
        name = digest({"step": step, "version": version, "key": key})
        found = self.find(step, name)
        if found is not None:
            return found
        started = time.perf_counter()
        data = _parquet(table := make())
        path = f"{step}/{name}.parquet"
        hashed = hashlib.sha256(data).hexdigest()
        seconds = round(time.perf_counter() - started, 3)
        ref = Ref(step, version, name, path, len(table), len(data), hashed, os.getpid(), seconds)
        self._write(self.root / path, data)
        self._write(self._done(step, name), _json({**asdict(ref), "made_from": key}))
        return ref

    def find(self, step: str, name: str) -> Ref | None:
        """The finished unit of that digest, if its done-file exists and its table has the bytes it had."""
        try:
            record = json.loads(self._done(step, name).read_text(encoding="utf-8"))
            record.pop("made_from", None)
            ref = replace(Ref(**record), reused=True)
            data = (self.root / ref.path).read_bytes()
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return ref if hashlib.sha256(data).hexdigest() == ref.sha256 else None

    def table(self, ref: Ref) -> pd.DataFrame:
        """The unit's table."""
        return pd.read_parquet(self.root / ref.path)

    def finished(self) -> int:
        """How many finished units the store holds."""
        return sum(1 for _ in self.root.glob(f"*/*{DONE}"))

    def sweep(self) -> None:
        """Removes what a killed process left half written more than an hour ago."""
        for path in self.root.glob("*/.*.tmp"):
            if time.time() - path.stat().st_mtime > STALE_AFTER_SECONDS:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Drops the whole store, where its units have become one finished file."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _done(self, step: str, name: str) -> Path:
        return self.root / step / f"{name}{DONE}"

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_atomic(path, data)
        except OutputError as error:
            kept = f"{self.finished()} finished pieces of work are kept in {self.root}"
            raise OutputError(f"{error}. {kept}: mend this and run the same command again to go on") from error


def digest(value: object) -> str:
    """A short name (128 bits in hex) for a JSON-able value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def finite(value: float | None) -> float | None:
    """The value, None where it is no finite number: JSON has neither NaN nor infinity."""
    return value if value is not None and math.isfinite(value) else None


def write_atomic(path: Path, data: bytes) -> None:
    """Writes `data` beside `path`, flushes it to the disk and renames it into place; makes the folder.

    Raises OutputError, and leaves neither a half file nor the temporary one, where that cannot be done.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
            _flush_folder(path.parent)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8")
