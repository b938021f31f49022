"""Find what stands out in the records of each topic: subjects, requests, keywords, kind of text."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.known import Known
from lucy.tools.topics.wordcounts import WordCounts
from lucy.tools.topics.words import Action, Kind, find_action, list_actions, list_vague

KEYWORDS = 8
"""Keywords per topic."""

_DISTINCT = 2.0
"""Natural logarithm of the ratio (7.4 times as common as elsewhere) above which more adds nothing.

Without it a rare word that is nowhere else beats the plain word: "floor" would name a topic of flats.
"""

_COMMON = 0.8
"""Logarithm of the ratio below which a word is the whole dataset's rather than a topic's."""

_KEYWORD = 0.04
"""Share of a topic's records below which a word is no keyword."""

_NEAR = 0.15
"""Share of a topic's records in which a thing has to stand near the word for a request."""

_PHRASE = 1.15

_PROPER = 0.3

_UNFIT = 0.3


@dataclass(frozen=True, slots=True)
class Subject:
    """A term that may name a topic."""

    term: str
    share: float
    """Share of the topic's records that hold it."""
    score: float


@dataclass(frozen=True, slots=True)
class Request:
    """What people ask for in a topic."""

    action: Action
    objects: tuple[str, ...]
    """Stems of what they ask it for, best first; siblings may share them ("flight")."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What stands out in one topic, best first."""

    subjects: tuple[Subject, ...]
    """Terms that tell the topic from its siblings."""
    requests: tuple[Request, ...]
    keywords: tuple[str, ...]
    kind: Kind | None = None
    """Kind of text that most of its records are, if of a known kind."""
    known: Known | None = None
    """Topic that conversations are often about, if it is one."""
    hint: Known | None = None
    """Such a topic that it is rather near to, where none is clearly near."""


def profile_topics(
    counts: WordCounts, members: NDArray[np.float64], rivals: NDArray[np.float64] | None = None
) -> list[Profile]:
    """Score the terms of every topic; `members` is texts x topics, 1 where a text belongs.

    Class-based TF-IDF in probabilities: the share of a topic's records with the term, times the logarithm
    of how many times the share elsewhere that is. With `rivals` (topics x topics, 1 for siblings) half of
    the score is measured against the siblings alone, since a name has to tell these apart.
    """
    sizes = np.maximum(members.sum(axis=0), 1)
    inside = np.asarray(counts.presence.T @ members) / sizes
    ratios = _compare(inside, 1 - np.eye(members.shape[1]))
    telling = inside * ratios
    if rivals is not None:
        alone = rivals.sum(axis=0) == 0
        telling = np.where(alone, telling, 0.5 * telling + 0.5 * inside * _compare(inside, rivals))
    pairs = np.asarray(counts.pair_presence.T @ members) / sizes
    kinds = counts.find_kinds(members)
    return [
        _Scorer(counts, inside[:, topic], ratios[:, topic], telling[:, topic], pairs[:, topic]).profile(
            kinds[topic]
        )
        for topic in range(len(kinds))
    ]


def _compare(inside: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the capped logarithm of each topic's share over the mean share of its others."""
    elsewhere = inside @ others / np.maximum(others.sum(axis=0), 1)
    return np.minimum(np.log((inside + 0.01) / (elsewhere + 0.01)), _DISTINCT)


@dataclass(frozen=True, slots=True)
class _Scorer:
    """The figures of all terms for one topic."""

    counts: WordCounts
    inside: NDArray[np.float64]
    ratios: NDArray[np.float64]
    telling: NDArray[np.float64]
    pairs_inside: NDArray[np.float64]

    def profile(self, kind: Kind | None) -> Profile:
        return Profile(
            subjects=self._rank_subjects(self.telling),
            requests=() if kind else self._rank_requests(),
            keywords=self._choose_keywords(),
            kind=kind,
        )

    def _order(self, scores: NDArray[np.float64]) -> list[int]:
        found = [int(column) for column in np.flatnonzero(scores > 0)]
        return sorted(found, key=lambda column: (-scores[column], self.counts.terms[column]))[:300]

    def _rank_subjects(self, scores: NDArray[np.float64]) -> tuple[Subject, ...]:
        """Give the terms fit to name the topic, none of them common to most topics."""
        common = {self.counts.terms[c] for c in np.flatnonzero(self.ratios < _COMMON)}
        subjects: list[Subject] = []
        for column in self._order(scores):
            term = self.counts.terms[column]
            weight = weigh_subject(self.counts, term)
            if weight and not common.intersection(term.split()):
                subjects.append(Subject(term, float(self.inside[column]), float(scores[column]) * weight))
        return tuple(sorted(subjects, key=lambda subject: (-subject.score, subject.term))[:20])

    def _rank_requests(self) -> tuple[Request, ...]:
        """Give the requests made in a topic, the most telling first, each with what it is asked for."""
        totals: dict[Action, float] = {}
        shares: dict[Action, float] = {}
        scores = self.inside * np.minimum(self.ratios, 1.0)
        for column in self._order(scores):
            action = find_action(self.counts.terms[column])
            if action is not None and self.counts.is_asked(self.counts.terms[column]):
                totals[action] = totals.get(action, 0.0) + float(scores[column])
                shares[action] = shares.get(action, 0.0) + float(self.inside[column])
        places = {action: place for place, action in enumerate(list_actions())}
        ranked = sorted(totals, key=lambda action: (-totals[action], places[action]))
        strong = [action for action in ranked if shares[action] >= 0.25 and totals[action] >= 0.15]
        return tuple(Request(action, self._rank_objects(action)) for action in strong)

    def _rank_objects(self, action: Action) -> tuple[str, ...]:
        """Give the things that stand near the words for a request, the commonest first."""
        shares = dict(zip(self.counts.terms, self.inside, strict=True))
        scores: dict[str, float] = {}
        for column, (key, stem) in enumerate(self.counts.pairs):
            near = float(self.pairs_inside[column]) * weigh_subject(self.counts, stem)
            if key == action.key and near >= _NEAR and find_action(stem) != action:
                scores[stem] = near * float(shares[stem])
        return tuple(sorted(scores, key=lambda stem: (-scores[stem], stem))[:3])

    def _choose_keywords(self) -> tuple[str, ...]:
        """Give the best terms that share no word with each other and are no proper names."""
        chosen: list[str] = []
        words: set[str] = set()
        for column in self._order(self.telling):
            parts = self.counts.terms[column].split()
            if (
                self.inside[column] < _KEYWORD
                or words.intersection(parts)
                or any(map(self.counts.is_proper, parts))
            ):
                continue
            chosen.append(self.counts.write(self.counts.terms[column]))
            words.update(parts)
        return tuple(chosen[:KEYWORDS])


def weigh_subject(counts: WordCounts, term: str) -> float:
    """Give how fit a term is to name a topic: 0 not at all, 1 for a plain noun, more for a noun phrase."""
    parts = term.split()
    if any(find_action(part) and not counts.is_mostly_thing(part) for part in parts):
        return 0.0
    if all(part in list_vague() for part in parts):
        return 0.0
    fit = counts.is_thing(parts[-1])
    if not fit and (len(parts) > 1 or counts.is_no_thing(term)):
        return 0.0
    weight = (_PHRASE if len(parts) > 1 else 1.0) * (1.0 if fit else _UNFIT)
    return weight * (_PROPER if any(counts.is_proper(part) for part in parts) else 1.0)
