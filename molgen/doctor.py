"""What `molgen doctor` looks at: packages, device, data, disk and Prefect, with the remedy where something is wrong.

Prefect is asked over HTTP and through its settings files: molgen never imports it.
"""

import base64
import importlib.metadata as metadata
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from molgen import datasets, resources
from molgen.errors import MolgenError

DISTRIBUTION = "molgen-flows"
LOW_SPACE = 2_000_000_000  # bytes: a run of 100,000 designs with its units and report stays well below
HEALTH_SECONDS = 3.0
# What goes wrong with a version outside of its range, where pip's own message would not say it.
_CONSEQUENCES = {
    "fastapi": "every Prefect flow dies at its start (unexpected keyword argument 'min_items')",
    "sqlalchemy": "Prefect's cron schedules silently never fire",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. An error stops some command of molgen; a warning does not."""

    level: Literal["ok", "warning", "error"]
    subject: str
    message: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Looks at everything; takes some 3 seconds, most of them to import torch. Raises nothing."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        python, names_on_pypi, versions, device, shipped_files, cache, disk, prefect_server,
    )  # fmt: skip
    return [finding for check in checks for finding in check()]


def python() -> Iterator[Finding]:
    """Interpreter, system and cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    version, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    yield Finding("ok", "python", f"{version} in {sys.prefix}, {system}, {cores} cores")


def names_on_pypi() -> Iterator[Finding]:
    """Packages of others that overwrite ours or RDKit's files: `molgen` on PyPI is not this project."""
    clean = True
    if version := _version("molgen"):
        clean = False
        yield Finding(
            "error", "molgen", f"the package molgen {version} is installed: another project, with the same folder name",
            "pip uninstall --yes molgen, then install this one again: make setup",
        )  # fmt: skip
    for other in _other_folders():
        clean = False
        yield Finding(
            "error", "molgen", f"`import molgen` takes {other} elsewhere, this is {Path(__file__).parent}",
            f"pip uninstall --yes molgen, delete {other} if it stays, then: make setup",
        )  # fmt: skip
    for command in metadata.entry_points(group="console_scripts", name="molgen"):
        if command.value != "molgen.cli:main":
            clean = False
            yield Finding(
                "error", "molgen", f"the command molgen runs {command.value}, which is another project's",
                "pip uninstall --yes molgen, then install this one again: make setup",
            )  # fmt: skip
    if version := _version("rdkit-pypi"):
        clean = False
        yield Finding(
            "error", "rdkit", f"rdkit-pypi {version} is installed beside rdkit: two packages write into one folder",
            "pip uninstall --yes rdkit-pypi rdkit, then: make setup",
        )  # fmt: skip
    if clean:
        version = _version(DISTRIBUTION)
        yield Finding("ok", "molgen", f"{version or 'not installed, but run'} from {Path(__file__).parent}")


def _other_folders() -> list[Path]:
    """Folders named molgen among the installed packages that are not this one: they win against an editable install."""
    places = {Path(sysconfig.get_path(kind)) / "molgen" for kind in ("purelib", "platlib")}
    ours = Path(__file__).resolve().parent
    return sorted(place for place in places if (place / "__init__.py").is_file() and place.resolve() != ours)


def versions() -> Iterator[Finding]:
    """Every direct dependency against its range in pyproject.toml."""
    found: list[str] = []
    for requirement in requirements():
        version = _version(requirement.name)
        if version is None:
            yield Finding("error", requirement.name, "not installed", f"pip install '{requirement}', or: make setup")
        elif not requirement.specifier.contains(version, prereleases=True):
            consequence = _CONSEQUENCES.get(requirement.name, "this combination was not tested")
            yield Finding(
                "error" if requirement.name in _CONSEQUENCES else "warning", requirement.name,
                f"{version} is outside of {requirement.specifier}: {consequence}", f"pip install '{requirement}'",
            )  # fmt: skip
        else:
            found.append(f"{requirement.name} {version}")
    yield Finding("ok", "packages", ", ".join(found))


def requirements() -> list[Requirement]:
    """The direct dependencies without the extras', from the checkout's pyproject.toml or the installed distribution."""
    checkout = Path(__file__).resolve().parents[1] / "pyproject.toml"
    if checkout.is_file():
        project = tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]
        return [Requirement(text) for text in project["dependencies"]]
    try:
        listed = [Requirement(text) for text in metadata.requires(DISTRIBUTION) or []]
    except metadata.PackageNotFoundError:
        return []
    return [one for one in listed if one.marker is None or one.marker.evaluate({"extra": ""})]


