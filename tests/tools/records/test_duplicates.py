import random
from itertools import combinations

import pytest

from lucy.tools.records.duplicates import (
    FamilyFinder,
    NearDuplicateIndex,
    are_near_duplicates,
    find_families,
    fingerprint,
)
from lucy.tools.records.hygiene import examine

WORDS = [f"word{place}" for place in range(400)]


def make_text(seed: int, count: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def change(text: str, place: int) -> str:
    words = text.split()
    words[place] = "changed"
    return " ".join(words)


def measure_jaccard(left: str, right: str) -> float:
    sets = [
        set(zip(text.split(), text.split()[1:], text.split()[2:], strict=False)) for text in (left, right)
    ]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def say(text: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": text}


def test_one_changed_word_in_a_long_text_is_near() -> None:
    assert are_near_duplicates(make_text(1, 100), change(make_text(1, 100), 50))


def test_one_changed_word_in_a_short_text_is_not_near() -> None:
    assert not are_near_duplicates(make_text(1, 20), change(make_text(1, 20), 10))


def test_case_and_punctuation_do_not_count() -> None:
    assert are_near_duplicates("How do I reset my password?", "how do I reset, my PASSWORD")


@pytest.mark.parametrize(
    ("left", "right", "near"),
    [
        ("refund", "Refund!", True),
        ("refund", "return", False),
        ("refund please", "please refund", False),
        ("refund please", "refund please now", False),
        ("", "", False),
        ("refund", "", False),
        ("😀", "😀", True),
        ("😀", "🎉", False),
    ],
)
def test_short_texts_are_near_only_when_their_words_are_equal(left: str, right: str, near: bool) -> None:
    assert are_near_duplicates(left, right) == near


def test_text_without_spaces_is_compared_by_character() -> None:
    text = "パスワードを忘れてしまったのでリセットする方法を教えていただけますかよろしくお願いいたします"
    assert are_near_duplicates(text, text + "。")
    assert are_near_duplicates(text * 3, text * 3 + "ね")
    assert not are_near_duplicates(text, text[: len(text) // 2])


def test_the_threshold_is_settable() -> None:
    left, right = make_text(1, 20), change(make_text(1, 20), 10)
    assert are_near_duplicates(left, right, threshold=0.5)


def test_long_texts_are_judged_by_a_sample() -> None:
    text = " ".join(f"w{place}" for place in range(6000))
    few = " ".join(word if place % 100 else "x" for place, word in enumerate(text.split()))
    many = " ".join(word if place % 20 else "x" for place, word in enumerate(text.split()))
    assert are_near_duplicates(text, few)
    assert not are_near_duplicates(text, many)


def test_families_name_their_first_member() -> None:
    first = make_text(1, 100)
    texts = [make_text(2), first, change(first, 50), make_text(3), change(first, 20)]
    families = find_families(list("abcde"), texts)
    assert families == {"b": "b", "c": "b", "e": "b"}


def test_families_are_closed() -> None:
    chain = [make_text(1, 200)]
    for place in range(10, 190, 20):
        chain.append(change(chain[-1], place))
    families = find_families([str(place) for place in range(len(chain))], chain)
    assert not are_near_duplicates(chain[0], chain[-1])
    assert set(families.values()) == {"0"}
    assert len(families) == len(chain)


def test_families_agree_with_comparing_every_pair() -> None:
    source = random.Random(0)
    texts = [make_text(seed, source.randint(30, 80)) for seed in range(60)]
    for _ in range(140):
        text = source.choice(texts)
        texts.append(change(text, source.randrange(len(text.split()))))
    family = list(range(len(texts)))
    for left, right in combinations(range(len(texts)), 2):
        if family[left] != family[right] and measure_jaccard(texts[left], texts[right]) > 0.9:
            old, new = max(family[left], family[right]), min(family[left], family[right])
            family = [new if root == old else root for root in family]
    expected = {str(k): str(root) for k, root in enumerate(family) if family.count(root) > 1}
    assert find_families([str(place) for place in range(len(texts))], texts) == expected
    assert len(expected) > 50


def test_no_texts_have_no_families() -> None:
    assert find_families([], []) == {}
    assert FamilyFinder().find() == {}


def test_blank_texts_are_no_family() -> None:
    assert find_families(["a", "b"], ["", " "]) == {}


def test_an_index_finds_the_first_near_text() -> None:
    index = NearDuplicateIndex()
    text = make_text(1, 100)
    index.add("other", make_text(2))
    index.add("first", text)
    index.add("second", change(text, 5))
    assert index.find(change(text, 50)) == "first"
    assert index.find(make_text(3)) is None
    assert len(index) == 3


def test_an_index_of_a_lower_threshold_finds_more() -> None:
    index = NearDuplicateIndex(threshold=0.8)
    index.add("a", make_text(1, 40))
    assert index.find(change(make_text(1, 40), 20)) == "a"


def test_a_fingerprint_ignores_case_blanks_and_call_ids() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]}
    other = {"role": "assistant", "content": None, "tool_calls": [{"id": "2", "function": {"name": "f"}}]}
    left = fingerprint([say("Hello  there")], [call])
    right = fingerprint([say("hello\nTHERE ")], [other])
    assert left.digest == right.digest


@pytest.mark.parametrize(
    ("prompt", "reply", "tools"),
    [
        ([say("Hello there!")], [], ()),
        ([say("Hello there", "assistant")], [], ()),
        ([say("Hello"), say("there")], [], ()),
        ([say("Hello there")], [say("Hi", "assistant")], ()),
        ([say("Be brief", "system"), say("Hello there")], [], ()),
        ([say("Hello there")], [], [{"function": {"name": "f"}}]),
    ],
)
def test_a_fingerprint_tells_other_conversations_apart(prompt: list, reply: list, tools: list) -> None:
    assert fingerprint(prompt, reply, tools).digest != fingerprint([say("Hello there")], []).digest


def test_a_shared_system_message_makes_no_family() -> None:
    system = say(make_text(1, 300), "system")
    rows = [
        {"messages": [system, say(f"Question number {place} about {make_text(place, 6)}")]}
        for place in range(2, 8)
    ]
    assert examine(rows).families == {}


def test_one_question_with_two_answers_is_one_family() -> None:
    rows = [
        {"id": name, "prompt": make_text(1, 12), "completion": make_text(seed)}
        for name, seed in (("a", 2), ("b", 3))
    ]
    assert examine(rows).families == {"a": "a", "b": "a"}
