import pytest

from lucy.tools.policy.sentences import describe_text, is_closing, is_promise, split_sentences


def test_a_title_does_not_end_a_sentence():
    assert split_sentences("Great, Dr. Jones is free. Shall I book?") == (
        "Great, Dr. Jones is free.",
        "Shall I book?",
    )


@pytest.mark.parametrize(
    "sentence",
    ["We will refund you.", "It arrives by Friday.", "I guarantee it.", "It'll take about within 3 days."],
)
def test_promises_and_dates_are_found(sentence):
    assert is_promise(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Could you tell me the day?",
        "Would Friday suit you?",
        "The parcel is blue.",
        "Have a great day today!",
    ],
)
def test_questions_wishes_and_facts_are_no_promises(sentence):
    assert not is_promise(sentence)


@pytest.mark.parametrize("message", ["no thanks, bye", "That's all.", "Thank you. Goodbye.", "nothing else"])
def test_a_farewell_closes_the_conversation(message):
    assert is_closing(message)


@pytest.mark.parametrize("message", ["Where is it?", "No, I need parking", "bye? what do you mean?"])
def test_a_request_does_not_close_the_conversation(message):
    assert not is_closing(message)


def test_a_bare_no_closes_only_after_an_offer():
    assert is_closing("no", "Is there anything else I can do for you?")
    assert not is_closing("no", "Do you require parking?")


def test_a_curly_apostrophe_counts_like_a_straight_one():
    assert describe_text("You\u2019re welcome.").welcome
    assert describe_text("I\u2019ll do it.").promises == describe_text("I'll do it.").promises == 1
