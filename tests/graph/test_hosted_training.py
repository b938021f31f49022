"""A workflow whose model is trained at a service: announced, paid once, paused at its limit, taken up."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_training import FakeTraining, Stage, succeed, write_metrics
from pydantic import SecretStr
from tests_support import approve, go_to, talk, texts

from lucy.graph.runs import Runs
from lucy.settings import Settings
from lucy.tools.datasets import SAMPLE_GOAL
from lucy.tools.store.activity import list_jobs, read_conditions
from lucy.tools.store.ledger import sum_ledger
from lucy.tools.workbench import Workbench

GOOD = (
    "I am sorry for the trouble with your order. I have checked it and will send a refund to your card "
    "within three days. Please let me know if there is anything else I can help you with."
)
PRICES = "[training.base]\nper_million_tokens = 1000000\nas_of = 2026-11-21\n"


def answer(body: dict[str, Any]) -> str:
    return GOOD if body.get("seed", 0) % 2 else "No."


def save(step: int) -> dict[str, Any]:
    return {"fine_tuned_model_checkpoint": f"ft:step-{step}", "step_number": step, "metrics": {}}


STAGES = [
    Stage("queued"),
    Stage("running", [write_metrics(1, 4, full_valid_loss=0.9)], [save(1)]),
    Stage("running", [write_metrics(2, 4, full_valid_loss=0.5)], [save(2)]),
    Stage("running", [write_metrics(3, 4, full_valid_loss=0.7)], [save(3)]),
    Stage("running", [write_metrics(4, 4, full_valid_loss=0.8)]),
    Stage("succeeded"),
]

KEY = SecretStr("secret-of-the-test")
Start = Callable[..., tuple[Runs, str]]


def open_runs(home: Path, server: FakeTraining, **given: Any) -> Runs:
    values = {"api_key": KEY, "base_model": "base", "poll_seconds": 0.05, **given}
    return Runs(Workbench(Settings(home=home, trainer="openai", base_url=server.url, **values)))


@pytest.fixture(scope="module")
def prepared(small_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Homes whose workflow stands at the question of the dry run, and at that of the training."""
    folder = tmp_path_factory.mktemp("prepared")
    home = folder / "training"
    with FakeTraining(reply=answer) as server:
        runs = open_runs(home, server)
        workflow = runs.create(source=str(small_file), goal=SAMPLE_GOAL)
        talk(runs, workflow)
        go_to(runs, workflow, "coverage_generation")
        talk(runs, workflow, {"choice": "go_on"})  # what is generated has no reply to learn from
        go_to(runs, workflow, "dry_run")
        runs.close()
        runs.bench.close()
        shutil.copytree(home, folder / "dry_run")
        runs = open_runs(home, server)
        go_to(runs, workflow, "training")
        runs.close()
        runs.bench.close()
    return folder, workflow


@pytest.fixture
def start(home: Path, prepared: tuple[Path, str]) -> Iterator[Start]:
    """Open the application on a workflow that stands at a step; a further call is a process started anew."""
    folder, workflow = prepared
    opened: list[Runs] = []

    def begin(server: FakeTraining, step: str = "training", **given: Any) -> tuple[Runs, str]:
        if not opened:
            shutil.copytree(folder / step, home, dirs_exist_ok=True)
        opened.append(open_runs(home, server, **given))
        return opened[-1], workflow

    yield begin
    for runs in opened:
        runs.close()
        runs.bench.close()


def read_choices(runs: Runs, workflow: str) -> list[str]:
    pending = runs.read_state(workflow)["pending"]
    return [one["label"] for one in pending["choices"]] if pending else []


def train(runs: Runs, workflow: str, words: str) -> str:
    """Say how to train, start it, and give what Lucy says then."""
    talk(runs, workflow, words)
    return texts(approve(runs, workflow))


