"""Follow what a workflow's runs report: how far the work is, what failed, what was just said."""

import threading
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from lucy.graph.runs import Event, Runs
from lucy.ui.render import Pace


@dataclass(slots=True)
class Watch:
    """What this process has seen of one workflow's runs."""

    read: int = 0
    """Events of the log that were read."""
    pace: Pace | None = None
    notice: str = ""
    sent: str = ""
    """What the person said last, until the store has it."""
    sent_after: int = 0
    """Messages that the store had then."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read_events(self, runs: Runs, workflow_id: str, messages: int) -> None:
        """Take in what the log has that was not read yet; never waits.

        Args:
            runs: The runs of this process.
            workflow_id: The workflow that is watched.
            messages: How many messages the store has.
        """
        with self.lock:
            fresh = runs.count_events(workflow_id) - self.read
            for event in islice(runs.follow(workflow_id, self.read), max(0, fresh)):
                self.read += 1
                self._take(event)
            if messages > self.sent_after:
                self.sent = ""

    def _take(self, event: Event) -> None:
        """Note what an event changes on the page; the messages themselves are read from the store."""
        if event.kind == "failed":
            self.notice, self.pace = str(event.data["error"]), None
        elif event.kind == "progress":
            self.pace = _advance(self.pace, event.data)
        else:
            self.notice, self.pace = "", None

    def note_words(self, text: str, messages: int) -> None:
        """Show what the person has just said until the store has more than `messages` messages."""
        with self.lock:
            self.sent, self.sent_after, self.notice = text, messages, ""


def _advance(pace: Pace | None, data: dict[str, Any]) -> Pace:
    label, done, total = str(data["label"]), int(data["done"]), int(data["total"])
    if pace is None or pace.label != label or pace.total != total or done < pace.done:
        return Pace(label=label, done=done, total=total, since=time.time(), done_then=done)
    return Pace(label=label, done=done, total=total, since=pace.since, done_then=pace.done_then)
