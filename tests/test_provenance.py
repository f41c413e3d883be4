"""What run.json says of where a result comes from."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from molgen import provenance
from molgen.errors import MolgenError
from molgen.provenance import Record, commit, find_device, input_file, plain, versions
from molgen.store import Ref


def ref(reused: bool) -> Ref:
    return Ref("draw", "1", "k", "p", 1, 1, "s", 1, 0.1, reused)


def test_a_record_counts_made_reused_and_missing_units() -> None:
    record = Record()
    record.count("draw", [ref(True), ref(False), ref(True), None])
    assert record.units == {"draw": {"made": 1, "reused": 2, "missing": 1}}
    assert not record.complete
    record.count("draw", [ref(True)])
    assert record.complete


def test_seconds_of_a_stage_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr(provenance.time, "perf_counter", lambda: next(moments))
    record = Record()
    for _ in range(2):
        with record.stage("screen"):
            assert record.seconds.get("screen") in (None, 2.5)
    assert record.seconds == {"screen": 3.5}


def test_the_checksum_of_an_input_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    found = input_file(tmp_path / "abc")
    assert found["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert found["bytes"] == 3
    with pytest.raises(MolgenError, match="cannot read .*missing"):
        input_file(tmp_path / "missing")


def test_versions_name_what_decides_results() -> None:
    import rdkit

    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert [int(part) for part in found["rdkit"].split(".")] == [int(part) for part in rdkit.__version__.split(".")]


def test_the_digest_of_code_changes_with_the_code_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nn").mkdir()
    for name in ("a.py", "b.py", "nn/c.py"):
        (tmp_path / name).write_text(f"# {name}")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)

    def digest() -> str:
        provenance.code_digest.cache_clear()
        return provenance.code_digest("a.py", "nn")

    first = digest()
    (tmp_path / "b.py").write_text("other")
    assert digest() == first
    (tmp_path / "nn" / "c.py").write_text("other")
    assert digest() != first
    provenance.code_digest.cache_clear()


def test_the_commit_is_that_of_the_checkout_and_says_if_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "molgen"
    package.mkdir()
    for name in ("provenance.py", "store.py"):
        (package / name).write_text("")
    monkeypatch.setattr(provenance, "PACKAGE", package)
    assert commit() is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert commit() == head
    (package / "store.py").write_text("changed")
    assert commit() == f"{head}+changes"


def test_the_device_is_the_cpu_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto").kind == "cpu"
    assert find_device("auto").title.startswith("cpu (")
    with pytest.raises(MolgenError, match="no CUDA device"):
        find_device("cuda")


def test_a_gpu_is_taken_where_there_is_one_unless_the_cpu_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100")
    assert (find_device("auto").kind, find_device("auto").title) == ("cuda", "cuda (NVIDIA H100)")
    assert find_device("cpu").kind == "cpu"


def test_settings_become_plain_values() -> None:
    @dataclass(frozen=True)
    class Settings:
        out: Path
        sizes: tuple[int, ...]
        name: str | None = None

    assert plain(Settings(Path("a/b"), (1, 2))) == {"out": str(Path("a/b")), "sizes": [1, 2], "name": None}
