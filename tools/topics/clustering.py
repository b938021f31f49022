"""Find groups of points that many clusterings agree on, and how many there are."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.consensus import (
    ROUNDS,
    assign_nearest,
    average_points,
    count_different,
    draw_together,
    measure_disagreement,
    measure_silhouette,
)
from lucy.tools.topics.features import normalize_rows
from lucy.tools.topics.levels import FEW_GROUPS, LONGEST_LIST, MOST_GROUPS, group_leaves, part_groups
from lucy.tools.vocabulary import Progress, ignore_progress

TOLERANCE = 0.06
"""The fewest leaves are taken whose consensus silhouette is within this share of the best."""

CLEAR = 0.75
"""Consensus silhouette of clearly separate groups; what is missing to it widens the tolerance `WIDER` times.

So data without clear groups gets a short list and not many arbitrary leaves. Public sets with labels reached
0.72 to 0.88, word problems and mixed chats 0.48 to 0.64, and the same points with their columns shuffled 0.18
to 0.55.
"""

WIDER = 0.4
"""Share of the missing clarity that is added to the tolerance."""

PARTS_CLEAR = 0.3
"""Consensus silhouette from which the parts of an outsized leaf become leaves of their own."""

LARGE = 2.0
"""Times the median size from which a leaf is looked at for parts. Of 1.7, 2 and 2.5, this gave the numbers of
leaves nearest to those of two labelled sets (18 of 18, 74 of 75), at about the same agreement."""

LARGEST_SHARE = 0.35
"""Share of the records that one leaf should not exceed, where an equally good cut avoids it."""

LARGEST_TREE = 100
"""Leaves at most; reached only by data with that many groups of 20 records or more."""


class Cut(NamedTuple):
    """One number of leaves that was weighed."""

    leaves: int
    clarity: float
    """Consensus silhouette, -1 to 1: how clearly the leaves stand apart."""


class Grouping(NamedTuple):
    """Leaves and the groups above them."""

    centers: NDArray[np.float64]
    """One row of length 1 per leaf."""
    groups: NDArray[np.intp]
    """Group number of each leaf; each its own number when the data has no second level."""
    parts: NDArray[np.intp]
    """Number of the part of its group that each leaf stands in, counted over all groups; each its own number
    where a group has no parts."""
    cut: Cut
    """The leaves that were chosen."""
    curve: tuple[Cut, ...]
    """The numbers of leaves that were weighed, the fewest first."""


def group_points(
    points: NDArray[np.float64],
    *,
    max_leaves: int | None = None,
    min_leaves: int | None = None,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> Grouping:
    """Cluster points into leaves and leaves into groups.

    Points are drawn to their neighbours first (see `draw_together`), and given to the nearest center of the
    points as they were at last. Between the two, evidence is accumulated (Fred and Jain 2005): `RUNS` k-means
    clusterings with k from a quarter of the bound to the bound; the share of runs that separate two points is
    their distance; average linkage on it gives a dendrogram. Cuts of it are compared by silhouette under the
    same distance (Rousseeuw 1987), and the smallest cut within a tolerance of the best is taken: more leaves
    must earn their place.
    The bound is one leaf per 20 points, 4 to 100, or `max_leaves`. With `min_leaves` the clearest cut with
    at least that many is taken, or the finest where the points do not have that many.
    """
    from threadpoolctl import threadpool_limits

    # Threads wait for each other longer than the work takes: on a busy machine 20 times as long.
    with threadpool_limits(limits=1):
        bound = _bound_leaves(points, max_leaves, min_leaves)
        return _group_points(points, bound, fewest=min_leaves, seed=seed, progress=progress)


def _group_points(
    points: NDArray[np.float64], bound: int, *, fewest: int | None, seed: int, progress: Progress
) -> Grouping:
    if bound < 2:
        return _keep_whole(points)
    drawn = draw_together(points)
    bound = min(bound, count_different(drawn))
    if bound < 2:
        return _keep_whole(points)
    apart = measure_disagreement(drawn, bound, seed=seed, progress=progress)
    cuts = _cut(drawn, apart, sorted({round(size) for size in np.geomspace(2, bound, 24)}))
    chosen = _choose_leaves(cuts, fewest=fewest or 0)
    labels = _settle(points, _split_large(drawn, chosen, bound, seed=seed))
    centers = average_points(points, labels)
    groups = group_leaves(centers, MOST_GROUPS if len(centers) <= LONGEST_LIST else FEW_GROUPS)
    curve = {len(np.unique(labels)): score for score, labels in cuts}
    return Grouping(
        centers,
        groups,
        part_groups(centers, groups),
        Cut(len(centers), measure_silhouette(apart, labels)),
        tuple(Cut(leaves, curve[leaves]) for leaves in sorted(curve) if leaves > 1),
    )


def _keep_whole(points: NDArray[np.float64]) -> Grouping:
    center, alone = normalize_rows(points.mean(axis=0, keepdims=True)), np.zeros(1, dtype=np.intp)
    return Grouping(center, alone, alone, Cut(1, 0.0), ())


def _settle(points: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Give points to their nearest center until these stay, at most `ROUNDS` times."""
    for _ in range(ROUNDS):
        labels = np.unique(assign_nearest(points, average_points(points, labels)), return_inverse=True)[1]
    return labels


