import pytest

from lucy.errors import InputError
from lucy.tools.graders.criteria import Criterion, edit_criteria, propose_criteria
from lucy.tools.graders.weights import share_out

GOAL = "Train a model that responds helpfully and follows our brand voice"


def propose(goal: str, *, has_reference: bool = False, has_replies: bool = True) -> tuple[Criterion, ...]:
    return propose_criteria(goal, has_reference=has_reference, has_replies=has_replies, has_tools=False)


def show(criteria: tuple[Criterion, ...] | None) -> dict[str, int] | None:
    return None if criteria is None else {c.name: round(c.weight * 100) for c in criteria}


def edit(text: str) -> dict[str, int] | None:
    return show(edit_criteria(text, propose(GOAL)))


def test_a_support_goal_gives_the_four_support_criteria():
    assert show(propose(GOAL)) == {"Helpfulness": 40, "Accuracy": 25, "Brand Voice": 20, "Resolution": 15}


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("helpful support that keeps to what we can promise", "No Over-promising"),
        ("short answers for customers", "Conciseness"),
        ("customer service with empathy", "Empathy"),
        ("answers in plain words, no jargon", "Plain Words"),
        ("always reply with valid JSON", "Format"),
    ],
)
def test_what_the_goal_names_gets_a_criterion(goal: str, name: str):
    assert name in (show(propose(goal)) or {})


@pytest.mark.parametrize(
    ("goal", "has_reference"),
    [("Give accurate calculations", False), ("", True), (GOAL, True), ("JSON extraction", True)],
)
def test_right_answers_dominate_where_they_can_be_checked(goal: str, has_reference: bool):
    shares = show(propose(goal, has_reference=has_reference))
    assert shares is not None
    assert next(iter(shares)) == "Correctness"
    assert shares["Correctness"] >= 60


@pytest.mark.parametrize(
    "goal", ["", GOAL, "math", "polite short clear empathic json promise jargon relevant complete"]
)
@pytest.mark.parametrize("has_reference", [True, False])
def test_proposed_weights_are_whole_percents_that_sum_to_one_hundred(goal: str, has_reference: bool):
    weights = [c.weight for c in propose(goal, has_reference=has_reference)]
    assert sum(round(weight * 100) for weight in weights) == 100
    assert all(weight == round(weight * 100) / 100 and weight > 0 for weight in weights)


def test_without_replies_accuracy_says_what_it_compares_with():
    accuracy = propose(GOAL, has_replies=False)[1]
    assert accuracy.description == "Facts agree with the conversation"


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            "Add something about not making promises we can't keep - like delivery times",
            {"No Over-promising": 10},
        ),
        ("add: no jargon", {"Plain Words": 10}),
        ("less jargon", {"Plain Words": 10}),
        ("Replies should be shorter", {"Conciseness": 10}),
        ("they should never promise dates", {"No Over-promising": 10}),
        ("Can you add something about being concise?", {"Conciseness": 10}),
        ("what about adding empathy?", {"Empathy": 10}),
        ("add empathy and clarity", {"Empathy": 10, "Clarity": 10}),
        ("helpfulness 50%", {"Helpfulness": 50}),
        ("make helpfulness 60 percent", {"Helpfulness": 60}),
        ("set accuracy to 30% and brand voice to 10%", {"Accuracy": 30, "Brand Voice": 10}),
        ("40% helpfulness, 30% accuracy, 20% voice, 10% resolution", {"Accuracy": 30, "Resolution": 10}),
        ("add conciseness 20%", {"Conciseness": 20}),
        ("more weight on resolution", {"Resolution": 25}),
        ("Accuracy matters more", {"Accuracy": 35}),
        ("give more weight to politeness", {"Brand Voice": 30}),
        ("less accuracy", {"Accuracy": 15}),
        ("less weight on helpfulness", {"Helpfulness": 30}),
        ("yes, but more weight on accuracy", {"Accuracy": 35}),
    ],
)
def test_a_wish_sets_the_weight_it_names(text: str, changed: dict[str, int]):
    edited = edit(text)
    assert edited is not None
    assert {name: edited[name] for name in changed} == changed
    assert sum(edited.values()) == 100


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("remove brand voice", ["Helpfulness", "Accuracy", "Resolution"]),
        ("Please drop the tone and resolution", ["Helpfulness", "Accuracy"]),
        ("remove brand voice and add: no jargon", ["Helpfulness", "Accuracy", "Resolution", "Plain Words"]),
        ("rename brand voice to Tone", ["Helpfulness", "Accuracy", "Tone", "Resolution"]),
    ],
)
def test_criteria_are_removed_and_renamed(text: str, left: list[str]):
    edited = edit(text)
    assert edited is not None
    assert list(edited) == left
    assert sum(edited.values()) == 100


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "ok, looks good",
        "why is accuracy 25%?",
        "what does helpfulness mean?",
        "go back to the topics",
        "",
        "?",
        "generate more records",
        "use 40% fewer records",
        "stop",
    ],
)
def test_what_is_no_change_of_the_criteria_is_left_alone(text: str):
    assert edit(text) is None


def test_a_wish_that_cannot_be_measured_says_what_can():
    with pytest.raises(
        InputError, match="cannot measure 'sense of humour'; it can measure: Helpfulness, Accuracy"
    ):
        edit("add sense of humour")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("remove empathy", "no criterion 'empathy' to remove; name one of: Helpfulness"),
        ("helpfulness 90%, accuracy 30%", "sum to 120%"),
        ("helpfulness 0%", "sum to 0%"),
        ("remove helpfulness, accuracy, voice and resolution", "remove every criterion"),
        ("more weight on humour", "No criterion is named"),
        ("add humour 20%", "cannot measure 'humour'"),
    ],
)
def test_an_impossible_wish_is_refused_with_the_way_out(text: str, message: str):
    with pytest.raises(InputError, match=message):
        edit(text)


def test_every_weight_stays_at_least_one_percent_after_many_wishes():
    criteria = propose(GOAL)
    for _ in range(15):
        criteria = edit_criteria("more weight on helpfulness", criteria) or criteria
    assert show(criteria) == {"Helpfulness": 85, "Accuracy": 5, "Brand Voice": 5, "Resolution": 5}


@pytest.mark.parametrize(
    "points", [[1], [40, 25, 20, 15], [1, 1, 1], [33, 33, 34], [0.1] * 30, [97, 1, 1, 1], [0, 0]]
)
@pytest.mark.parametrize("total", [100, 90, 67])
def test_shares_are_whole_and_sum_to_the_total(points: list[float], total: int):
    parts = share_out(points, total)
    assert sum(parts) == total
    assert min(parts) >= 1
