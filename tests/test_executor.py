"""Executors: the order of results, errors, dying workers, and workers whose parent is gone."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from molgen.errors import MolgenError, OutputError
from molgen.executor import Processes, Serial, available_cores

ROOT = Path(__file__).parent.parent


def slow_square(number: int) -> int:
    time.sleep(0.05 if number == 0 else 0.0)
    return number * number


def fail_on_two(number: int) -> int:
    if number == 2:
        raise OutputError("cannot write /full/disk: No space left on device")
    return number


def own_pid(_: int) -> int:
    return os.getpid()


def die(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_the_order_of_the_items_though_the_first_is_slowest() -> None:
    squares = [number * number for number in range(6)]
    assert Serial().map("square", slow_square, range(6)) == squares
    with Processes(2) as executor:
        assert executor.map("square", slow_square, range(6)) == squares
        assert executor.map("again", slow_square, range(6)) == squares


def test_work_that_holds_a_device_stays_in_this_process() -> None:
    with Processes(2) as executor:
        assert executor.map("draw", own_pid, [1, 2], here=True) == [os.getpid()] * 2
        assert os.getpid() not in executor.map("screen", own_pid, [1, 2])


def test_no_items_give_no_results() -> None:
    assert Serial().map("none", slow_square, []) == []
    with Processes(2) as executor:
        assert executor.map("none", slow_square, []) == []


def test_an_error_of_the_work_passes_through_with_its_type_and_text() -> None:
    with Processes(2) as executor, pytest.raises(OutputError, match="/full/disk: No space"):
        executor.map("write", fail_on_two, range(5))


def test_a_worker_that_dies_gives_a_sentence_and_the_executor_can_go_on() -> None:
    with Processes(2) as executor:
        with pytest.raises(MolgenError, match="a worker process died during 'screen'.*run the same command again"):
            executor.map("screen", die, range(3))
        assert executor.map("square", slow_square, range(3)) == [0, 1, 4]


def test_the_number_of_cores_is_what_this_process_may_use() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    assert Processes().workers == available_cores()


def test_workers_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(
        textwrap.dedent("""
        import os, sys, time
        from pathlib import Path
        from molgen.executor import Processes

        def note(i):
            Path(sys.argv[1], f"pid-{os.getpid()}").touch()
            time.sleep(60)

        if __name__ == "__main__":
            Processes(2).map("wait", note, range(2))
    """)
    )
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, str(tmp_path / "parent.py"), str(tmp_path)]
    parent = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
    pids = _wait_for(lambda: [int(path.name[4:]) for path in tmp_path.glob("pid-*")], enough=2)
    parent.kill()
    parent.wait()
    assert len(pids) == 2
    assert _wait_for(lambda: [pid for pid in pids if not _running(pid)], enough=2) == pids


def _wait_for(look, enough: int) -> list[int]:  # noqa: ANN001
    deadline = time.monotonic() + 30
    while len(found := look()) < enough and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
