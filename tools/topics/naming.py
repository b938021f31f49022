"""Give topics the names, keywords and descriptions that a person would give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.features import Lens
from lucy.tools.topics.wordcounts import WordCounts
from lucy.tools.topics.words import Action, find_action, list_actions

KEYWORDS = 8
"""Keywords per topic."""

_DISTINCT = 2.0
"""Natural logarithm of the ratio (7.4 times as common as elsewhere) above which more adds nothing.

Without it a rare word that is nowhere else beats the plain word: "floor" would name a topic of flats.
"""

_VAGUE = 0.12
"""Share of records below which a topic's best word does not describe it."""

_PHRASE = 1.15
_PROPER = 0.3
_DOING = 0.5


@dataclass(frozen=True, slots=True)
class Subject:
    """A term that may name a topic."""

    term: str
    share: float
    """Share of the topic's records that hold it."""
    score: float


@dataclass(frozen=True, slots=True)
class Profile:
    """What stands out in one topic, best first."""

    subjects: tuple[Subject, ...]
    actions: tuple[Action, ...]
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """What a topic is called and what describes it."""

    name: str
    description: str
    keywords: tuple[str, ...]


def profile_topics(counts: WordCounts, members: NDArray[np.float64], rivals: NDArray[np.float64] | None = None) -> list[Profile]:
    """Score the terms of every topic; `members` is texts x topics, 1 where a text belongs.

    Class-based TF-IDF in probabilities: the share of a topic's records with the term, times the logarithm
    of how many times the share elsewhere that is. With `rivals` (topics x topics, 1 for siblings) half of
    the score is measured against the siblings alone, since a name has to tell these apart.
    """
    sizes = np.maximum(members.sum(axis=0), 1)
    inside = np.asarray(counts.presence.T @ members) / sizes
    scores = inside * _compare(inside, 1 - np.eye(members.shape[1]))
    if rivals is not None:
        alone = rivals.sum(axis=0) == 0
        scores = np.where(alone, scores, 0.5 * scores + 0.5 * inside * _compare(inside, rivals))
    return [_profile(counts, inside[:, topic], scores[:, topic]) for topic in range(members.shape[1])]


def _compare(inside: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the capped logarithm of each topic's share over the mean share of its others."""
    elsewhere = inside @ others / np.maximum(others.sum(axis=0), 1)
    return np.minimum(np.log((inside + 0.01) / (elsewhere + 0.01)), _DISTINCT)


def _profile(counts: WordCounts, inside: NDArray[np.float64], scores: NDArray[np.float64]) -> Profile:
    order = sorted(np.flatnonzero(scores > 0), key=lambda column: (-scores[column], counts.terms[column]))[:300]
    subjects: list[Subject] = []
    actions: dict[Action, float] = {}
    for column in order:
        term, share = counts.terms[column], float(inside[column])
        action = find_action(term)
        if action is not None and share >= 0.2:
            actions[action] = actions.get(action, 0.0) + float(scores[column])
        weight = weigh_subject(counts, term)
        if weight:
            subjects.append(Subject(term, share, float(scores[column]) * weight))
    subjects.sort(key=lambda subject: (-subject.score, subject.term))
    ranked = sorted(actions, key=lambda action: (-actions[action], list_actions().index(action)))
    strong = [action for action in ranked if actions[action] >= 0.15]
    return Profile(tuple(subjects[:20]), tuple(strong), _choose_keywords(counts, order, scores))


def weigh_subject(counts: WordCounts, term: str) -> float:
    """Give how fit a term is to name a topic: 0 for none, 1 for a plain noun, more for a noun phrase."""
    parts = term.split()
    head = parts[-1]
    if any(find_action(part) and not counts.is_mostly_thing(part) for part in parts):
        return 0.0
    if len(parts) > 1 and not counts.is_thing(head):
        return 0.0
    weight = _PHRASE if len(parts) > 1 else 1.0
    weight *= _PROPER if any(counts.is_proper(part) for part in parts) else 1.0
    return weight * (1.0 if counts.is_thing(head) else _DOING)


def _choose_keywords(counts: WordCounts, order: Sequence[np.intp], scores: NDArray[np.float64]) -> tuple[str, ...]:
    chosen: list[str] = []
    for column in order:
        term = counts.terms[column]
        if any(set(term.split()) & set(other.split()) for other in chosen) or counts.is_proper(term.split()[0]):
            continue
        chosen.append(term)
    return tuple(counts.write(term) for term in chosen[:KEYWORDS])


def name_topics(counts: WordCounts, profiles: Sequence[Profile], *, sizes: Sequence[int], lens: Lens = "content", taken: Sequence[str] = ()) -> list[Label]:
    """Name topics, the largest first, no two alike."""
    used = {_normalize(name) for name in taken}
    labels: dict[int, Label] = {}
    for topic in sorted(range(len(profiles)), key=lambda index: (-sizes[index], index)):
        profile = profiles[topic]
        name = next(name for name in _propose_names(counts, profile, lens) if _normalize(name) not in used)
        used.add(_normalize(name))
        labels[topic] = Label(name, _describe(counts, profile), profile.keywords)
    return [labels[topic] for topic in range(len(profiles))]


def _normalize(name: str) -> frozenset[str]:
    return frozenset(word.rstrip("s") for word in name.lower().split())


def _propose_names(counts: WordCounts, profile: Profile, lens: Lens) -> Iterator[str]:
    """Give names, the best first, without end."""
    subjects = [subject for subject in profile.subjects if subject.share >= _VAGUE]
    for action in profile.actions[:2]:
        for subject in subjects[:3]:
            if not _shares_action(subject.term, action) and subject.share >= 0.2:
                yield _join_action(counts, subject.term, action, lens)
        if lens == "intent" or not subjects:
            yield action.noun
    yield from _propose_subjects(counts, subjects)
    yield "General Questions"
    for action in profile.actions:
        yield action.noun
    for subject in profile.subjects:
        yield _title(counts.write(subject.term))
    number = 2
    while True:
        yield f"General Questions {number}"
        number += 1


def _propose_subjects(counts: WordCounts, subjects: Sequence[Subject]) -> Iterator[str]:
    for place, first in enumerate(subjects[:4]):
        rest = [s for s in subjects if s is not first and not set(s.term.split()) & set(first.term.split())]
        second = next((s for s in rest if s.score >= 0.5 * first.score), None)
        if second is not None and len(first.term.split()) + len(second.term.split()) <= 3:
            yield _title(f"{counts.write_plural(first.term)} & {counts.write_plural(second.term)}")
        yield _title(counts.write_plural(first.term))


def _shares_action(term: str, action: Action) -> bool:
    return any(find_action(part) == action for part in term.split())


def _join_action(counts: WordCounts, term: str, action: Action, lens: Lens) -> str:
    if lens == "intent":
        return _title(f"{action.verb} {counts.write_plural(term)}")
    return _title(f"{counts.write_singular(term)} {action.noun}")


def _title(words: str) -> str:
    return " ".join(word if word.isupper() or word in {"on", "about", "for"} else word[:1].upper() + word[1:] for word in words.split())


def _describe(counts: WordCounts, profile: Profile) -> str:
    words = list(profile.keywords[:4])
    if not words:
        return "Conversations that no word sets apart from the others."
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    wish = f", mostly to {profile.actions[0].verb.lower()} something" if profile.actions else ""
    return f"Conversations about {listed}{wish}."
