"""kill -9, Ctrl-C, and two runs at once: the same bytes as an uninterrupted run, and nothing is done twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_generator import write_training_set

from molgen.runs import open_run
from molgen.store import DONE

ROOT = Path(__file__).resolve().parents[1]
SAME = ("candidates.parquet", "candidates.csv", "ranked.csv", "selected.sdf", "rejected_inputs.csv", "funnel.json")
SCRIPT = """
import sys, time
from pathlib import Path
from fake_generator import FakeGenerator
from molgen import drawing, screening
from molgen.cli import main
from molgen import pipeline

class Slow(FakeGenerator):
    def sample(self, n, seed, **options):
        time.sleep(0.1)
        return super().sample(n, seed, **options)

def load(path, device):
    return Slow(path.parent / "training.csv", path.parent / "calls.log")

if __name__ == "__main__":
    drawing.CHUNK = 60
    screening.tasks.__defaults__ = (30,)
    whole = pipeline.design
    pipeline.design = lambda settings, executor=None: whole(settings, executor, load=load)
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    (folder / "prior.safetensors").write_bytes(b"weights")
    (folder / "program.py").write_text(SCRIPT)
    write_training_set(folder)
    return folder


def start(place: Path, out: str, *options: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    words = [
        "design",
        "--prior",
        str(place / "prior.safetensors"),
        "--samples",
        "300",
        "--out",
        str(place / out),
        *options,
    ]
    return subprocess.Popen(
        [sys.executable, str(place / "program.py"), *words],
        env=os.environ | {"PYTHONPATH": path, "MOLGEN_CACHE": str(place / "cache")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    return output


@pytest.fixture(scope="module")
def whole(place: Path) -> dict[str, bytes]:
    """The files of a run that nobody disturbed."""
    finish(start(place, "whole", "--workers", "1"))
    return {name: (place / "whole" / name).read_bytes() for name in SAME}


def done(place: Path, out: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (place / out).glob(f".units/*/*{DONE}")}


def wait_for_units(place: Path, out: str, wanted: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(done(place, out)) < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def test_killed_three_times_a_run_ends_with_the_same_bytes_and_repeats_nothing(
    place: Path, whole: dict[str, bytes]
) -> None:
    """5 units of draws and 10 of screening; killed during the draws, while the workers start, and during the screen."""
    seen: dict[Path, int] = {}
    chance = random.Random(7)
    for wanted in (2, 5, 8):
        process = start(place, "killed", "--workers", "2")
        wait_for_units(place, "killed", wanted, process)
        time.sleep(chance.uniform(0.0, 0.15))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        for path, stamp in done(place, "killed").items():
            assert seen.setdefault(path, stamp) == stamp, "a finished unit was made again"
        assert len(seen) >= wanted
    finish(start(place, "killed", "--workers", "2"))
    last = done(place, "killed")
    assert {path: last[path] for path in seen} == seen
    assert len(last) == 5 + 10 + 1
    manifest = open_run(place / "killed").manifest
    reused = sum(units["reused"] for name, units in manifest["units"].items() if name != "index")
    assert reused == len(seen)
    assert {name: (place / "killed" / name).read_bytes() for name in SAME} == whole


def test_a_killed_parent_alone_leaves_no_workers_and_the_run_goes_on(place: Path, whole: dict[str, bytes]) -> None:
    process = start(place, "parent", "--workers", "2")
    wait_for_units(place, "parent", 6, process)
    process.kill()
    process.wait()
    finish(start(place, "parent", "--workers", "2"))
    assert (place / "parent" / "ranked.csv").read_bytes() == whole["ranked.csv"]


def test_ctrl_c_says_what_was_kept_and_the_same_command_goes_on(place: Path, whole: dict[str, bytes]) -> None:
    process = start(place, "stopped", "--workers", "2")
    wait_for_units(place, "stopped", 7, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"stopped. What was finished is kept in {place / 'stopped'}/.units; the same command goes on" in errors
    assert "Traceback" not in errors
    kept = done(place, "stopped")
    finish(start(place, "stopped", "--workers", "2"))
    assert {path: stamp for path, stamp in done(place, "stopped").items() if path in kept} == kept
    assert (place / "stopped" / "ranked.csv").read_bytes() == whole["ranked.csv"]


def test_two_runs_in_one_folder_at_once_do_not_disturb_each_other(place: Path, whole: dict[str, bytes]) -> None:
    both = [start(place, "both", "--workers", "1") for _ in range(2)]
    for process in both:
        finish(process)
    assert {name: (place / "both" / name).read_bytes() for name in SAME} == whole
