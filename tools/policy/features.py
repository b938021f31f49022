"""Describe candidates by numbers that a linear policy can weigh."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.policy.edits import EDITS
from lucy.tools.policy.exchanges import Query, read_query
from lucy.tools.policy.pool import Asker, Candidate, ReplyPool
from lucy.tools.policy.sentences import (
    REMEMBERED,
    describe_text,
    find_words,
    fold_text,
    is_closing,
    is_trouble,
)
from lucy.tools.vocabulary import Record

FEATURES: tuple[str, ...] = (
    "similarity", "context_similarity", "before_similarity", "support", "rank", "log_length", "very_short",
    "very_long", "polite", "question", "next_step", "promise", "date", "overlap", "farewell_fit",
    "apology_fit", "refusal", "first_person", "numbers", "unknown", "repeats_itself",
    *(f"edit_{edit}" for edit in EDITS),
)  # fmt: skip
"""Names of the features, in the order of the weights."""

SHORT_WORDS = 8
LONG_WORDS = 60
_COMMON_TEXT = """
a about all am an and any are as at be but by can could did do does for from get give go had has have
hello hi how i if in is it its just like me my need no not of ok okay on or our please so some thank
thanks that the their them then there they this to up us want was we were what when where which who why
will with would yes you your
"""
_COMMON = frozenset(_COMMON_TEXT.split())
_EDIT_FEATURES = {edit: tuple(float(edit == other) for other in EDITS) for edit in EDITS}


@dataclass(frozen=True, slots=True)
class CandidateTable:
    """The candidates of one prompt with their features, which no weights enter: made once, used often."""

    texts: tuple[str, ...]
    features: NDArray[np.float64]
    """Raw values, candidates x features."""


class _Prompt(NamedTuple):
    content: frozenset[str]
    closing: bool
    trouble: bool
    earlier: frozenset[str]


def tabulate(query: Query, candidates: Sequence[Candidate]) -> CandidateTable:
    """Compute the features of one prompt's candidates."""
    prompt = _Prompt(
        content=find_words(query.user) - _COMMON,
        closing=is_closing(query.user, query.context),
        trouble=is_trouble(query.user),
        earlier=frozenset(fold_text(text) for text in query.earlier),
    )
    rows = [_measure(candidate, prompt) for candidate in candidates]
    return CandidateTable(tuple(candidate.text for candidate in candidates), np.array(rows, dtype=np.float64))


def tabulate_prompt(pool: ReplyPool, query: Query) -> CandidateTable:
    """Find and describe the candidates of one prompt that belongs to nobody's record."""
    return tabulate(query, pool.find_candidates(query, Asker()))


def tabulate_records(pool: ReplyPool, records: Sequence[Record]) -> Iterator[CandidateTable]:
    """Find and describe the candidates of many records, in order, one at a time."""
    candidates: Iterable[list[Candidate]] = pool.find_for_records(records)
    for record, found in zip(records, candidates, strict=True):
        yield tabulate(read_query(record.prompt), found)


def _measure(candidate: Candidate, prompt: _Prompt) -> list[float]:
    text = describe_text(candidate.text)
    shared = prompt.content & find_words(candidate.text)
    wording, manner = _measure_text(candidate.text)
    return [
        candidate.similarity,
        candidate.context_similarity,
        candidate.before_similarity,
        candidate.support,
        1 / (1 + candidate.rank),
        *wording,
        len(shared) / len(prompt.content) if prompt.content else 0.0,
        (1.0 if text.farewell else -1.0) if prompt.closing else (-1.0 if text.farewell else 0.0),
        (1.0 if prompt.trouble else -1.0) if text.apology else 0.0,
        *manner,
        math.log1p(candidate.unknown) if candidate.unknown else 0.0,
        1.0 if prompt.earlier and fold_text(candidate.text) in prompt.earlier else 0.0,
        *_EDIT_FEATURES[candidate.edit],
    ]


@lru_cache(REMEMBERED)
def _measure_text(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure what no prompt enters: `log_length` to `date`, and `refusal` to `numbers`."""
    traits = describe_text(text)
    words = max(traits.words, 1)
    wording = (
        math.log(words),
        max(0.0, math.log(SHORT_WORDS / words)),
        max(0.0, math.log(words / LONG_WORDS)),
        math.log1p(traits.polite),
        float(traits.questions > 0),
        float(traits.next_step),
        math.log1p(traits.promises),
        math.log1p(traits.dates),
    )
    return wording, (float(traits.refusal), float(traits.first_person), math.log1p(traits.numbers))
