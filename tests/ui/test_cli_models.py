import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lucy.tools.store.database import Store
from lucy.tools.store.deployments import find_deployment
from lucy.tools.store.models import list_models
from lucy.tools.store.usage import Call, add_usages, rate_answer
from lucy.ui.app import app


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
