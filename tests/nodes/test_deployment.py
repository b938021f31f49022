from collections.abc import Iterator
from typing import Any

import pytest

from lucy.errors import InputError
from lucy.nodes import deployment
from lucy.settings import Settings
from lucy.tools.registry import deploy, register_version
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.deployments import find_deployment, list_deployments
from lucy.tools.workbench import Workbench

BETTER = {"conclusion": "better", "sentence": "It is better."}
WORSE = {"conclusion": "not_better", "sentence": "It is not better."}


@pytest.fixture
def bench(home: Any) -> Iterator[Workbench]:
    bench = Workbench(Settings(home=home))
    yield bench
    bench.close()


def register(bench: Workbench, job_id: str, workflow_id: str = "w1") -> tuple[str, int]:
    return register_version(
        bench.store, name="Support", description="", base_model="b", provider="offline", kind="upstream",
        weights="x", job_id=job_id, workflow_id=workflow_id, lineage={}, parameters={}, training_examples=1,
        validation_examples=1, cost=0.0,
    )  # fmt: skip


def make_state(bench: Workbench, comparison: Any, **given: Any) -> Any:
    model_id, version = register(bench, "job-1")
    body = {"model_id": model_id, "version": version, "name": "Support", "comparison": comparison}
    ref = put_artefact(bench.store, "w1", "training", body, reason="trained")
    return {"workflow_id": "w1", "turn": 1, "name": "Support", "artefacts": {"training": ref}, **given}


def serve_other(bench: Workbench, *names: str) -> str:
    other, _ = register(bench, "job-other", "w2")
    for name in names:
        deploy(bench.store, other, 1, name=name, key=name)
    return other


def propose(state: Any, bench: Workbench, text: str = "") -> Any:
    """Say something to the open proposal and give the next."""
    intent = deployment.read_words(text, state, bench) if text else None
    update: Any = deployment.propose({**state, "intent": intent, "turn": state["turn"] + 1}, bench)
    return {**state, "turn": state["turn"] + 1, "pending": update["pending"]}


def test_a_better_model_is_proposed_as_a_new_endpoint(bench: Workbench) -> None:
    pending = propose(make_state(bench, BETTER), bench)["pending"]
    assert pending["plan"] == {"name": "support", "mode": "new_endpoint", "action": "deploy"}
    assert [choice["label"] for choice in pending["choices"]] == ["Deploy as support", "Do not deploy"]
    assert "Nothing that is served now is replaced" in pending["question"]
    assert list_deployments(bench.store) == []


@pytest.mark.parametrize(("comparison", "sentence"), [(WORSE, "It is not better."), (None, "no comparison")])
@pytest.mark.parametrize("text", ["", "replace helpdesk", "A/B test against helpdesk with 20%"])
def test_without_a_proof_that_is_said_first_and_leaving_is_proposed_in_every_mode(
    bench: Workbench, comparison: Any, sentence: str, text: str
) -> None:
    serve_other(bench, "helpdesk")
    state = propose(make_state(bench, comparison), bench)
    pending = propose(state, bench, text)["pending"] if text else state["pending"]
    assert sentence in pending["question"].split("\n")[0]
    assert pending["plan"]["action"] == "leave"
    assert pending["choices"][0]["id"] == "leave"
    assert pending["choices"][1]["label"].endswith(" anyway")


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("call it my-model", {"name": "my-model", "mode": "new_endpoint"}),
        ("replace helpdesk", {"name": "helpdesk", "mode": "replace_gateway"}),
        ("Please take over the name helpdesk.", {"name": "helpdesk", "mode": "replace_gateway"}),
        ("use it instead of `sales.v2`", {"name": "sales.v2", "mode": "replace_gateway"}),
        (
            "A/B test against helpdesk with 25% of the traffic",
            {"name": "helpdesk", "mode": "ab_test", "share": 0.25},
        ),
        ("run an AB-test on sales.v2", {"name": "sales.v2", "mode": "ab_test", "share": 0.1}),
        ("as a new endpoint", {"name": "support", "mode": "new_endpoint"}),
    ],
)
def test_name_and_mode_are_chosen_in_words_and_asked_again(
    bench: Workbench, text: str, plan: dict[str, Any]
) -> None:
    serve_other(bench, "helpdesk", "sales.v2")
    state = propose(propose(make_state(bench, BETTER), bench), bench, text)
    assert state["pending"]["plan"] == plan | {"action": "deploy"}
    assert {one.number for one in list_deployments(bench.store)} == {1}


