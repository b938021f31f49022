import pytest

from lucy.tools.generation.courtesies import take_apart
from lucy.tools.generation.language import (
    is_courtesy,
    is_english,
    is_parting,
    lower_first,
    map_sentences,
    split_sentences,
)


@pytest.mark.parametrize("text", ["No thanks, that's all. Bye!", "hello", "ok great thank you so much", "👍"])
def test_a_message_without_content_is_courtesy(text: str) -> None:
    assert is_courtesy(text)


@pytest.mark.parametrize("text", ["Thanks, and the pump?", "11 am", "My name is Anna"])
def test_a_message_that_tells_something_is_not_courtesy(text: str) -> None:
    assert not is_courtesy(text)


def test_a_farewell_with_words_of_its_own_ends_a_conversation() -> None:
    assert is_parting("Alright, thanks for your time. I'll look somewhere else.")
    assert not is_parting("I need more towels. Thank you.")


def test_sentences_keep_titles_quotes_and_lines_together() -> None:
    text = 'Dr. Lee said "Stop!" and left.\nWhy? I ask you.'
    assert split_sentences(text) == ['Dr. Lee said "Stop!" and left.', "Why?", "I ask you."]


def test_changing_sentences_keeps_what_stands_between_them() -> None:
    assert map_sentences("one.  two.\n\nthree", str.upper) == "ONE.  TWO.\n\nTHREE"


def test_names_keep_their_capital() -> None:
    assert lower_first("Anna is here") == "Anna is here"
    assert lower_first("The lamp") == "the lamp"
    assert lower_first("I am here") == "I am here"


def test_languages_are_told_apart() -> None:
    assert is_english(["i want to know where my order is", "can you help me with it"])
    assert not is_english(["wie viele Erinnerungen habe ich heute", "stell den Wecker auf acht"])


def test_a_message_is_taken_apart_into_greeting_body_and_thanks() -> None:
    parts = take_apart("Hello! My lamp is broken. Can I send it back? Thank you!")
    assert parts.opening == "Hello!"
    assert parts.body == "My lamp is broken. Can I send it back?"
    assert parts.closing == "Thank you!"


def test_a_greeting_alone_is_not_taken_off() -> None:
    assert take_apart("Hi there").body == ""
