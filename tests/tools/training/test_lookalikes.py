import random

import pytest

from lucy.tools.training.lookalikes import find_closest, find_pairs, measure_likeness, read_words
from lucy.tools.vocabulary import Record

VOCABULARY = [f"{first}{second}{third}" for first in "bdgklm" for second in "aeiou" for third in "nrst"]


def _make_texts(seed: int) -> list[frozenset[str]]:
    """Give texts of which many are changed copies of another."""
    chance = random.Random(seed)
    texts = [set(chance.sample(VOCABULARY, chance.randint(3, 14))) for _ in range(60)]
    for _ in range(60):
        copied = set(chance.choice(texts))
        copied.discard(chance.choice(sorted(copied)))
        texts.append(copied | set(chance.sample(VOCABULARY, chance.randint(0, 2))))
    return list(dict.fromkeys(frozenset(text) for text in texts))


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_those_that_comparing_all_finds(seed: int, threshold: float) -> None:
    texts = _make_texts(seed)
    expected = [
        (one, two)
        for one in range(len(texts))
        for two in range(one + 1, len(texts))
        if min(len(texts[one]), len(texts[two])) >= 5
        and measure_likeness(texts[one], texts[two]) >= threshold
    ]
    assert [(pair.first, pair.second) for pair in find_pairs(texts, threshold)] == expected
    assert threshold > 0.9 or expected


@pytest.mark.parametrize("seed", range(5))
def test_the_closest_is_the_one_that_comparing_all_finds(seed: int) -> None:
    texts = _make_texts(seed)
    ours, theirs = texts[::3], [text for at, text in enumerate(texts) if at % 3]
    for at, text in enumerate(ours):
        best = max((measure_likeness(text, one) for one in theirs if len(one) >= 5), default=0.0)
        found = find_closest(ours, theirs, 0.6).get(at)
        assert (found is not None) == (best >= 0.6 and len(text) >= 5)
        assert found is None or found.likeness == pytest.approx(best, abs=1e-6)


def test_nothing_is_alike_where_there_is_nothing() -> None:
    assert find_pairs([], 0.8) == []
    assert find_closest([], [frozenset(VOCABULARY[:9])], 0.8) == {}


def test_words_are_read_without_digits_case_punctuation_and_system_messages() -> None:
    prompt = (
        {"role": "system", "content": "You are helpful"},
        {"role": "user", "content": "Room 12, PLEASE; room 13!"},
    )
    assert read_words(Record("r", prompt)) == {"room", "please"}
