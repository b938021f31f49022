import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lucy.tools.store.database import Store
from lucy.tools.store.deployments import find_deployment
from lucy.tools.store.jobs import end_job, submit_job, take_job, update_job
from lucy.tools.store.ledger import add_calls
from lucy.tools.store.models import list_models
from lucy.tools.store.usage import Call, add_usages, rate_answer
from lucy.tools.store.workflows import save_workflow
from lucy.ui.app import app
from lucy.ui.cli import jobs


def lucy(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="lucy")


def read_json(*arguments: str) -> Any:
    done = lucy(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def tested() -> None:
    """A name with an A/B test, made on the command line."""
    for model in ("small", "large"):
        assert lucy("models", "add", model).exit_code == 0
    assert lucy("models", "deploy", "small", "--name", "chat", "--yes").exit_code == 0
    done = lucy("models", "deploy", "large", "--name", "chat", "--test", "0.25", "--yes")
    assert "for 25% of the calls" in done.output


def count_calls(home: Path, arm: Any, rating: float | None, count: int = 12) -> None:
    store = Store(home)
    model_id = next(model.id for model in list_models(store) if model.name == "small")
    calls = [
        Call(
            model_id, 1, "chat", "chat_completions", 10, 5, 0.001, 20.0, completion_id=f"{arm}-{at}",
            number=2, arm=arm, session=f"{arm}-{at}",
        )
        for at in range(count)
    ]  # fmt: skip
    add_usages(store, calls)
    for call in calls:
        if rating is not None:
            rate_answer(store, call.completion_id or "", rating)
    store.close()


def test_a_test_is_compared_promoted_and_rolled_back(tested: None, home: Path) -> None:
    count_calls(home, "champion", -1.0)
    count_calls(home, "challenger", 1.0)
    found = read_json("models", "compare", "chat")
    assert (found["verdict"], found["share"]) == ("challenger", 0.25)
    shown = lucy("models", "compare", "chat").output
    assert "challenger's answers are rated better" in " ".join(shown.split())
    assert "Version 1" in lucy("models", "promote", "chat", "challenger", "--yes").output
    store = Store(home)
    promoted = find_deployment(store, "chat")
    assert lucy("models", "rollback", "chat", "--yes").exit_code == 0
    back = find_deployment(store, "chat")
    store.close()
    assert (promoted.is_test, back.is_test) == (False, False)
    assert promoted.model_id != back.model_id


def test_both_models_of_a_test_show_their_part(tested: None) -> None:
    assert "challenger, 25% of the calls" in lucy("models", "show", "large").output
    assert "champion, 75% of the calls" in lucy("models", "show", "small").output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["deploy", "large", "--name", "chat", "--test", "1.5"], "share 1.5 cannot be used"),
        (["deploy", "large", "--name", "chat", "--test", "0.5", "--replace"], "either replaces"),
        (["deploy", "large", "--name", "other", "--test", "0.5"], "Nothing is served as 'other'"),
        (["compare", "nobody"], "Nothing is deployed as 'nobody'"),
        (["compare", "chat", "--level", "2"], "level 2.0 cannot be used"),
        (["promote", "chat", "winner"], "no arm 'winner'"),
        (["promote", "nobody", "champion"], "Nothing is deployed as 'nobody'"),
        (["rollback", "nobody"], "Nothing is deployed as 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tested: None, home: Path, arguments: list[str], sentence: str
) -> None:
    yes = ["--yes"] if arguments[0] != "compare" else []
    done = lucy("models", *arguments, *yes)
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.split())
    store = Store(home)
    assert find_deployment(store, "chat").number == 2
    store.close()


def test_use_is_told_by_model_arm_and_period(tested: None, home: Path) -> None:
    count_calls(home, "champion", 1.0, count=3)
    found = read_json("usage", "--period", "week", "--model", "small")
    assert (found["calls"], found["ratings"], found["error_rate"], found["p99_ms"]) == (3, 3, 0.0, 20.0)
    assert [one["arm"] for one in found["arms"]] == ["champion"]
    assert (found["period"], len(found["periods"])) == ("week", 1)
    assert [one["calls"] for one in read_json("usage")["models"]] == [3]
    shown = lucy("usage").output
    assert "model_id" in shown
    assert "champion" in shown


def test_two_models_for_one_usage_are_refused(tested: None) -> None:
    done = lucy("usage", "small", "--model", "large")
    assert done.exit_code == 2
    assert "give one" in done.output


