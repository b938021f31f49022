"""Turn entries into records one by one, with what a single entry cannot know: duplicates and taken ids."""

from collections import Counter
from typing import Literal, NamedTuple

from lucy.tools.records.duplicates import Fingerprint, fingerprint
from lucy.tools.records.formats import Conversation, RecordFormat, shape_entry, split_conversation
from lucy.tools.records.reading import Entry
from lucy.tools.records.validation import DEFAULT_LIMITS, Fault, Limits, Rejected, validate
from lucy.tools.vocabulary import Record

FileFormat = Literal["dataset", "chat", "completion", "mixed", "unknown"]
"""The format of a whole file: `mixed` has entries of more than one, `unknown` of none."""

MAX_ID_LENGTH = 200
"""Longest id of a source that is taken over, in characters."""


class Accepted(NamedTuple):
    """A valid record with what its neighbours are compared by."""

    record: Record
    fingerprint: Fingerprint


class Intake:
    """Takes the entries of one source in order; holds a few hundred bytes for each."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        """Start a source.

        Args:
            limits: What a record may measure.
        """
        self._limits = limits
        self._lines: dict[bytes, int] = {}
        self._ids: set[str] = set()
        self._formats: Counter[RecordFormat] = Counter()

    @property
    def format(self) -> FileFormat:
        """Tell the format of what was taken so far."""
        if not self._formats:
            return "unknown"
        return next(iter(self._formats)) if len(self._formats) == 1 else "mixed"

    def take(self, entry: Entry) -> Accepted | Rejected:
        """Make a record of one entry, or say why it cannot be used."""
        taken = self._take(entry)
        if isinstance(taken, Fault):
            return Rejected(entry.line, taken.error, taken.message, entry.raw)
        return taken

    def _take(self, entry: Entry) -> Accepted | Fault:
        if entry.error:
            return Fault("invalid_data_structure", entry.error)
        conversation = shape_entry(entry.value, habit=self._find_habit())
        if isinstance(conversation, Fault):
            return conversation
        self._formats[conversation.format] += 1
        fault = validate(conversation.messages, conversation.output, limits=self._limits)
        return fault or self._accept(entry.line, conversation)

    def _find_habit(self) -> RecordFormat | None:
        if not self._formats:
            return None
        return max(self._formats, key=lambda name: self._formats[name])

    def _accept(self, line: int, conversation: Conversation) -> Accepted | Fault:
        prompt, reply = split_conversation(conversation)
        marks = fingerprint(prompt, reply, conversation.tools)
        earlier = self._lines.setdefault(marks.digest, line)
        if earlier != line:
            return Fault(
                "duplicate", f"The record says the same as line {earlier}, apart from case and blanks."
            )
        record = Record(
            id=self._choose_id(conversation.source_id, marks.digest.hex()),
            prompt=prompt,
            reply=reply,
            tools=tuple(conversation.tools),
            item=conversation.item,
            metadata=conversation.metadata,
        )
        return Accepted(record, marks)

    def _choose_id(self, given: object, digest: str) -> str:
        """Take the source's id, or one made from the content where there is none or it is taken."""
        wanted = _read_id(given)
        name = wanted or f"rec-{digest[:16]}"
        if name in self._ids:
            name = f"{name}-{digest[:8]}"
        if name in self._ids:
            name = f"{name}-{digest}"
        self._ids.add(name)
        return name


def _read_id(given: object) -> str:
    """Read an id that can be used, empty when it cannot."""
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        return ""
    text = str(given).strip() if isinstance(given, str) or abs(given) < 10**30 else ""
    return text if text.isprintable() and len(text) <= MAX_ID_LENGTH else ""
