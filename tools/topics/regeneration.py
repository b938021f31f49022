"""Find topics again for the records that belong to no locked topic."""

from collections.abc import Mapping, Sequence

from lucy.tools.categories.sorting import categorize
from lucy.tools.topics.clustering import Cut
from lucy.tools.topics.discovery import Discovery, discover
from lucy.tools.topics.features import Lens
from lucy.tools.topics.locks import list_locked, list_locked_ids, merge_locked
from lucy.tools.topics.tree import TopicTree, leaves
from lucy.tools.vocabulary import Progress, ignore_progress


def regenerate(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    *,
    assigned: Mapping[str, str | None] | None = None,
    goal: str = "",
    max_leaves: int | None = None,
    min_leaves: int | None = None,
    lens: Lens = "content",
    seed: int = 0,
    progress: Progress = ignore_progress,
) -> Discovery:
    """Find topics as `discover` does, and keep the locked topics of a tree as they are.

    The records of locked topics take no part. Which these are says `assigned`, topic ids by record id;
    without it the records are sorted into the tree first. `max_leaves` and `min_leaves` count all leaves,
    the locked ones too. Where every record belongs to a locked topic, these are all that is left.

    Raises:
        InputError: No texts, or not as many ids as texts.
    """
    locked = list_locked_ids(tree)
    kept = sum(len(leaves(TopicTree(roots=(one.topic,)))) for one in list_locked(tree))
    rows = _list_rest(ids, texts, tree, assigned, seed=seed) if locked else list(range(len(ids)))
    if locked and not rows:
        merged = merge_locked(tree, TopicTree(roots=(), name=tree.name))
        return Discovery(merged, "Every record belongs to a locked topic.", Cut(kept, 0.0), ())
    found = discover(
        [ids[row] for row in rows],
        [texts[row] for row in rows],
        goal=goal,
        name=tree.name,
        max_leaves=max(1, max_leaves - kept) if max_leaves else None,
        min_leaves=max(1, min_leaves - kept) if min_leaves else None,
        lens=lens,
        seed=seed,
        progress=progress,
    )
    return found._replace(tree=merge_locked(tree, found.tree, rest=len(rows) / len(ids)))


def _list_rest(
    ids: Sequence[str],
    texts: Sequence[str],
    tree: TopicTree,
    assigned: Mapping[str, str | None] | None,
    *,
    seed: int,
) -> list[int]:
    """Give the rows of the records that belong to no locked topic."""
    if assigned is None:
        assigned = {one.record_id: one.topic_id for one in categorize(ids, texts, tree, seed=seed)}
    locked = list_locked_ids(tree)
    return [row for row, record_id in enumerate(ids) if assigned.get(record_id) not in locked]