def test_the_calls_of_the_dry_run_are_announced_made_once_and_in_the_ledger(start: Start) -> None:
    with FakeTraining(reply=answer, has_usage=True) as server:
        runs, workflow = start(server, "dry_run")
        (runs.bench.store.home / "prices.toml").write_text(
            "[models.base]\ninput = 1.0\noutput = 2.0\nas_of = 2026-11-21\n"
        )
        talk(runs, workflow, "use 20 prompts")
        asked = runs.read_state(workflow)["pending"]["question"]
        assert "made by **base (openai)**: about 80 calls (about $0." in asked
        approve(runs, workflow)
        assert len(server.chats) == 80
        (row,) = [one for one in sum_ledger(runs.bench.store, workflow) if one["role"] == "base_model"]
        assert (row["engine"], row["calls"], row["cost"]) == ("base", 80, pytest.approx(80 * 20 / 1e6))


def test_prompts_without_an_answer_are_named_counted_and_asked_again(start: Start) -> None:
    error = {"error": {"message": "The response was filtered", "code": "content_filter"}}
    first: list[str] = []

    def filter_one(body: dict[str, Any]) -> Any:
        asked = str(body["messages"])
        first[:] = first or [asked]
        return (400, error) if asked == first[0] else answer(body)

    with FakeTraining(reply=filter_one) as server:
        runs, workflow = start(server, "dry_run")
        talk(runs, workflow, "use 20 prompts")
        said = texts(approve(runs, workflow))
        assert "**1 prompts got no answer** from base (openai)" in said
        assert "refused: 400: The response was filtered" in said
        assert "76 graded answers" in said
        server.chats.clear()
        server.reply = answer
        talk(runs, workflow, "use 20 prompts")
        assert "about 4 calls" in runs.read_state(workflow)["pending"]["question"]
        approve(runs, workflow)
        assert len(server.chats) == 4


def test_a_prompt_that_the_trained_model_does_not_answer_is_left_out_and_said(start: Start) -> None:
    error = {"error": {"message": "The response was filtered", "code": "content_filter"}}
    first: list[str] = []

    def filter_one(body: dict[str, Any]) -> Any:
        if body["model"] == "base":
            return answer(body)
        first[:] = first or [str(body["messages"])]
        return (400, error) if str(body["messages"]) == first[0] else answer(body)

    with FakeTraining(succeed(2), reply=filter_one) as server:
        runs, workflow = start(server)
        said = train(runs, workflow, "supervised")
        (job,) = list_jobs(runs.bench.store)
        assert (job.status, len(server.jobs)) == ("completed", 1)
        assert job.result is not None
        heldout = len(job.result["split"]["heldout"])
        assert f"Of {heldout} held-out prompts 0 got no answer before the training and 1 after it" in said
        assert job.result["comparison"]["reward"]["prompts"] == heldout - 1


def test_a_training_at_its_limit_waits_and_goes_on_with_a_higher_one(start: Start) -> None:
    with FakeTraining(STAGES, reply=answer) as server:
        runs, workflow = start(server)
        (runs.bench.store.home / "training_prices.toml").write_text(PRICES)
        said = train(runs, workflow, "supervised, limit $100")
        (job,) = list_jobs(runs.bench.store)
        assert (job.status, next(iter(server.jobs.values()))["status"]) == ("paused", "paused")
        assert "paused at its cost limit of $100.00 (about $" in said
        assert runs.read_state(workflow)["status"]["training"] == "in_progress"
        assert read_conditions(runs.bench.store)[workflow] == "waiting"
        assert read_choices(runs, workflow)[0] == "Go on with a limit of $200"
        talk(runs, workflow, "limit $10000000")
        assert server.count("POST", "/resume") == 0
        approve(runs, workflow)
        (job,) = list_jobs(runs.bench.store)
        assert job.status == "completed"
        assert server.count("POST", "/resume") == len(server.jobs) == 1
        assert runs.read_state(workflow)["step"] == "deployment"


def test_the_higher_limit_that_is_offered_is_confirmed_before_it_counts(start: Start) -> None:
    with FakeTraining(STAGES, reply=answer) as server:
        runs, workflow = start(server)
        (runs.bench.store.home / "training_prices.toml").write_text(PRICES)
        train(runs, workflow, "supervised, limit $100")
        talk(runs, workflow, {"choice": "raise"})
        assert server.count("POST", "/resume") == 0
        assert "$200.00" in runs.read_state(workflow)["pending"]["question"]


