"""Tell the names and numbers of a reply, which belong to one conversation, from its common words."""

import re
from collections import Counter
from collections.abc import Iterable, Set
from functools import lru_cache

from lucy.tools.policy.exchanges import Exchange
from lucy.tools.policy.sentences import REMEMBERED, WORDS, find_words, fold_text, split_sentences

_WITH_DIGITS = re.compile(r"\w*\d\w*")


def find_names(exchanges: Iterable[Exchange]) -> frozenset[str]:
    """Find the words that replies write with a capital inside a sentence and hardly ever in lower case.

    Only replies count: people who ask for help write names in lower case.
    """
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for exchange in exchanges:
        for sentence in split_sentences(exchange.reply):
            words = WORDS.findall(sentence)
            small.update(word for word in words if word.islower())
            capital.update(word.lower() for word in words[1:] if word[:1].isupper() and word.isalpha())
    return frozenset(word for word, count in capital.items() if len(word) > 1 and count > 4 * small[word])


def count_unknown(text: str, known: Set[str], names: frozenset[str]) -> int:
    """Count the different numbers and names in a text that are not among the known words."""
    return len(find_specifics(text, names) - known)


@lru_cache(REMEMBERED)
def find_specifics(text: str, names: frozenset[str]) -> frozenset[str]:
    """Find the different numbers and names in a text."""
    words = find_words(text)
    return frozenset(word for word in words if word in names or any(letter.isdigit() for letter in word))


def mask_specifics(text: str, names: frozenset[str]) -> str:
    """Reduce a reply to its kind: folded words with names and numbers replaced."""
    words = _WITH_DIGITS.sub("#", fold_text(text)).split()
    return " ".join("@" if word in names else word for word in words)
