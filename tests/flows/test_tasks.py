"""molgen's executor over Prefect tasks: order, names, bundles, and what is tried again."""

import os

import pytest
from chunk_work import die_once, refuse, square
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.context import FlowRunContext

from flows.executor import MOST_TASKS, PrefectTasks, bundle_size
from molgen.errors import MolgenError
from molgen.executor import Serial


@flow
def mapped(work, count, here=False):
    with PrefectTasks(2) as executor:
        return executor.map("stage", work, list(range(count)), here=here), FlowRunContext.get().flow_run.id


def names(run):
    """The task runs that the server knows of."""
    with get_client(sync_client=True) as client:
        wanted = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
        return sorted(one.name for one in client.read_task_runs(task_run_filter=wanted))


def test_the_results_are_those_of_the_plain_executor_and_the_tasks_are_named_after_stage_and_item(server, wait_for):
    results, run = mapped(square, 9)
    assert results == Serial().map("stage", square, list(range(9)))
    wait_for(lambda: names(run) == ["stage-00000", "stage-00004", "stage-00008"], 60)  # 2 workers, 2 chunks each


def test_work_that_must_stay_here_runs_in_this_process_one_task_an_item(server, wait_for):
    here: list[int] = []
    results, run = mapped(lambda item: here.append(os.getpid()) or item, 2, here=True)
    assert results == [0, 1] and here == [os.getpid()] * 2
    wait_for(lambda: names(run) == ["stage-00000", "stage-00001"], 60)


def test_what_the_user_has_to_mend_is_not_tried_again(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MOLGEN_TEST_COUNT", str(tmp_path / "count"))
    with pytest.raises(MolgenError, match="0 cannot be used"):
        mapped(refuse, 1)
    assert (tmp_path / "count").read_text() == "x"


def test_a_worker_process_that_was_killed_is_replaced_and_the_task_tried_again(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MOLGEN_TEST_COUNT", str(tmp_path / "count"))
    results, _ = mapped(die_once, 4)
    assert results == [0, 1, 2, 3]


def test_a_stage_has_at_most_a_hundred_tasks_and_no_worker_idles():
    assert bundle_size(9, 2) == 4
    assert bundle_size(100_000, 2) == 1000
    assert bundle_size(3, 0) == 1
    assert -(-100_001 // bundle_size(100_001, 2)) <= MOST_TASKS
