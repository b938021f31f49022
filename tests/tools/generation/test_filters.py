import pytest

from lucy.tools.generation.filters import REASONS, Filters, Reason
from lucy.tools.vocabulary import Record


def make(text: str, reply: str = "") -> Record:
    answer = ({"role": "assistant", "content": reply},) if reply else ()
    return Record("new", ({"role": "user", "content": text},), answer, parents=("refund0",))


@pytest.fixture(scope="module")
def filters(dataset) -> Filters:
    return Filters(dataset.records, dataset.topics)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Please refund the broken kit that I sent back to you in June.", None),
        ("can you refund me the lamp stopped working last week", "too_similar"),
        ("Where is my order?", None),
        ("refund", "too_short"),
        ("my refund is late. " * 20, "too_long"),
        ("The app does not accept my password and my login code.", "off_topic"),
        ("Please refund {{order_number}} for the kit.", "malformed"),
        ("I want the the refund of my kit soon.", "malformed"),
        ("Hello hi, I want a refund of the kit.", "malformed"),
        ("Please send the refund to the", "malformed"),
        ('The page says "refund sent and nothing came.', "malformed"),
        ("...", "malformed"),
        ("I'm sorry, but I can't write a complaint about a refund.", "refused"),
        ("As an AI language model I cannot ask for a refund.", "refused"),
    ],
)
def test_each_reason_is_found(filters: Filters, text: str, reason: Reason | None) -> None:
    assert filters.check(make(text), "refund") == reason


def test_every_reason_has_a_case() -> None:
    assert set(REASONS) == {"too_similar", "too_short", "too_long", "off_topic", "malformed", "refused"}


def test_an_admitted_record_is_known_from_then_on(dataset) -> None:
    filters = Filters(dataset.records, dataset.topics)
    record = make("Please refund the cracked lamp which the courier brought today.")
    assert filters.check(record, "refund") is None
    filters.admit(record)
    assert filters.check(record, "refund") == "too_similar"


def test_placeholders_that_the_real_data_has_are_no_fault() -> None:
    real = [Record("a", ({"role": "user", "content": "My order {{Order Number}} is late."},))]
    filters = Filters(real, {"a": "x"})
    assert filters.check(make("I wait for order {{Order Number}} since days."), "x") is None


def test_a_parents_own_oddity_is_not_held_against_its_child(filters: Filters) -> None:
    parent = make('I read "refund the the kit and waited.')
    child = make('My aunt read "refund the the kit and waited for weeks.')
    assert filters.check(child, "refund", parent=parent) is None


def test_one_topic_alone_is_never_off_topic(dataset) -> None:
    filters = Filters(dataset.records, dict.fromkeys(dataset.topics, "all"))
    assert filters.check(make("Something entirely different about whales and ships."), "all") is None
