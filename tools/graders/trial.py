"""Try a grader on a few records before it is used, and say what looks wrong with it.

Five records show gross faults only. Not seen: whether the scores agree with people's, whether cheap tricks
pay (see `probing`), a fault that few records bring out, and a script that behaves from the third run on.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.graders.config import GraderConfig
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.graders.scoring import hash_grader, list_judges, open_grader
from lucy.tools.graders.text import find_reference
from lucy.tools.responses import read_recorded_response
from lucy.tools.vocabulary import Grade, Record, ScoreMany, read_last_user_text

_EXCERPT = 600
_NOISY = 0.1
_SAME = 1e-9


class TrialSample(BaseModel):
    """One record's response and what the grader said about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record_id: str
    prompt: str
    """Beginning of the last user message."""
    response: str
    """Beginning of the response that was graded."""
    source: Literal["reply", "reference"]
    """Whether the recorded reply was graded, or the reference answer for want of one."""
    score: float | None
    criteria: dict[str, float]
    reason: str
    error: str | None
    reference_score: float | None
    """Score of the reference answer; None when there is none, or it could not be graded."""
    empty_score: float | None
    """Score of an empty answer; None when it could not be graded."""


class TrialReport(BaseModel):
    """What came of trying a grader."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grader: str
    """The grader's name."""
    grader_hash: str
    samples: tuple[TrialSample, ...]
    mean: float | None
    """Over the samples that have a score; None when none has."""
    lowest: float | None
    highest: float | None
    failed: int
    """Samples without a score."""
    is_deterministic: bool
    """Whether grading again in reversed order gave the same scores."""
    noise: float | None = None
    """Standard deviation of a judge model's score of one answer, from asking it anew; None for others."""
    must_not_be_used: str | None = None
    """One sentence why this grader cannot be the objective of a training; None when it can."""
    warnings: tuple[str, ...]
    """Sentences; empty when nothing looks wrong."""


