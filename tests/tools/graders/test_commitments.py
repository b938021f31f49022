import pytest

from lucy.tools.graders.commitments import find_promises
from lucy.tools.graders.text import read_features


def find(text: str, known: str = "") -> tuple[float, str]:
    promises = find_promises(read_features(text).sentences, frozenset(read_features(known).words))
    return promises.score, promises.worst


@pytest.mark.parametrize(
    ("text", "worst"),
    [
        ("You will have it by Friday.", "by Friday"),
        ("It arrives no later than 5 pm.", "no later than 5 pm"),
        ("We reply within 24 hours.", "within 24 hours"),
        ("The refund is there in 3-5 business days.", "in 3-5 business days"),
        ("I promise.", "I promise"),
        ("We guarantee it.", "guarantee"),
        ("It will definitely work.", "definitely"),
        ("Your parcel will be delivered tomorrow.", "will be delivered tomorrow"),
        ("This is 100% safe.", "100%"),
        ("We will fix it immediately.", "will fix it immediately"),
    ],
)
def test_a_commitment_is_found_in_its_own_words(text: str, worst: str):
    score, found = find(text)
    assert found == worst
    assert score < 0.8


@pytest.mark.parametrize(
    "text",
    [
        "We cannot guarantee a date.",
        "I can't promise that it works.",
        "We do not guarantee delivery times.",
        "Do you need it by Friday?",
        "I will ask the courier and let you know.",
        "Thank you and goodbye.",
        "You ordered it on Friday.",
        "",
    ],
)
def test_what_commits_to_nothing_costs_nothing(text: str):
    assert find(text) == (1.0, "")


def test_a_time_that_the_person_named_costs_less():
    text = "A technician will be there by 11 am."
    assert find(text, "Please come at 11 am")[0] > find(text)[0] + 0.2


def test_more_promises_cost_more():
    one, two = find("It comes by Friday."), find("It comes by Friday. We guarantee it.")
    assert two[0] < one[0]
