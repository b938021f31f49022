"""Define the words that every room uses; read this page first.

A *record* is one conversation: a *prompt* (everything up to the last user message) and a *reply* (the
recorded assistant answer, possibly none). A *topic* is a node of the tree that the records are sorted
into; an *assignment* says which topic a record has, how sure that is, and how it was found. A *rollout* is
one answer of a model to a record's prompt; a *grade* is what the grader says about one response: a
*reward* between 0 and 1, or an error with a class, never a silent 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

Message = dict[str, Any]
"""One chat message in OpenAI's form: `role`, `content`, and where present `tool_calls`, `tool_call_id`."""

Progress = Callable[[str, int, int], None]
"""Called as `progress(label, done, total)` by long work, often. It may raise `CancelledByPersonError`;
long work lets that pass after having stored what is done."""


def ignore_progress(label: str, done: int, total: int) -> None:
    """Take progress reports and do nothing with them."""


@dataclass(frozen=True, slots=True)
class Record:
    """One conversation of the dataset, ready to use."""

    id: str
    prompt: tuple[Message, ...]
    """Messages up to and including the last user message."""
    reply: tuple[Message, ...] = ()
    """Recorded assistant answer (with tool calls and results, if any); empty for prompts without one."""
    tools: tuple[dict[str, Any], ...] = ()
    """Tool definitions offered to the model."""
    item: dict[str, Any] = field(default_factory=dict[str, Any])
    """Extra fields for graders, such as `reference_answer`."""
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    """The source's own notes. Never read by any step: labels may stand here."""
    parents: tuple[str, ...] = ()
    """Ids of the records a synthetic record was made from; empty for an imported one."""
    origin: dict[str, Any] = field(default_factory=dict[str, Any])
    """How a synthetic record was made: strategy, topic, persona, model, seed, batch, cost; else empty."""
    family: str = ""
    """Lineage root: equal for a record, its synthetic children and its near-duplicates."""

    @property
    def is_synthetic(self) -> bool:
        """Tell whether Lucy made this record."""
        return bool(self.parents or self.origin)


class Assignment(NamedTuple):
    """The topic of one record."""

    record_id: str
    topic_id: str | None
    """None is `uncategorized`."""
    confidence: float
    """0 to 1: of records with confidence around 0.8 about 80% should be right."""
    method: Literal["keyword", "embedding", "model", "manual", "generated"]


class Topic(BaseModel):
    """A node of the topic tree."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Stable: survives renames, moves and merges."""
    name: str
    description: str = ""
    keywords: tuple[str, ...] = ()
    share: float = 0.0
    """Share of the records, 0 to 1, when the tree was made."""
    examples: tuple[str, ...] = ()
    """Ids of typical records, most typical first."""
    locked: bool = False
    """A locked topic, with all below it, is never changed by finding topics again; only the person may."""
    absorbed: tuple[str, ...] = ()
    """Ids of topics that were merged into this one: what was assigned to them belongs here."""
    children: tuple["Topic", ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """What a grader says about one response."""

    score: float | None
    """Reward, 0 to 1; None when the grader failed."""
    criteria: dict[str, float] = field(default_factory=dict[str, float])
    """Score per criterion id, each 0 to 1, where the grader has criteria."""
    reason: str = ""
    """One short sentence for a person."""
    error: str | None = None
    """Error class when `score` is None, such as `timeout` or `runtime_error`."""


ScoreMany = Callable[[Sequence[tuple[Record, str]]], list[Grade]]
"""A grader at work: (record, response text) pairs in, one `Grade` each, in order. Deterministic offline."""


def read_text(messages: Sequence[Message], role: str | None = None) -> str:
    """Join the text content of messages with newlines, of one role if given; tool calls are left out."""
    parts: list[str] = []
    for message in messages:
        if role is not None and message.get("role") != role:
            continue
        content = message.get("content")
        if isinstance(content, str) and content:
            parts.append(content)
        elif isinstance(content, list):
            parts.extend(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "\n".join(parts)


def read_user_text(record: Record) -> str:
    """Join all user messages of a record: the text that topics are found in."""
    return read_text(record.prompt, "user")


def read_last_user_text(record: Record) -> str:
    """Give the last user message of a record's prompt: the text that is answered."""
    return read_text(record.prompt[-1:], "user")


def read_reply_text(record: Record) -> str:
    """Give the text of the recorded reply's last assistant message, empty when there is none."""
    texts = [read_text([message]) for message in record.reply if message.get("role") == "assistant"]
    return next((text for text in reversed(texts) if text.strip()), "")
