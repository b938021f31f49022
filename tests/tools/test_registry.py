import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lucy.errors import InputError, NotFoundError, StoreError
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.registry import ModelServer, deploy, register_version, suggest_name, undo_deployment
from lucy.tools.serving import cut_text
from lucy.tools.store import models, usage
from lucy.tools.store.database import Store
from lucy.tools.store.usage import Call, UsagePeriod
from lucy.tools.vocabulary import Record

QUESTION = [{"role": "user", "content": "My invoice shows a charge twice, why is that?"}]


def make_policy(colour: str) -> str:
    records = [
        Record(
            id=f"{colour}-{number}",
            prompt=({"role": "user", "content": f"{question} on my invoice, why?"},),
            reply=({"role": "assistant", "content": f"The {colour} desk {answer} the {colour} charge."},),
        )
        for number, (question, answer) in enumerate(
            [("There is a charge twice", "will look into"), ("I see a wrong charge", "can correct")] * 3
        )
    ]
    return base_policy(records).to_json()


@pytest.fixture(scope="module")
def policies() -> dict[str, str]:
    return {colour: make_policy(colour) for colour in ("blue", "red")}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def register(store: Store, policy: str, **changes: Any) -> tuple[str, int]:
    values: dict[str, Any] = {
        "name": "Support", "description": "Answers customers", "base_model": "offline-base",
        "provider": "offline", "policy_json": policy, "job_id": "job-1", "workflow_id": "w1",
        "lineage": {"dataset": 1}, "parameters": {"epochs": 2}, "training_examples": 9,
        "validation_examples": 1, "cost": 0.0,
    }  # fmt: skip
    return register_version(store, **values | changes)


def count_calls(store: Store, model_id: str | None = None) -> tuple[int, int]:
    summary = usage.summarize_usage(store, model_id)
    return summary.calls, summary.errors


def test_a_registered_model_is_listed_with_its_version(store: Store, policies: dict[str, str]) -> None:
    model_id, version = register(store, policies["blue"], job_id="job-9", cost=1.5)
    [model] = models.list_models(store)
    assert (model.id, model.name, model.status, model.versions) == (model_id, "Support", "ready", version)
    assert model.cost == 1.5
    [kept] = models.list_versions(store, model_id)
    assert (kept.job_id, kept.lineage, kept.parameters) == ("job-9", {"dataset": 1}, {"epochs": 2})


def test_the_same_job_registers_one_version(store: Store, policies: dict[str, str]) -> None:
    first = register(store, policies["blue"])
    assert register(store, policies["blue"]) == first
    assert len(models.list_versions(store, first[0])) == 1


