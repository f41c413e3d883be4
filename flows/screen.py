"""A user's own molecules as a flow: read, judge, compare, filter, score, rank, select.

python -m flows.screen library.csv --profile oral_drug --out runs/library
"""

from typing import Any

from prefect import flow

from flows.artifacts import publish
from flows.executor import PrefectTasks
from flows.log import said_once
from flows.parameters import strict, summary
from flows.refusal import mendable
from molgen import pipeline
from molgen.settings import ScreenSettings

strict(ScreenSettings)


@flow(name="screen", flow_run_name="screen-{settings.file.name}", persist_result=False)
@mendable
def screen_flow(settings: ScreenSettings) -> dict[str, Any]:
    """Judges the molecules of a file and makes a ranked table of them: the same bytes as `molgen screen`."""
    with said_once(), PrefectTasks(settings.workers) as executor:
        run = pipeline.screen(settings, executor)
    publish(run)
    return summary(run)


if __name__ == "__main__":
    from flows.command import as_flow

    as_flow("screen")