def device() -> Iterator[Finding]:
    """What `--device auto` will take."""
    if importlib.util.find_spec("torch") is None:
        yield Finding("error", "device", "torch is not installed", "make setup")
        return
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        memory = f"{card.total_memory / 2**30:.0f} GiB"
        yield Finding("ok", "device", f"cuda: {card.name}, {memory}, torch {torch.__version__}")
    elif shutil.which("nvidia-smi"):
        yield Finding(
            "warning", "device", f"cpu: there is an NVIDIA driver, but torch {torch.__version__} finds no card",
            f"install a CUDA build: pip install --force-reinstall torch=={torch.__version__.split('+')[0]}",
        )  # fmt: skip
    else:
        yield Finding("ok", "device", f"cpu, {torch.get_num_threads()} threads, torch {torch.__version__}")


def shipped_files() -> Iterator[Finding]:
    """Profiles and priors."""
    try:
        folder = resources.data_folder()
    except MolgenError as error:
        yield Finding("error", "shipped files", str(error), "make setup")
        return
    profiles, priors = resources.names("profiles"), resources.names("priors")
    text = f"profiles {', '.join(profiles) or 'none'}; priors {', '.join(priors) or 'none'}; in {folder}"
    if profiles and priors:
        yield Finding("ok", "shipped files", text)
    else:
        yield Finding("warning", "shipped files", text, "git checkout data, or train a prior: molgen train --help")


OPTIONAL = ("qm9", "hiv", "peptides")  # groups of data sets that nothing needs but who asks for them


def cache() -> Iterator[Finding]:
    """Data sets, against their checksums."""
    for record in datasets.status():
        name = record.dataset.name
        if record.state == "ready":
            yield Finding("ok", name, f"{record.dataset.rows:,} molecules, {record.path}" if record.dataset.rows
                          else str(record.path))  # fmt: skip
        elif record.state == "missing" and record.dataset.group in OPTIONAL:
            yield Finding("ok", name, f"not here, and only needed for its own benchmark. {record.remedy}")
        else:
            level: Literal["warning", "error"] = "warning" if record.state == "missing" else "error"
            yield Finding(level, name, f"{record.state}: {record.path}", record.remedy)


def disk() -> Iterator[Finding]:
    """Free space where the cache lies, and here, where runs are written."""
    for subject, folder in (("disk, cache", datasets.cache_dir()), ("disk, runs", Path.cwd())):
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(existing).free
        text = f"{free / 1e9:.1f} GB free in {folder}"
        if free >= LOW_SPACE:
            yield Finding("ok", subject, text)
        else:
            elsewhere = "set MOLGEN_CACHE to another disk" if subject == "disk, cache" else "use --out"
            yield Finding("warning", subject, text, f"make room, or {elsewhere}")


def prefect_server() -> Iterator[Finding]:
    """Whether the server that the settings name answers; without one, flows start a temporary server of their own."""
    url, source = prefect_url()
    if url is None:
        yield Finding("ok", "prefect", "no server is set: flows start a temporary one")
        return
    trouble = _health(url)
    if trouble is None:
        yield Finding("ok", "prefect", f"the server at {url} answers (set in {source})")
    else:
        yield Finding(
            "error", "prefect", f"the server at {url} (set in {source}) does not answer: {trouble}",
            "start it (prefect server start), or let flows start their own: unset PREFECT_API_URL there",
        )  # fmt: skip


def prefect_url() -> tuple[str | None, str]:
    """PREFECT_API_URL in the order in which Prefect itself looks, and where it was found."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url, "the environment"
    local = _toml(Path("prefect.toml"))
    if url := local.get("api", {}).get("url"):
        return url, "prefect.toml"
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    file = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").expanduser()
    profiles = _toml(file)
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active", "")
    url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    return url, f"profile {active!r} of {file}"


def _toml(path: Path) -> dict:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _health(url: str) -> str | None:
    """None if the server is well, else what it said."""
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/health")
        if secret := os.environ.get("PREFECT_API_AUTH_STRING"):
            request.add_header("Authorization", f"Basic {base64.b64encode(secret.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=HEALTH_SECONDS):
            return None
    except (OSError, ValueError, HTTPException) as error:  # URLError and HTTPError are OSErrors
        return str(getattr(error, "reason", error)) or type(error).__name__


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
