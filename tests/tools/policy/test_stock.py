import pytest

from lucy.tools.policy.stock import DEFAULT_SUBJECT, fill_stock, find_subject


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("i think there's fraud on my account", "fraud on your account"),
        ("Where is my parcel 1234?", "your parcel"),
        ("when is payday", "payday"),
        ("please", DEFAULT_SUBJECT),
        ("", DEFAULT_SUBJECT),
        ("{subject}", "subject"),
    ],
)
def test_the_subject_is_the_salient_phrase(message, subject):
    assert find_subject(message) == subject


def test_numbers_are_never_repeated():
    assert not any(letter.isdigit() for letter in find_subject("I want 3 apples and 44b pears, 5!"))


def test_a_subject_stands_in_quotes_because_it_may_be_any_part_of_speech():
    assert fill_stock("To help with {subject}.", "cancel my dinner") == 'To help with "cancel your dinner".'


def test_a_text_without_spaces_is_not_quoted_at_length():
    assert find_subject("\u5929\u6c17" * 60) == DEFAULT_SUBJECT
