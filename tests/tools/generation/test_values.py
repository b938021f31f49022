import random

import pytest

from lucy.tools.generation.slots import find_names, find_slots
from lucy.tools.generation.turns import list_turns
from lucy.tools.generation.values import ValueBank, borrow, build_bank, swap_values
from lucy.tools.vocabulary import Record


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("I paid $1,840.50 for it", "amount", "$1,840.50"),
        ("at 22.9% interest", "percent", "22.9%"),
        ("since May 11th", "date", "May 11th"),
        ("come at 11 am please", "time", "11 am"),
        ("on monday please", "weekday", "monday"),
        ("for 30 days", "duration", "30 days"),
        ("order FN-48213 is late", "reference", "FN-48213"),
        ("write to a.b@c.org now", "email", "a.b@c.org"),
        ("my hotel is the Old Town Inn", "term", "Old Town Inn"),
        ("it broke yesterday", "past", "yesterday"),
    ],
)
def test_values_are_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in [(slot.kind, slot.value) for slot in find_slots(text)]


def test_black_friday_is_no_weekday() -> None:
    assert "weekday" not in [slot.kind for slot in find_slots("bought on Black Friday")]


def test_names_are_learned_where_people_introduce_themselves() -> None:
    assert find_names(["Hi, my name is Anna.", "my name is mark", "call me later"]) == ["Anna", "Mark"]


def test_a_known_name_in_lower_case_is_only_found_where_a_name_stands() -> None:
    names = frozenset({"mark"})
    assert find_slots("please mark it as paid", names) == []
    assert [slot.value for slot in find_slots("my name is mark", names)] == ["mark"]


def swap(text: str, *, history: str = "", bank: ValueBank | None = None, seed: int = 0) -> str:
    return swap_values(text, history=history, bank=bank or ValueBank(), rng=random.Random(seed)).text


@pytest.mark.parametrize("seed", range(5))
def test_swapped_values_keep_their_form(seed: int) -> None:
    text = swap("Order FN-48213 for $149.00 on Monday", seed=seed)
    assert text != "Order FN-48213 for $149.00 on Monday"
    assert [slot.kind for slot in find_slots(text)] == ["reference", "amount", "weekday"]
    assert text.startswith("Order FN-4")


def test_a_value_that_the_conversation_named_stays() -> None:
    assert "FN-48213" in swap("my order FN-48213", history="Is it FN-48213?")


def test_several_amounts_are_scaled_alike() -> None:
    text = swap("I paid $10.00 and $30.00")
    first, second = (float(slot.value[1:]) for slot in find_slots(text))
    assert first != 10
    assert second == 3 * first


def test_a_range_of_dates_stays() -> None:
    assert swap("from May 3rd to May 9th") == "from May 3rd to May 9th"


def test_an_amount_that_many_records_name_is_a_fact() -> None:
    records = [
        Record(f"r{n}", ({"role": "user", "content": f"the fee is $9.90, says {n}"},)) for n in range(3)
    ]
    bank = build_bank([turn for record in records for turn in list_turns(record)])
    assert "$9.90" in swap("why $9.90?", bank=bank)


def test_the_changes_tell_the_old_and_the_new_value() -> None:
    swapped = swap_values("order FN-48213", history="", bank=ValueBank(), rng=random.Random(1))
    old, new = swapped.changes[0]
    assert old == "FN-48213"
    assert swapped.text == f"order {new}"


def make_turn(*texts: str):
    roles = ("user", "assistant")
    prompt = tuple({"role": roles[place % 2], "content": text} for place, text in enumerate(texts))
    return list_turns(Record("r", prompt))[-1]


def test_a_borrowed_message_takes_the_value_of_its_new_conversation() -> None:
    donor = make_turn("Order FN-11111 is late.", "Which order?", "I said FN-11111.")
    seed = make_turn("Order FN-22222 is late.", "Which order?", "that one")
    fitted = borrow(donor, seed, ValueBank())
    assert fitted is not None
    assert fitted.text == "I said FN-22222."


def test_a_message_that_needs_an_unknown_value_is_not_borrowed() -> None:
    donor = make_turn("Order FN-11111 is late.", "Which order?", "I said FN-11111.")
    seed = make_turn("My parcel is late.", "Which order?", "that one")
    assert borrow(donor, seed, ValueBank()) is None
