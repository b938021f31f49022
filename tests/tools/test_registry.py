import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lucy.errors import InputError, NotFoundError, StoreError
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.registry import (
    ModelServer,
    deploy,
    promote_arm,
    register_version,
    suggest_name,
    undo_deployment,
)
from lucy.tools.store import models, usage
from lucy.tools.store.database import Store
from lucy.tools.store.figures import Figures
from lucy.tools.store.usage import Call
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
    total = usage.summarize_usage(store, model_id).total
    return total.calls, total.errors


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
    assert answer.reply.prompt_tokens > 5
    assert answer.reply.completion_tokens > 3


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
        ("free", "ab_test", "Nothing is served"),
        ("free", "shadow", "unknown"),
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
    total = summary.total
    assert (total.calls, total.errors, total.prompt_tokens) == (101, 1, 1010)
    assert total.error_rate == pytest.approx(1 / 101)
    assert total.cost == pytest.approx(50.5)
    assert (total.mean_ms, total.p50_ms, total.p90_ms, total.p95_ms, total.p99_ms) == (50.5, 50, 90, 95, 99)
    assert [part.calls for part in summary.periods] == [101]


def test_an_unknown_cost_makes_the_sum_unknown(store: Store) -> None:
    add_call(store, "m")
    add_call(store, "m", cost=None)
    assert usage.summarize_usage(store, "m").total.cost is None


def test_usage_of_nothing_is_zero_with_no_latency(store: Store) -> None:
    assert usage.summarize_usage(store, "m") == (Figures(""), [], [], [])


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
    assert [part.group for part in summary.periods] == starts
    assert sum(part.calls for part in summary.periods) == 4
    assert [part["start"] for part in summary.write(period)["periods"]] == starts


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


