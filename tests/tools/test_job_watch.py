"""Hold when a job's watchdog starts a worker, what it says then, and when it gives up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lucy.settings import Settings
from lucy.tools import job_watch
from lucy.tools.job_watch import MAX_DEATHS, Watchdog
from lucy.tools.store.jobs import end_job, find_job, submit_job, take_job, update_job
from lucy.tools.store.owners import LEASE
from lucy.tools.workbench import Workbench

DEAD = "a-host-that-is-gone:1"


class Worker:
    """A worker that takes the job and lives until it is told otherwise."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.lives = True

    def is_alive(self) -> bool:
        return self.lives

    def join(self, timeout: float) -> None:
        return None


class Workers:
    """Stands for the processes that are started; keeps them, and owns the job in their name."""

    def __init__(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[Worker] = []
        self._bench = bench
        monkeypatch.setattr(job_watch, "start_job", self.start)
        monkeypatch.setattr("lucy.tools.jobs.owner_lives", self.lives)
        monkeypatch.setattr("lucy.tools.store.jobs.owner_lives", self.lives)

    def lives(self, owner: str) -> bool:
        return any(one.owner == owner and one.lives for one in self.started)

    def start(self, bench: Workbench, job_id: str) -> Worker:
        if self.started and self.started[-1].lives:
            return self.started[-1]
        self.started.append(Worker(f"worker:{len(self.started) + 1}"))
        update_job(bench.store, job_id, status="running")
        self.own(job_id, self.started[-1].owner)
        return self.started[-1]

    def own(self, job_id: str, owner: str) -> None:
        with self._bench.store.write() as connection:
            connection.exec_driver_sql("UPDATE jobs SET owner = ? WHERE id = ?", (owner, job_id))


@pytest.fixture
def bench(home: Path) -> Iterator[Workbench]:
    bench = Workbench(Settings(home=home))
    yield bench
    bench.close()


@pytest.fixture
def job_id(bench: Workbench) -> str:
    return submit_job(bench.store, "w", "training", {})


@pytest.fixture
def workers(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workers:
    return Workers(bench, monkeypatch)


def test_a_job_that_nobody_has_begun_is_begun_without_a_word(
    bench: Workbench, job_id: str, workers: Workers
) -> None:
    watchdog = Watchdog(bench, job_id)
    assert [watchdog.look().notice for _ in range(3)] == ["", "", ""]
    assert len(workers.started) == 1


def test_a_job_whose_worker_died_is_taken_up_by_another_and_that_is_said_once(
    bench: Workbench, job_id: str, workers: Workers
) -> None:
    watchdog = Watchdog(bench, job_id)
    watchdog.look()
    workers.started[0].lives = False
    said = [watchdog.look().notice for _ in range(3)]
    assert [bool(notice) for notice in said] == [True, False, False]
    assert "its process died; a new one goes on from what is stored" in said[0]
    assert len(workers.started) == 2


def test_a_worker_that_died_before_this_application_began_is_noticed_too(
    bench: Workbench, job_id: str, workers: Workers
) -> None:
    assert take_job(bench.store, job_id)
    workers.own(job_id, DEAD)
    assert "its process died" in Watchdog(bench, job_id).look().notice


def test_a_worker_of_another_machine_that_gives_no_sign_of_life_loses_the_job(
    bench: Workbench, job_id: str, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = Worker("another-host:1")
    workers.started.append(far)
    assert take_job(bench.store, job_id)
    workers.own(job_id, far.owner)
    clock = [100.0]
    monkeypatch.setattr(job_watch.time, "monotonic", lambda: clock[0])
    watchdog = Watchdog(bench, job_id)
    watchdog.look()
    clock[0] += LEASE
    update_job(bench.store, job_id)
    assert watchdog.look().notice == ""

    clock[0] += LEASE + 1
    monkeypatch.setattr(job_watch, "start_job", lambda bench, job_id: Worker("here:2"))
    assert "its process died" in watchdog.look().notice


def test_a_worker_that_ended_the_job_just_now_has_not_died(
    bench: Workbench, job_id: str, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    watchdog = Watchdog(bench, job_id)
    watchdog.look()
    worker = workers.started[0]

    def end_meanwhile(_job: object) -> bool:
        with bench.store.write() as connection:
            connection.exec_driver_sql("UPDATE jobs SET owner = NULL")
        end_job(bench.store, job_id, "completed", result={})
        worker.lives = False
        return True

    monkeypatch.setattr(job_watch, "needs_worker", end_meanwhile)
    job, notice = watchdog.look()
    assert (job.status, notice, len(workers.started)) == ("completed", "", 1)


def test_a_job_whose_workers_die_again_and_again_is_given_up_with_a_reason(
    bench: Workbench, job_id: str, workers: Workers
) -> None:
    watchdog = Watchdog(bench, job_id)
    watchdog.look()
    for _ in range(MAX_DEATHS + 1):
        workers.started[-1].lives = False
        job, _ = watchdog.look()
    assert len(workers.started) == MAX_DEATHS + 1
    assert job == find_job(bench.store, job_id)
    assert (job.status, job.owner) == ("failed", None)
    assert f"died {MAX_DEATHS + 1} times" in (job.error or "")
    assert f"{job_id}/log.txt" in (job.error or "")
