"""Turn what a topic says of itself into a query: its name, keywords, description and the name above it."""

import os.path
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lucy.tools.topics.tree import TopicTree, iterate
from lucy.tools.topics.wordspace import WordSpace, read_stems
from lucy.tools.vocabulary import Topic

NAME, KEYWORDS, DESCRIPTION, PARENT = 1.0, 2.0, 0.2, 0.2
"""Weight of the parts; a parent's name tells its topics from others, not from each other."""
RELATED = 0.7
"""Weight of a word that begins like a word of the name: "substitute" for "substitution"."""
_BEGINNING = 5
"""Letters that related words share at least."""


def build_anchors(space: WordSpace, tree: TopicTree, topics: Sequence[Topic]) -> Any:
    """Give one sparse word row of length 1 per topic; 0 where the records hold none of its words."""
    from sklearn.preprocessing import normalize

    above = {child.id: topic.name for topic in iterate(tree) for child in topic.children}
    names = space.scale_words(_add_related(space, [topic.name for topic in topics]))
    keywords = space.scale_words(_add_related(space, ["\n".join(topic.keywords) for topic in topics]))
    descriptions = space.weigh_words([topic.description for topic in topics])
    parents = space.weigh_words([above.get(topic.id, "") for topic in topics])
    rows = NAME * names + KEYWORDS * keywords + DESCRIPTION * descriptions + PARENT * parents
    return normalize(rows).tocsr()


def write_anchor(topic: Topic) -> str:
    """Give a topic's own words as text, for reading its character n-grams."""
    return " ".join((topic.name, *topic.keywords))


def _add_related(space: WordSpace, texts: Sequence[str]) -> Any:
    """Give the word rows of texts, widened by words of the records that begin alike."""
    from scipy.sparse import csr_array

    rows = space.words.transform(texts)
    beginnings = _index_beginnings(space.words.get_feature_names_out())
    found = [
        (row, column)
        for row, text in enumerate(texts)
        for column in sorted(
            {column for stem in read_stems(text) for column in _find_related(stem, beginnings)}
        )
    ]
    if not found:
        return rows
    at, columns = np.array(found).T
    extra = csr_array((RELATED * space.words.idf_[columns], (at, columns)), shape=rows.shape)
    return csr_array(rows).maximum(extra)


def _index_beginnings(terms: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
    index: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for column, term in enumerate(terms):
        if len(term) >= _BEGINNING - 1 and " " not in term:
            index[term[: _BEGINNING - 1]].append((term, column))
    return dict(index)


def _find_related(stem: str, beginnings: dict[str, list[tuple[str, int]]]) -> list[int]:
    if len(stem) < _BEGINNING - 1:
        return []
    known = beginnings.get(stem[: _BEGINNING - 1], [])
    return [column for term, column in known if term != stem and _are_related(stem, term)]


def _are_related(first: str, second: str) -> bool:
    """Tell whether two stems share their first 60%, or one is the other with a short ending."""
    shared = len(os.path.commonprefix([first, second]))
    longest, shortest = max(len(first), len(second)), min(len(first), len(second))
    return (shared >= _BEGINNING and shared >= 0.6 * longest) or (
        shared == shortest and longest - shortest <= 3
    )
