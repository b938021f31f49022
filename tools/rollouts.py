"""Roll out a policy over prompts and grade the answers, storing as it goes and repeating nothing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.store.database import Store
from lucy.tools.store.rollouts import (
    Rollout,
    add_grades,
    add_rollouts,
    address_grade,
    address_rollout,
    read_grades,
    read_rollouts,
)
from lucy.tools.vocabulary import Grade, Progress, Record, ScoreMany, ignore_progress

if TYPE_CHECKING:
    from lucy.tools.calls.door import Estimate

CHUNK = 32
"""Prompts that are rolled out and stored together: what a kill can lose."""


class Policy(Protocol):
    """A model that answers prompts; equal `sha`, prompt, number and seed give the equal answer."""

    @property
    def sha(self) -> str:
        """Content address of the model."""
        ...

    def sample_many(self, records: Sequence[Record], n: int, *, seed: int) -> list[list[str]]:
        """Answer each record's prompt `n` times; answer i does not depend on `n`."""
        ...


@runtime_checkable
class PaidPolicy(Protocol):
    """A policy whose answers are paid for."""

    def estimate(self, wanted: Sequence[tuple[Record, int]]) -> "Estimate":
        """Estimate what answers to records take, each so many times, when none is stored yet."""
        ...

    def find_unanswered(self, records: Sequence[Record], n: int, *, seed: int) -> dict[str, str]:
        """Ask for all answers, and give the ids of records that did not get every one, each with the reason.

        What was answered is stored: asked again it is not paid again.

        Raises:
            ProviderError: no record got all its answers.
        """
        ...


def count_missing(
    store: Store, policy: Policy, records: Sequence[Record], *, count: int, seed: int
) -> dict[str, int]:
    """Count the answers to each record that are not stored, by its id."""
    keys = {
        record.id: [address_rollout(policy.sha, record, number, seed) for number in range(count)]
        for record in records
    }
    stored = read_rollouts(store, [key for some in keys.values() for key in some])
    return {record_id: sum(key not in stored for key in some) for record_id, some in keys.items()}


def find_unanswered(
    store: Store, policy: Policy, records: Sequence[Record], *, count: int, seed: int
) -> dict[str, str]:
    """Have a model at a service answer; give the ids of records that it did not answer, with the reason.

    Empty for a model that answers here.

    Raises:
        ProviderError: it answered nothing.
    """
    if not isinstance(policy, PaidPolicy):
        return {}
    missing = count_missing(store, policy, records, count=count, seed=seed)
    wanted = [record for record in records if missing[record.id]]
    return policy.find_unanswered(wanted, count, seed=seed)


def roll_out(
    store: Store,
    policy: Policy,
    records: Sequence[Record],
    *,
    count: int,
    seed: int,
    progress: Progress = ignore_progress,
) -> list[Rollout]:
    """Answer each prompt `count` times; what is stored already is read, not made again."""
    made: list[Rollout] = []
    for start in range(0, len(records), CHUNK):
        chunk = records[start : start + CHUNK]
        made.extend(_roll_out_chunk(store, policy, chunk, count, seed))
        progress("Answering prompts", min(start + CHUNK, len(records)), len(records))
    return made


def _roll_out_chunk(
    store: Store, policy: Policy, records: Sequence[Record], count: int, seed: int
) -> list[Rollout]:
    keys = {
        record.id: [address_rollout(policy.sha, record, number, seed) for number in range(count)]
        for record in records
    }
    known = read_rollouts(store, [key for some in keys.values() for key in some])
    wanted = [record for record in records if any(key not in known for key in keys[record.id])]
    answers = policy.sample_many(wanted, count, seed=seed) if wanted else []
    fresh = [
        Rollout(key, policy.sha, record.id, number, some[number])
        for record, some in zip(wanted, answers, strict=True)
        for number, key in enumerate(keys[record.id])
        if key not in known
    ]
    add_rollouts(store, fresh)
    known.update({one.key: one for one in fresh})
    return [known[key] for record in records for key in keys[record.id]]


def grade_rollouts(
    score_many: ScoreMany,
    rollouts: Sequence[Rollout],
    *,
    records: Mapping[str, Record],
    progress: Progress = ignore_progress,
) -> list[Grade]:
    """Grade rollouts in order, in chunks.

    Args:
        score_many: The grader at work; wrap it with `remember_grades` so that a kill loses one chunk only.
        rollouts: What is graded.
        records: The records of the rollouts, by id.
        progress: Reported to after each chunk.
    """
    grades: list[Grade] = []
    step = CHUNK * 32  # large, so that a judge's last slow answer is waited for seldom
    for start in range(0, len(rollouts), step):
        chunk = rollouts[start : start + step]
        grades.extend(score_many([(records[one.record_id], one.response) for one in chunk]))
        progress("Grading answers", min(start + step, len(rollouts)), len(rollouts))
    return grades


def remember_grades(store: Store, grader: str, score_many: ScoreMany) -> ScoreMany:
    """Wrap a grader so that every grade is stored by content and nothing is graded twice.

    A failed grading is stored with its class, for the report, and tried again the next time.
    """

    def score(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        keys = [address_grade(grader, record, response) for record, response in pairs]
        found = read_grades(store, list(dict.fromkeys(keys)))
        known = {key: grade for key, grade in found.items() if grade.error is None}
        missing = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in known}
        fresh = dict(zip(missing, score_many(list(missing.values())), strict=True))
        add_grades(store, grader, [(key, missing[key][0].id, grade) for key, grade in fresh.items()])
        known.update(fresh)
        return [known[key] for key in keys]

    return score


def join_rollouts(
    rollouts: Sequence[Rollout],
    grades: Sequence[Grade],
    *,
    records: Mapping[str, Record],
    topics: Mapping[str, str | None],
) -> list[GradedRollout]:
    """Put rollouts, their grades, and the family and topic of their records together."""
    return [
        GradedRollout(
            record_id=one.record_id,
            family=records[one.record_id].family or one.record_id,
            topic_id=topics.get(one.record_id),
            index=one.number,
            response=one.response,
            grade=grade,
        )
        for one, grade in zip(rollouts, grades, strict=True)
    ]


def count_tokens(rollouts: Sequence[Rollout]) -> int:
    """Estimate the tokens of all answers together."""
    return sum(estimate_tokens([{"role": "assistant", "content": one.response}]) for one in rollouts)
