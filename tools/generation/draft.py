"""Define what a strategy gives: a draft, before any filter has seen it, or a failure."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lucy.tools.vocabulary import Message, Progress, Record, ignore_progress


class Usage(NamedTuple):
    """What asking a language model took; nothing for the offline engine."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    """US dollars; None when the price of a call is unknown, which makes every sum unknown."""

    def plus(self, other: "Usage") -> "Usage":
        """Add what another call took."""
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            cost,
        )


NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Draft:
    """One proposal for a record."""

    parent: Record | None
    """The record whose context and tools are kept; None for one made from a topic's description."""
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
    is_new: bool = False
    """A conversation of its own: no field of the parent's item applies."""
    model: str = "offline"
    usage: Usage = NOTHING
    source: str = ""
    """What it was made from, in full (a language model's prompt); stored as a hash."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that gave no draft; the run counts it and goes on."""

    error: str
    """Class of the failure, such as `timeout` or `malformed`."""
    usage: Usage = NOTHING


Outcome = Draft | Failure


class Attempt(NamedTuple):
    """One try to make a record."""

    topic_id: str
    number: int
    """From 0, within the topic."""


class Strategy(Protocol):
    """A way to make drafts. It is built once per run from the real records."""

    def draft_many(self, attempts: Sequence[Attempt], progress: Progress = ignore_progress) -> list[Outcome]:
        """Make a draft for each attempt, in order; equal attempts give equal drafts."""
        ...

    def explain_lack(self, topic_id: str) -> str:
        """Say in a sentence why a topic has nothing to start from; empty when drafts can be made."""
        ...


class OfflineStrategy(ABC):
    """What the strategies without a language model share: one draft after the other."""

    def draft_many(self, attempts: Sequence[Attempt], progress: Progress = ignore_progress) -> list[Outcome]:
        """Make a draft for each attempt."""
        return [self.draft(attempt.topic_id, attempt.number) for attempt in attempts]

    @abstractmethod
    def draft(self, topic_id: str, attempt: int) -> Draft:
        """Make one draft for a topic of which `explain_lack` says nothing."""

    @abstractmethod
    def explain_lack(self, topic_id: str) -> str:
        """Say why a topic has nothing to start from."""