def test_a_model_is_edited_and_found_by_its_tag(tested: None) -> None:
    edited = lucy(
        "models", "edit", "small", "--description", "Kind and short", "--tag", "pilot", "--tag", "eu"
    )
    assert edited.exit_code == 0, edited.output
    (found,) = read_json("models", "list", "--search", "PILOT")
    assert (found["name"], found["description"], found["tags"]) == (
        "small",
        "Kind and short",
        ["pilot", "eu"],
    )
    assert lucy("models", "edit", "small", "--name", "tiny").exit_code == 0
    assert read_json("models", "show", "tiny")["tags"] == ["pilot", "eu"]
    assert lucy("models", "list", "--search", "nothing").output.startswith("There is no such model")


def test_models_are_listed_in_the_order_that_is_wished(tested: None, home: Path) -> None:
    names = [one["name"] for one in read_json("models", "list", "--sort", "name")]
    assert names == ["large", "small"]
    count_calls(home, "champion", None, count=2)
    assert [one["name"] for one in read_json("models", "list", "--sort", "calls")] == ["small", "large"]


def end(home: Path, status: str, **values: Any) -> str:
    """Put a job that has ended into the home."""
    store = Store(home)
    job_id = submit_job(store, "w-1", "training", {"status": status})
    assert take_job(store, job_id)
    progress = {
        "label": "Training",
        "done": 3,
        "total": 4,
        "started": time.time(),
        "metrics": {"reward": 0.6},
    }
    update_job(store, job_id, progress=progress)
    end_job(store, job_id, status, **values)
    store.close()
    return job_id


def test_a_job_that_completed_is_followed_to_its_end(home: Path) -> None:
    job_id = end(home, "completed", result={"model_id": "model-1", "version": 2})
    done = lucy("jobs", "follow", job_id)
    assert done.exit_code == 0
    assert done.stdout.split() == ["completed", "100.0%", "Training,", "model", "model-1", "version", "2"]
    (line,) = lucy("jobs", "follow", job_id[:8], "--json").stdout.splitlines()
    assert (json.loads(line)["status"], json.loads(line)["model_id"]) == ("completed", "model-1")


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_following_a_job_that_did_not_succeed_ends_with_its_sentence_and_1(home: Path, status: str) -> None:
    job_id = end(home, status, error="The service refused; correct LUCY_API_KEY.")
    done = lucy("jobs", "follow", job_id)
    assert done.exit_code == 1
    assert done.stderr == "Error: The service refused; correct LUCY_API_KEY.\n"


def test_a_followed_job_tells_its_news_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(home)
    job_id = submit_job(store, "w-1", "training", {})
    assert take_job(store, job_id)
    steps = iter([1, 1, 2])

    def go_on(_seconds: float) -> None:
        done = next(steps, None)
        if done is None:
            end_job(store, job_id, "completed", result={})
        else:
            update_job(store, job_id, progress={"label": "Step", "done": done, "total": 4})

    monkeypatch.setattr(jobs.time, "sleep", go_on)
    told = [json.loads(line) for line in lucy("jobs", "follow", job_id, "--json").stdout.splitlines()]
    store.close()
    assert [one["percent"] for one in told] == [0.0, 25.0, 50.0, 100.0]


def test_who_follows_a_job_that_nobody_works_on_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(home)
    job_id = submit_job(store, "w-1", "training", {})
    monkeypatch.setattr(jobs.time, "sleep", lambda _seconds: end_job(store, job_id, "completed", result={}))
    assert "lucy resume w-1" in lucy("jobs", "follow", job_id).stderr
    store.close()


def test_a_job_that_waits_for_the_person_is_not_cancelled(home: Path) -> None:
    job_id = end(home, "paused", error="It came to its limit.")
    done = lucy("jobs", "cancel", job_id)
    assert done.exit_code == 2
    assert "which is paused; `lucy resume w-1` goes on" in done.stderr


def test_what_a_workflows_own_work_took_is_told_by_role(home: Path) -> None:
    store = Store(home)
    save_workflow(store, "w-1", name="support")
    add_calls(store, "w-1", "dry_run", "key", calls=4, tokens=80)
    store.close()
    rows = read_json("usage", "--workflow", "w-1")
    assert [(row["role"], row["calls"], row["cost"]) for row in rows] == [
        ("base_model", 4, 0.0),
        ("judge", 4, 0.0),
    ]
    assert "base_model" in lucy("usage", "--workflow", "w-1").output
    both = lucy("usage", "small", "--workflow", "w-1")
    assert (both.exit_code, "give one" in both.stderr) == (2, True)


@pytest.mark.parametrize("command", [["models", "edit"], ["models", "add"], ["jobs", "follow"], ["usage"]])
def test_a_command_explains_itself(command: list[str]) -> None:
    done = lucy(*command, "--help")
    assert (done.exit_code, "Usage:" in done.output) == (0, True)
