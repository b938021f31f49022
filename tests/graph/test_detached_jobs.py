"""Hold that a training in a process of its own ends like one in a thread, and that a stopped one goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests_support import approve, go_to, talk

from lucy.graph.runs import Runs
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.jobs import end_job, find_job, reopen_job, submit_job, take_job
from lucy.tools.workbench import Workbench


@pytest.fixture
def detached(home: Path, small_file: Path) -> Iterator[tuple[Runs, str]]:
    runs = Runs(Workbench(Settings(home=home), detach_jobs=True))
    workflow = runs.create(source=str(small_file), goal=SAMPLE_GOAL)
    talk(runs, workflow)
    yield runs, workflow
    runs.close()
    runs.bench.close()


def test_a_training_in_a_process_of_its_own_comes_back_to_the_workflow(detached: tuple[Runs, str]) -> None:
    runs, workflow = detached
    go_to(runs, workflow, "training")
    approve(runs, workflow)
    (job,) = list_jobs(runs.bench.store)
    assert job.status == "completed"
    assert (runs.bench.store.home / "jobs" / job.id / "log.txt").is_file()
    assert runs.read_state(workflow)["step"] == "deployment"


def test_a_job_that_failed_is_reopened_with_its_checkpoint_and_a_changed_request(runs: Runs) -> None:
    store = runs.bench.store
    job_id = submit_job(store, "w", "training", {"cost_limit": 5})
    assert take_job(store, job_id)
    end_job(store, job_id, "failed", error="It came to its limit.")
    reopen_job(store, job_id, {"cost_limit": 50})
    job = find_job(store, job_id)
    assert (job.status, job.error, job.payload) == ("pending", None, {"cost_limit": 50})
    assert take_job(store, job_id)


def test_a_job_that_is_completed_is_not_reopened(runs: Runs) -> None:
    store = runs.bench.store
    job_id = submit_job(store, "w", "training", {})
    assert take_job(store, job_id)
    end_job(store, job_id, "completed", result={})
    reopen_job(store, job_id, {"other": 1})
    assert find_job(store, job_id).status == "completed"
