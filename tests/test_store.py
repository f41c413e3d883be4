"""The store of finished units: what means 'done', what survives a kill, and what a full disk says."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest

from molgen.errors import OutputError
from molgen.store import DONE, Store, digest, write_atomic


def table(number: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"n": [number, number + 1], "text": ["CCO", "c1ccccc1"]})


def must_not_run() -> pd.DataFrame:
    raise AssertionError("a finished unit was made again")


def test_a_unit_is_made_once_and_found_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = store.unit("draw", "1", {"seed": 0}, table)
    found = store.unit("draw", "1", {"seed": 0}, must_not_run)
    assert (made.reused, found.reused) == (False, True)
    assert (made.rows, made.sha256, made.pid) == (found.rows, found.sha256, os.getpid())
    pd.testing.assert_frame_equal(store.table(found), table())


@pytest.mark.parametrize(
    ("step", "version", "key"), [("screen", "1", {"seed": 0}), ("draw", "2", {"seed": 0}), ("draw", "1", {"seed": 1})]
)
def test_another_step_version_or_key_is_another_unit(
    tmp_path: Path, step: str, version: str, key: dict[str, int]
) -> None:
    store = Store(tmp_path)
    first = store.unit("draw", "1", {"seed": 0}, table)
    second = store.unit(step, version, key, lambda: table(5))
    assert not second.reused
    assert second.path != first.path
    assert store.table(second)["n"].tolist() == [5, 6]


def test_the_digest_ignores_the_order_of_keys_and_nothing_else() -> None:
    assert digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})
    assert len({digest({"a": 1}), digest({"a": 2}), digest({"a": "1"}), digest({"b": 1}), digest({"a": [1]})}) == 5


def test_the_same_table_has_the_same_bytes_in_another_store(tmp_path: Path) -> None:
    refs = [Store(tmp_path / name).unit("draw", "1", {}, table) for name in ("one", "two")]
    assert refs[0].sha256 == refs[1].sha256


def test_a_table_without_its_done_file_is_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ref = store.unit("draw", "1", {}, table)
    (tmp_path / "draw" / f"{ref.key}{DONE}").unlink()
    assert not store.unit("draw", "1", {}, table).reused


@pytest.mark.parametrize("damage", [b"", b"PAR1 cut off"])
def test_a_damaged_table_is_made_again(tmp_path: Path, damage: bytes) -> None:
    store = Store(tmp_path)
    ref = store.unit("draw", "1", {}, table)
    (tmp_path / ref.path).write_bytes(damage)
    again = store.unit("draw", "1", {}, table)
    assert not again.reused
    pd.testing.assert_frame_equal(store.table(again), table())


def test_a_flipped_byte_of_the_same_length_is_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = tmp_path / store.unit("draw", "1", {}, table).path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert not store.unit("draw", "1", {}, table).reused


@pytest.mark.parametrize("text", ["", "{", "[]", '{"step": "draw"}'])
def test_an_unreadable_done_file_means_not_done(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    ref = store.unit("draw", "1", {}, table)
    (tmp_path / "draw" / f"{ref.key}{DONE}").write_text(text)
    assert not store.unit("draw", "1", {}, table).reused


def test_the_done_file_says_what_the_unit_was_made_from(tmp_path: Path) -> None:
    ref = Store(tmp_path).unit("draw", "1", {"seed": 7, "prior": "ab"}, table)
    record = json.loads((tmp_path / "draw" / f"{ref.key}{DONE}").read_text())
    assert record["made_from"] == {"seed": 7, "prior": "ab"}
    assert (record["rows"], record["pid"]) == (2, os.getpid())


def test_an_error_while_making_leaves_nothing_behind(tmp_path: Path) -> None:
    def failing() -> pd.DataFrame:
        raise ValueError("bad chunk")

    with pytest.raises(ValueError, match="bad chunk"):
        Store(tmp_path).unit("draw", "1", {}, failing)
    assert list(tmp_path.rglob("*")) == []


def test_a_full_disk_says_what_was_kept_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.unit("draw", "1", {"i": 0}, table)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device.*1 finished pieces of work are kept"):
        store.unit("draw", "1", {"i": 1}, table)
    monkeypatch.undo()
    assert store.finished() == 1
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        write_atomic(tmp_path / "file" / "below.txt", b"x")


def test_sweeping_takes_only_old_left_overs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.unit("draw", "1", {}, table)
    old, new = tmp_path / "draw" / ".a.parquet.1.tmp", tmp_path / "draw" / ".b.parquet.2.tmp"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    store.sweep()
    assert (old.exists(), new.exists(), store.finished()) == (False, True, 1)


def test_kills_at_random_moments_leave_only_whole_units(tmp_path: Path) -> None:
    """Three writers are killed at different moments; a fourth run finishes, and repeats no unit that was done."""
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        import pandas as pd
        from molgen.store import Store
        for i in range(30):
            make = lambda: (time.sleep(0.02), pd.DataFrame({"i": [i]}))[1]
            Store(Path(sys.argv[1])).unit("draw", "1", {"i": i}, make)
    """)
    command = [sys.executable, "-c", script, str(tmp_path)]
    store, seen = Store(tmp_path), {}
    for wanted in (3, 8, 15):
        process = subprocess.Popen(command)
        while store.finished() < wanted and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen |= {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob(f"*{DONE}") if path.name not in seen}
    subprocess.run(command, check=True)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob(f"*{DONE}")}
    assert len(after) == 30
    assert all(after[name] == stamp for name, stamp in seen.items())