class _Pair(BaseModel):
    """What is graded for one sample."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    record: Record
    response: str
    source: Literal["reply", "reference"]
    reference: str | None


def try_grader(
    config: GraderConfig,
    records: Sequence[Record],
    resources: Resources = NO_RESOURCES,
    *,
    size: int = 5,
    seed: int = 0,
) -> TrialReport:
    """Grade up to `size` recorded replies, spread over the records, and their reference and empty answers.

    Records with a reply come first; for want of them reference answers are graded. The answers are graded
    twice, the second time in reversed order; a judge model is asked anew for them a third time. A recorded
    reply that a grader compares with itself scores higher than an answer of a model would.

    Raises:
        InputError: no record has a reply or a reference answer.
        GraderError: the grader cannot be used at all.
    """
    pairs = _choose(records, size, seed)
    given = [(pair.record, pair.response) for pair in pairs]
    with open_grader(config, resources) as score_many:
        grades, is_deterministic = _grade_twice(score_many, given)
        references = _grade_references(score_many, pairs)
        empties = score_many([(pair.record, "") for pair in pairs])
    samples = tuple(
        _make_sample(pair, grade, reference, empty)
        for pair, grade, reference, empty in zip(pairs, grades, references, empties, strict=True)
    )
    noise = _measure_noise(config, resources, given, grades) if list_judges(config, resources) else None
    scores = [sample.score for sample in samples if sample.score is not None]
    return TrialReport(
        grader=config.name,
        grader_hash=hash_grader(config),
        samples=samples,
        mean=sum(scores) / len(scores) if scores else None,
        lowest=min(scores, default=None),
        highest=max(scores, default=None),
        failed=len(samples) - len(scores),
        is_deterministic=is_deterministic,
        noise=noise,
        must_not_be_used=_find_ban(samples),
        warnings=(
            *_find_warnings(samples, size, is_deterministic=is_deterministic),
            *_warn_of_noise(noise, scores),
        ),
    )


def _choose(records: Sequence[Record], size: int, seed: int) -> list[_Pair]:
    """Take records evenly over the list, first those with a reply, from a seeded offset."""
    replied = [record for record in records if read_recorded_response(record)]
    referenced = [r for r in records if not read_recorded_response(r) and find_reference(r.item)]
    chosen = _spread(replied, size, seed)
    chosen += _spread(referenced, size - len(chosen), seed)
    if not chosen:
        raise InputError(
            "The grader cannot be tried: none of the records has a recorded reply or a reference answer; "
            "add some, or generate responses with the dry run."
        )
    return [_make_pair(record) for record in chosen]


def _spread(records: Sequence[Record], size: int, seed: int) -> list[Record]:
    if size <= 0 or len(records) <= size:
        return list(records[: max(0, size)])
    offset = random.Random(seed).random()
    return [records[int((i + offset) * len(records) / size)] for i in range(size)]


def _make_pair(record: Record) -> _Pair:
    reply, reference = read_recorded_response(record), find_reference(record.item)
    return _Pair(
        record=record,
        response=reply or reference or "",
        source="reply" if reply else "reference",
        reference=reference,
    )


def _grade_twice(score_many: ScoreMany, pairs: list[tuple[Record, str]]) -> tuple[list[Grade], bool]:
    first = score_many(pairs)
    second = score_many(pairs[::-1])[::-1]
    return first, all(_is_same(a, b) for a, b in zip(first, second, strict=True))


def _is_same(first: Grade, second: Grade) -> bool:
    if first.score is None or second.score is None:
        return first.error == second.error
    return abs(first.score - second.score) <= _SAME


def _measure_noise(
    config: GraderConfig, resources: Resources, given: list[tuple[Record, str]], first: Sequence[Grade]
) -> float | None:
    """Ask the judge anew, and give the standard deviation of one score: sqrt(sum of squares / 2n).

    Dahlberg (1940) for duplicate measurements. None when no answer was graded twice.
    """
    with open_grader(config, replace(resources, repeat=resources.repeat + 1)) as score_many:
        second = score_many(given)
    gaps = [
        one.score - other.score
        for one, other in zip(first, second, strict=True)
        if one.score is not None and other.score is not None
    ]
    return round(math.sqrt(sum(gap**2 for gap in gaps) / (2 * len(gaps))), 6) if gaps else None


def _grade_references(score_many: ScoreMany, pairs: Sequence[_Pair]) -> list[float | None]:
    graded = score_many([(pair.record, pair.reference or "") for pair in pairs])
    return [grade.score if pair.reference else None for pair, grade in zip(pairs, graded, strict=True)]


def _make_sample(pair: _Pair, grade: Grade, reference_score: float | None, empty: Grade) -> TrialSample:
    return TrialSample(
        record_id=pair.record.id,
        prompt=_shorten(read_last_user_text(pair.record)),
        response=_shorten(pair.response),
        source=pair.source,
        score=grade.score,
        criteria=grade.criteria,
        reason=grade.reason,
        error=grade.error,
        reference_score=reference_score,
        empty_score=empty.score,
    )


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "\u2026"


def _find_ban(samples: Sequence[TrialSample]) -> str | None:
    """Say why a grader cannot be the objective at all."""
    if all(sample.score is None for sample in samples):
        first = samples[0]
        reason = first.reason.rstrip(".")
        return (
            f"None of the {len(samples)} answers could be graded ({first.error}: {reason}); "
            "correct the grader and try it again."
        )
    compared = [
        (sample.reference_score, sample.empty_score)
        for sample in samples
        if sample.reference_score is not None and sample.empty_score is not None
    ]
    worse = sum(reference <= empty for reference, empty in compared)
    if worse * 2 > len(compared):
        return (
            f"The reference answer scores no more than an empty one for {worse} of {len(compared)} samples, "
            "so that training would reward saying nothing; correct the grader."
        )
    return None


def _warn_of_noise(noise: float | None, scores: Sequence[float]) -> list[str]:
    """Speak of noise that is large, alone or beside the differences between answers."""
    if noise is None or noise == 0:
        return []
    spread = math.sqrt(sum((one - sum(scores) / len(scores)) ** 2 for one in scores) / len(scores))
    if noise <= _NOISY and noise <= spread:
        return []
    return [
        f"Asked anew about the same answers the judge's scores vary by {noise:.2f} (one standard deviation), "
        f"the answers' own scores by {spread:.2f}: use a lower temperature or clearer criteria."
    ]


def _find_warnings(samples: Sequence[TrialSample], size: int, *, is_deterministic: bool) -> list[str]:
    """List what looks wrong, each in a sentence."""
    found = [*_warn_of_failures(samples), *_warn_of_scores(samples)]
    without = sum(sample.source == "reference" for sample in samples)
    if without:
        found.append(
            f"{without} of {len(samples)} samples have no recorded reply: the reference answer was graded."
        )
    if len(samples) < size:
        found.append(f"Only {len(samples)} of the {size} samples asked for have an answer to grade.")
    if not is_deterministic:
        found.append(
            "Graded again in reversed order some scores changed: the grader keeps state or is random."
        )
    return found


def _warn_of_failures(samples: Sequence[TrialSample]) -> list[str]:
    failed = [sample for sample in samples if sample.score is None]
    if not failed:
        return []
    first = failed[0]
    reason = first.reason.rstrip(".")
    return [f"{len(failed)} of {len(samples)} samples could not be graded ({first.error}): {reason}."]


def _warn_of_scores(samples: Sequence[TrialSample]) -> list[str]:
    found: list[str] = []
    scores = [sample.score for sample in samples if sample.score is not None]
    if len(scores) > 1 and max(scores) - min(scores) <= _SAME:
        found.append(f"Every sample has the same score, {scores[0]:.2f}: training needs scores that differ.")
    hollow = sum(
        sample.empty_score is not None and sample.score is not None and sample.empty_score >= sample.score
        for sample in samples
    )
    if hollow:
        found.append(
            f"An empty answer scores as high as the real one for {hollow} of {len(samples)} samples."
        )
    references = [s.reference_score for s in samples if s.reference_score is not None]
    low = sum(score < 0.5 for score in references)
    if low:
        found.append(f"The reference answer scores under 0.5 for {low} of {len(references)} samples.")
    return found
