"""Hold what a run draws from: the records of each topic, and what is known of the topics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lucy.errors import InputError
from lucy.tools.generation.plan import ANY_TOPIC, GenerationPlan
from lucy.tools.topics.tree import TopicTree, find_topic, iterate_paths, leaves
from lucy.tools.vocabulary import Record, Topic


@dataclass(frozen=True, slots=True)
class Sources:
    """The material of one run."""

    plan: GenerationPlan
    real: tuple[Record, ...]
    """All real records: manners, openings and values are learned from them."""
    by_topic: Mapping[str, tuple[Record, ...]]
    """The records to start from, per topic of the plan."""
    topics: Mapping[str, Topic]
    """What the tree says of each topic of the plan that it has."""
    paths: Mapping[str, str]
    """Names from the root down to each of these topics."""
    leaf_names: frozenset[str]
    """Names of all leaves of the tree."""


def collect_sources(
    plan: GenerationPlan,
    records: Sequence[Record],
    topics: Mapping[str, str],
    tree: TopicTree | None = None,
) -> Sources:
    """Gather the material of a plan.

    Args:
        plan: What to make.
        records: The dataset without the plan's own batch.
        topics: Record id to topic id.
        tree: The topics. Without it nothing is known of a topic but its records.

    Raises:
        InputError: the plan names a record that is not there, or a topic that is not a leaf of the tree.
    """
    real = tuple(record for record in records if not record.is_synthetic)
    chosen = _choose(plan, records, real)
    _check_topics(plan, tree)
    by_topic: dict[str, list[Record]] = {topic_id: [] for topic_id in plan.counts}
    for record in chosen:
        place = ANY_TOPIC if ANY_TOPIC in by_topic else topics.get(record.id)
        if place in by_topic:
            by_topic[place].append(record)
    paths = {placed.topic.id: placed.path for placed in iterate_paths(tree)} if tree else {}
    found = {topic_id: find_topic(tree, topic_id) for topic_id in plan.counts} if tree else {}
    return Sources(
        plan=plan,
        real=real,
        by_topic={topic_id: tuple(mine) for topic_id, mine in by_topic.items()},
        topics={topic_id: topic for topic_id, topic in found.items() if topic},
        paths={topic_id: paths[topic_id] for topic_id in plan.counts if topic_id in paths},
        leaf_names=frozenset(leaf.name for leaf in leaves(tree)) if tree else frozenset(),
    )


def describe_topics(tree: TopicTree | None) -> dict[str, str]:
    """Give all that a tree says of its leaves, by topic id."""
    return {
        topic.id: " ".join((topic.name.replace("_", " "), topic.description, *topic.keywords))
        for topic in (leaves(tree) if tree else ())
    }


def _choose(plan: GenerationPlan, records: Sequence[Record], real: tuple[Record, ...]) -> Sequence[Record]:
    """Give the records that may be varied; named ones may be synthetic, since a person chose them."""
    if not plan.record_ids:
        return real
    known = {record.id: record for record in records}
    missing = next((record_id for record_id in plan.record_ids if record_id not in known), None)
    if missing is not None:
        raise InputError(f"There is no record {missing!r} to vary; name records of this dataset.")
    return [known[record_id] for record_id in plan.record_ids]


def _check_topics(plan: GenerationPlan, tree: TopicTree | None) -> None:
    if ANY_TOPIC in plan.counts and (not plan.record_ids or len(plan.counts) > 1):
        raise InputError(
            "The plan asks for records of no topic; name the records to vary, or topics, not both."
        )
    if tree is None:
        return
    known = {leaf.id for leaf in leaves(tree)} | {ANY_TOPIC}
    unknown = next((topic_id for topic_id in sorted(plan.counts) if topic_id not in known), None)
    if unknown is not None:
        raise InputError(
            f"There is no topic without sub-topics with the id {unknown!r}; take one of the present tree."
        )
