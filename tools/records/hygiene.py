"""Examine a whole source: what can be used, what cannot and why, and what to do about it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from lucy.errors import InputError
from lucy.tools.records.advice import recommend, summarise_errors
from lucy.tools.records.duplicates import FamilyFinder
from lucy.tools.records.intake import Accepted, FileFormat, Intake
from lucy.tools.records.reading import Entry, Source, read_entries
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.records.validation import DEFAULT_LIMITS, ERROR_CODES, ErrorCode, Limits, Rejected
from lucy.tools.vocabulary import Progress, Record, ignore_progress

Sink = Callable[[list[Record], list[Rejected]], None]
"""Takes the records and rejects of one chunk, each in the source's order."""


MAX_CHUNK_BYTES = 32 * 1024 * 1024
"""Text of one chunk, in bytes, after which it ends."""


class HygieneReport(BaseModel):
    """What an examination found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    """File name, or `list` for a Python list."""
    format: FileFormat
    total: int = Field(ge=0)
    """Entries read; blank lines do not count."""
    valid: int = Field(ge=0)
    rejected: int = Field(ge=0)
    """Exact duplicates among them."""
    rejection_rate: float = Field(ge=0, le=1)
    """Share of the entries that were rejected; 0 for an empty source."""
    errors_by_type: dict[ErrorCode, int]
    """Rejected entries by reason, only reasons that occur."""
    first_rejection: str = ""
    """What is wrong with the first rejected entry, a sentence; empty when none was."""
    duplicates: int = Field(ge=0)
    """Entries rejected because they repeat an earlier one exactly."""
    near_duplicates: int = Field(ge=0)
    """Valid records in the family of an earlier one: they nearly repeat it or one another."""
    with_reply: int = Field(ge=0)
    """Valid records with a recorded reply."""
    with_tools: int = Field(ge=0)
    """Valid records that offer tools."""
    mean_messages: float = Field(ge=0)
    """Messages per valid record, the reply's included."""
    mean_tokens: float = Field(ge=0)
    """Estimated tokens per valid record: "about"."""
    recommendations: tuple[str, ...]
    """One sentence each, the weightiest first."""


@dataclass(frozen=True, slots=True)
class Examination:
    """A report and the lineage found on the way."""

    report: HygieneReport
    families: dict[str, str]
    """For each record in a family of two or more near-duplicates the id of the family's first record."""


@dataclass(slots=True)
class _Tally:
    """Running counts over the entries of one source."""

    total: int = 0
    bytes: int = 0
    valid: int = 0
    messages: int = 0
    tokens: int = 0
    with_reply: int = 0
    with_tools: int = 0
    errors: Counter[ErrorCode] = field(default_factory=Counter[ErrorCode])
    first_rejection: str = ""

    def count(self, entry: Entry, taken: Accepted | Rejected) -> None:
        self.total += 1
        self.bytes += entry.size + 1
        if isinstance(taken, Rejected):
            self.errors[taken.error] += 1
            self.first_rejection = self.first_rejection or taken.message
        else:
            self._count_record(taken.record)

    def _count_record(self, record: Record) -> None:
        self.valid += 1
        self.messages += len(record.prompt) + len(record.reply)
        self.tokens += estimate_tokens((*record.prompt, *record.reply))
        self.with_reply += bool(record.reply)
        self.with_tools += bool(record.tools)


class _Chunk(NamedTuple):
    accepted: list[Accepted]
    rejected: list[Rejected]


class _Texts(NamedTuple):
    ids: list[str]
    prompts: list[str]
    replies: list[str]


def examine(
    source: Source,
    *,
    limits: Limits = DEFAULT_LIMITS,
    sink: Sink | None = None,
    progress: Progress = ignore_progress,
    chunk: int = 1000,
) -> Examination:
    """Read, validate and de-duplicate a source.

    Args:
        source: A file or a list; see `read_entries`.
        limits: What a record may measure.
        sink: Gets the records (without family) and rejects chunk by chunk; nothing else keeps them.
        progress: Told the entries done and about how many there are.
        chunk: Most entries of one chunk.

    Raises:
        InputError: The file cannot hold records. A file of which nothing is valid is no error here; see
            `require_valid`.
    """
    intake, finder, tally = Intake(limits), FamilyFinder(), _Tally()
    entries = read_entries(source, max_bytes=limits.max_line_bytes)
    for taken in _fill_chunks(entries, intake, tally, chunk):
        finder.add(*_list_texts(taken.accepted))
        if sink is not None:
            sink([accepted.record for accepted in taken.accepted], taken.rejected)
        progress("reading records", tally.total, _guess_total(source, tally))
    families = finder.find()
    return Examination(_write_report(source, intake.format, tally, families, limits), families)


