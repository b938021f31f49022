"""Recognize topics that conversations are often about, so that they get the names people use for them."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.embeddings.static import embed_texts
from lucy.tools.topics.features import normalize_rows
from lucy.tools.topics.meaning import MeaningSpace
from lucy.tools.topics.words import find_action, find_stem, list_stop_words, split_words

NEAR = 0.33
"""Cosine of meaning from which a group of records may be a known topic."""

TALK = "Small Talk"
TALK_NEAR = 0.5
"""The same for the section `TALK`: "name" and "age" are also said of accounts and customers."""

SPOKEN = 0.4
"""Share of the records that must use a word of the known topic."""

TELLING = 0.2
"""By how much that share must exceed the share among the other records."""

NAMED = 0.2
"""Mean share of the records that must use each word of the known topic's name."""

_NAME_WEIGHT = 0.35
"""Weight of the name's own words in the records against nearness in meaning, when topics are compared."""


class Known(NamedTuple):
    """A topic that conversations are often about."""

    name: str
    description: str
    words: str
    """Words that speak of it."""
    section: str
    """What it belongs to, such as "Travel"; equal for kindred topics."""


@cache
def list_known() -> tuple[Known, ...]:
    """Give all known topics, in the order of `known.toml`."""
    text = Path(__file__).with_name("known.toml").read_text(encoding="utf-8")
    sections: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    return tuple(
        Known(name, description, words, section)
        for section, topics in sections.items()
        for name, (description, words) in topics.items()
    )


class Match(NamedTuple):
    """What a group of texts is about, as far as that is a known topic."""

    clear: Known | None
    hint: Known | None
    """A known topic that is rather near, where none is clearly near."""


def match_known(space: MeaningSpace, texts: Sequence[str], members: NDArray[np.float64]) -> list[Match]:
    """Tell for each group of texts the known topic that it is about, if one is near.

    A known topic is given once, to the group that it fits best. `members` is texts x groups, 1 where a text
    belongs.
    """
    known = list_known()
    near = _measure_nearness(space, texts, members, known)
    held = [_read_marks(text) for text in texts]
    marks = [_read_marks(f"{one.name} {one.words}") for one in known]
    spoken, elsewhere = _measure_shares(held, marks, members)
    named = _measure_name_shares(held, known, members)
    scores = near + _NAME_WEIGHT * named
    telling = spoken - elsewhere
    least = np.array([TALK_NEAR if one.section == TALK else NEAR for one in known])
    is_clear = (near >= least) & (spoken >= SPOKEN) & (telling >= TELLING) & (named >= NAMED)
    clear = _choose(np.where(is_clear, scores, -1.0), known)
    is_near = (near >= 0.85 * least) & (spoken >= 0.6 * SPOKEN) & (telling >= 0.5 * TELLING)
    is_near &= (named >= 0.5 * NAMED) & ~np.isin(
        np.arange(len(known)), [known.index(one) for one in clear if one]
    )
    is_near &= np.array([one is None for one in clear])[:, None]
    hints = _choose(np.where(is_near, scores, -1.0), known)
    return [Match(*parts) for parts in zip(clear, hints, strict=True)]


def _choose(scores: NDArray[np.float64], known: Sequence[Known]) -> list[Known | None]:
    """Give each group its best known topic that no better fitting group has."""
    result: list[Known | None] = [None] * len(scores)
    left = scores.copy()
    while left.size and left.max() > 0:
        group, topic = np.unravel_index(int(left.argmax()), left.shape)
        result[int(group)] = known[int(topic)]
        left[group, :] = -1.0
        left[:, topic] = -1.0
    return result


def _measure_nearness(
    space: MeaningSpace, texts: Sequence[str], members: NDArray[np.float64], known: Sequence[Known]
) -> NDArray[np.float64]:
    """Give groups x known topics: cosine of the group's mean meaning and the topic's."""
    meant = space.place_meaning(texts)
    centers = normalize_rows(members.T @ meant)
    # The name twice: it says more than the words that go with it.
    wanted = [f"{one.name} {one.name} {one.words}" for one in known]
    places = np.asarray(embed_texts(wanted), dtype=np.float64)
    return centers @ normalize_rows(places - space.middle).T


def _read_marks(text: str) -> frozenset[str]:
    """Give the stems of a text, and the requests that they stand for ("reserve" is one for `book`)."""
    stems = {find_stem(word) for word in split_words(text) if word not in list_stop_words("english")}
    actions = {f"<{action.key}>" for stem in stems if (action := find_action(stem))}
    return frozenset(stems | actions)


def _measure_shares(
    held: Sequence[frozenset[str]], wanted: Sequence[frozenset[str]], members: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give groups x topics: share of the group's texts, and of all others, that hold a mark of the topic."""
    has = np.array([[not marks.isdisjoint(one) for one in wanted] for marks in held], dtype=np.float64)
    sizes = members.sum(axis=0)[:, None]
    inside = members.T @ has
    others = np.maximum(len(held) - sizes, 1)
    return inside / np.maximum(sizes, 1), (has.sum(axis=0)[None, :] - inside) / others


def _measure_name_shares(
    held: Sequence[frozenset[str]], known: Sequence[Known], members: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give groups x topics: mean share of the group's texts that hold each word of the topic's name.

    A word counts as held with any word for the same request.
    """
    parts = [_list_name_marks(one.name) for one in known]
    flat = [frozenset(marks) for one in parts for marks in one]
    inside, _ = _measure_shares(held, flat, members)
    owner = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
    mean = np.eye(len(parts))[owner] / np.bincount(owner, minlength=len(parts))[owner][:, None]
    return inside @ mean


def _list_name_marks(name: str) -> list[set[str]]:
    words = [word for word in split_words(name) if word not in list_stop_words("english")]
    marks: list[set[str]] = []
    for word in words or split_words(name):
        action = find_action(find_stem(word))
        marks.append({find_stem(word)} | ({f"<{action.key}>"} if action else set[str]()))
    return marks
