"""Each thing that `molgen doctor` can find, brought about on purpose."""

import importlib.metadata as metadata
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from molgen import doctor
from molgen.doctor import Finding


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Makes packages look installed in a version, or absent (None)."""
    real = doctor._version
    changed = {name.replace("_", "-"): version for name, version in versions.items()}
    monkeypatch.setattr(doctor, "_version", lambda name: changed[name] if name in changed else real(name))


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_the_environment_of_the_tests_is_healthy_and_every_finding_has_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    found = doctor.examine()
    assert [(one.subject, one.message) for one in found if one.level == "error"] == []
    assert all(one.remedy for one in found if one.level != "ok")
    subjects = {one.subject for one in found}
    assert {"python", "molgen", "packages", "device", "shipped files", "zinc250k", "prefect"} <= subjects


def test_the_other_molgen_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, molgen="0.2.0")
    finding = only(doctor.names_on_pypi())
    assert (finding.level, finding.subject) == ("error", "molgen")
    assert "molgen 0.2.0 is installed: another project" in finding.message
    assert finding.remedy.startswith("pip uninstall --yes molgen")


def test_another_folder_named_molgen_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "molgen").mkdir()
    (tmp_path / "molgen" / "__init__.py").touch()
    monkeypatch.setattr(doctor.sysconfig, "get_path", lambda _: str(tmp_path))
    finding = only(doctor.names_on_pypi())
    assert finding.level == "error" and str(tmp_path / "molgen") in finding.message


def test_a_command_of_the_other_molgen_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = metadata.EntryPoint(name="molgen", value="molgen.main:app", group="console_scripts")
    monkeypatch.setattr(doctor.metadata, "entry_points", lambda **_: [foreign])
    finding = only(doctor.names_on_pypi())
    assert finding.level == "error" and "molgen.main:app" in finding.message


def test_rdkit_pypi_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, rdkit_pypi="2022.9.5")
    finding = only(doctor.names_on_pypi())
    assert finding.level == "error" and "rdkit-pypi 2022.9.5" in finding.message and "uninstall" in finding.remedy


@pytest.mark.parametrize(
    ("name", "version", "level", "words"),
    [
        ("fastapi", "0.165.0", "error", "every Prefect flow dies"),
        ("sqlalchemy", "2.1.9", "error", "cron schedules silently never fire"),
        ("pandas", "2.3.3", "warning", "not tested"),
        ("rdkit", None, "error", "not installed"),
    ],
)
def test_a_version_outside_of_its_range_is_noticed_with_its_consequence(
    monkeypatch: pytest.MonkeyPatch, name: str, version: str | None, level: str, words: str
) -> None:
    installed(monkeypatch, **{name: version})
    *troubles, good = doctor.versions()
    assert [(one.level, one.subject) for one in troubles] == [(level, name)]
    assert words in troubles[0].message and f"pip install '{name}" in troubles[0].remedy
    assert f"{name} " not in good.message and "torch 2.13.0" in good.message


def test_the_ranges_are_those_of_the_project_file() -> None:
    ranges = {one.name: str(one.specifier) for one in doctor.requirements()}
    assert ranges["prefect"] == "<4,>=3.8.8"
    assert "pytest" not in ranges


def test_a_card_that_torch_does_not_find_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    finding = only(doctor.device())
    assert finding.level == "warning" and "finds no card" in finding.message
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    assert only(doctor.device()).message.startswith("cpu, ")


def test_a_card_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    class Card:
        name = "NVIDIA H100"
        total_memory = 80 * 2**30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    assert only(doctor.device()).message.startswith("cuda: NVIDIA H100, 80 GiB")


def test_an_empty_cache_is_a_warning_with_the_command_that_fills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path))
    levels = {one.subject: (one.level, one.remedy) for one in doctor.cache()}
    assert levels["moses-train"] == ("warning", "Run `molgen data fetch moses` (52 MB).")
    assert levels["zinc250k"] == ("ok", "")


def test_a_damaged_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path))
    (tmp_path / "moses").mkdir()
    (tmp_path / "moses" / "test.csv.gz").write_bytes(b"half")
    assert {one.level for one in doctor.cache() if one.subject == "moses-test"} == {"error"}


def test_little_space_is_a_warning_for_the_cache_and_for_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = doctor.shutil._ntuple_diskusage(10**12, 10**12, 500_000_000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    found = list(doctor.disk())
    assert [(one.level, one.subject) for one in found] == [("warning", "disk, cache"), ("warning", "disk, runs")]
    assert "0.5 GB free" in found[0].message and "MOLGEN_CACHE" in found[0].remedy and "--out" in found[1].remedy


class Server:
    """A stand-in for Prefect's API that answers /api/health with a status."""

    def __init__(self, status: int) -> None:
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
                server.asked.append((self.path, self.headers["Authorization"]))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/api"
        self.thread = threading.Thread(target=self.http.serve_forever)

    def __enter__(self) -> "Server":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def test_a_prefect_server_that_answers_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(200) as server:
        monkeypatch.setenv("PREFECT_API_URL", server.url)
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:pass")
        finding = only(doctor.prefect_server())
    assert finding.level == "ok" and server.url in finding.message
    assert server.asked == [("/api/health", "Basic YWRtaW46cGFzcw==")]


def test_a_prefect_server_that_is_ill_or_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(503) as server:
        monkeypatch.setenv("PREFECT_API_URL", server.url)
        ill = only(doctor.prefect_server())
    absent = only(doctor.prefect_server())  # the same port, closed now
    assert ill.level == absent.level == "error"
    assert "Service Unavailable" in ill.message and "refused" in absent.message
    assert "prefect server start" in absent.remedy


def test_an_address_that_is_none_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "localhost")
    assert only(doctor.prefect_server()).level == "error"


def test_the_address_is_found_where_prefect_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_PROFILES_PATH", raising=False)
    monkeypatch.delenv("PREFECT_PROFILE", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    assert doctor.prefect_url()[0] is None
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "profiles.toml").write_text(
        'active = "lab"\n[profiles.other]\nPREFECT_API_URL = "http://other/api"\n[profiles.lab]\nPREFECT_API_URL = "http://lab/api"\n'
    )
    assert doctor.prefect_url()[0] == "http://lab/api"
    monkeypatch.setenv("PREFECT_PROFILE", "other")
    assert doctor.prefect_url()[0] == "http://other/api"
    (tmp_path / "prefect.toml").write_text('[api]\nurl = "http://here/api"\n')
    assert doctor.prefect_url() == ("http://here/api", "prefect.toml")
    monkeypatch.setenv("PREFECT_API_URL", "http://environment/api")
    assert doctor.prefect_url() == ("http://environment/api", "the environment")