def require_valid(report: HygieneReport) -> None:
    """Raise when a source has no record that can be used.

    Raises:
        InputError: Nothing is valid; the sentence counts why.
    """
    if report.valid:
        return
    if not report.total:
        raise InputError(f"{report.source!r} holds no records; expected one JSON record per line.")
    if report.total == 1:
        reason = report.first_rejection.rstrip(".")
        raise InputError(f"The one entry of {report.source!r} could not be used: {reason}.")
    raise InputError(
        f"None of the {report.total:,} entries of {report.source!r} could be used: "
        f"{summarise_errors(report.errors_by_type)}; expected JSON lines with `messages`, "
        "`data.input.messages`, or `prompt` and `completion`."
    )


def load_records(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> list[Record]:
    """Load the valid records of a small source; what is rejected is left out.

    Raises:
        InputError: The file cannot hold records.
    """
    records: list[Record] = []
    intake = Intake(limits)
    for entry in read_entries(source, max_bytes=limits.max_line_bytes):
        taken = intake.take(entry)
        if isinstance(taken, Accepted):
            records.append(taken.record)
    return records


def _fill_chunks(entries: Iterator[Entry], intake: Intake, tally: _Tally, chunk: int) -> Iterator[_Chunk]:
    """Take entries into chunks; a chunk of long entries ends early, so that it fits in memory."""
    filled, size = _Chunk([], []), 0
    for entry in entries:
        taken = intake.take(entry)
        tally.count(entry, taken)
        if isinstance(taken, Accepted):
            filled.accepted.append(taken)
        else:
            filled.rejected.append(taken)
        size += len(entry.data)
        if len(filled.accepted) + len(filled.rejected) >= chunk or size >= MAX_CHUNK_BYTES:
            yield filled
            filled, size = _Chunk([], []), 0
    if filled.accepted or filled.rejected:
        yield filled


def _guess_total(source: Source, tally: _Tally) -> int:
    """Give the length of a list; for a file guess from the mean length of the entries read so far."""
    if not isinstance(source, (str, Path)):
        return len(source)
    try:
        size = Path(source).stat().st_size
    except OSError:
        size = 0  # the file went away while it was read; the count so far is all that is known
    return max(tally.total, round(tally.total * size / max(tally.bytes, 1)))


def _list_texts(accepted: Sequence[Accepted]) -> _Texts:
    return _Texts(
        [record.id for record, _ in accepted],
        [marks.prompt for _, marks in accepted],
        [marks.reply for _, marks in accepted],
    )


def _write_report(
    source: Source, file_format: FileFormat, tally: _Tally, families: dict[str, str], limits: Limits
) -> HygieneReport:
    rejected = tally.total - tally.valid
    errors: dict[ErrorCode, int] = {code: tally.errors[code] for code in ERROR_CODES if tally.errors[code]}
    near_duplicates = sum(1 for name, first in families.items() if name != first)
    return HygieneReport(
        source=Path(source).name if isinstance(source, (str, Path)) else "list",
        format=file_format,
        total=tally.total,
        valid=tally.valid,
        rejected=rejected,
        rejection_rate=rejected / tally.total if tally.total else 0.0,
        errors_by_type=errors,
        first_rejection=tally.first_rejection,
        duplicates=tally.errors["duplicate"],
        near_duplicates=near_duplicates,
        with_reply=tally.with_reply,
        with_tools=tally.with_tools,
        mean_messages=tally.messages / max(tally.valid, 1),
        mean_tokens=tally.tokens / max(tally.valid, 1),
        recommendations=recommend(
            errors_by_type=errors,
            total=tally.total,
            near_duplicates=near_duplicates,
            with_reply=tally.with_reply,
            limits=limits,
        ),
    )
