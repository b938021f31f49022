"""Every face says which engine is at work, and never shows a key."""

import json
from pathlib import Path

import pytest
from fake_openai import FakeOpenAI
from typer.testing import CliRunner

from lucy.settings import Settings
from lucy.tools.calls.connection import Engine
from lucy.tools.store.ledger import Account, Bill, begin_call, end_call
from lucy.tools.store.workflows import find_workflow, save_workflow
from lucy.tools.workbench import Workbench
from lucy.ui.app import app
from lucy.ui.render import draw_engine
from lucy.ui.report import describe
from lucy.ui.report_material import Material

SECRET = "sk-very-secret-0123456789"


def run_doctor(monkeypatch: pytest.MonkeyPatch, **values: str) -> tuple[dict[str, dict], str]:
    for name, value in values.items():
        monkeypatch.setenv(f"LUCY_{name}", value)
    monkeypatch.setenv("LUCY_PORT", "0")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    return {one["name"]: one for one in json.loads(result.stdout)["findings"]}, result.output


def test_doctor_asks_nobody_when_no_model_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAI() as server:
        found, _ = run_doctor(monkeypatch, BASE_URL=server.url, BASE_MODEL="fake")
    assert "language models" not in found
    assert found["generator"]["detail"].startswith("offline: ")
    assert "LUCY_BASE_MODEL is set to 'fake', but is not used yet" in found["base model"]["detail"]


def test_doctor_names_the_model_and_its_place_without_calling_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAI(key=SECRET) as server:
        found, output = run_doctor(monkeypatch, BASE_URL=server.url, API_KEY=SECRET, GENERATOR_MODEL="fake")
        assert server.calls == 0
    assert found["language models"]["ok"]
    assert "accepts the key" in found["language models"]["detail"]
    assert found["generator"]["detail"].startswith("fake at 127.0.0.1:")
    assert found["chat"]["detail"].startswith("offline: ")
    assert SECRET not in output
    assert "api_key=set" in output


def test_doctor_finds_a_wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAI(key="another") as server:
        found, output = run_doctor(monkeypatch, BASE_URL=server.url, API_KEY=SECRET, CHAT_MODEL="fake")
    assert not found["language models"]["ok"]
    assert "401: Incorrect API key provided" in found["language models"]["detail"]
    assert "correct LUCY_API_KEY" in found["language models"]["detail"]
    assert SECRET not in output


def test_doctor_finds_a_model_that_the_service_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAI(models=("large:latest", "tiny")) as server:
        found, _ = run_doctor(monkeypatch, BASE_URL=server.url, GENERATOR_MODEL="small", CHAT_MODEL="large")
    assert not found["generator"]["ok"]
    assert "it lists large:latest, tiny" in found["generator"]["detail"]
    assert "correct LUCY_GENERATOR_MODEL" in found["generator"]["detail"]
    assert found["chat"]["ok"]


def test_doctor_finds_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = run_doctor(monkeypatch, BASE_URL="http://127.0.0.1:9/v1", GENERATOR_MODEL="small")
    assert not found["language models"]["ok"]
    assert "start the service or correct LUCY_BASE_URL" in found["language models"]["detail"]


def test_a_service_that_does_not_list_its_models_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeOpenAI() as server:
        found, _ = run_doctor(
            monkeypatch, BASE_URL=server.url.replace("/v1", "/other"), GENERATOR_MODEL="small"
        )
    assert found["language models"]["ok"]
    assert "does not list its models" in found["language models"]["detail"]
    assert found["generator"]["ok"]


def test_the_page_says_that_everything_is_offline() -> None:
    assert "nothing leaves it" in draw_engine({})


def test_the_page_names_models_and_where_texts_are_sent() -> None:
    text = draw_engine({"generator": Engine("<b>m</b>", "api.example.org")})
    assert "generator: &lt;b&gt;m&lt;/b&gt; at api.example.org" in text
    assert "sent there" in text
    assert "nothing leaves" not in text


def test_the_report_names_the_models_that_were_called_and_those_that_were_not(home: Path) -> None:
    bench = Workbench(Settings(home=home, generator_model="writer", chat_model="sorter"))
    save_workflow(bench.store, "w1", name="Chats", goal="g")
    key = begin_call(bench.store, Account("w1", "coverage_generation", "generator", "writer"))
    end_call(bench.store, key, "malformed", Bill(7, 2, 0.5))
    material = Material(bench, find_workflow(bench.store, "w1"), {"messages": [], "step": "not_started"})
    report = describe(material, missing=[])
    bench.close()
    assert report["engines"] == {
        "chat": "sorter (not called)",
        "judge": "offline",
        "generator": "writer",
        "base_model": "offline",
        "embeddings": "offline",
    }
    (row,) = report["totals"]["by_role"]
    assert (row["calls"], row["failed"], row["cost"]) == (1, 1, 0.5)
