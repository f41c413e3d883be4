"""The flows on a small set: the same bytes as the plain commands, what they show, what they refuse, and no network."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import LogSort

from flows.artifacts import ranked_rows
from flows.design import design_flow, nightly_flow
from flows.generate import generate_flow
from flows.screen import screen_flow
from flows.train import train_flow
from molgen import pipeline
from molgen.errors import MolgenError
from molgen.report.pictures import png
from molgen.settings import DesignSettings, GenerateSettings, ScreenSettings
from molgen.training_run import TrainSettings

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("width=16", "depth=1")
SUBSET = ROOT / "data" / "test" / "moses_subset.csv.gz"
SAME = ("candidates.parquet", "candidates.csv", "ranked.csv", "selected.sdf", "rejected_inputs.csv", "funnel.json")
DRUGS = {
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "not a molecule": "C1CC",
    "twice": "CC(=O)Nc1ccc(O)cc1",
}


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("name", "SMILES"), *DRUGS.items()])
    return path


def sums(folder):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in SAME}


def test_the_design_flow_writes_the_same_bytes_as_the_plain_command(server, prior, tmp_path):
    settings = DesignSettings(
        profile="fragment", samples=600, seed=3, prior=str(prior), reference="none", workers=2, out=tmp_path / "flow"
    )
    told = design_flow(settings)
    plain = pipeline.design(replace(settings, out=tmp_path / "plain", workers=1))
    assert sums(tmp_path / "flow") == sums(plain.folder)
    assert told["stages"]["drawn"] == 600
    assert told["ranked_sha256"] == sums(plain.folder)["ranked.csv"]


def test_the_design_flow_writes_the_same_bytes_for_proteins(server, protein_prior, tmp_path):
    settings = DesignSettings(
        modality="protein", samples=300, seed=3, prior=str(protein_prior), reference="none", workers=2,
        motif="X[5-20]CXXCX[5-20]", out=tmp_path / "flow",
    )  # fmt: skip
    told = design_flow(settings)
    plain = pipeline.design(replace(settings, out=tmp_path / "plain", workers=1))
    files = ["candidates.parquet", "ranked.csv", "selected.fasta", "order.csv", "funnel.json"]
    assert [(tmp_path / "flow" / f).read_bytes() for f in files] == [(plain.folder / f).read_bytes() for f in files]
    assert told["stages"]["drawn"] == 300 and plain.candidates["constraint_ok"].all()


def test_the_screen_flow_writes_the_same_bytes_and_shows_table_and_funnel(server, library, tmp_path):
    told = screen_flow({"file": str(library), "out": str(tmp_path / "flow"), "workers": 1})
    plain = pipeline.screen(ScreenSettings(file=library, out=tmp_path / "plain", workers=1))
    assert sums(tmp_path / "flow") == sums(plain.folder)
    assert told["stages"]["read"] == 5 and told["stages"]["valid"] == 4 and told["stages"]["unique"] == 3
    with get_client(sync_client=True) as client:
        shown = {one.key: one for one in sorted(client.read_artifacts(), key=lambda one: one.created)}
    assert {"funnel", "ranked-molecules", "run-folder"} <= shown.keys()
    rows = json.loads(shown["ranked-molecules"].data)
    assert [row["design"] for row in rows] == plain.ranked["design"].tolist()
    assert rows[0]["structure"].startswith("![structure](data:image/png;base64,")


def test_molgens_own_lines_appear_in_the_log_of_the_flow_run(server, wait_for, library, tmp_path):
    screen_flow(ScreenSettings(file=library, out=tmp_path / "said", workers=1))
    wait_for(lambda: any("1 of 5 rows" in line.message for line in lines()), 30)


def lines():
    with get_client(sync_client=True) as client:
        return client.read_logs(limit=200, sort=LogSort.TIMESTAMP_DESC)


def test_the_generate_flow_writes_the_same_bytes(server, prior, tmp_path):
    settings = GenerateSettings(samples=50, seed=1, prior=str(prior), workers=1, out=tmp_path / "flow.csv")
    generate_flow(settings)
    plain = pipeline.generate(replace(settings, out=tmp_path / "plain.csv"))
    assert (tmp_path / "flow.csv").read_bytes() == plain.read_bytes()


def test_the_train_flow_trains_a_prior_that_the_generate_flow_draws_from(server, tmp_path):
    out = tmp_path / "my.safetensors"
    train_flow(TrainSettings(train=str(SUBSET), out=str(out), minutes=None, steps=2, recipe=SMALL, batch=8, threads=1))
    generate_flow(GenerateSettings(samples=20, prior=str(out), workers=1, out=tmp_path / "designs.csv"))
    assert len((tmp_path / "designs.csv").read_text().splitlines()) == 21


def test_a_nightly_run_has_its_date_as_folder_and_seed(server, prior, tmp_path):
    told = nightly_flow(DesignSettings(samples=20, prior=str(prior), reference="none", workers=1, out=tmp_path))
    folder = Path(told["folder"])
    settings = json.loads((folder / "run.json").read_text())["settings"]
    assert folder.parent == tmp_path
    assert settings["seed"] == int(folder.name.replace("-", "")) > 20_260_000


@pytest.mark.parametrize("key", ["sample", "smaples"])
def test_an_unknown_parameter_is_refused_before_anything_is_done(server, key, tmp_path):
    with pytest.raises(Exception, match=f"(?s){key}.*[Uu]nexpected keyword"):
        design_flow({key: 3, "out": str(tmp_path / "run")})
    assert not (tmp_path / "run").exists()


def test_what_the_user_can_mend_reaches_him_as_the_same_sentence(server, tmp_path):
    with pytest.raises(MolgenError, match="there_is_no_such_profile"):
        design_flow(DesignSettings(profile="there_is_no_such_profile", out=tmp_path / "run"))


def test_a_structure_that_cannot_be_drawn_leaves_its_cell_empty():
    assert png("C1CC") == ""
    assert png("CCO").startswith("![structure](")


def test_the_table_in_prefects_pages_holds_at_most_200_rows(library, tmp_path):
    import pandas as pd

    ranked = pipeline.screen(ScreenSettings(file=library, out=tmp_path / "run", workers=1)).ranked
    assert len(ranked_rows(pd.concat([ranked.head(1)] * 250))) == 200


# Every Python process of the run, workers and Prefect's own server included, imports this before anything else.
ONLY_LOOPBACK = """
import ipaddress, os, socket

