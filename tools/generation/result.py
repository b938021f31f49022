"""Say what a generation run gave, topic by topic."""

from collections import Counter

from pydantic import BaseModel, ConfigDict

from lucy.tools.generation.filters import Reason


class TopicResult(BaseModel):
    """What one topic gave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic_id: str
    wanted: int
    made: int
    """Drafts tried."""
    valid: int
    """Records kept."""
    rejected: dict[Reason, int]
    """Drafts not kept, by reason."""
    note: str = ""
    """Why there are fewer than wanted, in a sentence; empty when there are enough."""


class GenerationResult(BaseModel):
    """What a run gave; the same whether or not it was interrupted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: str
    topics: dict[str, TopicResult]
    cost: float = 0.0
    """US dollars."""

    @property
    def wanted(self) -> int:
        """Records that the plan asked for."""
        return sum(topic.wanted for topic in self.topics.values())

    @property
    def made(self) -> int:
        """Drafts tried."""
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
        return dict(total)


def write_note(topic: TopicResult, *, has_seeds: bool, mode: str) -> str:
    """Explain in a sentence why a topic gave fewer records than wanted; empty when it gave enough."""
    if topic.valid >= topic.wanted:
        return ""
    if not has_seeds:
        lack = "a reply to learn from" if mode == "sft" else "a message that can be varied"
        return f"No record of this topic has {lack}: import some, or write two or three by hand."
    reason = max(topic.rejected, key=lambda name: (topic.rejected[name], name), default="too_similar")
    return (
        f"{topic.valid} of {topic.wanted} after {topic.made} drafts: "
        f"most others were {reason.replace('_', ' ')}; "
        "more real records in this topic would give more."
    )
