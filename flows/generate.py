"""Draws from a prior as a flow, with validity and canonical form.

python -m flows.generate --samples 30000 --seed 0 --out designs.csv
"""

from typing import Any

from prefect import flow

from flows.executor import PrefectTasks
from flows.log import said_once
from flows.parameters import file_summary, strict
from flows.refusal import mendable
from molgen import pipeline
from molgen.settings import GenerateSettings

strict(GenerateSettings)
DEFAULT = GenerateSettings()


@flow(name="generate", flow_run_name="generate-n{settings.samples}-s{settings.seed}", persist_result=False)
@mendable
def generate_flow(settings: GenerateSettings = DEFAULT) -> dict[str, Any]:
    """Draws designs from a prior and says which are valid: the same bytes as `molgen generate`."""
    with said_once(), PrefectTasks(settings.workers) as executor:
        return file_summary(pipeline.generate(settings, executor))


if __name__ == "__main__":
    from flows.command import as_flow

    as_flow("generate")
