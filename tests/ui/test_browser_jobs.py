"""A training in a real browser that outlives the page, the web server, and its own process."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from served import read_events
from sqlalchemy import select
from tests_support import go_to, talk

from lucy.graph.runs import Runs
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_FILE, SAMPLE_GOAL
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.database import Store
from lucy.tools.store.jobs import Job
from lucy.tools.store.schema import ledger, model_versions, rollouts
from lucy.tools.workbench import Workbench

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280)]

RECORDS = 300
LONG = "50 epochs, groups of 64"
"""The longest training that a person may ask for: here some hundred steps, some seconds."""
PATIENCE = 60.0
"""Seconds that something may take to happen; nothing waits for them without need."""
LOOK = 0.01
"""Seconds between two looks at the store: a step of the training takes longer."""
ENOUGH = 30
"""Steps after which a run from the beginning is told from one that goes on."""
ENDED = ("completed", "failed", "cancelled")
NOT_YET = Job("", "", "training", "pending", {}, {}, None, None, None, None, False, "", "")


class Ready(NamedTuple):
    """A data folder whose one workflow stands at the question whether to train."""

    home: Path
    workflow: str


@pytest.fixture(scope="module")
def led(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """Lead a workflow through the early steps once, for all tests to copy."""
    folder = tmp_path_factory.mktemp("led")
    source = folder / "support.jsonl"
    source.write_text("\n".join(SAMPLE_FILE.read_text(encoding="utf-8").splitlines()[:RECORDS]))
    bench = Workbench(Settings(home=folder / "home"))
    runs = Runs(bench)
    workflow = runs.create(source=str(source), goal=SAMPLE_GOAL)
    talk(runs, workflow)
    go_to(runs, workflow, "training")
    talk(runs, workflow, LONG)
    runs.close()
    bench.close()
    return Ready(folder / "home", workflow)


@pytest.fixture
def ready(led: Ready, tmp_path: Path) -> Iterator[Ready]:
    home = tmp_path / "home"
    shutil.copytree(led.home, home)
    yield Ready(home, led.workflow)
    with open_store(home) as store:
        for job in list_jobs(store):
            if job.owner:
                with suppress(ProcessLookupError):
                    os.kill(find_pid(job), signal.SIGKILL)


@contextmanager
def open_store(home: Path) -> Iterator[Store]:
    bench = Workbench(Settings(home=home))
    yield bench.store
    bench.close()


@contextmanager
def run_server(home: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen]]:
    """Start `lucy serve` as a person does, in a process of its own that is killed at the end."""
    environment = {**os.environ, "LUCY_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment["GRADIO_TEMP_DIR"] = str(home.parent / "gradio")
    command = [sys.executable, "-m", "lucy", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout
        yield process.stdout.readline().strip().removeprefix("Lucy is at "), process
    finally:
        process.kill()
        process.communicate()


def find_pid(job: Job) -> int:
    assert job.owner
    return int(job.owner.rpartition(":")[2])


def read_job(store: Store) -> Job:
    (job,) = list_jobs(store)
    return job


def wait_for(store: Store, reached: Callable[[Job], bool], *, too_early: Sequence[str] = ENDED) -> Job:
    """Read the job until it has come to something; it must not end before."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        job = next(iter(list_jobs(store)), NOT_YET)
        if reached(job):
            return job
        assert job.status not in too_early, f"the job is {job.status} too early: {job.error}"
        time.sleep(LOOK)
    raise AssertionError(f"the job did not come that far: {read_job(store)}")


def count_steps(job: Job) -> int:
    return job.progress.get("done", 0) if job.progress.get("label") == "training" else 0


def count_kept(job: Job) -> int:
    """Give the step that the checkpoint stands at."""
    return job.checkpoint["step"] if job.checkpoint else 0


def start_training(page: Page, store: Store) -> Job:
    """Confirm the training by its button; the job comes back standing still in the middle of its steps."""
    page.get_by_role("button", name="Start training", exact=True).click()
    started = wait_for(store, lambda job: count_kept(job) >= ENOUGH and count_steps(job) > 0)
    pause(store, started)
    expect(page.locator("#chat")).to_contain_text("Training started")
    return read_job(store)


@contextmanager
def open_page(browser: Browser, url: str) -> Iterator[Page]:
    """Open the page in a browser that remembers nothing, and close it as a person closes the browser."""
    context = browser.new_context()
    context.set_default_timeout(1000 * PATIENCE)
    expect.set_options(timeout=1000 * PATIENCE)
    page = context.new_page()
    page.goto(url)
    yield page
    context.close()


@contextmanager
def follow(url: str, job: Job) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """Follow a job's server-sent events over a connection of its own: name and data of each."""
    with httpx.stream("GET", f"{url}/api/v1/finetune/{job.id}/events", timeout=PATIENCE) as response:
        yield read_events(response.iter_lines())


