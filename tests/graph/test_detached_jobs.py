"""Hold that a training in a process of its own ends like one in a thread, and outlives the application."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests_support import approve, go_to, talk, texts

from lucy.graph.runs import Runs
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.jobs import run_job
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.jobs import Job, end_job, find_job, reopen_job, submit_job, take_job, update_job
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


class AtWork:
    """A worker that is always at it."""

    def is_alive(self) -> bool:
        return True

    def join(self, timeout: float) -> None:
        return None


def submit(runs: Runs, workflow: str, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Confirm the training as an application that ends right after that: nobody follows the job."""
    go_to(runs, workflow, "training")
    with monkeypatch.context() as patch:
        patch.setattr("lucy.nodes.training.start_job", lambda bench, job_id: None)
        list(runs._run(workflow, {"choice": "approve"}))  # pyright: ignore[reportPrivateUsage]
    (job,) = list_jobs(runs.bench.store)
    return job


def test_a_training_that_ended_while_no_application_ran_is_taken_in_when_one_starts(
    runs: Runs, workflow: str, open_runs: Callable[[], Runs], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(runs, workflow, monkeypatch)
    run_job(runs.bench, job.id)
    assert find_job(runs.bench.store, job.id).status == "completed"
    assert runs.read_state(workflow)["step"] == "training"

    again = open_runs()
    again.follow_jobs()
    said = texts(list(again.follow(workflow)))
    assert said.count("Training complete") == 1
    state = again.read_state(workflow)
    assert (state["step"], state["pending"]["kind"]) == ("deployment", "confirm")
    assert len(list_jobs(again.bench.store)) == 1


def test_an_application_that_starts_leaves_workflows_alone_that_wait_for_a_person(
    runs: Runs, workflow: str, open_runs: Callable[[], Runs]
) -> None:
    go_to(runs, workflow, "deployment")
    again = open_runs()
    again.follow_jobs()
    assert again.count_events(workflow) == 0
    assert not again.is_running(workflow)


def test_talking_while_a_job_is_followed_leaves_its_end_to_who_follows_it(
    runs: Runs, workflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(runs, workflow, monkeypatch)
    update_job(runs.bench.store, job.id, progress={"label": "training", "done": 1, "total": 9})
    monkeypatch.setattr("lucy.tools.job_watch.start_job", lambda bench, job_id: AtWork())
    follower = runs.drive(workflow)
    assert [next(follower).kind, next(follower).kind] == ["question", "progress"]
    assert "1 of 9" in texts(talk(runs, workflow, "how far is it?"))
    run_job(runs.bench, job.id)
    assert texts(list(follower)).count("Training complete") == 1
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