def test_the_share_of_a_test_can_be_changed_and_the_test_given_up(bench: Workbench) -> None:
    serve_other(bench, "helpdesk")
    state = propose(propose(make_state(bench, BETTER), bench), bench, "A/B test against helpdesk")
    state = propose(state, bench, "make it 30 percent")
    assert state["pending"]["plan"]["share"] == pytest.approx(0.3)
    assert "30%" in state["pending"]["question"]
    state = propose(state, bench, "no, as a new endpoint")
    assert state["pending"]["plan"] == {"name": "support", "mode": "new_endpoint", "action": "deploy"}


def test_the_only_served_name_need_not_be_said(bench: Workbench) -> None:
    serve_other(bench, "helpdesk")
    state = propose(propose(make_state(bench, BETTER), bench), bench, "replace it")
    assert state["pending"]["plan"]["name"] == "helpdesk"


@pytest.mark.parametrize(
    ("names", "text", "sentence"),
    [
        ((), "replace it", "Nothing is served yet"),
        (("one", "two"), "A/B test with 10%", "say one of: one, two"),
        (("one",), "replace seven", "Nothing is served as 'seven'"),
        (("one",), "A/B test against one with 0%", "share 0.0 cannot be used"),
        (("one",), "A/B test against one with 100%", "share 1.0 cannot be used"),
        (("one",), "call it one", "already serves"),
    ],
)
def test_words_that_cannot_be_carried_out_are_one_sentence(
    bench: Workbench, names: tuple[str, ...], text: str, sentence: str
) -> None:
    serve_other(bench, *names)
    state = propose(make_state(bench, BETTER), bench)
    with pytest.raises(InputError, match=sentence):
        propose(state, bench, text)


@pytest.mark.parametrize("text", ["what does replace mean?", "how does an A/B test work?", "hello"])
def test_a_question_is_no_edit(bench: Workbench, text: str) -> None:
    state = propose(make_state(bench, BETTER), bench)
    assert deployment.read_words(text, state, bench) is None


def approve(state: Any, bench: Workbench) -> Any:
    intent = {"kind": "approve", "text": "", "changes": {"action": "deploy"}}
    return deployment.execute({**state, "intent": intent, "turn": state["turn"] + 1}, bench)


def test_an_approved_test_leaves_the_champion_and_says_how_to_compare(bench: Workbench) -> None:
    other = serve_other(bench, "helpdesk")
    state = propose(propose(make_state(bench, BETTER), bench), bench, "A/B test against helpdesk with 20%")
    update = approve(state, bench)
    served = find_deployment(bench.store, "helpdesk")
    assert (served.model_id, served.share) == (other, 0.2)
    assert served.challenger_id == state["pending"]["question"].split("`")[1]
    assert "lucy models compare helpdesk" in update["messages"][0].text


def test_a_retrained_model_replaces_its_own_earlier_version_and_says_so(bench: Workbench) -> None:
    state = make_state(bench, BETTER)
    approve(propose(state, bench), bench)
    model_id, version = register(bench, "job-2")
    body = {"model_id": model_id, "version": version, "name": "Support", "comparison": BETTER}
    ref = put_artefact(bench.store, "w1", "training", body, reason="trained")
    again = propose({**state, "turn": 9, "artefacts": {"training": ref}}, bench)
    assert again["pending"]["plan"]["mode"] == "replace_gateway"
    assert "one step away" in again["pending"]["question"]
    approve(again, bench)
    assert find_deployment(bench.store, "support").version == 2


def test_a_deployment_run_again_after_a_crash_is_made_once(bench: Workbench) -> None:
    state = propose(make_state(bench, BETTER), bench)
    approve(state, bench)
    approve(state, bench)
    assert find_deployment(bench.store, "support").number == 1
