"""The comparison of generators as a flow: the same table as `molgen benchmark generators`.

python -m flows.benchmark --data qm9 --seeds 0 --out runs/benchmark
"""

from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.executor import PrefectTasks
from flows.log import said_once
from flows.parameters import file_summary, strict
from flows.refusal import mendable
from molgen.benchmarking import BenchmarkSettings, benchmark

strict(BenchmarkSettings)
DEFAULT = BenchmarkSettings()


@flow(name="benchmark", flow_run_name="benchmark-{settings.data}", persist_result=False)
@mendable
def benchmark_flow(settings: BenchmarkSettings = DEFAULT) -> dict[str, Any]:
    """Measures every shipped prior and baseline, and shows the table."""
    with said_once(), PrefectTasks(settings.workers) as executor:
        path = benchmark(settings, executor)
    table = path.with_name("generators.md").read_text(encoding="utf-8")
    create_markdown_artifact(table, key=f"generators-{settings.data}", description="Generators compared")
    return file_summary(path)


if __name__ == "__main__":
    from flows.command import as_flow

    as_flow("benchmark", "generators")
