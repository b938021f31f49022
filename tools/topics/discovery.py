"""Find the topics of a dataset and build a named tree of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.errors import InputError
from lucy.tools.topics.clustering import assign_nearest, group_points
from lucy.tools.topics.features import FIT_LIMIT, Lens, fit_space
from lucy.tools.topics.naming import Label, Profile, name_groups, name_topics, profile_topics
from lucy.tools.topics.tree import TopicTree, check_tree, make_topic_id
from lucy.tools.topics.wordcounts import WordCounts
from lucy.tools.topics.words import Family, drop_boilerplate
from lucy.tools.vocabulary import Progress, Topic, ignore_progress

EXAMPLES = 5
"""Typical records kept per topic."""

_BATCH = 2000

_FAMILY_NAMES: dict[Family, str] = {
    "information": "Informational",
    "transaction": "Transactional",
    "problem": "Problem Resolution",
    "relationship": "Relationship",
}
"""Roots of an intent tree, in drawing order."""


class _Placed(NamedTuple):
    """Where the records of a dataset ended up."""

    leaf: NDArray[np.intp]
    """Leaf number per record."""
    closeness: NDArray[np.float64]
    """Cosine of each record to its leaf's center."""


def discover_topics(
    ids: Sequence[str],
    texts: Sequence[str],
    *,
    goal: str = "",
    name: str = "",
    max_leaves: int | None = None,
    seed: int = 0,
    progress: Progress = ignore_progress,
    lens: Lens = "content",
) -> TopicTree:
    """Find topics in texts and arrange them in a tree of one or two levels below the root.

    A space and clusters are fitted on at most `FIT_LIMIT` texts, the rest is placed by them, so time grows
    linearly. The number of leaves follows from the data (see `group_points`) up to `max_leaves`. The
    goal's words count half as much again. The lens `intent` gives more weight to the words for requests
    and problems than to subjects, and groups the leaves by what kind of request they are.

    What it does not do: understand meaning. Two ways to say a thing that share no word, and two languages,
    end up in different topics.

    Raises:
        InputError: No texts, or not as many ids as texts.
    """
    if not texts or len(ids) != len(texts):
        raise InputError(f"Topics need as many ids as texts, at least one; got {len(ids)} and {len(texts)}.")
    chosen = _choose_sample(len(texts), seed)
    originals = [texts[row] for row in chosen]
    sample = drop_boilerplate(originals)
    space = fit_space(sample, goal=goal, lens=lens, seed=seed)
    points = space.place(sample)
    grouping = group_points(points, max_leaves=max_leaves, seed=seed, progress=progress)
    placed = _place_all(texts, chosen, points, grouping.centers, space, progress)
    leaf_count = len(grouping.centers)
    members = np.eye(leaf_count)[placed.leaf[chosen]]
    counts = WordCounts(sample, originals)
    return TopicTree(roots=(), name=name)
