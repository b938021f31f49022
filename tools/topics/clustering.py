"""Find groups of points that many clusterings agree on, and how many there are."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.features import normalize_rows
from lucy.tools.vocabulary import Progress, ignore_progress

RUNS = 24
"""Clusterings in one ensemble; more changed nothing measurable on public data."""

TOLERANCE = 0.06
"""The fewest leaves are taken whose consensus silhouette is within this share of the best."""

CLEAR = 0.6
"""Consensus silhouette of clearly separate groups; what is missing to it widens the tolerance by half as much
again, so that data without clear groups gets a short list and not many arbitrary leaves.

Public sets with labels reached 0.63 to 0.80, word problems and mixed chats 0.16 to 0.50, and the same
points with their columns shuffled 0.18 to 0.35.
"""

PARTS_CLEAR = 0.3
"""Consensus silhouette from which the parts of an outsized leaf become leaves of their own."""

LARGEST_SHARE = 0.35
"""Share of the records that one leaf should not exceed, where an equally good cut avoids it."""

LARGEST_TREE = 100
"""Leaves at most; reached only by data with that many groups of 20 records or more."""

LONGEST_LIST = 30
"""Leaves that may stand in one list without groups."""

GROUPS_CLEAR = 0.12
"""By how much the mean cosine inside groups of leaves has to exceed that across, for a second level."""

MOST_GROUPS = 12
"""Top-level topics at most: what a person can take in at a glance."""


class Grouping(NamedTuple):
    """Leaves and the groups above them."""

    centers: NDArray[np.float64]
    """One row of length 1 per leaf."""
    groups: NDArray[np.intp]
    """Group number of each leaf; each its own number when the data has no second level."""


def group_points(
    points: NDArray[np.float64],
    *,
    max_leaves: int | None = None,
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> Grouping:
    """Cluster points into leaves and leaves into groups.

    Evidence accumulation (Fred and Jain 2005): `RUNS` k-means clusterings with k from a quarter of the
    bound to the bound; the share of runs that separate two points is their distance; average linkage on
    it gives a dendrogram. Cuts of it are compared by silhouette under the same distance (Rousseeuw 1987),
    and the smallest cut within `TOLERANCE` of the best is taken: more leaves must earn their place.
    The bound is one leaf per 20 points, 4 to 100, or `max_leaves`.
    """
    bound = _bound_leaves(points, max_leaves)
    if bound < 2:
        return Grouping(normalize_rows(points.mean(axis=0, keepdims=True)), np.zeros(1, dtype=np.intp))
    apart = _measure_disagreement(points, bound, seed=seed, progress=progress)
    labels = _split_large(points, _choose_leaves(points, apart, bound), bound, seed=seed)
    centers = _average(points, labels)
    return Grouping(centers, _group_leaves(centers))


def assign_nearest(points: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give the number of the nearest center by cosine for each point."""
    return np.argmax(points @ centers.T, axis=1)


