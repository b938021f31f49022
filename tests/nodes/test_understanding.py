import pytest

from lucy.graph.state import Choice, Proposal
from lucy.nodes import understanding

PENDING = Proposal(
    step="coverage_generation",
    kind="confirm",
    question="Generate?",
    choices=[
        Choice(id="approve", label="Generate 30 records", kind="approve"),
        Choice(id="go_on", label="Skip, go on to the grader", kind="approve"),
    ],
    plan={},
)


@pytest.mark.parametrize(
    "text",
    [
        "Yes, let's do it",
        "yes",
        "Looks good",
        "Sure",
        "Those look great! Generate more like this",
        "ok go ahead",
        "Let's do it!",
        "Perfect",
        "makes sense to me",
    ],
)
def test_yes_is_understood_in_many_words(text: str) -> None:
    assert understanding.approves(text)


@pytest.mark.parametrize(
    "text",
    [
        "Yes, but I'm worried about synthetic data quality",
        "no",
        "I don't like this structure",
        "is this good?",
        "not yet",
        "ok?",
        "what does yes mean here",
        "do not start",
        "",
    ],
)
def test_what_is_not_a_clear_yes_approves_nothing(text: str) -> None:
    assert not understanding.approves(text)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("go back to the topics", "topics_config"),
        ("Can we go back to the grader?", "grader_config"),
        ("return to coverage", "coverage_generation"),
        ("let's redo the dry run", "dry_run"),
        ("jump to training", "training"),
        ("take me to deployment", "deployment"),
        ("reopen the categories", "categorize"),
        ("add a topic", None),
        ("start training", None),
        ("go on", None),
    ],
)
def test_a_wish_to_go_elsewhere_names_its_step(text: str, step: str | None) -> None:
    assert understanding.find_jump(text) == step


@pytest.mark.parametrize(
    ("text", "choice"), [("2", "go_on"), ("generate 30 records", "approve"), ("3", None)]
)
def test_a_choice_can_be_named_by_number_or_label(text: str, choice: str | None) -> None:
    found = understanding.find_choice(text, PENDING)
    assert (found["id"] if found else None) == choice


@pytest.mark.parametrize("text", ["stop", "Not now", "pause please", "That's all for now"])
def test_a_wish_to_stop_is_understood(text: str) -> None:
    assert understanding.stops(text)


@pytest.mark.parametrize(
    "text", ["What is a balance score?", "why 3 topics", "explain", "how long will it take"]
)
def test_questions_are_recognised(text: str) -> None:
    assert understanding.asks(text)
