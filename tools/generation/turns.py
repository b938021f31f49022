"""See a record as turns: what was said before, the user's message, what answered it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lucy.tools.generation.language import is_courtesy, is_parting, list_words
from lucy.tools.vocabulary import Message, Record, read_text

ANSWER_WORDS = list_words(
    """answer answers reference references expected solution solutions target gold truth label labels
        correct acceptable test tests"""
)
"""An item field whose name holds one of these words belongs to one exact question."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One user message of a record in its place."""

    record: Record
    position: int
    """Index of the message in the record's prompt."""
    text: str
    asked: str
    """What the assistant had said last; empty at the start of a conversation."""
    history: str
    """All text before the message, system messages left out."""
    reply: tuple[Message, ...]
    """What followed, up to the next user message."""

    @property
    def context(self) -> tuple[Message, ...]:
        """Messages before the user's."""
        return self.record.prompt[: self.position]

    @property
    def family(self) -> str:
        """Lineage root of the record."""
        return self.record.family or self.record.id


def list_turns(record: Record) -> list[Turn]:
    """List the user messages of a record that are plain text, in order."""
    turns: list[Turn] = []
    spoken = [index for index, message in enumerate(record.prompt) if message.get("role") == "user"]
    for position, following in zip(spoken, [*spoken[1:], None], strict=True):
        text = _read_plain(record.prompt[position])
        if not text:
            continue
        before = record.prompt[:position]
        said = [message for message in before if message.get("role") in ("user", "assistant")]
        reply = record.prompt[position + 1 : following] if following is not None else record.reply
        turns.append(Turn(record, position, text, _find_asked(said), read_text(said), tuple(reply)))
    return turns


def _read_plain(message: Message) -> str:
    """Give a message's text; empty when it holds anything else, such as an image."""
    content = message.get("content")
    if isinstance(content, str):
        return content.strip()
    parts: list[dict[str, object]] = content if isinstance(content, list) else []
    is_text = all(part.get("type") == "text" for part in parts)
    return read_text([message]).strip() if is_text else ""


def _find_asked(said: Sequence[Message]) -> str:
    texts = [read_text([message]) for message in said if message.get("role") == "assistant"]
    return next((text for text in reversed(texts) if text.strip()), "")


def choose_seed_turns(record: Record, *, needs_reply: bool) -> list[Turn]:
    """Give the turns of a record that are worth varying, the last one first.

    A message that only says thanks or goodbye is left out: its variations teach nothing. A record with an
    answer key has one such turn, its last, because the key belongs to that message.
    """
    turns = list_turns(record)
    last = len(record.prompt) - 1
    if has_answer_key(record):
        turns = [turn for turn in turns if turn.position == last]
    if needs_reply:
        turns = [turn for turn in turns if read_text(turn.reply, "assistant").strip()]
    telling = [turn for turn in turns if not _is_empty(turn)]
    return telling[::-1]


def _is_empty(turn: Turn) -> bool:
    return is_courtesy(turn.text) or (bool(turn.asked) and is_parting(turn.text))


def has_answer_key(record: Record) -> bool:
    """Tell whether the record's item holds the answer to its exact question."""
    return any(_is_answer_field(name) and value not in (None, "") for name, value in record.item.items())


def copy_item(record: Record, *, keeps_question: bool) -> dict[str, Any]:
    """Give the item fields that still apply to a variation: all, or all but what answers the old question."""
    if keeps_question:
        return dict(record.item)
    return {name: value for name, value in record.item.items() if not _is_answer_field(name)}


def _is_answer_field(name: str) -> bool:
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return not ANSWER_WORDS.isdisjoint(words)
