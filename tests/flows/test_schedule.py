"""The canary: a cron schedule really gets its runs; and what prefect.yaml deploys.

With SQLAlchemy 2.1, Prefect 3.8 starts, runs flows, shows its pages, and never schedules anything; only the server's
log says so. The first test then fails, which is what it is for.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
from prefect import flow
from prefect.schedules import Cron

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_SCHEDULE = 60


@flow
def nightly():
    return "done"


def test_a_cron_schedule_gets_its_runs(server, wait_for):
    deployment = nightly.to_deployment("canary", schedule=Cron("0 2 * * *", timezone="UTC")).apply()
    asked = {
        "deployments": {"id": {"any_": [str(deployment)]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }

    def scheduled():
        return httpx.post(f"{server}/flow_runs/filter", json=asked, timeout=20).json()

    runs = wait_for(scheduled, SECONDS_TO_SCHEDULE)
    assert {run["expected_start_time"][11:16] for run in runs} == {"02:00"}


def prefect(server, *arguments):
    environment = {**os.environ, "PREFECT_API_URL": server, "MOLGEN_HOME": str(ROOT)}
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)


def test_everything_in_prefect_yaml_is_deployed_and_the_nightly_run_is_off_until_it_is_wanted(server):
    made = prefect(server, "work-pool", "create", "molgen-cpu", "--type", "process")
    assert made.returncode == 0, made.stdout + made.stderr
    done = prefect(server, "deploy", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    listed = httpx.post(f"{server}/deployments/filter", json={}, timeout=20).json()
    deployed = {one["name"]: one for one in listed if one["work_pool_name"] == "molgen-cpu"}
    assert deployed.keys() == {"design", "nightly", "screen", "generate", "train", "benchmark"}
    (schedule,) = deployed["nightly"]["schedules"]
    assert schedule["schedule"]["cron"] == "0 2 * * *" and schedule["active"] is False
    parameters = deployed["design"]["parameter_openapi_schema"]["definitions"]["DesignSettings"]
    assert "samples" in parameters["properties"]
    assert parameters["additionalProperties"] is False  # a misspelled key is refused before a run exists
