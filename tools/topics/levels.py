"""Join leaves into groups, and large groups into parts, where these are clear."""

import numpy as np
from numpy.typing import NDArray

from lucy.tools.topics.consensus import measure_silhouette

LONGEST_LIST = 30
"""Leaves that may stand in one list without groups."""

GROUPS_CLEAR = 0.08
"""By how much the mean cosine inside groups of leaves has to exceed that across, for a second level."""

PARTED_FROM = 9
"""Leaves in one group from which it may get a level between."""

MOST_GROUPS = 12
"""Top-level topics at most: what a person can take in at a glance."""

FEW_GROUPS = 8
"""Top-level topics at most where the leaves are too many for one list, and get a level between."""

LARGEST_GROUP = 0.35
"""Share of the leaves that one group should not exceed, where an equally good cut avoids it."""


def group_leaves(centers: NDArray[np.float64], most: int = MOST_GROUPS) -> NDArray[np.intp]:
    """Join leaves into groups by Ward linkage of their centers.

    Of the numbers of groups from one per 8 leaves to two per 3, the one with the best silhouette by cosine
    is taken. Fewer than 6 leaves, or leaves that are hardly nearer to those in their group than to others,
    stay a plain list, unless it would be longer than `LONGEST_LIST`.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    count = len(centers)
    if count < 6:
        return np.arange(count)
    tree = linkage(centers, method="ward")
    lowest, highest = max(3, -(-count // 8)), max(3, min(most, 2 * count // 3))
    cuts = [
        np.unique(np.asarray(fcluster(tree, size, "maxclust")), return_inverse=True)[1]
        for size in range(min(lowest, highest), highest + 1)
    ]
    apart = np.maximum(1.0 - centers @ centers.T, 0.0).astype(np.float32)
    scores = [measure_silhouette(apart, groups) for groups in cuts]
    even = [np.bincount(groups).max() <= max(4, LARGEST_GROUP * count) for groups in cuts]
    allowed = [place for place in range(len(cuts)) if even[place] or not any(even)]
    groups = cuts[max(allowed, key=lambda place: scores[place])]
    return groups if count > LONGEST_LIST or _are_apart(centers, groups) else np.arange(count)


def part_groups(centers: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Join the leaves of large groups into parts, a level between, where these are as clear as groups.

    A group needs `PARTED_FROM` leaves; what is the same for a person is one list, not three small ones.
    """
    parts = np.zeros(len(centers), dtype=np.intp)
    following = 0
    for group in range(int(groups.max()) + 1):
        rows = np.flatnonzero(groups == group)
        found = np.arange(len(rows))
        if len(rows) >= PARTED_FROM:
            found = group_leaves(centers[rows], most=len(rows) // 3)
        parts[rows] = following + found
        following += int(found.max()) + 1
    return parts


def _are_apart(centers: NDArray[np.float64], groups: NDArray[np.intp]) -> bool:
    near = centers @ centers.T
    pairs = ~np.eye(len(centers), dtype=bool)
    same = (groups[:, None] == groups) & pairs
    return bool(same.any() and near[same].mean() - near[pairs & ~same].mean() >= GROUPS_CLEAR)
