"""What becomes of a job is its status and a sentence, and what its service holds is not forgotten."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_training import FakeTraining, succeed
from pydantic import SecretStr

from lucy.errors import (
    CancelledByPersonError,
    CostLimitError,
    FailedTrainingError,
    InputError,
    LucyError,
    ProviderError,
)
from lucy.settings import Settings
from lucy.tools import jobs
from lucy.tools.jobs import needs_worker, run_job, stop_job
from lucy.tools.store.jobs import (
    Job,
    find_job,
    list_unfinished,
    reopen_job,
    request_job_cancel,
    submit_job,
    take_job,
    update_job,
)
from lucy.tools.training.trainers import delete_files, give_up, read_remains, take_best
from lucy.tools.workbench import Workbench

Open = Callable[..., Workbench]


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Open]:
    opened: list[Workbench] = []

    def make(**given: Any) -> Workbench:
        opened.append(Workbench(Settings(home=tmp_path, **given)))
        return opened[-1]

    yield make
    for bench in opened:
        bench.close()


def run_and_end(bench: Workbench, monkeypatch: pytest.MonkeyPatch, error: Exception, **payload: Any) -> Job:
    def fail(bench: Workbench, job: Job, progress: object) -> dict[str, Any]:
        raise error

    monkeypatch.setitem(jobs.KINDS, "training", fail)
    job_id = submit_job(bench.store, "w", "training", payload)
    run_job(bench, job_id)
    return find_job(bench.store, job_id)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CostLimitError("It waits at $5."), "paused"),
        (ProviderError("The service does not answer."), "interrupted"),
        (FailedTrainingError("It failed there."), "failed"),
        (InputError("There are no records."), "failed"),
        (CancelledByPersonError("Cancelled, as you asked."), "cancelled"),
    ],
)
def test_what_went_wrong_is_told_by_the_status(
    open_bench: Open, monkeypatch: pytest.MonkeyPatch, error: LucyError, status: str
) -> None:
    job = run_and_end(open_bench(), monkeypatch, error)
    assert (job.status, job.error) == (status, str(error))


@pytest.mark.parametrize("error", [CostLimitError("x"), ProviderError("x")])
def test_a_job_that_waits_for_the_person_is_taken_up_only_when_they_say_so(
    open_bench: Open, monkeypatch: pytest.MonkeyPatch, error: LucyError
) -> None:
    bench = open_bench()
    job = run_and_end(bench, monkeypatch, error, cost_limit=5)
    assert not needs_worker(job)
    assert not take_job(bench.store, job.id)
    assert not list_unfinished(bench.store)
    reopen_job(bench.store, job.id, {"cost_limit": 50})
    again = find_job(bench.store, job.id)
    assert (again.status, again.error, again.payload) == ("pending", None, {"cost_limit": 50})
    assert take_job(bench.store, job.id)


def test_a_wish_to_cancel_is_over_when_the_job_is(open_bench: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = open_bench()
    job_id = submit_job(bench.store, "w", "training", {})
    request_job_cancel(bench.store, job_id)
    job = run_and_end(bench, monkeypatch, CancelledByPersonError("Cancelled."))
    assert not job.cancel_requested


def at_service(server: FakeTraining, **changes: Any) -> dict[str, Any]:
    """Give the checkpoint of a training whose job runs at a service."""
    for use in ("training", "validation"):
        server.answer("POST", "/v1/files", {}, {"purpose": "fine-tune", "file": (use, b"")})
    body = {
        "model": "base",
        "training_file": "file-000001",
        "validation_file": "file-000002",
        "method": {"type": "supervised", "supervised": {}},
    }
    _, job = server.answer("POST", "/v1/fine_tuning/jobs", {}, body)
    state = {
        "address": server.url,
        "training_file": "file-000001",
        "validation_file": "file-000002",
        "token": "token",
        "remote_job": job["id"],
    }
    return state | changes


def open_job(bench: Workbench, checkpoint: Any) -> Job:
    job_id = submit_job(bench.store, "w", "training", {"trainer": "openai"})
    update_job(bench.store, job_id, checkpoint=checkpoint)
    return find_job(bench.store, job_id)


@pytest.fixture
def open_hosted(open_bench: Open) -> Callable[[FakeTraining], Workbench]:
    def make(server: FakeTraining) -> Workbench:
        return open_bench(trainer="openai", base_url=server.url, api_key=SecretStr("key"), base_model="base")

    return make


def test_a_wish_to_stop_before_the_training_goes_on_cancels_the_job_at_the_service(
    open_hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeTraining(succeed()) as server:
        bench = open_hosted(server)
        open_job(bench, at_service(server))
        job = run_and_end(bench, monkeypatch, CancelledByPersonError("Cancelled."), trainer="openai")
        assert job.status == "cancelled"
        assert job.error.startswith("Cancelled. The job ftjob-000003 is cancelled at 127.0.0.1")
        assert [one["status"] for one in server.jobs.values()] == ["cancelled"]


def test_a_job_that_cannot_be_cancelled_at_the_service_is_named_and_tried_again(open_hosted) -> None:
    with FakeTraining(succeed(), lacks=["/cancel"]) as server:
        bench = open_hosted(server)
        job = open_job(bench, at_service(server))
        assert take_job(bench.store, job.id)
        jobs.end_job(bench.store, job.id, "interrupted", error="It does not answer.")
        stop_job(bench, job.id)
        stopped = find_job(bench.store, job.id)
        assert stopped.status == "cancelled"
        assert "ftjob-000003' may still run and cost money" in (stopped.error or "")
        remains = read_remains(bench, stopped)
        assert remains is not None
        assert remains.may_run
        server.lacks = ()
        stop_job(bench, job.id)
        assert "is cancelled at 127.0.0.1" in (find_job(bench.store, job.id).error or "")
    assert [one["status"] for one in server.jobs.values()] == ["cancelled"]


def test_a_job_that_ended_before_it_could_be_cancelled_is_said(open_hosted) -> None:
    with FakeTraining() as server:
        bench = open_hosted(server)
        job = open_job(bench, at_service(server))
        server.jobs["ftjob-000003"]["status"] = "succeeded"
        assert "had ended at 127.0.0.1" in give_up(bench, job)
        remains = read_remains(bench, find_job(bench.store, job.id))
        assert remains is not None
        assert (remains.may_run, remains.can_go_on) == (False, True)


def test_files_are_named_and_deleted_only_once_the_job_has_ended(open_hosted) -> None:
    with FakeTraining() as server:
        bench = open_hosted(server)
        job = open_job(bench, at_service(server))
        with pytest.raises(InputError, match="may still need its training files"):
            delete_files(bench, job)
        assert len(server.files) == 2
        job = open_job(bench, at_service(server, outcome="succeeded") | {"remote_job": "ftjob-000003"})
        assert read_remains(bench, job).files == ("file-000001", "file-000002")  # type: ignore[union-attr]
        delete_files(bench, job)
        assert sorted(server.files) == ["file-000004", "file-000005"]
        assert read_remains(bench, find_job(bench.store, job.id)).files == ()  # type: ignore[union-attr]


def test_files_that_are_gone_already_are_no_failure(open_hosted) -> None:
    with FakeTraining() as server:
        bench = open_hosted(server)
        job = open_job(bench, at_service(server, outcome="failed"))
        server.files.clear()
        delete_files(bench, job)
        assert read_remains(bench, find_job(bench.store, job.id)).files == ()  # type: ignore[union-attr]


def test_what_never_was_at_a_service_leaves_nothing_there(open_bench: Open) -> None:
    bench = open_bench()
    job = open_job(bench, None)
    assert read_remains(bench, job) is None
    assert give_up(bench, job) == ""
    with pytest.raises(InputError, match="did not run at a service"):
        take_best(bench, job)


def test_a_checkpoint_cannot_be_taken_where_none_was_saved(open_hosted) -> None:
    with FakeTraining() as server:
        bench = open_hosted(server)
        job = open_job(bench, at_service(server))
        with pytest.raises(InputError, match="has no saved model to take"):
            take_best(bench, job)
