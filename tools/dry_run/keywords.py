"""Measure whether a grader pays for a single word."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.intervals import Clusters, number_clusters
from lucy.tools.dry_run.rollouts import GradedRollout, group_answers, read_scores
from lucy.tools.responses import read_response

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_MAX_CHARACTERS = 20_000
_MIN_FAMILIES = 8
_MIN_SHARE = 0.1
"""Share of the unrelated prompts that a word must tell apart answers of, to be looked at."""
_CLOSE = 0.01
_MAX_CORRELATION = 0.999
_RISK = 0.025


class KeywordPull(BaseModel):
    """The word whose presence explains most of the rewards of answers to one prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: tuple[str, ...]
    """The word, and at most two that stand in nearly the same answers."""
    direction: Literal["more", "less"]
    """Whether answers with the word get more reward or less."""
    explained: float
    """Share of all reward differences within prompts that its presence explains, 0 to 1."""
    explained_low: float
    """Lower 95% bound of `explained`, corrected for the number of words looked at."""
    lift: float
    """Mean reward with the word minus without, within prompts, -1 to 1."""
    prompts: int
    """Unrelated prompts that have answers with and without the word."""
    tested: int
    """Words looked at."""


class _Said(NamedTuple):
    """Which answers say which words: one entry for each answer and word."""

    words: list[str]
    word: NDArray[np.int64]
    """Number of the word, by entry."""
    answer: NDArray[np.int64]
    """Number of the answer, by entry."""


@dataclass(frozen=True, slots=True)
class _Found:
    word: str
    correlation: float
    lift: float
    families: int


def measure_keywords(graded: Sequence[GradedRollout]) -> KeywordPull | None:
    """Find the word that explains most of the rewards; None where no word could be looked at.

    The correlation of presence and reward within prompts, for words that tell apart answers to a tenth of
    the unrelated prompts or more; its bound by Fisher's transformation with a family as one observation, for
    all words looked at together (Bonferroni). Words are letters, without regard to case; tool calls are not
    read, since the right tool's name belongs into a right answer. What it does not do: find phrases of words
    that are common on their own, or tell whether a word is what makes an answer right.
    """
    groups = group_answers(graded)
    answers = [answer for group in groups for answer in group]
    deviations = np.concatenate([read_scores(group) - read_scores(group).mean() for group in groups])
    total, said = float(deviations @ deviations), _read_words(answers)
    if total <= 0 or not said.words:
        return None
    sizes = np.array([len(group) for group in groups])
    prompt = np.repeat(np.arange(len(groups)), sizes)
    family = number_clusters([answer.cluster for answer in answers])
    found = _relate(said, deviations=deviations, prompt=prompt, family=family, sizes=sizes)
    return _report(found) if found else None


def _read_words(answers: Sequence[GradedRollout]) -> _Said:
    numbers: dict[str, int] = {}
    word: list[int] = []
    answer: list[int] = []
    for at, one in enumerate(answers):
        found = find_answer_words(one.response)
        word += [numbers.setdefault(text, len(numbers)) for text in found]
        answer += [at] * len(found)
    return _Said(list(numbers), np.array(word, dtype=np.int64), np.array(answer, dtype=np.int64))


def _relate(
    said: _Said,
    *,
    deviations: NDArray[np.float64],
    prompt: NDArray[np.int64],
    family: Clusters,
    sizes: NDArray[np.int64],
) -> list[_Found]:
    """Relate presence x and reward y, each about its prompt's mean, for every word that is common enough."""
    count = len(said.words)
    first: NDArray[np.int64]
    places, first, entry, present = np.unique(
        prompt[said.answer] * count + said.word, return_index=True, return_inverse=True, return_counts=True
    )
    size = sizes[places // count]
    mixed = present < size
    word = places[mixed] % count
    products = np.bincount(entry, weights=deviations[said.answer])[mixed]
    xy = np.bincount(word, weights=products, minlength=count)
    xx = np.bincount(word, weights=(present * (1 - present / size))[mixed], minlength=count)
    pairs = np.unique(family.labels[said.answer[first]][mixed] * count + word)
    families = np.bincount(pairs % count, minlength=count)
    least = max(_MIN_FAMILIES, _MIN_SHARE * family.size)
    total = float(deviations @ deviations)
    return [
        _Found(said.words[at], xy[at] / math.sqrt(xx[at] * total), xy[at] / xx[at], int(families[at]))
        for at in np.flatnonzero(families >= least).tolist()
    ]


def find_answer_words(response: str) -> list[str]:
    """Find the words that an answer says, each once, in small letters; of very long answers the first."""
    return list(dict.fromkeys(_WORD.findall(read_response(response).text[:_MAX_CHARACTERS].casefold())))


def _report(found: Sequence[_Found]) -> KeywordPull:
    more = max(found, key=lambda one: one.correlation)
    less = min(found, key=lambda one: one.correlation)
    # A word that fails when it appears ("sorry") makes every word of the other answers look rewarded.
    best = less if -less.correlation >= more.correlation - _CLOSE else more
    sign = 1 if best is more else -1
    alike = sorted(
        (one for one in found if sign * one.correlation >= sign * best.correlation - _CLOSE),
        key=lambda one: (-sign * one.correlation, one.word),
    )
    strength = sign * best.correlation
    return KeywordPull(
        words=tuple(one.word for one in alike[:3]),
        direction="more" if sign > 0 else "less",
        explained=round(strength**2, 6),
        explained_low=round(max(0.0, _bound(strength, best.families, len(found))) ** 2, 6),
        lift=round(best.lift, 6),
        prompts=best.families,
        tested=len(found),
    )


def _bound(correlation: float, families: int, tested: int) -> float:
    """Give the lower bound of a correlation that is the largest of many."""
    from scipy.special import ndtri  # slow to import

    width = float(ndtri(1 - _RISK / tested)) / math.sqrt(families - 3)
    return float(np.tanh(np.arctanh(min(max(correlation, 0.0), _MAX_CORRELATION)) - width))
