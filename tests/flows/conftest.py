"""One Prefect server for all flow tests, started as a user would, with a home and a database of its own."""

import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

# Before Prefect is imported: it reads its home folder then.
HOME = Path(tempfile.mkdtemp(prefix="molgen-prefect-"))
os.environ["PREFECT_HOME"] = str(HOME)
os.environ.pop("PREFECT_API_URL", None)
ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 180


def pytest_collection_modifyitems(items):
    """Every test in this folder carries the marker `prefect`."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.prefect)


@pytest.fixture(scope="session")
def server():
    """The address of a server with the checkout's settings; flows called in these tests report to it."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port), "--no-ui"]
    with open(HOME / "server.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        until(lambda: healthy(address), SECONDS_TO_START)
        with temporary_settings({PREFECT_API_URL: address}):
            yield address
            for handler in logging.getLogger("molgen").handlers + logging.getLogger("prefect.flow_runs").handlers:
                handler.flush()  # to the server while it is there
    finally:
        process.terminate()
        process.wait(30)


def healthy(address):
    try:
        return httpx.get(f"{address}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def wait_for():
    """`wait_for(true, seconds)`: see `until`."""
    return until


def until(true, seconds):
    """What `true()` gave when it was true; a failure with the end of the server's log after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            pytest.fail(
                f"nothing happened within {seconds} s; the server said:\n{(HOME / 'server.log').read_text()[-3000:]}"
            )
        time.sleep(0.5)
    return found


@pytest.fixture(scope="session")
def prior(tmp_path_factory):
    """A file of weights of the smallest network, untrained: the grammar makes molecules of its draws all the same."""
    from molgen.molecule.grammar import MoleculeGrammar

    yield from untrained("molecule", MoleculeGrammar(), tmp_path_factory.mktemp("prior") / "tiny.safetensors")


@pytest.fixture(scope="session")
def protein_prior(tmp_path_factory):
    """The same for sequences."""
    from molgen.protein.grammar import ProteinGrammar

    grammar = ProteinGrammar.of({"longest": 30, "shortest": 5})
    yield from untrained("protein", grammar, tmp_path_factory.mktemp("prior") / "peptide.safetensors")


def untrained(modality, grammar, path):
    """Writes the weights of an untrained network; one thread while they are drawn from."""
    import torch

    from molgen.families.autoregressive import AutoregressiveRecipe
    from molgen.generator import NeuralGenerator
    from molgen.recipes import build, settings_of

    recipe = AutoregressiveRecipe(width=16, depth=1)
    card = {
        "family": recipe.kind,
        "modality": modality,
        "recipe": settings_of(recipe),
        "grammar": grammar.settings(),
        "seed": 0,
    }
    NeuralGenerator(build(recipe, grammar, 0), card).save(path)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # two threads of so small a network mostly wait for each other
    yield path
    torch.set_num_threads(before)
