"""Define what a strategy gives: a draft, before any filter has seen it."""

from dataclasses import dataclass
from typing import Protocol

from lucy.tools.vocabulary import Message, Record


@dataclass(frozen=True, slots=True)
class Draft:
    """One proposal for a record."""

    parent: Record
    """The record whose context is kept, messages and tools."""
    context: tuple[Message, ...]
    """Messages before the new one."""
    message: str
    """The new last user message."""
    reply: tuple[Message, ...] = ()
    """Messages that answer it, in mode `sft`."""
    donors: tuple[str, ...] = ()
    """Ids of the records that parts of the message came from, the parent's left out."""
    persona: str = "plain"
    keeps_question: bool = False
    """What is asked is word for word the parent's: only then an answer key of the parent still applies."""
    model: str = "offline"
    cost: float = 0.0
    """US dollars."""
    source: str = ""
    """What it was made from, in full (a language model's prompt); stored as a hash."""


class Strategy(Protocol):
    """A way to make drafts. It is built once per run from the real records."""

    def draft(self, topic_id: str, attempt: int) -> Draft | None:
        """Make a draft; equal arguments give equal drafts. None when the topic has nothing to start from."""
        ...
