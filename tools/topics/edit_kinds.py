"""Say in typed values how a topic tree is to change."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AddTopic:
    """A new topic, last below a parent or at the top."""

    name: str
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class RenameTopic:
    """Another name for a topic; its id stays."""

    topic_id: str
    name: str


@dataclass(frozen=True, slots=True)
class MergeTopics:
    """Several topics become one: the first keeps its id and takes in the ids of those that go."""

    topic_ids: tuple[str, ...]
    name: str = ""
    """Name of the whole; joined from the parts' names when empty."""


@dataclass(frozen=True, slots=True)
class MoveTopic:
    """Another parent for a topic; None is the top."""

    topic_id: str
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class RemoveTopic:
    """A topic goes, with everything below it; its records have no topic until they are sorted again."""

    topic_id: str


@dataclass(frozen=True, slots=True)
class SplitTopic:
    """A topic gets these new sub-topics and keeps its id; its records are to be sorted into them."""

    topic_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LockTopic:
    """A topic, with all below it, is locked or unlocked; a locked one is left alone by everything else."""

    topic_id: str
    locked: bool = True


TreeEdit = AddTopic | RenameTopic | MergeTopics | MoveTopic | RemoveTopic | SplitTopic | LockTopic
"""One change that needs nothing but the tree."""


@dataclass(frozen=True, slots=True)
class EditSeries:
    """Several changes, made in order."""

    edits: tuple[TreeEdit, ...]


@dataclass(frozen=True, slots=True)
class UseFewer:
    """Topics are to be found again, at most this many without sub-topics."""

    count: int


@dataclass(frozen=True, slots=True)
class UseMore:
    """Topics are to be found again, at least this many without sub-topics, where the records have them."""

    count: int


@dataclass(frozen=True, slots=True)
class Reorganize:
    """Topics are to be found again, by what people want or by what they speak of."""

    by: Literal["intent", "content"]


Edit = TreeEdit | EditSeries | UseFewer | UseMore | Reorganize
