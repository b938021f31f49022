"""Decide which drafts become records; every rejection has one reason.

The checks see the finished record, not how it was made, so that they hold for every strategy and model.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from lucy.tools.generation.blind import BlindClassifier
from lucy.tools.generation.language import GREETINGS, find_words
from lucy.tools.generation.plan import Mode
from lucy.tools.records.duplicates import NearDuplicateIndex, fingerprint_record
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.vocabulary import Record, read_last_user_text, read_text, read_user_text

Reason = Literal["too_similar", "too_short", "too_long", "off_topic", "malformed", "refused"]
"""`too_similar`: near-duplicate (Jaccard of word triples over 0.9) of a record or of another made one.
`too_short`, `too_long`: outside what validation takes, or far longer than real messages.
`off_topic`: classified blind, it belongs to another topic. `malformed`: not a usable message. `refused`: a
model declined instead of writing one."""

REASONS: tuple[Reason, ...] = get_args(Reason)

MIN_CHARACTERS = 10
"""Least characters of a prompt's user messages together, as in validation."""
MAX_TOKENS = 8000
"""Most tokens of a prompt, about, as in validation."""
_LONG_WORDS = 60
"""A message up to so many words is never too long."""
_LONG_FACTOR = 2
_TELLING_WORDS = 4
"""A message of so many words is made once; shorter ones, such as a name, may recur in other contexts."""

_PLACEHOLDER = re.compile(
    r"\{\{?\s*[\w .-]+\s*\}?\}|\[(?:[A-Z][A-Z_ ]{2,}|your [\w ]+|insert [\w ]+)\]|<[A-Z_]{3,}>"
    r"|\blorem ipsum\b"
)
_REFUSAL = re.compile(
    r"\s*(?:i['\u2019]?m sorry,? (?:but )?(?:i can(?:no|['\u2019])t|as an)|i apologi[sz]e,? but i|"
    r"sorry,? (?:but )?i can(?:no|['\u2019])t (?:help|assist|generate)|as an ai\b|"
    r"i can(?:no|['\u2019])t (?:assist|help with (?:that|this)|generate|create|fulfil|comply)|"
    r"i(?:['\u2019]m| am) (?:unable|not able) to (?:assist|generate|create|fulfil|comply))",
    re.IGNORECASE,
)
_WORD_TWICE = re.compile(r"\b([^\W\d_]+) \1\b", re.IGNORECASE)
_MAY_REPEAT = frozenset(("that", "had", "no", "very", "really", "so", "ha", "bye", "far", "is", "you", "do"))
_DANGLING = frozenset(("the", "a", "an", "my", "your", "our", "and", "or", "but"))


class Filters:
    """The checks of one run; it learns from the real records and remembers what was admitted."""

    def __init__(
        self,
        records: Sequence[Record],
        topics: Mapping[str, str],
        stored: Sequence[Record] = (),
        *,
        mode: Mode = "rft",
        described: Mapping[str, str] | None = None,
    ) -> None:
        """Learn from a dataset.

        Args:
            records: Real records, and synthetic ones of other batches.
            topics: Record id to topic id.
            stored: What an interrupted run has kept of this batch.
            mode: In `sft` the replies are compared too.
            described: What is known of the topics besides, by topic id.
        """
        self._with_replies = mode == "sft"
        real = [record for record in records if not record.is_synthetic]
        texts = [read_last_user_text(record) for record in real]
        longest = max((len(find_words(text)) for text in texts), default=0)
        self._most_words = max(_LONG_WORDS, _LONG_FACTOR * longest)
        self._placeholders = frozenset(hit for record in real for hit in _find_placeholders(record))
        self._classifier = BlindClassifier.learn(real, topics, described)
        self._index = NearDuplicateIndex()
        self._said: set[str] = set()
        for record in (*records, *stored):
            self.admit(record)

    def admit(self, record: Record) -> None:
        """Remember a record: nothing near it passes from now on."""
        for text in self._list_texts(record):
            self._index.add(record.id, text)
        if record.is_synthetic:
            self._said.add(_fold_message(record))

    def check(self, record: Record, topic_id: str, *, parent: Record | None = None) -> Reason | None:
        """Give the first reason to reject a record, None when it may be kept.

        Args:
            record: The finished record; in mode `sft` with its reply.
            topic_id: Topic it was made for.
            parent: Record it was made from: its own oddities are not held against the child.
        """
        text = read_last_user_text(record)
        checks: tuple[tuple[Reason, Callable[[], bool]], ...] = (
            ("refused", lambda: _REFUSAL.match(text) is not None),
            ("malformed", lambda: self._is_malformed(record, text, read_user_text(parent) if parent else "")),
            ("too_short", lambda: len(read_user_text(record).strip()) < MIN_CHARACTERS),
            ("too_long", lambda: self._is_too_long(record, text)),
            ("off_topic", lambda: not self._is_on_topic(record, topic_id, parent)),
            ("too_similar", lambda: self._is_known(record)),
        )
        return next((reason for reason, fails in checks if fails()), None)

    def _is_malformed(self, record: Record, text: str, source: str) -> bool:
        words = find_words(text)
        if not words and not any(character.isalnum() for character in text):
            return True
        if any(hit not in self._placeholders for hit in _find_placeholders(record)):
            return True
        return _has_broken_grammar(text, words, source) or record.prompt[-1].get("role") != "user"

    def _is_on_topic(self, record: Record, topic_id: str, parent: Record | None) -> bool:
        return self._classifier.accepts(record, topic_id, is_loose=parent is None)

    def _is_too_long(self, record: Record, text: str) -> bool:
        return len(find_words(text)) > self._most_words or estimate_tokens(record.prompt) > MAX_TOKENS

    def _is_known(self, record: Record) -> bool:
        """Tell whether the prompt is near another, or its new message was already used word for word."""
        message = _fold_message(record)
        is_repeated = message.count(" ") >= _TELLING_WORDS - 1 and message in self._said
        return is_repeated or any(self._index.find(text) is not None for text in self._list_texts(record))

    def _list_texts(self, record: Record) -> list[str]:
        """Give the texts by which near-duplicates are found: the prompt, and the whole with its reply."""
        _, prompt, reply = fingerprint_record(record)
        return [prompt, f"{prompt} {reply}"] if reply and self._with_replies else [prompt]


def _fold_message(record: Record) -> str:
    return " ".join(find_words(read_last_user_text(record)))


def _find_placeholders(record: Record) -> list[str]:
    return _PLACEHOLDER.findall(f"{read_user_text(record)}\n{read_text(record.reply)}")


def _has_broken_grammar(text: str, words: Sequence[str], source: str) -> bool:
    """Tell whether joining parts left a seam: doubled words or greetings, a cut end, an open quote."""
    twice = any(
        hit[0].lower() not in source.lower() and hit[1].lower() not in _MAY_REPEAT
        for hit in _WORD_TWICE.finditer(text)
    )
    greetings = sum(word in GREETINGS for word in words[:4]) > 1
    cut = bool(words) and words[-1] in _DANGLING and not source.lower().rstrip().endswith(words[-1])
    open_quote = text.count('"') % 2 == 1 and source.count('"') % 2 == 0
    open_bracket = text.count("(") != text.count(")") and source.count("(") == source.count(")")
    return twice or greetings or cut or open_quote or open_bracket