def _bound_leaves(points: NDArray[np.float64], max_leaves: int | None, min_leaves: int | None) -> int:
    different = count_different(points)
    natural = min(
        LARGEST_TREE, max(len(points) // 20, min(20, max(4, len(points) // 12))), max(1, len(points) // 4)
    )
    wanted = max(natural, min(round(1.5 * min_leaves), LARGEST_TREE)) if min_leaves else natural
    return min(max_leaves or wanted, different, max(1, len(points) // 2))


def _cut(
    points: NDArray[np.float64], apart: NDArray[np.float32], sizes: Iterable[int]
) -> list[tuple[float, NDArray[np.intp]]]:
    """Give the silhouette and the labels of cuts of the average-linkage dendrogram."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(apart, checks=False), method="average")
    cuts = (_absorb_small(points, np.asarray(fcluster(tree, size, "maxclust"))) for size in sizes)
    return [(measure_silhouette(apart, labels), labels) for labels in cuts]


def _choose_leaves(cuts: list[tuple[float, NDArray[np.intp]]], *, fewest: int) -> NDArray[np.intp]:
    if fewest:
        sizes = [int(labels.max()) + 1 for _, labels in cuts]
        enough = [cut for cut, size in zip(cuts, sizes, strict=True) if size >= min(fewest, max(sizes))]
        return max(enough, key=lambda cut: cut[0])[1]
    best = max(score for score, _ in cuts)
    tolerance = TOLERANCE + WIDER * max(0.0, CLEAR - best)
    good = [labels for score, labels in cuts if score >= best * (1 - tolerance)]
    even = [labels for labels in good if np.bincount(labels).max() <= LARGEST_SHARE * len(labels)]
    return (even or good)[0]


def _split_large(
    points: NDArray[np.float64], labels: NDArray[np.intp], bound: int, *, seed: int
) -> NDArray[np.intp]:
    """Split leaves `LARGE` times the median size or larger where they fall apart into 2 to 4 clear parts.

    One cut through the whole dendrogram is too coarse where records are similar: on public support chats
    it left three tasks about rides in one leaf.
    """
    sizes = np.bincount(labels)
    result = labels.copy()
    for leaf in np.flatnonzero(sizes >= max(30, LARGE * np.median(sizes))):
        rows = np.flatnonzero(labels == leaf)
        parts = _split(points[rows], min(4, bound - int(result.max())), seed=seed)
        result[rows] = np.where(parts == 0, leaf, result.max() + parts)
    return np.unique(assign_nearest(points, average_points(points, result)), return_inverse=True)[1]


def _split(points: NDArray[np.float64], bound: int, *, seed: int) -> NDArray[np.intp]:
    """Give the number of its part for each point, all 0 when the points belong together."""
    whole = np.zeros(len(points), dtype=np.intp)
    bound = min(bound, count_different(points))
    if bound < 2:
        return whole
    apart = measure_disagreement(points, bound, seed=seed, progress=ignore_progress)
    score, labels = max(_cut(points, apart, range(2, bound + 1)), key=lambda cut: cut[0])
    return labels if score >= PARTS_CLEAR else whole


def _absorb_small(points: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.intp]:
    """Give each point to its nearest center, among clusters of 1.5% of the points, 3 to 20, or more."""
    values, sizes = np.unique(labels, return_counts=True)
    kept = values[sizes >= min(20, max(3, 0.015 * len(points)))]
    if len(kept) == 0:
        return np.zeros(len(points), dtype=np.intp)
    centers = normalize_rows(np.stack([points[labels == value].mean(axis=0) for value in kept]))
    return np.unique(assign_nearest(points, centers), return_inverse=True)[1]
