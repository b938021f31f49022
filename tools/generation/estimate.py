"""Estimate what a plan would take before it is approved."""

from collections.abc import Mapping, Sequence

from lucy.tools.calls.door import Door, Estimate
from lucy.tools.generation.draft import Attempt
from lucy.tools.generation.ground import thin
from lucy.tools.generation.modelled import ModelStrategy
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.sources import Sources, collect_sources
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Record, read_text

ALLOWANCE = 1.25
"""Calls per record wanted: about one draft in five is rejected and made anew. A guess, not a measurement of
the model at hand; a run makes at most `MODEL_BUDGET` times as many calls as records."""
_SAMPLE = 200
"""Requests that are composed; of larger plans, an even sample is scaled up."""
_OVERHEAD = 25
"""Completion tokens around the texts: the braces and names of the structured output."""
_MESSAGE_TOKENS, _REPLY_TOKENS = 60, 200
"""Where there are no records to measure."""
_MEASURED = 500


def estimate(
    plan: GenerationPlan,
    records: Sequence[Record],
    topics: Mapping[str, str],
    *,
    door: Door | None,
    tree: TopicTree | None = None,
) -> Estimate:
    """Estimate calls, tokens and cost of a plan, with an allowance for rejected drafts.

    Offline nothing is called and nothing paid.

    Raises:
        InputError: the plan names a record or topic that is not there.
    """
    others = [record for record in records if record.origin.get("batch") != plan.batch]
    sources = collect_sources(plan, others, topics, tree)
    if door is None:
        return Estimate(0, 0, 0, 0.0)
    strategy = ModelStrategy(sources, door)
    attempts = [
        Attempt(topic_id, number)
        for topic_id, count in sorted(plan.counts.items())
        if not strategy.explain_lack(topic_id)
        for number in range(count)
    ]
    if not attempts:
        return Estimate(0, 0, 0, 0.0)
    sample = attempts[:: max(1, -(-len(attempts) // _SAMPLE))]
    found = door.estimate(
        strategy.list_requests(sample),
        completion_tokens=_count_completion(sources),
        schema=strategy.schema,
    )
    scale = ALLOWANCE * len(attempts) / len(sample)
    return Estimate(
        calls=round(len(attempts) * ALLOWANCE),
        prompt_tokens=round(found.prompt_tokens * scale),
        completion_tokens=round(found.completion_tokens * scale),
        cost=None if found.cost is None else found.cost * scale,
    )


def _count_completion(sources: Sources) -> int:
    """Give the tokens of one answer, from what the real messages and replies have."""
    real = thin(sources.real, _MEASURED)
    messages = [estimate_tokens(record.prompt[-1:]) for record in real]
    tokens = sum(messages) / len(messages) if messages else _MESSAGE_TOKENS
    if sources.plan.mode == "sft":
        replies = [estimate_tokens(record.reply) for record in real if read_text(record.reply, "assistant")]
        tokens += sum(replies) / len(replies) if replies else _REPLY_TOKENS
    return round(tokens) + _OVERHEAD
