"""Say what a generation run gave, topic by topic."""

from collections import Counter

from pydantic import BaseModel, ConfigDict

from lucy.tools.generation.filters import Reason
from lucy.tools.generation.quality import Quality


class TopicResult(BaseModel):
    """What one topic gave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic_id: str
    wanted: int
    made: int
    """Attempts: records kept, drafts rejected and calls failed."""
    valid: int
    """Records kept."""
    rejected: dict[Reason, int]
    """Drafts not kept, by reason."""
    failed: dict[str, int] = {}
    """Calls of a language model that gave no draft after all their tries, by class of failure."""
    note: str = ""
    """Why there are fewer than wanted, in a sentence; empty when there are enough."""


class GenerationResult(BaseModel):
    """What a run gave; the same whether or not it was interrupted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: str
    topics: dict[str, TopicResult]
    calls: int = 0
    """Answers of a language model that were used, those found in the store included."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    """US dollars that these answers cost when they were asked, rejected drafts included; None is unknown."""
    quality: Quality | None = None
    """Figures of all records of the batch together; None when there is none."""

    @property
    def wanted(self) -> int:
        """Records that the plan asked for."""
        return sum(topic.wanted for topic in self.topics.values())

    @property
    def made(self) -> int:
        """Attempts."""
        return sum(topic.made for topic in self.topics.values())

    @property
    def valid(self) -> int:
        """Records kept."""
        return sum(topic.valid for topic in self.topics.values())

    @property
    def rejected(self) -> dict[Reason, int]:
        """Drafts not kept, by reason."""
        total: Counter[Reason] = Counter()
        for topic in self.topics.values():
            total.update(topic.rejected)
        return dict(sorted(total.items()))

    @property
    def failed(self) -> dict[str, int]:
        """Calls that gave no draft, by class of failure."""
        total: Counter[str] = Counter()
        for topic in self.topics.values():
            total.update(topic.failed)
        return dict(sorted(total.items()))


def write_note(topic: TopicResult, *, lack: str, is_offline: bool) -> str:
    """Explain in a sentence why a topic gave fewer records than wanted; empty when it gave enough.

    Args:
        topic: What it gave.
        lack: What the topic has not, when nothing could be tried at all; else empty.
        is_offline: Whether the drafts were recombined from the records.
    """
    if topic.valid >= topic.wanted:
        return ""
    if lack:
        return lack
    failures = sum(topic.failed.values())
    count = f"{topic.valid} of {topic.wanted} after {topic.made} drafts"
    if failures > sum(topic.rejected.values()):
        error = max(topic.failed, key=lambda name: (topic.failed[name], name))
        return (
            f"{topic.valid} of {topic.wanted} after {topic.made} calls: {failures} of them failed, most with "
            f"{error.replace('_', ' ')}; run it again when the service answers, nothing is paid twice."
        )
    reason = max(topic.rejected, key=lambda name: (topic.rejected[name], name), default="too_similar")
    advice = (
        "more real records in this topic would give more"
        if is_offline
        else "a description with more detail, or more real records, would give more"
    )
    return f"{count}: most others were {reason.replace('_', ' ')}; {advice}."