def watched(method):
    def call(self, address, *rest):
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            with open(os.environ["MOLGEN_TEST_CALLS"], "a") as file:
                file.write(f"{address}\\n")
            raise OSError(f"the network is blocked: {address}")
        return method(self, address, *rest)
    return call

def lookup(host, *rest, real=socket.getaddrinfo, **named):
    if host not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"):
        with open(os.environ["MOLGEN_TEST_CALLS"], "a") as file:
            file.write(f"lookup of {host}\\n")
        raise OSError(f"the network is blocked: {host}")
    return real(host, *rest, **named)

class Watched(socket.socket):
    connect = watched(socket.socket.connect)
    connect_ex = watched(socket.socket.connect_ex)

socket.socket, socket.getaddrinfo = Watched, lookup
"""


@pytest.fixture
def offline(tmp_path):
    """The environment of a process that reaches nothing but this machine, and the file where its tries are noted."""
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(ONLY_LOOPBACK)
    calls = tmp_path / "calls"
    path = os.pathsep.join([str(tmp_path / "blocked"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "MOLGEN_TEST_CALLS": str(calls), "OMP_NUM_THREADS": "1"}
    environment.pop("PREFECT_API_URL", None)
    return environment | {"PREFECT_HOME": str(tmp_path / "home")}, calls


def test_the_block_really_blocks(offline):
    environment, calls = offline
    call = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    done = subprocess.run([sys.executable, "-c", call], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "192.0.2.1" in calls.read_text()


def test_the_flow_needs_neither_a_network_nor_a_server_and_leaves_no_traceback(offline, prior, tmp_path):
    environment, calls = offline
    options = ["--samples", "100", "--prior", str(prior), "--reference", "none", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-m", "flows.design", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not calls.exists() or calls.read_text() == ""
    assert (tmp_path / "run" / "report.html").exists()
    assert "Traceback" not in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("novelty not checked: the prior") == 1  # said once, not twice


@pytest.fixture
def started(tmp_path):
    """Starts `python -m flows.<name>` elsewhere than in the checkout, where no prefect.toml lies."""

    def run(name, *arguments):
        environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
        environment.pop("PREFECT_API_URL", None)
        command = [sys.executable, "-m", f"flows.{name}", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    return run


def test_a_mistake_at_the_beginning_ends_with_a_sentence_and_exit_code_2(started):
    done = started("design", "--profile", "nope")
    assert done.returncode == 2 and "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("molgen: nope is neither a file nor one of the profiles")


def test_a_mistake_that_shows_inside_of_the_flow_leaves_no_traceback_either(started, library, tmp_path):
    done = started("screen", str(library), "--invalid-rows", "fail", "--out", str(tmp_path / "run"))
    assert done.returncode == 2 and "Traceback" not in done.stdout + done.stderr
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("molgen: ")]
    assert "'C1CC' cannot be used" in said


def test_a_flow_that_the_user_has_to_mend_is_failed_with_the_sentence(server, tmp_path):
    state = screen_flow(ScreenSettings(file=tmp_path / "nowhere.csv", out=tmp_path / "run"), return_state=True)
    assert state.is_failed() and "there is no file" in state.message


def test_the_settings_hold_outside_of_the_checkout_and_never_before_the_users_own(tmp_path):
    ask = (
        "import flows\nfrom prefect.settings import get_current_settings\nnow = get_current_settings()\n"
        "recorder = now.server.services.task_run_recorder\n"
        "print(now.server.analytics_enabled, now.server.ephemeral.startup_timeout_seconds, now.logging.extra_loggers, "
        "recorder.batch_size, recorder.read_batch_size, recorder.flush_interval)"
    )

    def told(folder, **own):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **own}
        command = [sys.executable, "-c", ask]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
        return done.stdout.strip()

    assert told(tmp_path) == told(ROOT) == "False 180 ['molgen'] 500 500 1.0"
    own = told(tmp_path, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="9")
    assert own.split()[1] == "9"


def test_help_and_a_wrong_option_need_no_server(tmp_path):
    def started(*arguments):
        environment = {**os.environ, "PREFECT_HOME": str(tmp_path)}
        command = [sys.executable, "-m", "flows.design", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    shown, wrong = started("--help"), started("--smaples", "3")
    assert shown.returncode == 0 and "--samples" in shown.stdout
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr and "--smaples" in wrong.stderr + wrong.stdout
