"""Find the topics of a dataset and build a named tree of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.errors import InputError
from lucy.tools.topics.assembly import Draft, build_roots, join_by_family, join_leaves
from lucy.tools.topics.clustering import Cut, group_points
from lucy.tools.topics.consensus import assign_nearest
from lucy.tools.topics.features import FIT_LIMIT, Lens
from lucy.tools.topics.known import Match, match_known
from lucy.tools.topics.meaning import MeaningSpace, fit_meaning
from lucy.tools.topics.naming import name_topics
from lucy.tools.topics.profiles import profile_topics
from lucy.tools.topics.tree import TopicTree, check_tree
from lucy.tools.topics.wordcounts import WordCounts
from lucy.tools.topics.words import drop_boilerplate
from lucy.tools.vocabulary import Progress, ignore_progress

EXAMPLES = 5
"""Typical records kept per topic."""

_BATCH = 2000

_SAME = 0.02
"""Clarities nearer to each other than this are the same to a person."""


class _Placed(NamedTuple):
    """Where the records of a dataset ended up."""

    leaf: NDArray[np.intp]
    """Leaf number per record."""
    closeness: NDArray[np.float64]
    """Cosine of each record to its leaf's center."""


class Discovery(NamedTuple):
    """A tree of topics found in records, and why it has as many as it has."""

    tree: TopicTree
    reason: str
    """One sentence for a person."""
    chosen: Cut
    """Number and clarity of the leaves."""
    curve: tuple[Cut, ...]
    """The numbers of leaves that were weighed, the fewest first; empty for a handful of records."""


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
    """Find topics in texts and arrange them in a tree; see `discover`, which says more."""
    found = discover(
        ids, texts, goal=goal, name=name, max_leaves=max_leaves, seed=seed, progress=progress, lens=lens
    )
    return found.tree


def discover(
    ids: Sequence[str],
    texts: Sequence[str],
    *,
    goal: str = "",
    name: str = "",
    max_leaves: int | None = None,
    min_leaves: int | None = None,
    seed: int = 0,
    progress: Progress = ignore_progress,
    lens: Lens = "content",
) -> Discovery:
    """Find topics in texts and arrange them in a tree of one to three levels.

    A space and clusters are fitted on at most `FIT_LIMIT` texts and the rest is placed by them, so time
    grows linearly. The number of leaves follows from the data (see `group_points`), up to `max_leaves`, and
    from `min_leaves` on where the data has that many. The goal's words count half as much again. The lens
    `intent` gives the words for requests and problems more weight than subjects, and groups the leaves by
    the kind of request.

    What it knows of meaning are vectors of English words: word order and negation are lost, and two ways to
    say a thing in other languages, or in two languages, end up in different topics.

    Raises:
        InputError: No texts, or not as many ids as texts.
    """
    if not texts or len(ids) != len(texts):
        raise InputError(f"Topics need as many ids as texts, at least one; got {len(ids)} and {len(texts)}.")
    rows = _choose_sample(len(texts), seed)
    originals = [texts[row] for row in rows]
    sample = drop_boilerplate(originals)
    space = fit_meaning(sample, goal=goal, lens=lens, seed=seed)
    points = space.place(sample)
    grouping = group_points(
        points, max_leaves=max_leaves, min_leaves=min_leaves, seed=seed, progress=progress
    )
    if len(sample) == len(texts):
        placed = _place(points, grouping.centers)
        progress("Placing records", len(texts), len(texts))
    else:
        placed = _place_all(texts, space, grouping.centers, progress)
    counts = WordCounts(sample, originals)
    members = np.eye(len(grouping.centers))[placed.leaf[rows]]
    known = match_known(space, sample, members)
    drafts = _draft_leaves(ids, placed, counts, members, groups=grouping.groups, known=known, lens=lens)
    groups = join_by_family(drafts) if lens == "intent" else join_leaves(counts, members, drafts, grouping)
    tree = TopicTree(roots=build_roots(groups, len(texts)), name=name)
    check_tree(tree)
    return Discovery(tree, explain_number(grouping.cut, grouping.curve), grouping.cut, grouping.curve)


