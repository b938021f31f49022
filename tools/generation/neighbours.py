"""Find, within a topic, messages that may take another's place or end it."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.generation.courtesies import take_apart
from lucy.tools.generation.language import (
    find_content_words,
    find_words,
    is_question,
    list_words,
    split_sentences,
)
from lucy.tools.generation.turns import Turn

_CANDIDATES = 12
"""Neighbours looked at for one draft."""
_SIMILAR_POOL = 30
_MIN_ALIKE_QUESTION = 0.7
"""Cosine over which two assistant messages that ask something ask the same."""
_MIN_ALIKE_STATEMENT = 0.45
_MIN_ALIKE_MESSAGE = 0.2
_MIN_ALIKE_FOLLOWUP = 0.12
_COMMON_SHARE = 0.2
_MAX_TAIL_WORDS = 9
_MOST_FOLLOWUPS = 400
"""Messages looked through for one draft, drawn at random in larger topics."""

_TAIL_SUBJECTS = list_words(
    """help do fix refund cancel wait long explain check options advise happen happened"""
)
_TAIL_WORDS = _TAIL_SUBJECTS | list_words("going look into possible supposed sort solve normal")
_GLUE = list_words(
    """what can i you do please how does is it this should me am to we be done will take the my a could
        would there anything about now why did any or when if tell and"""
)
"""With these words a closing question fits any complaint or request."""

_OFFER = re.compile(
    r"\b(?:(?:shall|should) (?:i|we)|would you (?:like|prefer)|do you (?:want|wish)"
    r"|is that (?:ok|fine|right))\b",
    re.IGNORECASE,
)
_OPEN_QUESTION = re.compile(r"\b(?:what|when|where|which|who|how|why)\b", re.IGNORECASE)
_TIMES = list_words(
    "today tomorrow yesterday now day days week weeks month months hour hours time year years long"
)
_STRANGERS = list_words("he she him her his they them their one ones he's she's")
"""Words that point at somebody or something told before."""

AskedKind = Literal["offer", "question", "statement"]


class Tail(NamedTuple):
    """A sentence that ends messages of a topic and would fit others."""

    text: str
    turn: Turn | None
    """Where it is from; None for a stock one."""


_STOCK_TAILS = tuple(
    Tail(text, None)
    for text in (
        *("What should I do?", "Can you help?", "Could you look into this?", "How do I fix this?"),
        *("What are my options?", "Is this normal?", "Can you check?", "What happens now?"),
    )
)


class Neighbours:
    """The messages of one topic, by what they answer and by what they say."""

    def __init__(self, donors: Sequence[Turn], turns: Sequence[Turn]) -> None:
        """Index a topic.

        Args:
            donors: Messages that may be used elsewhere.
            turns: All user messages of the topic; they say which words are common in it.
        """
        self._donors = list(donors)
        self._places = {id(turn): place for place, turn in enumerate(self._donors)}
        self._asked = _embed([_weigh_question(turn.asked) for turn in self._donors])
        self._said = _embed([turn.text for turn in self._donors])
        families = {turn.family for turn in turns}
        counts: Counter[str] = Counter()
        seen: dict[str, set[str]] = {}
        for turn in turns:
            seen.setdefault(turn.family, set()).update(find_content_words(turn.text))
        for words in seen.values():
            counts.update(words)
        least = max(2.0, _COMMON_SHARE * len(families))
        self._common = frozenset(word for word, count in counts.items() if count >= least)
        self._tails = self._find_tails()

    def find_answers(self, seed: Turn, rng: random.Random) -> list[Turn]:
        """Draw messages that followed an assistant message like the one before the seed's."""
        place = self._places.get(id(seed))
        if place is None or not seed.asked:
            return []
        least = _MIN_ALIKE_QUESTION if "?" in seed.asked[-200:] else _MIN_ALIKE_STATEMENT
        alike = self._asked @ self._asked[place]
        found = [self._donors[other] for other in np.flatnonzero(alike >= least).tolist()]
        return _draw([turn for turn in found if turn.asked and turn.family != seed.family], rng)

    def find_similar(self, seed: Turn, rng: random.Random) -> list[Turn]:
        """Draw messages that say something similar at a similar place of a conversation."""
        place = self._places.get(id(seed))
        if place is None:
            return []
        alike = self._said @ self._said[place]
        nearest = np.argsort(-alike, kind="stable")[: _SIMILAR_POOL + 1].tolist()
        found = [self._donors[other] for other in nearest if alike[other] >= _MIN_ALIKE_MESSAGE]
        return _draw(
            [turn for turn in found if turn.family != seed.family and bool(turn.asked) == bool(seed.asked)],
            rng,
        )

    def is_coherent(self, text: str, donor: Turn, seed: Turn) -> bool:
        """Tell whether a donor's words refer to nothing that only its own conversation has told."""
        told = find_content_words(donor.history) - find_content_words(seed.history) - self._common
        return not (find_content_words(text) - find_content_words(seed.text)) & told

    def find_followups(self, seed: Turn, rng: random.Random) -> list[Turn]:
        """Draw questions that followed the same kind of assistant message and name nothing unknown here.

        Every content word of such a question was said in the seed's conversation before, and the assistant
        messages before the two have something in common.
        """
        place, kind = self._places.get(id(seed)), classify_asked(seed.asked)
        if place is None or kind == "question":
            return []
        told = find_content_words(seed.history)
        alike = self._asked @ self._asked[place]
        near = np.flatnonzero(alike >= _MIN_ALIKE_FOLLOWUP).tolist()
        donors = [self._donors[other] for other in rng.sample(near, min(len(near), _MOST_FOLLOWUPS))]
        return [
            donor
            for donor in donors
            if donor.family != seed.family
            and classify_asked(donor.asked) == kind
            and _may_follow(donor, told)
        ][:_CANDIDATES]

    def draw_tail(self, seed: Turn, rng: random.Random) -> Tail:
        """Draw a closing question that fits any complaint: of another record, or a stock one."""
        said = set(find_words(seed.text))
        learned = [tail for tail in self._tails if tail.turn is not None and tail.turn.family != seed.family]
        fitting = [
            tail
            for tail in (*learned, *_STOCK_TAILS)
            if not (set(find_words(tail.text)) & _TAIL_SUBJECTS) & said
        ]
        return rng.choice(fitting or _STOCK_TAILS)

    def _find_tails(self) -> list[Tail]:
        tails: dict[str, Tail] = {}
        for turn in self._donors:
            sentences = split_sentences(take_apart(turn.text).body)
            words = find_words(sentences[-1]) if len(sentences) > 1 and not turn.asked else []
            if (
                2 < len(words) <= _MAX_TAIL_WORDS
                and not _TAIL_WORDS.isdisjoint(words)
                and set(words) <= _TAIL_WORDS | _GLUE
            ):
                tails.setdefault(" ".join(words), Tail(sentences[-1], turn))
        return list(tails.values())


