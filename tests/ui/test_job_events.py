"""Hold what a client reads of a job: time left, cost so far, and the newest metrics."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert

from lucy.settings import Settings
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.jobs import Job, submit_job, update_job
from lucy.tools.store.schema import ledger
from lucy.tools.workbench import Workbench
from lucy.ui.job_events import describe_job, read_status

BEGAN = 1_000_000.0


def make_job(**values: Any) -> Job:
    now = datetime.fromtimestamp(BEGAN + 30, UTC).isoformat()
    job = Job("job-1", "w", "training", "running", {}, {}, None, None, None, None, False, now, now)
    return job._replace(**values)


def test_the_time_left_goes_by_what_was_done_since_the_job_went_on():
    progress = {"label": "training", "done": 60, "total": 90, "started": BEGAN}
    assert describe_job(make_job(progress=progress))["seconds_left"] == 15.0
    assert describe_job(make_job(progress=progress | {"done_then": 30}))["seconds_left"] == 30.0
    assert describe_job(make_job(progress=progress | {"done_then": 60}))["seconds_left"] is None


@pytest.mark.parametrize(
    ("trainer", "checkpoint", "result", "cost"),
    [
        ("offline", None, None, 0.0),
        ("trl", None, None, 0.0),
        ("openai", {"cost": None}, None, None),
        ("openai", {"cost": 1.25}, None, 1.25),
        ("openai", {"cost": 1.25}, {"cost": 1.5}, 1.5),
    ],
)
def test_the_cost_so_far_is_what_is_known_of_it(trainer, checkpoint, result, cost):
    job = make_job(payload={"trainer": trainer}, checkpoint=checkpoint, result=result)
    assert describe_job(job)["cost"] == cost


@pytest.mark.parametrize(("judged", "cost"), [([], 1.0), ([0.25, 0.5], 1.75), ([0.25, None], None)])
def test_what_a_judge_cost_belongs_to_the_cost_so_far(home, judged, cost):
    bench = Workbench(Settings(home=home))
    store = bench.store
    add(store, "before", 9.0)
    job_id = submit_job(store, "w", "training", {})
    update_job(store, job_id, checkpoint={"cost": 1.0})
    for number, one in enumerate(judged):
        add(store, str(number), one)
    assert read_status(store, job_id)["cost"] == cost
    bench.close()


def add(store: Store, key: str, cost: float | None) -> None:
    """Book a call of a judge."""
    row = {"key": key, "workflow_id": "w", "step": "training", "role": "judge", "engine": "m", "calls": 1}
    row |= {"prompt_tokens": 1, "completion_tokens": 1, "cost": cost, "created_at": tell_time()}
    with store.write() as connection:
        connection.execute(insert(ledger).values(row))


@pytest.mark.parametrize("place", ["checkpoint", "result"])
def test_the_metrics_are_those_of_the_newest_step(place):
    history = [{"step": 1, "mean_reward": 0.3}, {"step": 2, "mean_reward": 0.4}]
    assert describe_job(make_job(**{place: {"history": history}}))["metrics"] == history[-1]


def test_a_job_without_a_step_has_no_metrics():
    assert describe_job(make_job())["metrics"] == {}
    assert describe_job(make_job(checkpoint={"history": []}))["metrics"] == {}


def test_nobody_knows_how_long_a_paused_job_takes():
    progress = {"label": "training", "done": 60, "total": 90, "started": BEGAN}
    assert describe_job(make_job(status="paused", progress=progress))["seconds_left"] is None
    assert describe_job(make_job(status="failed", progress=progress))["seconds_left"] == 0.0