def test_a_crash_between_weights_and_rows_leaves_no_model_and_is_made_good(
    store: Store, policies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(models, "add_version", crash)
        with pytest.raises(KeyboardInterrupt):
            register(store, policies["blue"])
    files = list((store.home / "models").rglob("*.json"))
    assert len(files) == 1
    assert models.list_models(store) == []
    model_id, version = register(store, policies["blue"])
    assert list((store.home / "models").rglob("*.*")) == [store.home / f"models/{model_id}/{version}.json"]


def test_the_same_name_in_the_same_workflow_is_a_new_version(store: Store, policies: dict[str, str]) -> None:
    first = register(store, policies["blue"])
    assert register(store, policies["red"], job_id="job-2") == (first[0], 2)


def test_the_same_name_in_another_workflow_is_another_model(store: Store, policies: dict[str, str]) -> None:
    first = register(store, policies["blue"])
    other = register(store, policies["red"], job_id="job-2", workflow_id="w2")
    assert other[0] != first[0]
    with pytest.raises(InputError, match="2 models"):
        models.find_model(store, "Support")


def test_parsed_weights_are_written_as_well(store: Store, policies: dict[str, str]) -> None:
    model_id, _ = register(store, json.loads(policies["blue"]))
    assert "blue" in ModelServer(store).respond(model_id, QUESTION, temperature=0).text


def test_a_deployed_model_answers_from_its_weights(store: Store, policies: dict[str, str]) -> None:
    model_id, version = register(store, policies["blue"])
    deploy(store, model_id, version, name="support", key="k1")
    answer = ModelServer(store).respond("support", QUESTION, temperature=0)
    assert "blue" in answer.text
    assert (answer.model_id, answer.version) == (model_id, version)
    assert answer.prompt_tokens > 5
    assert answer.completion_tokens > 3


def test_a_deployment_with_the_same_key_is_made_once(store: Store, policies: dict[str, str]) -> None:
    model_id, version = register(store, policies["blue"])
    first = deploy(store, model_id, version, name="support", key="k1")
    assert deploy(store, model_id, version, name="support", key="k1") == first
    assert models.find_deployment(store, "support").number == 1


def test_a_key_used_for_another_deployment_is_refused(store: Store, policies: dict[str, str]) -> None:
    model_id, version = register(store, policies["blue"])
    deploy(store, model_id, version, name="support", key="k1")
    with pytest.raises(InputError, match="use a new key"):
        deploy(store, model_id, version, name="other", key="k1")


def test_a_running_server_answers_with_a_new_deployment_at_once(
    store: Store, policies: dict[str, str]
) -> None:
    server = ModelServer(store)
    model_id, _ = register(store, policies["blue"])
    register(store, policies["red"], job_id="job-2")
    deploy(store, model_id, 1, name="support", key="k1")
    before = server.respond("support", QUESTION, temperature=0)
    deploy(store, model_id, 2, name="support", mode="replace_gateway", key="k2")
    after = server.respond("support", QUESTION, temperature=0)
    assert "blue" in before.text
    assert "red" in after.text


def test_undoing_a_deployment_serves_the_previous_version(store: Store, policies: dict[str, str]) -> None:
    server = ModelServer(store)
    model_id, _ = register(store, policies["blue"])
    register(store, policies["red"], job_id="job-2")
    deploy(store, model_id, 1, name="support", key="k1")
    deploy(store, model_id, 2, name="support", mode="replace_gateway", key="k2")
    assert undo_deployment(store, "support").number == 3
    assert "blue" in server.respond("support", QUESTION, temperature=0).text


def test_undoing_the_only_deployment_is_refused(store: Store, policies: dict[str, str]) -> None:
    model_id, version = register(store, policies["blue"])
    deploy(store, model_id, version, name="support", key="k1")
    with pytest.raises(InputError, match="none to go back to"):
        undo_deployment(store, "support")


@pytest.mark.parametrize(
    ("name", "mode", "sentence"),
    [
        ("taken", "new_endpoint", "already serves"),
        ("free", "replace_gateway", "Nothing is served"),
        ("free", "ab_test", "unknown"),
        ("two words", "new_endpoint", "two-words"),
        ("", "new_endpoint", "cannot be served"),
    ],
)
def test_a_deployment_that_cannot_be_made_is_refused(
    store: Store, policies: dict[str, str], name: str, mode: str, sentence: str
) -> None:
    first, _ = register(store, policies["blue"])
    other, _ = register(store, policies["red"], job_id="job-2", workflow_id="w2")
    deploy(store, first, 1, name="taken", key="k1")
    with pytest.raises(InputError, match=sentence):
        deploy(store, other, 1, name=name, mode=mode, key="k2")
    assert [deployment.key for deployment in models.list_deployments(store)] == ["k1"]


@pytest.mark.parametrize(("version", "sentence"), [(1, "is deleted"), (2, "no version 2")])
def test_a_deleted_or_missing_version_is_not_deployed(
    store: Store, policies: dict[str, str], version: int, sentence: str
) -> None:
    model_id, _ = register(store, policies["blue"])
    models.delete_model(store, model_id)
    with pytest.raises(InputError, match=sentence):
        deploy(store, model_id, version, name="support", key="k1")


def test_a_deleted_model_is_neither_listed_nor_served_but_kept(
    store: Store, policies: dict[str, str]
) -> None:
    model_id, version = register(store, policies["blue"])
    deploy(store, model_id, version, name="support", key="k1")
    models.delete_model(store, model_id)
    assert models.list_models(store) == []
    assert models.list_deployments(store) == []
    assert [model.id for model in models.list_models(store, status="deleted")] == [model_id]
    with pytest.raises(NotFoundError, match="'support'"):
        ModelServer(store).respond("support", QUESTION)


def test_the_same_seed_gives_the_same_answer(store: Store, policies: dict[str, str]) -> None:
    model_id, _ = register(store, policies["blue"])
    server = ModelServer(store)
    assert server.respond(model_id, QUESTION, seed=3) == server.respond(model_id, QUESTION, seed=3)


def test_every_call_is_counted_also_a_failed_one(store: Store, policies: dict[str, str]) -> None:
    model_id, _ = register(store, policies["blue"])
    server = ModelServer(store)
    server.respond(model_id, QUESTION)
    with pytest.raises(InputError, match="no user message"):
        server.respond(model_id, [{"role": "system", "content": "Be kind."}])
    assert count_calls(store, model_id) == (2, 1)
    assert models.find_model(store, model_id).calls == 2


def test_broken_weights_are_a_fault_of_the_store(store: Store, policies: dict[str, str]) -> None:
    model_id, _ = register(store, policies["blue"])
    (store.home / f"models/{model_id}/1.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be used"):
        ModelServer(store).respond(model_id, QUESTION)


def add_call(store: Store, model_id: str, **changes: Any) -> None:
    call = Call(model_id, 1, "support", "chat_completions", 10, 20, 0.5, 100.0)
    usage.add_usage(store, call._replace(**changes))


def test_usage_adds_up_tokens_cost_and_latency(store: Store) -> None:
    for latency in range(1, 101):
        add_call(store, "m", latency_ms=float(latency))
    add_call(store, "m", latency_ms=9999.0, error="InputError")
    summary = usage.summarize_usage(store, "m")
    assert (summary.calls, summary.errors, summary.prompt_tokens) == (101, 1, 1010)
    assert summary.cost == pytest.approx(50.5)
    assert (summary.mean_ms, summary.p50_ms, summary.p95_ms) == (50.5, 50.0, 95.0)
    assert [part.calls for part in summary.periods] == [101]


def test_an_unknown_cost_makes_the_sum_unknown(store: Store) -> None:
    add_call(store, "m")
    add_call(store, "m", cost=None)
    assert usage.summarize_usage(store, "m").cost is None


def test_usage_of_nothing_is_zero_with_no_latency(store: Store) -> None:
    assert usage.summarize_usage(store, "m") == (0, 0, 0, 0, 0.0, None, None, None, [])


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        ("day", ["2026-03-01", "2026-03-02", "2026-03-08", "2026-04-01"]),
        ("week", ["2026-02-23", "2026-03-02", "2026-03-30"]),
        ("month", ["2026-03-01", "2026-04-01"]),
    ],
)
def test_usage_is_told_per_day_week_and_month(
    store: Store, monkeypatch: pytest.MonkeyPatch, period: usage.Period, starts: list[str]
) -> None:
    for day in ("2026-03-01", "2026-03-02", "2026-03-08", "2026-04-01"):
        monkeypatch.setattr(usage, "tell_time", lambda day=day: f"{day}T12:00:00.000000+00:00")
        add_call(store, "m")
    summary = usage.summarize_usage(store, "m", period=period)
    assert [part.start for part in summary.periods] == starts
    assert sum(part.calls for part in summary.periods) == 4
    assert isinstance(summary.periods[0], UsagePeriod)