def classify_asked(asked: str) -> AskedKind:
    """Say what an assistant message leaves the user to do: accept or decline, answer, or react."""
    last = (split_sentences(asked) or [""])[-1]
    if "?" not in last:
        return "statement"
    return "offer" if _OFFER.search(last) and not _OPEN_QUESTION.search(last) else "question"


def _may_follow(donor: Turn, told: set[str]) -> bool:
    words = find_words(donor.text)
    named = find_content_words(donor.text) - _TIMES
    return is_question(donor.text) and bool(named) and named <= told and _STRANGERS.isdisjoint(words)


def _weigh_question(asked: str) -> str:
    """Count the last sentence twice: it is what the user answers."""
    sentences = split_sentences(asked)
    return f"{asked} {sentences[-1]}" if len(sentences) > 1 else asked


def _draw(turns: Sequence[Turn], rng: random.Random) -> list[Turn]:
    return rng.sample(list(turns), min(len(turns), _CANDIDATES))


def _embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Give unit TF-IDF rows of words and pairs of words, reduced to at most 2,000 columns."""
    if not any(find_words(text) for text in texts):
        return np.zeros((len(texts), 1), dtype=np.float32)
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), sublinear_tf=True, max_features=2000
    )
    rows: NDArray[np.float32] = np.asarray(vectorizer.fit_transform(texts).toarray(), dtype=np.float32)
    return rows
