"""Bringing one wheel with pip, which knows the user's package index, proxy and certificates."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

from molgen.errors import MolgenError, OutputError
from molgen.progress import progress


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
