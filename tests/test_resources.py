"""Profiles and priors are found in a checkout and in an installed wheel."""

from pathlib import Path

import pytest

from molgen import resources
from molgen.errors import MolgenError

ROOT = Path(__file__).resolve().parents[1]


def test_a_checkout_uses_its_own_data_folder() -> None:
    assert resources.data_folder() == ROOT / "data"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """molgen as a wheel lays it out: site-packages/molgen/data."""
    package = tmp_path / "site-packages" / "molgen"
    for name in ("data/profiles/oral_drug.toml", "data/profiles/cns.toml", "data/priors/moses.safetensors"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    (package / "data" / "SOURCES.md").touch()
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))
    return package


def test_a_wheel_uses_the_data_inside_the_package(wheel: Path) -> None:
    assert resources.data_folder() == wheel / "data"
    assert resources.names("profiles") == ["cns", "oral_drug"]
    assert resources.find("priors", "moses") == wheel / "data" / "priors" / "moses.safetensors"


def test_a_path_that_exists_is_taken_before_a_name(wheel: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.touch()
    assert resources.find("profiles", own) == own


def test_a_name_that_does_not_ship_is_answered_with_the_nearest(wheel: Path) -> None:
    answer = r"oral_drugs.toml is neither a file .*\(cns, oral_drug\)\. Did you mean oral_drug\?"
    with pytest.raises(MolgenError, match=answer):
        resources.find("profiles", "oral_drugs.toml")


def test_a_missing_data_folder_is_said_with_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "molgen" / "resources.py"))
    with pytest.raises(MolgenError, match="data folder is missing.*make setup"):
        resources.data_folder()