def _bound_leaves(points: NDArray[np.float64], max_leaves: int | None) -> int:
    different = len(np.unique(np.round(points, 6), axis=0))
    natural = min(
        LARGEST_TREE, max(len(points) // 20, min(20, max(4, len(points) // 12))), max(1, len(points) // 4)
    )
    return min(max_leaves or natural, different, max(1, len(points) // 2))


def _measure_disagreement(
    points: NDArray[np.float64], bound: int, *, seed: int, progress: Progress
) -> NDArray[np.float32]:
    """Give the share of clusterings that put two points apart, for every pair; n x n, 4 bytes each."""
    from scipy.sparse import csr_array, hstack
    from sklearn.cluster import KMeans

    members: list[Any] = []
    # One start per run: the ensemble takes the place of restarts. `Any`, since scikit-learn's type says str.
    once: Any = 1
    sizes = np.linspace(max(2, bound // 4), bound, RUNS).astype(int)
    for run, size in enumerate(sizes):
        progress("Comparing groupings", run, RUNS)
        fitted = KMeans(int(size), init="k-means++", n_init=once, max_iter=50, random_state=seed + run).fit(
            points
        )
        rows = np.arange(len(points))
        members.append(csr_array((np.ones(len(points), dtype=np.float32), (rows, fitted.labels_))))
    together = hstack(members).tocsr()
    apart: NDArray[np.float32] = 1.0 - (together @ together.T).toarray() / np.float32(RUNS)
    np.fill_diagonal(apart, 0.0)
    return apart


def _cut(
    points: NDArray[np.float64], apart: NDArray[np.float32], sizes: Iterable[int]
) -> list[tuple[float, NDArray[np.intp]]]:
    """Give the silhouette and the labels of cuts of the average-linkage dendrogram."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(apart, checks=False), method="average")
    cuts = (_absorb_small(points, np.asarray(fcluster(tree, size, "maxclust"))) for size in sizes)
    return [(_measure_silhouette(apart, labels), labels) for labels in cuts]


def _choose_leaves(points: NDArray[np.float64], apart: NDArray[np.float32], bound: int) -> NDArray[np.intp]:
    cuts = _cut(points, apart, sorted({round(size) for size in np.geomspace(2, bound, 24)}))
    best = max(score for score, _ in cuts)
    tolerance = TOLERANCE + 1.5 * max(0.0, CLEAR - best)
    good = [labels for score, labels in cuts if score >= best * (1 - tolerance)]
    even = [labels for labels in good if np.bincount(labels).max() <= LARGEST_SHARE * len(points)]
    return (even or good)[0]


def _split_large(
    points: NDArray[np.float64], labels: NDArray[np.intp], bound: int, *, seed: int
) -> NDArray[np.intp]:
    """Split leaves 1.7 times the median size or larger where they fall apart into 2 to 4 clear parts.

    One cut through the whole dendrogram is too coarse where records are similar: on public support chats
    it left three tasks about rides in one leaf.
    """
    sizes = np.bincount(labels)
    result = labels.copy()
    for leaf in np.flatnonzero(sizes >= max(30, 1.7 * np.median(sizes))):
        rows = np.flatnonzero(labels == leaf)
        parts = _split(points[rows], min(4, bound - int(result.max())), seed=seed)
        result[rows] = np.where(parts == 0, leaf, result.max() + parts)
    return np.unique(assign_nearest(points, _average(points, result)), return_inverse=True)[1]


def _split(points: NDArray[np.float64], bound: int, *, seed: int) -> NDArray[np.intp]:
    """Give the number of its part for each point, all 0 when the points belong together."""
    whole = np.zeros(len(points), dtype=np.intp)
    if bound < 2:
        return whole
    apart = _measure_disagreement(points, bound, seed=seed, progress=ignore_progress)
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


def _average(points: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    return normalize_rows(np.stack([points[labels == leaf].mean(axis=0) for leaf in range(labels.max() + 1)]))


def _measure_between(apart: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give the summed distance from each point to each cluster, n x clusters."""
    members = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    return np.asarray(apart @ members, dtype=np.float64)


def _measure_silhouette(apart: NDArray[np.float32], labels: NDArray[np.intp]) -> float:
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        return 0.0
    sums, rows = _measure_between(apart, labels), np.arange(len(labels))
    inside = sums[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    outside = means.min(axis=1)
    scores = (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-9)
    return float(np.mean(np.where(sizes[labels] > 1, scores, 0.0)))


def _group_leaves(centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Join leaves into groups by Ward linkage of their centers.

    The number of groups is the one that survives longest in the dendrogram (Fred and Jain's lifetime),
    between one per 8 leaves and two per 3. Fewer than 6 leaves, or leaves that are hardly nearer to those
    in their group than to others, stay a plain list, unless that list would be longer than `LONGEST_LIST`.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    count = len(centers)
    if count < 6:
        return np.arange(count)
    tree = linkage(centers, method="ward")
    heights: NDArray[np.float64] = np.asarray(tree[::-1, 2])
    lowest, highest = max(3, -(-count // 8)), max(3, min(MOST_GROUPS, 2 * count // 3))
    sizes = range(min(lowest, highest), highest + 1)
    cuts = {
        size: np.unique(np.asarray(fcluster(tree, size, "maxclust")), return_inverse=True)[1]
        for size in sizes
    }
    even = [size for size in sizes if np.bincount(cuts[size]).max() <= max(4, LARGEST_SHARE * count)]
    groups = cuts[max(even or sizes[-1:], key=lambda size: heights[size - 2] - heights[size - 1])]
    return groups if count > LONGEST_LIST or _are_apart(centers, groups) else np.arange(count)


def _are_apart(centers: NDArray[np.float64], groups: NDArray[np.intp]) -> bool:
    near = centers @ centers.T
    pairs = ~np.eye(len(centers), dtype=bool)
    same = (groups[:, None] == groups) & pairs
    return bool(same.any() and near[same].mean() - near[pairs & ~same].mean() >= GROUPS_CLEAR)