def test_the_best_checkpoint_of_a_paused_training_is_taken(start: Start) -> None:
    with FakeTraining(STAGES, reply=answer) as server:
        runs, workflow = start(server)
        (runs.bench.store.home / "training_prices.toml").write_text(PRICES)
        train(runs, workflow, "supervised, limit $100")
        assert "Take the best checkpoint (step 1)" in read_choices(runs, workflow)
        said = texts(talk(runs, workflow, {"choice": "best"}))
        (job,) = list_jobs(runs.bench.store)
        assert job.status == "completed"
        assert [one["status"] for one in server.jobs.values()] == ["cancelled"]
        assert {one["model"] for one in server.chats} == {"base", "ft:step-1"}
        assert "The training files are still at 127.0.0.1" in said


def test_a_paused_training_is_stopped_at_the_service_and_its_files_are_deleted(start: Start) -> None:
    with FakeTraining(STAGES, reply=answer) as server:
        runs, workflow = start(server)
        (runs.bench.store.home / "training_prices.toml").write_text(PRICES)
        train(runs, workflow, "supervised, limit $100")
        said = texts(talk(runs, workflow, {"choice": "end"}))
        assert "is cancelled at 127.0.0.1" in said
        assert "file-000001" in said
        assert [one["status"] for one in server.jobs.values()] == ["cancelled"]
        assert len(server.files) == 2
        assert "Go on where it stopped" not in read_choices(runs, workflow)
        talk(runs, workflow, {"choice": "files"})
        assert not server.files
        assert "Delete the training files at the service" not in read_choices(runs, workflow)


def test_a_wrong_key_is_said_before_anything_is_uploaded(start: Start) -> None:
    with FakeTraining(succeed(2), reply=answer) as server:
        runs, workflow = start(server)
        server.key = "another"
        said = texts(talk(runs, workflow, "supervised"))
        assert "401: Incorrect API key provided" in said
        assert "correct LUCY_API_KEY" in said
        assert not list_jobs(runs.bench.store)
        assert not server.files


def test_a_service_that_refuses_interrupts_the_training_and_nothing_is_worded_as_failed(start: Start) -> None:
    with FakeTraining(succeed(2), reply=answer, lacks=["/files"]) as server:
        runs, workflow = start(server)
        said = train(runs, workflow, "supervised")
        (job,) = list_jobs(runs.bench.store)
        assert job.status == "interrupted"
        assert "**The training was interrupted.**" in said
        assert "failed" not in said
        assert runs.read_state(workflow)["status"]["training"] == "in_progress"
        server.lacks = ()
        assert read_choices(runs, workflow)[0] == "Go on where it stopped"
        approve(runs, workflow)
        (job,) = list_jobs(runs.bench.store)
        assert (job.status, len(server.jobs), len(server.files)) == ("completed", 1, 2)


def test_a_key_withdrawn_on_the_way_leaves_a_job_that_is_taken_up_by_a_new_application(start: Start) -> None:
    with FakeTraining(succeed(2), reply=answer) as server:
        runs, workflow = start(server)
        talk(runs, workflow, "supervised")
        server.gate = lambda: setattr(server, "key", "another") if server.jobs else None
        said = texts(approve(runs, workflow))
        assert "has not ended: it is paused there or runs on" in said
        labels = read_choices(runs, workflow)
        assert labels == ["Go on where it stopped", "Stop the training"]
        server.gate = lambda: None
        runs.close()
        runs, _ = start(server, api_key=SecretStr("another"))
        assert read_choices(runs, workflow) == labels
        approve(runs, workflow)
        (job,) = list_jobs(runs.bench.store)
        assert (job.status, len(server.jobs), len(server.files)) == ("completed", 1, 2)


def test_a_training_that_failed_there_is_started_anew_and_names_its_files(start: Start) -> None:
    failed = Stage("failed", changes={"error": {"message": "Line 3 is broken."}})
    with FakeTraining([Stage("queued"), failed], reply=answer) as server:
        runs, workflow = start(server)
        said = train(runs, workflow, "supervised")
        assert "The training ended as **failed**" in said
        assert "file-000001, file-000002" in said
        assert read_choices(runs, workflow) == ["Start anew", "Delete the training files at the service"]
        assert runs.read_state(workflow)["status"]["training"] == "failed"
        server.stages = succeed(2)
        approve(runs, workflow)
        assert sorted(one.status for one in list_jobs(runs.bench.store)) == ["completed", "failed"]
