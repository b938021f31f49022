"""Hold what the owner of the runs promises: one run a workflow, a log to follow, cancel, jobs taken up."""

from collections.abc import Callable

import pytest
from sqlalchemy import update
from tests_support import approve, go_to, talk, texts

from lucy.errors import BusyError, InputError
from lucy.graph.runs import Runs
from lucy.tools.store.jobs import find_job, list_unfinished
from lucy.tools.store.owners import name_owner
from lucy.tools.store.schema import jobs, workflows
from lucy.tools.store.workflows import find_workflow, read_messages


def set_owner(runs: Runs, workflow: str, owner: str) -> None:
    with runs.bench.store.write() as connection:
        connection.execute(
            update(workflows).where(workflows.c.id == workflow).values(run_owner=owner, run_until=9e12)
        )


def test_a_run_in_the_background_can_be_followed_from_any_point(runs: Runs, workflow: str) -> None:
    runs.start(workflow, "why these topics?")
    first = list(runs.follow(workflow))
    assert [event.kind for event in first][-1] == "question"
    assert list(runs.follow(workflow)) == first
    assert list(runs.follow(workflow, since=len(first) - 1)) == first[-1:]
    assert not runs.is_running(workflow)


def test_a_second_run_of_the_same_workflow_is_refused(runs: Runs, workflow: str) -> None:
    with runs._lock(workflow), pytest.raises(BusyError, match="still working"):  # pyright: ignore[reportPrivateUsage]
        runs.start(workflow, "yes")


def test_a_workflow_that_another_living_process_runs_is_refused(runs: Runs, workflow: str) -> None:
    set_owner(runs, workflow, "another-host:1")
    with pytest.raises(BusyError, match="another process"):
        talk(runs, workflow, "yes")


def test_a_workflow_of_a_process_that_died_is_taken_over(runs: Runs, workflow: str) -> None:
    dead = name_owner().rpartition(":")[0] + ":999999999"
    set_owner(runs, workflow, dead)
    approve(runs, workflow)
    assert runs.read_state(workflow)["status"]["topics_config"] == "completed"


def test_cancelling_a_job_asks_again_and_trying_again_trains(runs: Runs, workflow: str) -> None:
    go_to(runs, workflow, "training")
    events = iter(runs.drive(workflow, {"choice": "approve"}))
    while not list_unfinished(runs.bench.store):
        next(events)
    runs.cancel(workflow)
    job_id = list_unfinished(runs.bench.store)[0].id
    said = texts(list(events))
    if find_job(runs.bench.store, job_id).status == "cancelled":
        assert "cancelled" in said
        assert runs.read_state(workflow)["status"]["training"] == "failed"
        approve(runs, workflow)
    assert runs.read_state(workflow)["status"]["training"] == "completed"


def test_a_job_whose_process_died_is_taken_up_by_the_next(
    runs: Runs, workflow: str, open_runs: Callable[[], Runs], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(runs, workflow, "training")
    # The process dies right after the submission: nobody works on the job, the graph waits for it.
    monkeypatch.setattr("lucy.nodes.training.start_job", lambda bench, job_id: None)
    list(runs._run(workflow, {"choice": "approve"}))  # pyright: ignore[reportPrivateUsage]
    job = list_unfinished(runs.bench.store)[0]
    with runs.bench.store.write() as connection:
        dead = name_owner().rpartition(":")[0] + ":999999999"
        connection.execute(update(jobs).values(owner=dead, lease_until=9e12, status="running"))
    again = open_runs()
    assert again.needs_resume(workflow)
    talk(again, workflow)
    assert find_job(again.bench.store, job.id).status == "completed"
    assert again.read_state(workflow)["step"] == "deployment"


def test_talking_while_a_job_runs_is_answered_and_the_job_goes_on(
    runs: Runs, workflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(runs, workflow, "training")
    monkeypatch.setattr("lucy.nodes.training.start_job", lambda bench, job_id: None)
    list(runs._run(workflow, {"choice": "approve"}))  # pyright: ignore[reportPrivateUsage]
    said = texts(list(runs._run(workflow, "how far is it?")))  # pyright: ignore[reportPrivateUsage]
    assert "is pending" in said
    talk(runs, workflow)
    assert runs.read_state(workflow)["step"] == "deployment"


def test_restoring_a_step_that_was_never_reached_is_refused(runs: Runs, workflow: str) -> None:
    with pytest.raises(InputError, match="never came to 'Training'"):
        runs.rollback(workflow, "training")


def test_the_list_of_workflows_says_where_each_one_is(runs: Runs, workflow: str) -> None:
    row = find_workflow(runs.bench.store, workflow[:8])
    assert (row.step, row.status["topics_config"]) == ("topics_config", "in_progress")
    assert "Does this structure make sense" in row.question


def test_the_conversation_is_stored_whole_and_in_order(runs: Runs, workflow: str) -> None:
    go_to(runs, workflow, "completed")
    said = read_messages(runs.bench.store, workflow)
    assert len(said) > 15
    assert len({one["id"] for one in said}) == len(said)
    places = [one["step"] for one in said]
    assert [places.index(step) for step in dict.fromkeys(places)] == sorted(
        places.index(step) for step in set(places)
    )
