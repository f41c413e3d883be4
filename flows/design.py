"""The whole line as a flow: draw, judge, compare, filter, score, rank, select.

python -m flows.design --profile oral_drug --samples 2000 --seed 0 --out runs/demo
"""

from dataclasses import replace
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows.artifacts import publish
from flows.executor import PrefectTasks
from flows.log import said_once
from flows.parameters import strict, summary
from flows.refusal import mendable
from molgen import pipeline
from molgen.settings import DesignSettings

strict(DesignSettings)
DEFAULT = DesignSettings()


@flow(name="design", flow_run_name="design-n{settings.samples}-s{settings.seed}", persist_result=False)
@mendable
def design_flow(settings: DesignSettings = DEFAULT) -> dict[str, Any]:
    """Draws designs from a prior and makes a ranked table of them: the same bytes as `molgen design`."""
    return _line(settings)


@flow(name="design-nightly", flow_run_name="design-nightly-n{settings.samples}", persist_result=False)
@mendable
def nightly_flow(settings: DesignSettings = DEFAULT) -> dict[str, Any]:
    """A fresh batch each night: its date is the folder in `out` and the seed, so a night that is run again goes on."""
    night = flow_run.scheduled_start_time
    return _line(replace(settings, out=settings.out / f"{night:%Y-%m-%d}", seed=int(f"{night:%Y%m%d}")))


def _line(settings: DesignSettings) -> dict[str, Any]:
    with said_once(), PrefectTasks(settings.workers) as executor:
        run = pipeline.design(settings, executor)
    publish(run)
    return summary(run)


if __name__ == "__main__":
    from flows.command import as_flow

    as_flow("design")
