"""Keep what happens in a workflow's runs, for any number of followers."""

import threading
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run."""

    kind: Literal["progress", "message", "notice", "question", "ended", "failed"]
    data: dict[str, Any]
    """progress: `step`, `label`, `done`, `total`. message: `id`, `role`, `text`. notice: `text`, one sentence
    about the work that goes on. question: the proposal. failed: `error`, one sentence."""


@dataclass(slots=True)
class Log:
    """The events of one workflow since this process began, for any number of followers."""

    events: list[Event] = field(default_factory=list[Event])
    changed: threading.Condition = field(default_factory=threading.Condition)
    running: int = 0

    def add(self, event: Event) -> None:
        """Append an event and wake the followers."""
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()
