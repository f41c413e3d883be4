"""Training as a flow, with its progress in Prefect's pages; its checkpoint is what a stopped run goes on from.

python -m flows.train --train my.csv --column SMILES --minutes 30 --out my.safetensors
"""

import time
from typing import Any
from uuid import UUID

from prefect import flow
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.executor import PrefectTasks
from flows.log import said_once
from flows.parameters import file_summary, strict
from flows.refusal import mendable
from molgen.training_run import TrainSettings, train_generator

strict(TrainSettings)
SECONDS_BETWEEN_UPDATES = 10.0


@flow(name="train", flow_run_name="train-{settings.family}-s{settings.seed}", persist_result=False)
@mendable
def train_flow(settings: TrainSettings) -> dict[str, Any]:
    """Trains a prior from a file of molecules: the same weights as `molgen train`."""
    artifact = create_progress_artifact(0.0, key="training", description=f"Training {settings.out}")
    with said_once(), PrefectTasks() as executor:
        path = train_generator(settings, executor, Shown(artifact))
    update_progress_artifact(artifact, 100.0)
    return file_summary(path)


class Shown:
    """Receives the rows of the losses and shows how far training is, now and then."""

    def __init__(self, artifact: UUID) -> None:
        self._artifact, self._spoken = artifact, time.monotonic()

    def __call__(self, row: dict[str, float]) -> None:
        if time.monotonic() - self._spoken >= SECONDS_BETWEEN_UPDATES:
            update_progress_artifact(self._artifact, 100 * min(row["share"], 1.0))
            self._spoken = time.monotonic()


if __name__ == "__main__":
    from flows.command import as_flow

    as_flow("train")
