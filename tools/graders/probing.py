"""Attack a grader with cheap tricks before it is trusted, and say which of them pay."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lucy.errors import InputError
from lucy.tools.dry_run.intervals import Clusters, Interval, estimate_mean, number_clusters
from lucy.tools.dry_run.sampling import choose_sample, order_key
from lucy.tools.graders.probe_report import (
    LEAST_GAIN,
    Outcome,
    ProbeExample,
    ProbeReport,
    TrickResult,
    list_warnings,
    read_difference,
)
from lucy.tools.graders.text import find_reference
from lucy.tools.graders.tricks import TRICKS, Aim, Material, Trick
from lucy.tools.responses import read_recorded_response
from lucy.tools.vocabulary import (
    Grade,
    Progress,
    Record,
    ScoreMany,
    ignore_progress,
    read_last_user_text,
)

__all__ = ["SAMPLE", "ProbeReport", "count_probes", "probe_grader"]

SAMPLE = 24
"""Records that a grader is probed on; with every trick up to 18 gradings each."""
_BATCH = 64
_LENGTH_STRATA = 4
_EXCERPT = 240
_LEAST_LOSS = 0.05
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class _Attack:
    """One answer to be graded."""

    place: int
    """Number of the record in the sample."""
    response: str


class _Plan(NamedTuple):
    records: list[Record]
    honest: list[str]
    attacks: dict[str, list[_Attack]]

    def count_answers(self) -> int:
        return len(self.honest) + sum(map(len, self.attacks.values()))


class _Paired(NamedTuple):
    """A trick's answer and the honest one, both graded."""

    attack: _Attack
    trick: float
    honest: float


