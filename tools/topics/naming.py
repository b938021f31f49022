"""Give topics the names, keywords and descriptions that a person would give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.features import Lens
from lucy.tools.topics.wordcounts import WordCounts
from lucy.tools.topics.words import Action, Kind, find_action, list_actions

KEYWORDS = 8
"""Keywords per topic."""

_DISTINCT = 2.0
"""Natural logarithm of the ratio (7.4 times as common as elsewhere) above which more adds nothing.

Without it a rare word that is nowhere else beats the plain word: "floor" would name a topic of flats.
"""

_VAGUE = 0.1
"""Share of a topic's records below which a word says too little about it."""

_PLAIN = 0.2
"""Share of a topic's records from which one word alone may name it."""

_COMMON = 0.8
"""Logarithm of the ratio below which a word is the whole dataset's rather than a topic's."""

_KEYWORD = 0.04
"""Share of a topic's records below which a word is no keyword."""

_NEAR = 0.1
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


@dataclass(frozen=True, slots=True)
class Label:
    """What a topic is called and what describes it."""

    name: str
    description: str
    keywords: tuple[str, ...]


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
    fit = counts.is_thing(parts[-1])
    if not fit and (len(parts) > 1 or counts.is_no_thing(term)):
        return 0.0
    weight = (_PHRASE if len(parts) > 1 else 1.0) * (1.0 if fit else _UNFIT)
    return weight * (_PROPER if any(counts.is_proper(part) for part in parts) else 1.0)


def name_topics(
    counts: WordCounts, profiles: Sequence[Profile], *, sizes: Sequence[int], lens: Lens
) -> list[Label]:
    """Name topics, the largest first, no two alike."""
    used: set[frozenset[str]] = set()
    labels: dict[int, Label] = {}
    for topic in sorted(range(len(profiles)), key=lambda index: (-sizes[index], index)):
        name = next(
            name for name in _propose_names(counts, profiles[topic], lens) if fold_name(name) not in used
        )
        used.add(fold_name(name))
        labels[topic] = Label(name, _describe(profiles[topic]), profiles[topic].keywords)
    return [labels[topic] for topic in range(len(profiles))]


def name_groups(
    counts: WordCounts,
    profiles: Sequence[Profile],
    *,
    leaves: Sequence[Sequence[Profile]],
    taken: Sequence[str],
) -> list[Label]:
    """Name groups by subject alone, never as one of the `taken` names; `leaves` per group, largest first."""
    used = {fold_name(name) for name in taken}
    labels: list[Label] = []
    for profile, children in zip(profiles, leaves, strict=True):
        names = _propose_groups(counts, profile, children)
        name = next(name for name in names if fold_name(name) not in used)
        used.add(fold_name(name))
        labels.append(Label(name, _describe(profile), profile.keywords))
    return labels


def fold_name(name: str) -> frozenset[str]:
    """Give the words of a name without case, number and order, to tell whether two names look alike."""
    return frozenset(word.rstrip("s") for word in name.lower().split())


def _propose_groups(counts: WordCounts, profile: Profile, children: Sequence[Profile]) -> Iterator[str]:
    if profile.kind:
        yield profile.kind.bare
    subjects = [subject for subject in profile.subjects if subject.share >= _PLAIN]
    if subjects and subjects[0].share >= 0.5:
        yield title(counts.write_plural(subjects[0].term))
    firsts = list(dict.fromkeys(child.subjects[0].term for child in children if child.subjects))
    if len(firsts) > 1:
        yield title(" & ".join(counts.write_plural(term.split()[-1]) for term in firsts[:2]))
    yield from _propose_subjects(counts, subjects)
    yield from _propose_last(counts, profile)


def _propose_names(counts: WordCounts, profile: Profile, lens: Lens) -> Iterator[str]:
    """Give names, the best first, without end."""
    subjects = [subject for subject in profile.subjects if subject.share >= _VAGUE]
    if profile.kind:
        yield from (
            title(f"{counts.write_singular(subject.term)} {profile.kind.noun}") for subject in subjects[:3]
        )
        yield profile.kind.bare
    for request in profile.requests[:2]:
        for stem in request.objects:
            yield _join_action(counts, stem, request.action, lens)
        if not request.objects and subjects and not _shares_action(subjects[0].term, request.action):
            yield _join_action(counts, subjects[0].term, request.action, lens)
        yield request.action.bare
    yield from _propose_subjects(counts, subjects)
    yield from _propose_last(counts, profile)


def _propose_subjects(counts: WordCounts, subjects: Sequence[Subject]) -> Iterator[str]:
    """Give names of one or two subjects; two where one alone covers too little."""
    for first in subjects[:4]:
        words = set(first.term.split())
        rest = [subject for subject in subjects if not words & set(subject.term.split())]
        second = next((subject for subject in rest if subject.score >= 0.5 * first.score), None)
        if second is not None and first.share < 0.6 and len(words) + len(second.term.split()) <= 3:
            yield title(f"{counts.write_plural(first.term)} & {counts.write_plural(second.term)}")
        if first.share >= _PLAIN:
            yield title(counts.write_plural(first.term))


def _propose_last(counts: WordCounts, profile: Profile) -> Iterator[str]:
    yield "General Questions"
    yield from (title(f"{counts.write_singular(subject.term)} Questions") for subject in profile.subjects[:5])
    yield from ("Other Questions", "Mixed Questions")
    yield from (f"Other Questions {number}" for number in count(2))


def _shares_action(term: str, action: Action) -> bool:
    return any(find_action(part) == action for part in term.split())


def _join_action(counts: WordCounts, term: str, action: Action, lens: Lens) -> str:
    if lens == "intent":
        return title(f"{action.verb} {counts.write_plural(term)}")
    return title(action.noun.format(one=counts.write_singular(term), many=counts.write_plural(term)))


def title(words: str) -> str:
    """Write words with capitals, the small joining words aside."""
    small = {"on", "about", "for", "to", "of"}
    return " ".join(word if word in small else word[:1].upper() + word[1:] for word in words.split())


def _describe(profile: Profile) -> str:
    words = list(profile.keywords[:4])
    if not words:
        return "Conversations that no word sets apart from the others."
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"Conversations that speak of {listed}."
