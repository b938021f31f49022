"""Follow what a workflow's runs report: how far the work is, what failed, what was just said."""

import threading
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from lucy.graph.runs import Event, Runs
from lucy.ui.render import Pace

SENTENCES = {"failed": "error", "notice": "text"}
"""Events that the page tells of in one sentence, and where they keep it."""


@dataclass(slots=True)
class Watch:
    """What this process has seen of one workflow's runs."""

    read: int = 0
    """Events of the log that were read."""
    pace: Pace | None = None
    awaits_job: bool = False
    """Lucy waits for a job: what is said meanwhile does not touch how far it is."""
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
        if event.kind == "progress":
            self.pace = _advance(self.pace, event.data)
            return
        self.notice = str(event.data.get(SENTENCES[event.kind], "")) if event.kind in SENTENCES else ""
        if event.kind == "question":
            self.awaits_job = event.data["kind"] == "job"
        if event.kind != "notice" and not self.awaits_job:
            self.pace = None

    def note_words(self, text: str, messages: int) -> None:
        """Show what the person has just said until the store has more than `messages` messages."""
        with self.lock:
            self.sent, self.sent_after, self.notice = text, messages, ""


def _advance(pace: Pace | None, data: dict[str, Any]) -> Pace:
    """Measure how fast work is: from when it was first seen, or from where a job says that it began.

    A job was perhaps begun long before this process, and its first look must tell the time to the end.
    """
    label, done, total = str(data["label"]), int(data["done"]), int(data["total"])
    if pace and pace.label == label and pace.total == total and done >= pace.done:
        return Pace(label=label, done=done, total=total, since=pace.since, done_then=pace.done_then)
    if "started" in data and (pace is None or "done_then" in data):
        since, done_then = float(data["started"]), int(data.get("done_then", 0))
        return Pace(label=label, done=done, total=total, since=since, done_then=done_then)
    return Pace(label=label, done=done, total=total, since=time.time(), done_then=done)
