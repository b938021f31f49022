"""Find groups of points that many clusterings agree on, and how many there are."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.features import normalize_rows
from lucy.tools.vocabulary import Progress, ignore_progress

RUNS = 24
"""Clusterings in one ensemble; more changed nothing measurable on public data."""

TOLERANCE = 0.06
"""The fewest leaves are taken whose consensus silhouette is within this share of the best."""

LARGEST_SHARE = 0.35
"""Share of the records that one leaf should not exceed, where an equally good cut avoids it."""

LARGEST_TREE = 100
"""Leaves at most; reached only by data with that many groups of 20 records or more."""

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
    labels = _choose_leaves(points, apart, bound)
    centers = _average(points, labels)
    return Grouping(centers, _group_leaves(centers))


def assign_nearest(points: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give the number of the nearest center by cosine for each point."""
    return np.argmax(points @ centers.T, axis=1)


def _bound_leaves(points: NDArray[np.float64], max_leaves: int | None) -> int:
    different = len(np.unique(np.round(points, 6), axis=0))
    natural = min(LARGEST_TREE, max(len(points) // 20, min(20, max(4, len(points) // 12))), max(1, len(points) // 4))
    return min(max_leaves or natural, different, max(1, len(points) // 2))


def _measure_disagreement(
    points: NDArray[np.float64], bound: int, *, seed: int, progress: Progress
) -> NDArray[np.float32]:
    """Give the share of clusterings that put two points apart, for every pair; n x n, 4 bytes each."""
    from scipy.sparse import csr_array, hstack
    from sklearn.cluster import KMeans

    members: list[Any] = []
    sizes = np.linspace(max(2, bound // 4), bound, RUNS).astype(int)
    for run, size in enumerate(sizes):
        progress("Comparing groupings", run, RUNS)
        fitted = KMeans(int(size), n_init=1, max_iter=50, random_state=seed + run).fit(points)
        rows = np.arange(len(points))
        members.append(csr_array((np.ones(len(points), dtype=np.float32), (rows, fitted.labels_))))
    together = hstack(members).tocsr()
    apart: NDArray[np.float32] = 1.0 - (together @ together.T).toarray() / np.float32(RUNS)
    np.fill_diagonal(apart, 0.0)
    return apart


def _choose_leaves(points: NDArray[np.float64], apart: NDArray[np.float32], bound: int) -> NDArray[np.intp]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(apart, checks=False), method="average")
    cuts: list[tuple[float, NDArray[np.intp]]] = []
    for size in np.unique(np.geomspace(2, bound, 24).round().astype(int)):
        labels = _absorb_small(points, np.asarray(fcluster(tree, int(size), "maxclust")))
        cuts.append((_measure_silhouette(apart, labels), labels))
    best = max(score for score, _ in cuts)
    good = [labels for score, labels in cuts if score >= best * (1 - TOLERANCE)]
    even = [labels for labels in good if np.bincount(labels).max() <= LARGEST_SHARE * len(points)]
    return (even or good)[0]


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
    between one per 8 leaves and two per 3. Fewer than 6 leaves are a list that needs no groups.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    count = len(centers)
    if count < 6:
        return np.arange(count)
    tree = linkage(centers, method="ward")
    heights: NDArray[np.float64] = np.asarray(tree[::-1, 2])
    lowest, highest = max(3, -(-count // 8)), max(3, min(MOST_GROUPS, 2 * count // 3))
    sizes = range(min(lowest, highest), highest + 1)
    size = max(sizes, key=lambda groups: heights[groups - 2] - heights[groups - 1])
    return np.unique(np.asarray(fcluster(tree, size, "maxclust")), return_inverse=True)[1]
