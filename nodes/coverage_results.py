"""Say what a generation gave: per topic, how different the new records are, and what it took."""

from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.generating import Made
from lucy.nodes.reading import read_tree
from lucy.nodes.wording import draw_bullets, draw_table, show_cost, show_percent, write
from lucy.tools.generation.result import TopicResult
from lucy.tools.topics.tree import iterate
from lucy.tools.workbench import Workbench


def describe_result(state: FinetuneWorkflowState, bench: Workbench, made: Made) -> str:
    """Say what was kept and what was not, and why."""
    names = {topic.id: topic.name for topic in iterate(read_tree(state, bench))}
    order = list(names)
    found = [(topic, one) for result in made.results for topic, one in result.topics.items()]
    found.sort(key=lambda pair: order.index(pair[0]) if pair[0] in names else len(order))
    rows = [(names.get(topic, "all"), one.made, one.valid, _list_reasons(one)) for topic, one in found]
    notes = [f"{names.get(topic, 'All')}: {one.note}" for topic, one in found if one.note]
    return write(
        "coverage_generation",
        "generated",
        valid=made.valid,
        how=", ".join(write("coverage_generation", f"strategy_{one}") for one in made.strategies),
        table=draw_table(("Topic", "Tried", "Kept", "Rejected"), rows),
        notes=draw_bullets(notes[:8]),
        before=f"{made.before:.2f}",
        after=f"{made.after:.2f}",
        quality=_describe_quality(made),
        cost=_describe_cost(made),
    )


def _list_reasons(one: TopicResult) -> str:
    """List why drafts were not kept, and which calls failed."""
    rejected = [f"{count} {reason.replace('_', ' ')}" for reason, count in one.rejected.items()]
    failed = [f"{count} calls failed ({error.replace('_', ' ')})" for error, count in one.failed.items()]
    return ", ".join([*rejected, *failed]) or "none"


def _describe_quality(made: Made) -> str:
    """Say how different the new records are from each other and from the real ones."""
    lines: list[str] = []
    for strategy, result in zip(made.strategies, made.results, strict=True):
        one = result.quality
        if one is None:
            continue
        kept = "" if one.kept_topic is None else f", {show_percent(one.kept_topic)} keep their topic blind"
        has_real = one.real_distinct_2 > 0  # an empty start has nothing to compare with
        pairs = f" (real records {show_percent(one.real_distinct_2)})" if has_real else ""
        nearest = f" (real {one.real_nearest:.2f})" if has_real else ""
        lines.append(
            f"{write('coverage_generation', f'strategy_{strategy}')}: different word pairs "
            f"{show_percent(one.distinct_2)}{pairs}, likeness to the nearest other record "
            f"{one.nearest:.2f}{nearest}{kept}"
        )
    return write("coverage_generation", "quality", lines=draw_bullets(lines)) if lines else ""


def _describe_cost(made: Made) -> str:
    calls = sum(result.calls for result in made.results)
    if not calls:
        return ""
    costs = [result.cost for result in made.results]
    cost = None if None in costs else sum(one for one in costs if one is not None)
    tokens = sum(result.prompt_tokens + result.completion_tokens for result in made.results)
    return write(
        "coverage_generation", "took", calls=f"{calls:,}", tokens=f"{tokens:,}", cost=show_cost(cost)
    )
