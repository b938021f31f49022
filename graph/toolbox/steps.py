"""Do steps 1 to 3 for a tool call: topics, categories, coverage, generation."""

from collections import Counter
from typing import Any

from lucy.errors import InputError
from lucy.graph.runs import Runs
from lucy.graph.toolbox.arguments import (
    ApplyTopicHierarchy,
    CategorizeRecords,
    GenerateSyntheticData,
    GenerateTopics,
    OfWorkflow,
)
from lucy.graph.toolbox.calls import (
    approve,
    change,
    describe_question,
    find_id,
    find_named,
    open_step,
)
from lucy.nodes.categorize import is_sorted
from lucy.nodes.coverage_report import make_report
from lucy.nodes.reading import has_artefact, read_current_records, read_topics, read_tree
from lucy.nodes.topic_drafts import read_draft
from lucy.tools.coverage import CoverageReport
from lucy.tools.topics.tree import TopicTree, iterate, leaves


def generate_topics(runs: Runs, given: GenerateTopics) -> dict[str, Any]:
    """Propose topics; the person, or `apply_topic_hierarchy`, takes them."""
    workflow_id = find_id(runs, given.workflow_id)
    name = "generate_topics"
    if given.method == "template":
        called = change(runs, workflow_id, "topics_config", name, template=given.template_name)
    elif given.method == "auto":
        called = change(runs, workflow_id, "topics_config", name, find=True, max_depth=given.max_depth)
    else:
        state = open_step(runs, workflow_id, "topics_config", name)
        return {"status": "open", "hierarchy": _list_roots(read_draft(state, runs.bench))}
    tree = read_draft(called.state, runs.bench)
    return {"hierarchy": _list_roots(tree), "topic_count": len(leaves(tree)), **describe_question(called)}


def _list_roots(tree: TopicTree) -> list[dict[str, Any]]:
    return [topic.model_dump(mode="json") for topic in tree.roots]


def apply_topic_hierarchy(runs: Runs, given: ApplyTopicHierarchy) -> dict[str, Any]:
    """Use a tree; the workflow then sorts the records and comes to the coverage."""
    workflow_id = find_id(runs, given.workflow_id)
    name = "apply_topic_hierarchy"
    change(runs, workflow_id, "topics_config", name, tree=given.hierarchy)
    called = approve(runs, workflow_id, "topics_config", name)
    tree = read_tree(called.state, runs.bench)
    return {
        "hierarchy": _list_roots(tree),
        "topic_count": len(leaves(tree)),
        "step": called.state.get("step"),
        **describe_question(called),
    }


def categorize_records(runs: Runs, given: CategorizeRecords) -> dict[str, Any]:
    """Sort the records, or count again how they are sorted."""
    workflow_id = find_id(runs, given.workflow_id)
    state = runs.read_state(workflow_id)
    if not is_sorted(state, runs.bench):
        open_step(runs, workflow_id, "categorize", "categorize_records")
        state = runs.read_state(workflow_id)
    found = read_topics(state, runs.bench, read_current_records(state, runs.bench))
    tree = read_tree(state, runs.bench)
    assigned = [one for one in found if one.topic_id]
    low = [one for one in assigned if one.confidence < given.confidence_threshold]
    by_topic = {leaf.name: sum(one.topic_id == leaf.id for one in assigned) for leaf in leaves(tree)}
    return {
        "assigned_count": len(assigned),
        "low_confidence_count": len(low),
        "uncategorized_count": len(found) - len(assigned),
        "by_topic": by_topic,
    }


def analyze_coverage(runs: Runs, given: OfWorkflow) -> dict[str, Any]:
    """Measure the balance now; nothing is changed."""
    report = _measure(runs, given)
    return {
        "balance_score": report.balance_score,
        "balance_rating": report.balance_rating,
        "evenness": report.evenness,
        "total_records": report.total,
        "uncategorized": report.uncategorized,
        "distribution": {
            row.name: {"count": row.count, "percentage": row.percentage, "status": row.status}
            for row in report.topics
        },
        "recommendations": [one.reason for one in report.recommendations],
    }


def get_coverage_recommendations(runs: Runs, given: OfWorkflow) -> dict[str, Any]:
    """Say what to generate, and how often it takes."""
    report = _measure(runs, given)
    names = {row.topic_id: row.name for row in report.topics}
    strategies = Counter(one.strategy for one in report.recommendations if one.strategy)
    wanted = [
        {
            "topic": names[one.topic_id],
            "action": one.action,
            "reason": one.reason,
            "suggested_count": one.suggested_count,
            "needs_agreement": one.needs_agreement,
            "strategy": one.strategy,
        }
        for one in report.recommendations
    ]
    return {
        "recommendations": wanted,
        "suggested_strategy": strategies.most_common(1)[0][0] if strategies else "message_variation",
        "rounds": [one.model_dump(mode="json") for one in report.rounds],
        "expected_score": report.expected_score,
    }


def _measure(runs: Runs, given: OfWorkflow) -> CoverageReport:
    state = runs.read_state(find_id(runs, given.workflow_id))
    if not has_artefact(state, "categories"):
        raise InputError("The records are not sorted into topics yet; call categorize_records first.")
    return make_report(state, runs.bench)


def generate_synthetic_data(runs: Runs, given: GenerateSyntheticData) -> dict[str, Any]:
    """Propose a generation; only the person starts it."""
    workflow_id = find_id(runs, given.workflow_id)
    name = "generate_synthetic_data"
    state = open_step(runs, workflow_id, "coverage_generation", name)
    changes: dict[str, Any] = {"strategy": given.strategy, "mode": given.generation_mode}
    if given.record_ids:
        changes |= {"record_ids": given.record_ids, "variations_per_record": given.variations_per_record}
    elif given.target_topics:
        tree = read_tree(state, runs.bench)
        chosen = [leaf for word in given.target_topics for leaf in _find_leaves(tree, word)]
        changes["counts"] = dict.fromkeys(chosen, given.count_per_topic)
    called = change(runs, workflow_id, "coverage_generation", name, **changes)
    pending = called.state.get("pending")
    return {"plan": pending["plan"] if pending else {}, **describe_question(called)}


def _find_leaves(tree: TopicTree, word: str) -> list[str]:
    """Give the leaves that a topic's id or name stands for.

    Raises:
        InputError: there is no such topic.
    """
    return [one.id for one in iterate(TopicTree(roots=(find_named(tree, word),))) if not one.children]