def test_models_are_found_by_filter_order_and_page(store: Store, policies: dict[str, str]) -> None:
    for number, name in enumerate(["Cherry 100%", "Apple", "Banana"]):
        model_id, _ = register(store, policies["blue"], name=name, job_id=f"job-{number}")
    add_call(store, model_id)
    by_name = models.list_models(store, sort="name")
    assert [model.name for model in by_name] == ["Apple", "Banana", "Cherry 100%"]
    assert [model.name for model in models.list_models(store, sort="calls", limit=1)] == ["Banana"]
    assert [model.name for model in models.list_models(store, limit=2, offset=1)] == ["Apple", "Cherry 100%"]
    assert [model.name for model in models.list_models(store, search="0%")] == ["Cherry 100%"]
    assert models.count_models(store, search="nan") == 1
    assert models.count_models(store, provider="openai") == 0


def test_a_model_is_found_by_name_or_the_beginning_of_its_id(store: Store, policies: dict[str, str]) -> None:
    model_id, _ = register(store, policies["blue"])
    assert models.find_model(store, "Support").id == model_id
    assert models.find_model(store, model_id[:9]).id == model_id
    for wrong in ("", "nothing", "mod%"):
        with pytest.raises(NotFoundError):
            models.find_model(store, wrong)


def test_name_description_and_tags_can_be_changed(store: Store, policies: dict[str, str]) -> None:
    model_id, _ = register(store, policies["blue"])
    models.update_model(store, model_id, name="Help", tags=["a", "ü"])
    model = models.find_model(store, model_id)
    assert (model.name, model.description, model.tags) == ("Help", "Answers customers", ("a", "ü"))


@pytest.mark.parametrize(
    ("text", "name"),
    [("Support replies (v1)!", "support-replies-v1"), ("  ", "lucy-model"), ("日本", "lucy-model")],
)
def test_any_text_becomes_a_name_to_serve_under(text: str, name: str) -> None:
    assert suggest_name(text) == name


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("One two three. Four five.", "stop")),
        ({"stop": [".", "two"]}, ("One ", "stop")),
        ({"max_tokens": 1}, ("One", "length")),
        ({"max_tokens": 1000}, ("One two three. Four five.", "stop")),
    ],
)
def test_an_answer_is_cut_at_stop_texts_and_at_its_longest(
    options: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert cut_text("One two three. Four five.", **options) == expected
