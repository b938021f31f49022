"""Give topics the names and descriptions that a person would give."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, count

from lucy.tools.topics.changes import join_names
from lucy.tools.topics.features import Lens
from lucy.tools.topics.profiles import Profile, Subject
from lucy.tools.topics.wordcounts import WordCounts, make_plural
from lucy.tools.topics.words import Action, find_action

_VAGUE = 0.1
"""Share of a topic's records below which a word says too little about it."""

_PLAIN = 0.2
"""Share of a topic's records from which one word alone may name it."""

_TOLD = 0.35
"""Share of a topic's records from which its own words name it better than a known topic nearby."""

_SHARED = 0.75
"""Share of a group's records from which a word names the group before anything else does."""

_LONGEST = 40
"""Letters of two leaves' names that may name a group together."""

_UNTOLD = "Questions"
"""Ends the names of leaves that say little."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a topic is called and what describes it."""

    name: str
    description: str
    keywords: tuple[str, ...]


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
        labels[topic] = Label(name, _describe(counts, profiles[topic], name), profiles[topic].keywords)
    return [labels[topic] for topic in range(len(profiles))]


def name_groups(
    counts: WordCounts,
    profiles: Sequence[Profile],
    *,
    leaves: Sequence[Sequence[tuple[str, Profile]]],
    taken: Sequence[str],
) -> list[Label]:
    """Name groups by what their leaves have in common, never as one of the `taken` names.

    `leaves` holds the names and profiles of each group's leaves, the largest first. A group that alone has
    most of its leaves in a section of known topics gets the section's name.
    """
    used = {fold_name(name) for name in taken}
    labels: dict[int, Label] = {}
    sections = _drop_contested([_count_sections([one for _, one in children]) for children in leaves])
    order = sorted(range(len(profiles)), key=lambda group: (-sections[group][1], group))
    for group in order:
        names = _propose_groups(counts, profiles[group], leaves[group], sections[group])
        name = next(name for name in names if fold_name(name) not in used)
        used.add(fold_name(name))
        description = _describe_group(profiles[group], [child for child, _ in leaves[group]])
        labels[group] = Label(name, description, profiles[group].keywords)
    return [labels[group] for group in range(len(profiles))]


def _count_sections(children: Sequence[Profile]) -> tuple[str, float]:
    """Give the commonest section of known topics and the share of the leaves that are in it."""
    sections = Counter(child.known.section for child in children if child.known)
    section, held = sections.most_common(1)[0] if sections else ("", 0)
    return section, held / max(1, len(children))


def fold_name(name: str) -> frozenset[str]:
    """Give the words of a name without case, number and order, to tell whether two names look alike."""
    return frozenset(word.rstrip("s") for word in name.lower().split())


def _drop_contested(sections: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Leave out a section that half of the leaves of several groups are in: it tells none of them apart."""
    held = Counter(section for section, share in sections if share >= 0.5)
    return [("", 0.0) if held[section] > 1 else (section, share) for section, share in sections]


def _propose_groups(
    counts: WordCounts,
    profile: Profile,
    leaves: Sequence[tuple[str, Profile]],
    section: tuple[str, float],
) -> Iterator[str]:
    subjects = [subject for subject in profile.subjects if subject.share >= _PLAIN]
    if profile.kind:
        yield profile.kind.bare
        yield from (
            title(f"{counts.write_singular(subject.term)} {profile.kind.noun}") for subject in subjects[:3]
        )
    plain = [title(make_plural(counts.write_plural(subject.term))) for subject in subjects[:1]]
    if plain and subjects[0].share >= _SHARED:
        yield from plain
    if section[1] >= 0.5:
        yield section[0]
    if plain and subjects[0].share >= 0.5:
        yield from plain
    names = [name for name, _ in leaves if not name.endswith(_UNTOLD) and " & " not in name]
    for first, second in combinations(names[:3], 2):
        if len(first) + len(second) <= _LONGEST:
            yield join_names([first, second])
    if section[0] and section[1] > 0.3:
        yield section[0]
    yield from _propose_subjects(counts, subjects)
    yield from (f"{name} and More" for name in names)
    yield from _propose_last(counts, profile)


def _propose_names(counts: WordCounts, profile: Profile, lens: Lens) -> Iterator[str]:
    """Give names, the best first, without end."""
    subjects = [subject for subject in profile.subjects if subject.share >= _VAGUE]
    if profile.known:
        yield profile.known.name
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
    yield from _propose_subjects(counts, [subject for subject in subjects if subject.share >= _TOLD])
    if profile.hint and lens == "content":
        yield profile.hint.name
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


def _describe(counts: WordCounts, profile: Profile, name: str) -> str:
    """Say in a sentence what people ask in a topic."""
    for known in (profile.known, profile.hint):
        if known and name == known.name:
            return known.description
    words = _list_words(profile.keywords[:4])
    if not words:
        return "Conversations that no word sets apart from the others."
    for request in profile.requests[:1]:
        things = [counts.write_plural(stem) for stem in request.objects[:1]]
        if things:
            return f"People want to {request.action.verb.lower()} {things[0]}; they speak of {words}."
    return f"People ask about {words}."


def _describe_group(profile: Profile, names: Sequence[str]) -> str:
    told = [name for name in names if not name.endswith(_UNTOLD)]
    if len(told) > 1:
        return f"Conversations about {_list_words([name.lower() for name in told[:3]])}."
    words = _list_words(profile.keywords[:4])
    return f"Conversations about {words}." if words else "Conversations of several kinds."


def _list_words(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
