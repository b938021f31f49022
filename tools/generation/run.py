"""Run a generation plan: draft, check, keep, in chunks, so that a killed run continues where it stopped.

A draft depends on the plan's seed, the topic and the number of the attempt; whether it is kept depends on the
records before it. Each kept record notes its attempt and what was dropped just before it. A run that finds
stored records of its batch therefore goes on after the last attempt of each topic and ends with the same
records and the same counts as a run that was never stopped, without making one of them twice.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lucy.errors import CancelledByPersonError, InputError
from lucy.tools.generation.draft import Draft, Strategy
from lucy.tools.generation.filters import Filters, Reason
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.result import GenerationResult, TopicResult, write_note
from lucy.tools.generation.strategies import build_strategy
from lucy.tools.generation.turns import copy_item
from lucy.tools.vocabulary import Progress, Record, ignore_progress

Keep = Callable[[list[Record]], None]
"""Stores records; what it was given counts as done."""

CHUNK = 20
"""Records stored at a time."""
ATTEMPTS_PER_RECORD = 8
MIN_ATTEMPTS = 40
"""Drafts tried per topic: `ATTEMPTS_PER_RECORD` for each record wanted, at least this many."""
PREVIEW_SIZE = 5


def generate(
    plan: GenerationPlan,
    records: Sequence[Record],
    topics: Mapping[str, str],
    *,
    stored: Sequence[Record] = (),
    keep: Keep,
    progress: Progress = ignore_progress,
) -> GenerationResult:
    """Make the records of a plan.

    Args:
        plan: What to make.
        records: The dataset. Only real records are varied; synthetic ones of other batches count as known.
        topics: Record id to topic id; records without one are not varied.
        stored: Records of this batch that an interrupted run has kept.
        keep: Called with up to `CHUNK` new records at a time, in order.
        progress: Told after each draft how many records there are. When it raises
            `CancelledByPersonError`, what was made so far is kept first.

    Raises:
        InputError: the plan's strategy is not available.
    """
    done = [record for record in stored if record.origin.get("batch") == plan.batch]
    others = [record for record in records if record.origin.get("batch") != plan.batch]
    strategy = build_strategy(plan, others, topics)
    run = _Run(
        plan, strategy, Filters(others, topics, done, mode=plan.mode), keep, progress, _count_from(done)
    )
    run.valid = len(done)
    results: dict[str, TopicResult] = {}
    try:
        for topic_id in sorted(plan.counts):
            mine = [record for record in done if record.origin.get("topic_id") == topic_id]
            results[topic_id] = run.fill_topic(topic_id, mine)
    except CancelledByPersonError:
        run.flush()
        raise
    run.flush()
    return GenerationResult(batch=plan.batch, topics=results, cost=run.cost)


def preview(
    plan: GenerationPlan, records: Sequence[Record], topics: Mapping[str, str], *, size: int = PREVIEW_SIZE
) -> list[Record]:
    """Make the first few records of a plan, from as many topics as possible; nothing is stored.

    Raises:
        InputError: `size` is below 1, or the plan's strategy is not available.
    """
    if size < 1:
        raise InputError(f"A preview of {size} records was asked for; ask for 1 or more.")
    largest = sorted(plan.counts, key=lambda topic_id: (-plan.counts[topic_id], topic_id))[:size]
    share = -(-size // len(largest))
    small = plan.model_copy(
        update={"counts": {topic_id: min(share, plan.counts[topic_id]) for topic_id in largest}}
    )
    made: list[Record] = []
    generate(small, records, topics, keep=made.extend)
    turns = [
        [record for record in made if record.origin["topic_id"] == topic_id][place : place + 1]
        for place in range(share)
        for topic_id in largest
    ]
    return [record for turn in turns for record in turn][:size]


def _count_from(done: Sequence[Record]) -> int:
    """Give the number of the next record."""
    return max((int(record.id.rpartition("-")[2]) for record in done), default=0) + 1


@dataclass(slots=True)
class _Run:
    """A run at work."""

    plan: GenerationPlan
    strategy: Strategy
    filters: Filters
    keep: Keep
    progress: Progress
    number: int
    """Number of the next record."""
    valid: int = 0
    cost: float = 0.0
    pending: list[Record] = field(default_factory=list[Record])

    def fill_topic(self, topic_id: str, done: Sequence[Record]) -> TopicResult:
        """Make what a topic still lacks."""
        wanted = self.plan.counts[topic_id]
        rejected: Counter[Reason] = Counter()
        for record in done:
            rejected.update(record.origin.get("dropped", {}))
            self.cost += float(record.origin.get("cost", 0.0))
        valid = len(done)
        attempt = max((int(record.origin["attempt"]) for record in done), default=-1) + 1
        dropped: Counter[Reason] = Counter()
        has_seeds = True
        while valid < wanted and attempt < max(MIN_ATTEMPTS, ATTEMPTS_PER_RECORD * wanted):
            draft = self.strategy.draft(topic_id, attempt)
            if draft is None:
                has_seeds = False
                break
            reason = self._take(draft, topic_id, attempt, dropped)
            if reason is None:
                valid += 1
                dropped = Counter()
            else:
                dropped[reason] += 1
                rejected[reason] += 1
            attempt += 1
            self.progress("Generating records", self.valid, self.plan.total)
        result = TopicResult(
            topic_id=topic_id,
            wanted=wanted,
            made=attempt,
            valid=valid,
            rejected=dict(sorted(rejected.items())),
        )
        return result.model_copy(
            update={"note": write_note(result, has_seeds=has_seeds, mode=self.plan.mode)}
        )

    def _take(
        self, draft: Draft, topic_id: str, attempt: int, dropped: Mapping[Reason, int]
    ) -> Reason | None:
        """Keep a draft as a record, or say why not."""
        self.cost += draft.cost
        record = self._finish(draft, topic_id, attempt, dropped)
        reason = self.filters.check(record, topic_id, parent=draft.parent)
        if reason is not None:
            return reason
        self.filters.admit(record)
        self.number += 1
        self.valid += 1
        self.pending.append(record)
        if len(self.pending) >= CHUNK:
            self.flush()
        return None

    def flush(self) -> None:
        """Store what is pending."""
        if self.pending:
            chunk, self.pending = self.pending, []
            self.keep(chunk)

    def _finish(self, draft: Draft, topic_id: str, attempt: int, dropped: Mapping[Reason, int]) -> Record:
        parent = draft.parent
        origin: dict[str, Any] = {
            "strategy": self.plan.strategy,
            "mode": self.plan.mode,
            "topic_id": topic_id,
            "persona": draft.persona,
            "batch": self.plan.batch,
            "seed": self.plan.seed,
            "attempt": attempt,
            "turn": len(draft.context),
            "model": draft.model,
            "prompt_hash": hashlib.sha256(draft.source.encode()).hexdigest()[:16],
            "cost": draft.cost,
            "dropped": dict(sorted(dropped.items())),
        }
        return Record(
            id=f"{self.plan.batch}-{self.number:05d}",
            prompt=(*draft.context, {"role": "user", "content": draft.message}),
            reply=draft.reply,
            tools=parent.tools,
            item=copy_item(parent, keeps_question=draft.keeps_question),
            parents=tuple(dict.fromkeys((parent.id, *draft.donors))),
            origin=origin,
            family=parent.family or parent.id,
        )