def probe_grader(
    score_many: ScoreMany,
    records: Sequence[Record],
    *,
    answers: Sequence[str] | None = None,
    words: Sequence[str] = (),
    topics: Mapping[str, str | None] | None = None,
    size: int = SAMPLE,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> ProbeReport:
    """Grade cheap tricks beside the honest answers to a sample of records, and tell which tricks pay.

    Worthless answers (empty, refusals, nonsense, ...) must score at least 0.05 less than honest ones. Cut
    off ones must score less. Padded, repeated ones and ones with a plea must not score over 0.02 more. What
    misses that by its mean *wins*; what only its 90% interval does not prove is *undecided*. The limits are
    ours, without a stated error rate.

    An honest answer that is the recorded reply is compared, by graders that look at that reply, with
    itself: it then scores higher than an answer of a model would. Give `answers`, and records without
    them, to probe without that advantage. A grader may have weaknesses that no trick here shows.

    Args:
        score_many: The grader.
        records: Those without an answer are passed over; one record of each family is used.
        answers: Honest answers as responses, one for each record; else the recorded reply or the reference.
        words: The grader's own words (`list_own_words`).
        topics: Topic by record id: the sample is stratified by it, else by the length of the answers.
        size: Records in the sample, 1 or more.
        seed: Chooses the sample, and which record's answer is given to which other.
        progress: Told how many answers were graded.

    Raises:
        InputError: no record has an answer.
    """
    plan = _plan(records, answers=answers, words=words, topics=topics, size=size, seed=seed)
    grade = _Grading(score_many, progress, plan.count_answers())
    honest = grade.run(plan.records, [_Attack(i, text) for i, text in enumerate(plan.honest)])
    graded = {name: grade.run(plan.records, attacks) for name, attacks in plan.attacks.items()}
    results = tuple(
        _judge_trick(trick, plan, honest, graded[trick.name], seed)
        for trick in TRICKS
        if plan.attacks[trick.name]
    )
    return _report(plan, honest, results, _count_failures([honest, *graded.values()]))


def count_probes(
    records: Sequence[Record],
    *,
    answers: Sequence[str] | None = None,
    words: Sequence[str] = (),
    topics: Mapping[str, str | None] | None = None,
    size: int = SAMPLE,
    seed: int = 0,
) -> int:
    """Tell how many answers `probe_grader` grades with the same arguments.

    Raises:
        InputError: no record has an answer.
    """
    return _plan(records, answers=answers, words=words, topics=topics, size=size, seed=seed).count_answers()


class _Grading:
    """Grades in batches and reports the progress over all of them."""

    def __init__(self, score_many: ScoreMany, progress: Progress, total: int) -> None:
        self._score_many, self._progress, self._total = score_many, progress, total
        self._done = 0

    def run(self, records: Sequence[Record], attacks: Sequence[_Attack]) -> list[Grade]:
        grades: list[Grade] = []
        for start in range(0, len(attacks), _BATCH):
            batch = attacks[start : start + _BATCH]
            grades += self._score_many([(records[one.place], one.response) for one in batch])
            self._done += len(batch)
            self._progress("Probing the grader", self._done, self._total)
        return grades


def _plan(
    records: Sequence[Record],
    *,
    answers: Sequence[str] | None,
    words: Sequence[str],
    topics: Mapping[str, str | None] | None,
    size: int,
    seed: int,
) -> _Plan:
    """Choose the records and write every answer that is to be graded."""
    texts = list(answers) if answers is not None else [_find_answer(record) for record in records]
    usable = [(record, text) for record, text in zip(records, texts, strict=True) if text.strip()]
    chosen = _choose(usable, topics, size, seed)
    others = [_find_other(one, usable, seed) for one in chosen]
    attacks: dict[str, list[_Attack]] = {}
    for trick in TRICKS:
        made = [
            _Attack(place, trick.make(Material(record, text, other, "\n".join(words), place)))
            for place, ((record, text), other) in enumerate(zip(chosen, others, strict=True))
        ]
        attacks[trick.name] = [one for one in made if one.response or trick.name == "empty"]
    return _Plan([record for record, _ in chosen], [text for _, text in chosen], attacks)


def _find_answer(record: Record) -> str:
    return read_recorded_response(record) or find_reference(record.item) or ""


def _choose(
    usable: list[tuple[Record, str]], topics: Mapping[str, str | None] | None, size: int, seed: int
) -> list[tuple[Record, str]]:
    """Take one record of each family, stratified by topic, or by the length of the answers."""
    alone: dict[str, tuple[Record, str]] = {}
    for record, text in usable:
        alone.setdefault(record.family or record.id, (record, text))
    if not alone:
        raise InputError(
            "The grader cannot be probed: none of the records has a recorded reply or a reference answer; "
            "add some, or generate responses with the dry run."
        )
    kept = list(alone.values())
    strata = topics if topics is not None else _sort_by_length(kept)
    ids = set(choose_sample([record.id for record, _ in kept], strata, count=size, seed=seed))
    return [(record, text) for record, text in kept if record.id in ids]


def _sort_by_length(kept: Sequence[tuple[Record, str]]) -> dict[str, str | None]:
    ordered = sorted(kept, key=lambda one: len(one[1]))
    return {
        record.id: str(place * _LENGTH_STRATA // len(ordered)) for place, (record, _) in enumerate(ordered)
    }


def _find_other(one: tuple[Record, str], usable: Sequence[tuple[Record, str]], seed: int) -> str:
    """Give the answer to a record of another family; empty when all of them say the same."""
    record, text = one
    family = record.family or record.id
    start = int.from_bytes(order_key(seed, record.id)) % len(usable)
    for other, answer in (*usable[start:], *usable[:start]):
        if (other.family or other.id) != family and answer != text:
            return answer
    return ""


def _judge_trick(
    trick: Trick, plan: _Plan, honest: Sequence[Grade], graded: Sequence[Grade], seed: int
) -> TrickResult:
    """Compare one trick with the honest answers to the same records."""
    pairs: list[_Paired] = []
    for attack, grade in zip(plan.attacks[trick.name], graded, strict=True):
        true = honest[attack.place].score
        if grade.score is not None and true is not None:
            pairs.append(_Paired(attack, grade.score, true))
    difference = _estimate(pairs, plan, seed) if pairs else None
    return TrickResult(
        name=trick.name,
        title=trick.title,
        aim=trick.aim,
        records=len(pairs),
        failed=sum(grade.score is None for grade in graded),
        score=_mean([pair.trick for pair in pairs]),
        difference=difference,
        better=_mean([float(pair.trick > pair.honest + _EQUAL) for pair in pairs]),
        outcome=_decide(trick.aim, difference) if difference else None,
        example=_pick_example(pairs, plan),
    )


def _estimate(pairs: Sequence[_Paired], plan: _Plan, seed: int) -> Interval:
    clusters: Clusters = number_clusters(
        [plan.records[pair.attack.place].family or plan.records[pair.attack.place].id for pair in pairs]
    )
    return estimate_mean(np.array([pair.trick - pair.honest for pair in pairs]), clusters, seed=seed)


def _decide(aim: Aim, difference: Interval) -> Outcome:
    """Say whether a trick pays, by the mean; an interval that does not prove its loss leaves it open."""
    if aim == "inflated":
        if difference.value > LEAST_GAIN:
            return "wins" if difference.low90 > 0 else "undecided"
        return "loses"
    bound = -_LEAST_LOSS if aim == "worthless" else -_EQUAL
    if difference.value > bound:
        return "wins"
    return "loses" if difference.high90 <= bound else "undecided"


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 6) if values else None


def _pick_example(pairs: Sequence[_Paired], plan: _Plan) -> ProbeExample | None:
    if not pairs:
        return None
    pair = max(pairs, key=lambda one: (one.trick - one.honest, -one.attack.place))
    record = plan.records[pair.attack.place]
    return ProbeExample(
        record_id=record.id,
        prompt=_shorten(read_last_user_text(record)),
        response=_shorten(pair.attack.response),
        score=pair.trick,
        honest_score=pair.honest,
    )


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "\u2026"


def _count_failures(graded: Sequence[Sequence[Grade]]) -> Counter[str]:
    return Counter(grade.error or "error" for grades in graded for grade in grades if grade.score is None)


def _report(
    plan: _Plan, honest: Sequence[Grade], results: tuple[TrickResult, ...], failures: Counter[str]
) -> ProbeReport:
    scores = [grade.score for grade in honest if grade.score is not None]
    mean = _mean(scores)
    winners = sorted(
        (one for one in results if one.outcome == "wins"), key=lambda one: -(read_difference(one))
    )
    worthless = [one for one in results if one.aim == "worthless" and one.score is not None]
    best = winners[0] if winners else max(worthless, key=lambda one: one.score or 0.0, default=None)
    return ProbeReport(
        records=len(plan.records),
        gradings=plan.count_answers(),
        honest=mean,
        honest_failed=len(honest) - len(scores),
        tricks=results,
        best=best.name if best else None,
        best_score=best.score if best else None,
        winners=tuple(one.name for one in winners),
        warnings=list_warnings(results, winners, failures, plan.count_answers()),
    )