def explain_number(chosen: Cut, curve: Sequence[Cut]) -> str:
    """Say in a sentence why there are as many leaves, against about half and half as many again."""
    if len(curve) < 2:
        return "There are too few different records to compare several numbers of topics."
    fewer = [cut for cut in curve if cut.leaves <= 0.65 * chosen.leaves]
    more = [cut for cut in curve if cut.leaves >= 1.3 * chosen.leaves]
    weighed = [cut.leaves for cut in (*curve, chosen)]
    said = f"I compared {min(weighed)} to {max(weighed)} topics and settled on {chosen.leaves},"
    said += f" which stand apart with a clarity of {max(0.0, chosen.clarity):.2f} (1 is perfect)"
    if fewer:
        is_muddled = fewer[-1].clarity < chosen.clarity - _SAME
        why = (
            "different matters would share a topic"
            if is_muddled
            else "some would fall apart into clear parts"
        )
        said += f"; with {fewer[-1].leaves}, {why} ({fewer[-1].clarity:.2f})"
    if more:
        is_torn = more[0].clarity < chosen.clarity - _SAME
        why = "records that belong together would be torn apart" if is_torn else "little clarity would be won"
        said += f"; with {more[0].leaves}, {why} ({more[0].clarity:.2f})"
    else:
        said += "; more would leave too few records for each"
    return f"{said}."


def _choose_sample(count: int, seed: int) -> list[int]:
    """Give the rows to fit on, in order: all of a small dataset, a random `FIT_LIMIT` of a large one."""
    if count <= FIT_LIMIT:
        return list(range(count))
    chosen: list[int] = np.random.default_rng(seed).choice(count, FIT_LIMIT, replace=False).tolist()
    return sorted(chosen)


def _place(points: NDArray[np.float64], centers: NDArray[np.float64]) -> _Placed:
    nearest = assign_nearest(points, centers)
    return _Placed(nearest, np.sum(points * centers[nearest], axis=1))


def _place_all(
    texts: Sequence[str], space: MeaningSpace, centers: NDArray[np.float64], progress: Progress
) -> _Placed:
    parts: list[_Placed] = []
    for start in range(0, len(texts), _BATCH):
        progress("Placing records", start, len(texts))
        parts.append(_place(space.place(texts[start : start + _BATCH]), centers))
    progress("Placing records", len(texts), len(texts))
    return _Placed(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _draft_leaves(
    ids: Sequence[str],
    placed: _Placed,
    counts: WordCounts,
    members: NDArray[np.float64],
    *,
    groups: NDArray[np.intp],
    known: Sequence[Match],
    lens: Lens,
) -> list[Draft]:
    """Name and describe the leaves, each measured against its siblings in the group."""
    siblings = (groups[:, None] == groups) & ~np.eye(len(groups), dtype=bool)
    found = profile_topics(counts, members, siblings.astype(np.float64))
    profiles = [
        # A kind of text, such as word problems, says more than what its stories are about.
        profile if profile.kind else replace(profile, known=match.clear, hint=match.hint)
        for profile, match in zip(found, known, strict=True)
    ]
    sizes: list[int] = np.bincount(placed.leaf, minlength=len(groups)).tolist()
    labels = name_topics(counts, profiles, sizes=sizes, lens=lens)
    examples = [_choose_examples(ids, placed, leaf) for leaf in range(len(groups))]
    return [Draft(*parts) for parts in zip(labels, profiles, sizes, examples, strict=True)]


def _choose_examples(ids: Sequence[str], placed: _Placed, leaf: int) -> tuple[str, ...]:
    rows = np.flatnonzero(placed.leaf == leaf)
    nearest: list[int] = rows[np.argsort(-placed.closeness[rows], kind="stable")][:EXAMPLES].tolist()
    return tuple(ids[row] for row in nearest)
