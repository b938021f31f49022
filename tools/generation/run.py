"""Run a generation plan: draft, check, keep, in chunks, so that a killed run continues where it stopped.

A draft depends on the plan, the records, the topic and the number of the attempt; whether it is kept depends
on the records kept before it. Each kept record notes its attempt and what was dropped just before it. A run
that finds stored records of its batch therefore goes on after the last of them and ends with the same records
and the same counts as a run that was never stopped, without making one of them twice. Calls of a language
model are not paid twice either: the door finds their answers in the store. What may differ then is a call
that failed before the kill and succeeds after it.
"""

from collections.abc import Mapping, Sequence

from lucy.errors import InputError
from lucy.tools.calls.door import Door
from lucy.tools.generation.filling import Filling, Keep
from lucy.tools.generation.filters import Filters
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.quality import measure_quality
from lucy.tools.generation.result import GenerationResult
from lucy.tools.generation.sources import collect_sources, describe_topics
from lucy.tools.generation.strategies import build_strategy
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Progress, Record, ignore_progress

PREVIEW_SIZE = 5


def generate(
    plan: GenerationPlan,
    records: Sequence[Record],
    topics: Mapping[str, str],
    *,
    tree: TopicTree | None = None,
    door: Door | None = None,
    stored: Sequence[Record] = (),
    keep: Keep,
    progress: Progress = ignore_progress,
) -> GenerationResult:
    """Make the records of a plan.

    Args:
        plan: What to make.
        records: The dataset. Real records are varied; synthetic ones of other batches only count as known.
        topics: Record id to topic id; records without one are varied only where the plan names them.
        tree: The topics; needed to start from their descriptions, and to refuse a topic that is not there.
        door: The way to a language model; None recombines what the records say.
        stored: Records of this batch that an interrupted run has kept.
        keep: Called with up to `CHUNK` new records at a time, in order.
        progress: Told after each draft how many records there are. When it raises
            `CancelledByPersonError`, what was made so far is kept first.

    Raises:
        InputError: the plan names a record or topic that is not there.
    """
    done = [record for record in stored if record.origin.get("batch") == plan.batch]
    others = [record for record in records if record.origin.get("batch") != plan.batch]
    sources = collect_sources(plan, others, topics, tree)
    run = Filling(
        plan=plan,
        strategy=build_strategy(sources, door),
        filters=Filters(others, topics, done, mode=plan.mode, described=describe_topics(tree)),
        keep=keep,
        progress=progress,
        is_offline=door is None,
        made=done,
    )
    try:
        results = run.fill()
    finally:
        run.flush()
    quality = measure_quality(run.made, others, topics) if run.made else None
    usage = run.usage._asdict()
    return GenerationResult(batch=plan.batch, topics=results, quality=quality, **usage)


def preview(
    plan: GenerationPlan,
    records: Sequence[Record],
    topics: Mapping[str, str],
    *,
    tree: TopicTree | None = None,
    door: Door | None = None,
    size: int = PREVIEW_SIZE,
) -> list[Record]:
    """Make the first few records of a plan, from as many topics as possible; nothing is stored.

    They are drafted by the attempts that the run makes first: a language model's answers are kept by the door
    and not paid again.

    Raises:
        InputError: `size` is below 1, or the plan names a record or topic that is not there.
    """
    if size < 1:
        raise InputError(f"A preview of {size} records was asked for; ask for 1 or more.")
    largest = sorted(plan.counts, key=lambda topic_id: (-plan.counts[topic_id], topic_id))[:size]
    share = -(-size // len(largest))
    counts = {topic_id: min(share, plan.counts[topic_id]) for topic_id in largest}
    sources = collect_sources(plan, records, topics, tree)
    run = Filling(
        plan=plan.model_copy(update={"counts": counts}),
        # Built for the whole plan: its first drafts are the run's.
        strategy=build_strategy(sources, door),
        filters=Filters(records, topics, mode=plan.mode, described=describe_topics(tree)),
        keep=lambda chunk: None,
        progress=ignore_progress,
        is_offline=door is None,
        made=[],
    )
    run.fill()
    return _take_turns(run.made, largest)[:size]


def _take_turns(made: Sequence[Record], topics: Sequence[str]) -> list[Record]:
    """Put the records of all topics in turn, so that the first few show many topics."""
    shelves = [[record for record in made if record.origin["topic_id"] == topic_id] for topic_id in topics]
    longest = max((len(shelf) for shelf in shelves), default=0)
    return [shelf[place] for place in range(longest) for shelf in shelves if place < len(shelf)]