def test_latency_is_ranked_within_each_period(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for day, slowest in (("2026-03-01", 10), ("2026-03-02", 1000)):
        monkeypatch.setattr(usage, "tell_time", lambda day=day: f"{day}T12:00:00.000000+00:00")
        for latency in range(1, slowest + 1, slowest // 10):
            add_call(store, "m", latency_ms=float(latency))
    assert [part.p50_ms for part in usage.summarize_usage(store, "m").periods] == [5.0, 401.0]


def test_percentiles_are_nearest_ranks_for_any_number_of_calls(store: Store) -> None:
    for count in range(1, 25):
        add_call(store, "m", latency_ms=float(count))
        total = usage.summarize_usage(store, "m").total
        found = (total.p50_ms, total.p90_ms, total.p95_ms, total.p99_ms)
        assert found == tuple(-(-percent * count // 100) for percent in (50, 90, 95, 99))


def test_all_models_are_compared_the_most_used_first(store: Store) -> None:
    add_call(store, "seldom")
    add_call(store, "often", error="StoreError")
    add_call(store, "often", cost=None)
    compared = usage.summarize_usage(store).models
    assert [(one.group, one.calls, one.error_rate, one.cost) for one in compared] == [
        ("often", 2, 0.5, None),
        ("seldom", 1, 0.0, 0.5),
    ]


def test_feedback_is_kept_with_the_call_and_replaced_when_given_again(store: Store) -> None:
    add_call(store, "m", completion_id="c1")
    add_call(store, "m", completion_id="c2")
    usage.rate_answer(store, "c1", -1.0, "Too long.")
    usage.rate_answer(store, "c1", 0.5)
    total = usage.summarize_usage(store, "m").total
    assert (total.calls, total.ratings, total.mean_rating) == (2, 1, 0.5)


def test_feedback_on_an_unknown_answer_is_refused(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no answer 'c9'"):
        usage.rate_answer(store, "c9", 1.0)


def register_two(store: Store, policies: dict[str, str]) -> str:
    """Serve version 1 of a model that has two as `support`."""
    model_id, _ = register(store, policies["blue"])
    register(store, policies["red"], job_id="job-2")
    deploy(store, model_id, 1, name="support", key="k1")
    return model_id


def test_an_ab_test_keeps_the_champion_and_adds_a_challenger(store: Store, policies: dict[str, str]) -> None:
    model_id = register_two(store, policies)
    made = deploy(store, model_id, 2, name="support", mode="ab_test", share=0.25, key="k2")
    assert (made.model_id, made.version) == (model_id, 1)
    assert (made.challenger_id, made.challenger_version, made.share) == (model_id, 2, 0.25)
    assert deploy(store, model_id, 2, name="support", mode="ab_test", share=0.25, key="k2") == made
    assert models.find_deployment(store, "support") == made


@pytest.mark.parametrize(
    ("version", "mode", "share", "sentence"),
    [
        (2, "ab_test", 0.0, "share 0.0 cannot be used"),
        (2, "ab_test", 1.0, "share 1.0 cannot be used"),
        (2, "ab_test", float("nan"), "share nan cannot be used"),
        (2, "replace_gateway", 0.5, "takes no share"),
        (1, "ab_test", 0.5, "needs another model or version"),
        (3, "ab_test", 0.5, "no version 3"),
    ],
)
def test_an_ab_test_that_makes_no_sense_is_refused(
    store: Store, policies: dict[str, str], version: int, mode: str, share: float, sentence: str
) -> None:
    model_id = register_two(store, policies)
    with pytest.raises(InputError, match=sentence):
        deploy(store, model_id, version, name="support", mode=mode, share=share, key="k2")
    assert models.find_deployment(store, "support").number == 1


def test_a_second_test_under_the_same_name_is_refused(store: Store, policies: dict[str, str]) -> None:
    model_id = register_two(store, policies)
    deploy(store, model_id, 2, name="support", mode="ab_test", key="k2")
    register(store, policies["red"], job_id="job-3")
    with pytest.raises(InputError, match="runs under 'support' already"):
        deploy(store, model_id, 3, name="support", mode="ab_test", key="k3")
    with pytest.raises(InputError, match="already serves"):
        deploy(store, model_id, 3, name="support", key="k3")


def test_a_promoted_challenger_is_served_and_one_step_back_is_the_champion(
    store: Store, policies: dict[str, str]
) -> None:
    model_id = register_two(store, policies)
    deploy(store, model_id, 2, name="support", mode="ab_test", key="k2")
    made = promote_arm(store, "support", "challenger")
    assert (made.version, made.is_test) == (2, False)
    back = undo_deployment(store, "support")
    assert (back.version, back.is_test) == (1, False)


def test_a_promoted_champion_ends_the_test_and_one_step_back_takes_it_up_again(
    store: Store, policies: dict[str, str]
) -> None:
    model_id = register_two(store, policies)
    deploy(store, model_id, 2, name="support", mode="ab_test", key="k2")
    made = promote_arm(store, "support", "champion")
    assert (made.version, made.is_test) == (1, False)
    back = undo_deployment(store, "support")
    assert (back.mode, back.challenger_version) == ("ab_test", 2)


def test_a_test_that_is_taken_back_leaves_the_champion(store: Store, policies: dict[str, str]) -> None:
    model_id = register_two(store, policies)
    deploy(store, model_id, 2, name="support", mode="ab_test", key="k2")
    back = undo_deployment(store, "support")
    assert (back.version, back.is_test) == (1, False)


@pytest.mark.parametrize(
    ("name", "arm", "sentence"),
    [
        ("support", "winner", "no arm 'winner'"),
        ("support", "champion", "No A/B test runs"),
        ("nobody", "champion", "Nothing is deployed"),
    ],
)
def test_only_an_arm_of_a_running_test_is_promoted(
    store: Store, policies: dict[str, str], name: str, arm: str, sentence: str
) -> None:
    register_two(store, policies)
    with pytest.raises((InputError, NotFoundError), match=sentence):
        promote_arm(store, name, arm)


def test_a_deleted_challenger_is_not_promoted(store: Store, policies: dict[str, str]) -> None:
    register_two(store, policies)
    other, _ = register(store, policies["red"], job_id="job-9", workflow_id="w2")
    deploy(store, other, 1, name="support", mode="ab_test", key="k2")
    models.delete_model(store, other)
    with pytest.raises(InputError, match="is deleted"):
        promote_arm(store, "support", "challenger")
    assert models.find_deployment(store, "support").is_test


def test_a_name_is_listed_for_both_models_of_its_test(store: Store, policies: dict[str, str]) -> None:
    model_id = register_two(store, policies)
    other, _ = register(store, policies["red"], job_id="job-9", workflow_id="w2")
    deploy(store, other, 1, name="support", mode="ab_test", key="k2")
    for one in (model_id, other):
        assert [found.name for found in models.list_deployments(store, one)] == ["support"]


@pytest.mark.parametrize(
    ("kind", "weights", "path"),
    [("upstream", "ft:small:me::1", "ft:small:me::1"), ("transformers", "jobs/j1/final", "jobs/j1/final")],
)
def test_other_kinds_are_kept_by_name_or_folder(store: Store, kind: str, weights: str, path: str) -> None:
    given = weights if kind == "upstream" else str(store.home / weights)
    model_id, version = register(store, "", kind=kind, weights=given)
    [kept] = models.list_versions(store, model_id)
    assert (kept.kind, kept.path, kept.version) == (kind, path, version)
    assert not (store.home / "models").exists()


def test_a_model_without_weights_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="has no weights"):
        register(store, "")
    assert models.list_models(store) == []