def pause(store: Store, job: Job) -> None:
    """Let the job's process stand still: what is looked at then is looked at in the middle of the job.

    Not while it writes, since nobody else could write then: the database's lock is held here meanwhile.
    """
    with closing(sqlite3.connect(store.home / "lucy.db", timeout=PATIENCE, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        os.kill(find_pid(job), signal.SIGSTOP)
        deadline = time.monotonic() + PATIENCE
        while not stands_still(job):
            assert time.monotonic() < deadline, "the job's process does not stop"
            time.sleep(LOOK)
        lock.execute("ROLLBACK")


def stands_still(job: Job) -> bool:
    stat = Path(f"/proc/{find_pid(job)}/stat").read_text()
    return stat.rpartition(") ")[2].startswith("T")


def let_go_on(job: Job) -> None:
    os.kill(find_pid(job), signal.SIGCONT)


def let_take_steps(store: Store, job: Job) -> Job:
    """Let a job that stands still come further, and stand still again."""
    let_go_on(job)
    now = wait_for(store, lambda now: count_steps(now) > count_steps(job))
    pause(store, now)
    return read_job(store)


def check_done_once(store: Store, rollouts_before: dict[str, str]) -> None:
    """Hold that there is one job and one model, that it was paid once, and no answer made anew."""
    job = read_job(store)
    assert (job.status, job.payload["attempt"]) == ("completed", 1)
    with store.read() as connection:
        versions = connection.execute(select(model_versions.c.job_id)).scalars().all()
        booked = connection.execute(
            select(ledger.c.calls).where(ledger.c.key.endswith(f"base_model:{job.id}"))
        )
        calls = booked.scalars().all()
    assert versions == [job.id]
    assert job.result
    assert calls == [len(job.result["before"]) + len(job.result["after"])]
    after = read_rollout_times(store)
    assert {key: after[key] for key in rollouts_before} == rollouts_before


def read_rollout_times(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return {row.key: row.created_at for row in connection.execute(select(rollouts))}


def see_the_result(page: Page) -> None:
    expect(page.locator("#chat")).to_contain_text("Training complete.")
    expect(page.locator("#tracker li.current")).to_contain_text("Deployment")
    expect(page.locator("#choices button").first).to_be_visible()
    expect(page.locator("#progress .progress")).to_have_count(0)


def test_a_training_goes_on_without_page_and_server_and_the_workflow_goes_on_after_it(browser, ready):
    with open_store(ready.home) as store:
        with run_server(ready.home) as (url, server):
            with open_page(browser, url) as page:
                job = start_training(page, store)
            with follow(url, job) as events:
                assert [next(events)[0] for _ in range(2)] == [
                    "finetune_job_started",
                    "finetune_job_progress",
                ]
                server.send_signal(signal.SIGKILL)
                with pytest.raises(httpx.RemoteProtocolError):
                    list(events)
            server.wait()

        # Nobody serves and nobody looks; the job's own process goes on all the same.
        shown = let_take_steps(store, job)
        assert find_pid(shown) == find_pid(job)
        made = read_rollout_times(store)

        with run_server(ready.home, int(url.rsplit(":", 1)[1])) as (again, _):
            assert again == url
            with open_page(browser, url) as page, follow(url, shown) as events:
                see_the_running_job(page, shown)
                check_first_news(events, shown)
                page.evaluate("window.isStillTheSame = true")
                let_go_on(shown)
                see_the_result(page)
                assert page.evaluate("window.isStillTheSame")
                *_, (last, end) = events
        assert (last, end["percent"]) == ("finetune_job_completed", 100.0)
        assert end["model_id"] == read_job(store).result["model_id"]
        check_done_once(store, made)


def see_the_running_job(page: Page, job: Job) -> None:
    done, total = count_steps(job), job.progress["total"]
    assert 0 < done < total
    progress = page.locator("#progress")
    expect(progress).to_contain_text(f"Training: {done} of {total}")
    expect(progress).to_contain_text(f"{100 * done // total}%")
    expect(progress).to_contain_text("left")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator("#tracker li.current")).to_contain_text("Training")


def check_first_news(events: Iterator[tuple[str, dict[str, Any]]], job: Job) -> None:
    """Hold that who comes back is told at once where the job is."""
    (first, _), (second, news) = next(events), next(events)
    assert (first, second) == ("finetune_job_started", "finetune_job_progress")
    assert news["percent"] == round(100 * count_steps(job) / job.progress["total"], 1)
    assert news["seconds_left"] > 0
    assert news["cost"] == 0.0
    assert 0 <= news["metrics"]["mean_reward"] <= 1


def test_a_training_whose_process_is_killed_goes_on_from_its_checkpoint_and_the_page_says_so(browser, ready):
    with open_store(ready.home) as store, run_server(ready.home) as (url, _), open_page(browser, url) as page:
        killed = start_training(page, store)
        made = read_rollout_times(store)
        os.kill(find_pid(killed), signal.SIGKILL)
        expect(page.locator("#chat")).to_contain_text("its process died")
        # Every step is kept, so a run from the beginning would be seen as one.
        next_kept = wait_for(store, lambda job: count_kept(job) != count_kept(killed))
        assert count_kept(next_kept) > count_kept(killed)
        assert find_pid(next_kept) != find_pid(killed)
        see_the_result(page)
        check_done_once(store, made)


def test_a_training_is_stopped_by_the_button_and_goes_on_where_it_stopped(browser, ready):
    with open_store(ready.home) as store, run_server(ready.home) as (url, _), open_page(browser, url) as page:
        job = start_training(page, store)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#progress")).to_contain_text("Stopping")
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        let_go_on(job)
        go_on = page.get_by_role("button", name="Go on where it stopped", exact=True)
        expect(go_on).to_be_visible()
        expect(page.get_by_role("button", name="Start anew", exact=True)).to_be_visible()
        expect(page.locator("#chat")).to_contain_text("as you asked")
        expect(page.locator("#tracker li.failed")).to_contain_text("Training")
        expect(page.locator("#picture")).to_contain_text("Reward while training")
        with follow(url, job) as events:
            *_, (last, end) = events
        assert (last, end["status"]) == ("finetune_job_failed", "cancelled")
        assert "as you asked" in end["error"]

        stopped = read_job(store)
        assert ENOUGH <= count_kept(stopped) < stopped.checkpoint["total_steps"]
        go_on.click()
        resumed = wait_for(
            store, lambda job: count_kept(job) != count_kept(stopped), too_early=("completed", "failed")
        )
        assert count_kept(resumed) > count_kept(stopped)
        assert resumed.id == job.id
