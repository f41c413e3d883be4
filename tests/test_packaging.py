"""pyproject.toml, constraints.txt, environment.yml, the Makefile and the README say the same."""

import importlib.metadata as metadata
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch", "pytorch-geometric": "torch-geometric"}

ON_DEMAND = {"activity", "dna"}  # no test needs them: the tests of these parts are skipped where they are absent


def constraints() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pinned}


def direct() -> dict[str, Requirement]:
    """Every direct dependency, the extras' too, without the project itself."""
    extras = {name: texts for name, texts in PROJECT["optional-dependencies"].items() if name not in ON_DEMAND}
    texts = PROJECT["dependencies"] + [text for extra in extras.values() for text in extra]
    found = {canonicalize_name((one := Requirement(text)).name): one for text in texts}
    return {name: one for name, one in found.items() if name != PROJECT["name"]}


def conda() -> dict[str, Version]:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    pinned = re.findall(r"^ +- ([\w.-]+)==?(\d[\w.]*)$", text, flags=re.MULTILINE)
    names = ((canonicalize_name(name), Version(version)) for name, version in pinned)
    return {CONDA_NAMES.get(name, name): version for name, version in names}


def test_every_constraint_is_exact_and_stands_once() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==\d[\w.]*", line) for line in lines)
    assert len(constraints()) == len(lines) > 150


def test_every_tested_version_lies_within_its_range() -> None:
    tested = constraints()
    for name, requirement in direct().items():
        assert requirement.specifier.contains(tested[name]), f"{requirement} excludes the tested {tested[name]}"


def test_the_conda_environment_has_the_same_packages_and_versions() -> None:
    tested = constraints()
    assert conda() == {name: tested[name] for name in direct()}


def test_the_conda_environment_asks_for_the_same_python() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert f"  - python{PROJECT['requires-python']}\n" in text


def test_the_tests_run_with_the_versions_that_the_constraints_name() -> None:
    tested = constraints()
    installed = {name: Version(Version(metadata.version(name)).public) for name in direct()}
    assert installed == {name: tested[name] for name in installed}


def test_prefect_is_held_to_the_versions_with_which_it_works() -> None:
    assert {str(direct()[name].specifier) for name in ("prefect",)} == {"<4,>=3.8.8"}
    assert not direct()["fastapi"].specifier.contains("0.165.0")  # every flow dies
    assert not direct()["sqlalchemy"].specifier.contains("2.1.9")  # cron schedules never fire
    assert {name: str(direct()[name].specifier) for name in ("fastapi", "sqlalchemy", "rdkit")} == {
        "fastapi": "<0.151,>=0.139",
        "sqlalchemy": "<2.1,>=2.0.40",
        "rdkit": "<2027,>=2026.3",
    }


def test_rdkit_pypi_is_not_installed_and_nothing_installed_asks_for_it() -> None:
    asked = {
        canonicalize_name(Requirement(text).name)
        for distribution in metadata.distributions()
        for text in distribution.requires or []
        if "extra ==" not in text
    }
    installed = {canonicalize_name(distribution.name) for distribution in metadata.distributions()}
    assert "rdkit" in installed
    assert "rdkit-pypi" not in asked | installed | set(constraints())


def test_the_distribution_is_not_named_like_the_other_molgen() -> None:
    assert PROJECT["name"] == "molgen-flows"
    assert PROJECT["scripts"] == {"molgen": "molgen.cli:main"}


def test_the_readme_never_tells_to_install_the_other_molgen() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    wrong = re.compile(r"(?:pip3?|uv add|uv pip|pipx|conda|mamba)\s+install\s+(?:-\S+\s+)*[\"'`]?molgen(?![-\w/])")
    assert wrong.search("python -m pip install -U molgen") and not wrong.search("pip install molgen-flows")
    assert wrong.findall(readme) == []


def test_the_readme_names_both_commands_on_its_first_screen() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40])
    assert "make design" in first_screen and "make test" in first_screen


def test_make_help_explains_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert phony
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    explained = {line.split()[1] for line in said.splitlines() if line.startswith("  make ")}
    assert explained == set(phony[1].split()) - {"data"}


def copied(folder: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def plain_environment(**changes: str) -> dict[str, str]:
    """Without what an outer make tells its children."""
    makes = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    return {key: value for key, value in os.environ.items() if key not in makes} | changes


def test_make_says_in_a_sentence_that_python_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "setup", "PYTHON=python-that-is-not-there"],
        cwd=copied(tmp_path), env=plain_environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "molgen needs Python 3.11 or newer, and python-that-is-not-there is not" in done.stderr
    assert "make setup PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_says_which_package_is_missing_where_python_has_no_venv(tmp_path: Path) -> None:
    fake = tmp_path / "python-without-venv"
    fake.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; *) exit 0;; esac\n')
    fake.chmod(0o755)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={fake}"],
        cwd=copied(tmp_path),
        env=plain_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "cannot make virtual environments" in done.stderr and "python3-venv" in done.stderr


def test_a_finished_setup_is_not_done_again(tmp_path: Path) -> None:
    ready = copied(tmp_path) / ".venv" / ".ready"
    ready.parent.mkdir()
    ready.touch()
    done = subprocess.run(["make", "-n", "lint"], cwd=tmp_path, env=plain_environment(), capture_output=True, text=True)
    assert "pip install" not in done.stdout and "ruff check" in done.stdout
    os.utime(tmp_path / "constraints.txt", (ready.stat().st_mtime + 10,) * 2)
    again = subprocess.run(
        ["make", "-n", "lint"], cwd=tmp_path, env=plain_environment(), capture_output=True, text=True
    )
    assert "pip install" in again.stdout


def test_ci_calls_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "exec make test" in script.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(script)], check=True)
