import pytest

from lucy.graph.state import Choice, Proposal
from lucy.nodes.replies import make_payload, read_reply, show_reply

PENDING = Proposal(
    step="topics_config",
    kind="confirm",
    question="Use it?",
    choices=[Choice(id="approve", label="Use this hierarchy", kind="approve")],
    plan={"draft": 1},
)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("  yes please ", "text", "yes please"),
        ({"text": "add X"}, "text", "add X"),
        ({"decisions": [{"type": "reject", "message": "merge A and B"}]}, "text", "merge A and B"),
        ({"decisions": [{"type": "reject"}]}, "text", "stop"),
        ([{"type": "response", "args": "what is this?"}], "text", "what is this?"),
        ([{"type": "ignore", "args": None}], "text", "stop"),
        (None, "text", ""),
        (7, "text", ""),
        ([], "text", ""),
        ({"decisions": "nonsense"}, "text", ""),
        ([["odd"]], "text", "['odd']"),
    ],
)
def test_texts_of_every_host_become_one_text(value: object, kind: str, text: str) -> None:
    reply = read_reply(value)
    assert (reply["kind"], reply["text"]) == (kind, text)


@pytest.mark.parametrize(
    "value",
    [
        {"choice": "approve"},
        {"decisions": [{"type": "approve"}]},
        [{"type": "accept", "args": None}],
        {"type": "accept"},
    ],
)
def test_approvals_of_every_host_become_the_first_choice(value: object) -> None:
    reply = read_reply(value)
    assert (reply["kind"], reply.get("choice")) == ("choice", "approve")


@pytest.mark.parametrize(
    "value",
    [
        {"decisions": [{"type": "edit", "edited_action": {"name": "training", "args": {"epochs": 3}}}]},
        [{"type": "edit", "args": {"action": "training", "args": {"epochs": 3}}}],
    ],
)
def test_edited_arguments_of_every_host_become_changes(value: object) -> None:
    reply = read_reply(value)
    assert (reply["kind"], reply.get("changes")) == ("changes", {"epochs": 3})


def test_a_button_is_shown_as_its_label() -> None:
    assert show_reply(read_reply({"choice": "approve"}), PENDING) == "Use this hierarchy"


def test_the_end_of_a_job_is_not_shown_as_words_of_the_person() -> None:
    assert show_reply(read_reply({"kind": "job_done", "job_id": "job-1"}), PENDING) == ""


def test_the_payload_is_readable_by_generic_hosts_and_by_ours() -> None:
    payload = make_payload(PENDING)
    assert payload["action_requests"][0]["description"] == "Use it?"
    assert payload["review_configs"][0]["allowed_decisions"] == ["approve", "edit", "reject"]
    assert payload["lucy"]["choices"][0]["id"] == "approve"
