"""Fill the topics of a plan: ask for drafts in windows, check them in order, keep what passes."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lucy.tools.generation.draft import NOTHING, Attempt, Draft, Failure, Outcome, Strategy, Usage
from lucy.tools.generation.filters import Filters, Reason
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.result import TopicResult, write_note
from lucy.tools.generation.turns import copy_item
from lucy.tools.vocabulary import Progress, Record

Keep = Callable[[list[Record]], None]
"""Stores records; what it was given counts as done."""

CHUNK = 20
"""Records stored at a time."""
WINDOW = 64
"""Drafts asked for at a time, at most."""


class Budget:
    """How many attempts a topic gets."""

    def __init__(self, per_record: int, least: int) -> None:
        """Allow `per_record` attempts for each record wanted, at least `least`."""
        self._per_record = per_record
        self._least = least

    def limit(self, wanted: int) -> int:
        """Give the most attempts for so many records."""
        return max(self._least, self._per_record * wanted)


OFFLINE_BUDGET = Budget(8, 40)
MODEL_BUDGET = Budget(4, 16)
"""Attempts cost money here, and a model that was refused three times in four will not do better."""


@dataclass(slots=True)
class _Tally:
    """What is known of one topic on the way."""

    topic_id: str
    wanted: int
    limit: int
    """Most attempts."""
    lack: str
    """Why nothing can be tried; empty where it can."""
    valid: int = 0
    attempts: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter[Reason])
    failed: Counter[str] = field(default_factory=Counter[str])

    @property
    def size(self) -> int:
        """Attempts of the next round: never more than records are lacking, so that none is paid in vain."""
        return 0 if self.lack else max(0, min(self.wanted - self.valid, self.limit - self.attempts))


@dataclass(slots=True)
class _Since:
    """What happened since the last kept record. The next one notes it, so a resumed run counts the same."""

    dropped: dict[str, Counter[Reason]] = field(default_factory=dict[str, Counter[Reason]])
    """Rejected, per topic."""
    failed: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    usage: Usage = NOTHING


@dataclass(slots=True)
class Filling:
    """A run at work.

    It goes in rounds: a round tries, topic after topic, as many drafts as each topic lacks. Which attempts a
    round has depends only on what was kept before, so a resumed run can go through the rounds again, skip
    what was decided, and go on at the first attempt that was not. Within a round the drafts of all topics are
    asked for together, a window at a time.
    """

    plan: GenerationPlan
    strategy: Strategy
    filters: Filters
    keep: Keep
    progress: Progress
    is_offline: bool
    made: list[Record]
    """Records kept; at the start those that an interrupted run has stored."""
    stored: int = 0
    """How many of them are stored already."""
    usage: Usage = NOTHING
    _since: _Since = field(default_factory=_Since)
    _tallies: dict[str, _Tally] = field(default_factory=dict[str, _Tally])

    def fill(self) -> dict[str, TopicResult]:
        """Make what the plan still lacks."""
        self.stored = len(self.made)
        self._tallies = {topic_id: self._open(topic_id) for topic_id in sorted(self.plan.counts)}
        decided = {(record.origin["topic_id"], record.origin["attempt"]): record for record in self.made}
        while attempts := self._plan_round():
            live = self._replay(attempts, decided)
            for start in range(0, len(live), WINDOW):
                window = live[start : start + WINDOW]
                outcomes = self.strategy.draft_many(window, self.progress)
                for attempt, outcome in zip(window, outcomes, strict=True):
                    self._take(outcome, attempt)
                    self.progress("Generating records", len(self.made), self.plan.total)
        return {topic_id: self._close(tally) for topic_id, tally in self._tallies.items()}

    def flush(self) -> None:
        """Store what is not stored yet."""
        chunk, self.stored = self.made[self.stored :], len(self.made)
        if chunk:
            self.keep(chunk)

    def _open(self, topic_id: str) -> _Tally:
        wanted = self.plan.counts[topic_id]
        budget = OFFLINE_BUDGET if self.is_offline else MODEL_BUDGET
        return _Tally(topic_id, wanted, budget.limit(wanted), self.strategy.explain_lack(topic_id))

    def _plan_round(self) -> list[Attempt]:
        attempts: list[Attempt] = []
        for tally in self._tallies.values():
            size = tally.size
            attempts += [Attempt(tally.topic_id, tally.attempts + offset) for offset in range(size)]
            tally.attempts += size
        return attempts

    def _replay(
        self, attempts: Sequence[Attempt], decided: dict[tuple[str, int], Record]
    ) -> Sequence[Attempt]:
        """Count what an interrupted run has decided of a round, and give the attempts that are left."""
        for place, attempt in enumerate(attempts):
            if not decided:
                return attempts[place:]
            record = decided.pop((attempt.topic_id, attempt.number), None)
            if record is not None:
                self._count(record)
        return ()

    def _count(self, record: Record) -> None:
        origin = record.origin
        self._tallies[origin["topic_id"]].valid += 1
        for topic_id, reasons in origin.get("dropped", {}).items():
            self._tallies[topic_id].rejected.update(reasons)
        for topic_id, errors in origin.get("failed", {}).items():
            self._tallies[topic_id].failed.update(errors)
        self.usage = self.usage.plus(Usage(*origin.get("spent", ())))

    def _take(self, outcome: Outcome, attempt: Attempt) -> None:
        """Keep a draft as a record, or count why not."""
        tally, topic_id = self._tallies[attempt.topic_id], attempt.topic_id
        self.usage, self._since.usage = self.usage.plus(outcome.usage), self._since.usage.plus(outcome.usage)
        if isinstance(outcome, Failure):
            tally.failed[outcome.error] += 1
            self._since.failed.setdefault(topic_id, Counter())[outcome.error] += 1
            return
        record = self._finish(outcome, attempt)
        reason = self.filters.check(record, topic_id, parent=outcome.parent)
        if reason is not None:
            tally.rejected[reason] += 1
            self._since.dropped.setdefault(topic_id, Counter())[reason] += 1
            return
        tally.valid += 1
        self._since = _Since()
        self.filters.admit(record)
        self.made.append(record)
        if len(self.made) - self.stored >= CHUNK:
            self.flush()

    def _finish(self, draft: Draft, attempt: Attempt) -> Record:
        parent = draft.parent
        record_id = f"{self.plan.batch}-{len(self.made) + 1:05d}"
        kept_item = parent is not None and not draft.is_new
        lineage = (parent.id, *draft.donors) if parent else draft.donors
        return Record(
            id=record_id,
            prompt=(*draft.context, {"role": "user", "content": draft.message}),
            reply=draft.reply,
            tools=parent.tools if parent else (),
            item=copy_item(parent, keeps_question=draft.keeps_question) if parent and kept_item else {},
            parents=tuple(dict.fromkeys(lineage)),
            origin=self._describe(draft, attempt),
            family=(parent.family or parent.id) if parent else record_id,
        )

    def _describe(self, draft: Draft, attempt: Attempt) -> dict[str, Any]:
        origin: dict[str, Any] = {
            "strategy": self.plan.strategy,
            "mode": self.plan.mode,
            "topic_id": attempt.topic_id,
            "persona": draft.persona,
            "batch": self.plan.batch,
            "seed": self.plan.seed,
            "attempt": attempt.number,
            "turn": len(draft.context),
            "model": draft.model,
            "prompt_hash": hashlib.sha256(draft.source.encode()).hexdigest()[:16],
            "cost": draft.usage.cost,
            "dropped": _write_counts(self._since.dropped),
        }
        if self.is_offline:
            return origin
        return origin | {
            "prompt_tokens": draft.usage.prompt_tokens,
            "completion_tokens": draft.usage.completion_tokens,
            "spent": list(self._since.usage),
            "failed": _write_counts(self._since.failed),
        }

    def _close(self, tally: _Tally) -> TopicResult:
        result = TopicResult(
            topic_id=tally.topic_id,
            wanted=tally.wanted,
            made=tally.attempts,
            valid=tally.valid,
            rejected=dict(sorted(tally.rejected.items())),
            failed=dict(sorted(tally.failed.items())),
        )
        note = write_note(result, lack=tally.lack, is_offline=self.is_offline)
        return result.model_copy(update={"note": note})


def _write_counts(counts: Mapping[str, Mapping[Any, int]]) -> dict[str, dict[str, int]]:
    return {topic_id: dict(sorted(reasons.items())) for topic_id, reasons in sorted(counts.items())}
