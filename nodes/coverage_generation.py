"""Step 3: look at the balance of the topics and fill gaps, as often as the person likes.

Decides: whether and for which topics records are generated.
Reads: artefacts `topics`, `categories`, `dataset`, the records.
Writes: artefact `coverage`; per round a batch of records and a new `dataset` artefact.
Asks: before every generation; shows five examples on request. Costs: nothing with the offline engine.
"""

import re
from typing import Any

from lucy.errors import InputError
from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Update
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import (
    read_artefact,
    read_batches,
    read_current_records,
    read_topics,
    read_tree,
)
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply, stay
from lucy.nodes.wording import draw_table, quote, show_percent, write
from lucy.tools.coverage import GOOD, CoverageReport, analyze_coverage, compute_balance
from lucy.tools.generation.plan import GenerationPlan
from lucy.tools.generation.run import GenerationResult, generate, preview
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.datasets import add_batch_records, read_batch, set_statistics
from lucy.tools.store.encoding import hash_content
from lucy.tools.store.generation import Generation, add_generation, read_generations
from lucy.tools.topics.tree import TopicTree, find_by_name, iterate, leaves, path_of
from lucy.tools.vocabulary import Record, read_last_user_text
from lucy.tools.workbench import Workbench

SHOWN = 14
"""Topics shown in the coverage table."""
NOISE = re.compile(
    r"\b(generate|add|make|create|produce|maybe|about|some|more|please|sure|yes|records?|examples?|for|the|a|"
    r"few|let'?s|topic|\d+)\b",
    re.IGNORECASE,
)
"""Words around the topic's name in a request to generate."""
DEFAULT_COUNT = 30
"""Records to generate when the person names a topic and no number."""


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Show the balance and propose what to generate, or to go on."""
    records = read_current_records(state, bench)
    tree = read_tree(state, bench)
    report = _analyze(state, bench, records, tree)
    ref = put_artefact(
        bench.store, get_workflow_id(state), "coverage", {"report": report.model_dump(mode="json")}
    )
    set_statistics(bench.store, state.get("dataset_id") or "", coverage_stats=report.model_dump(mode="json"))
    changes = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    checkable = sum("reference_answer" in record.item for record in records) * 2 > len(records)
    counts = dict(changes.get("counts") or ({} if checkable else _recommend(state, bench, report)))
    _check_topics(counts, tree)
    plan = _plan(state, bench, counts) if counts else None
    text = _describe(report, tree, counts, checkable=checkable)
    if changes.get("preview") and plan:
        text = _show_preview(plan, records, _map_topics(state, bench, records)) + "\n\n" + text
    proposed = ask(
        state,
        bench,
        step="coverage_generation",
        question=text,
        choices=_offer(counts),
        plan={"counts": counts, "action": "generate" if counts else "go_on"},
    )
    return proposed | {"artefacts": {"coverage": {**ref}}}


def _check_topics(counts: dict[str, int], tree: TopicTree) -> None:
    known = {leaf.id for leaf in leaves(tree)}
    unknown = sorted(set(counts) - known)
    if unknown:
        raise InputError(
            f"There is no topic with the id {unknown[0]!r} to generate for; name one of the topics."
        )


def _analyze(
    state: FinetuneWorkflowState, bench: Workbench, records: list[Record], tree: TopicTree
) -> CoverageReport:
    return analyze_coverage(
        read_topics(state, bench, records),
        tree,
        synthetic_ids=frozenset(record.id for record in records if record.is_synthetic),
        max_synthetic_share=bench.settings.max_synthetic_share,
    )


def _recommend(state: FinetuneWorkflowState, bench: Workbench, report: CoverageReport) -> dict[str, int]:
    """Take the recommendations that can be carried out: a topic without a record has nothing to vary.

    After a round for these topics that brought the balance no further, the same again would go in circles.
    """
    filled = {row.topic_id for row in report.topics if row.count > 0}
    counts = {one.topic_id: one.suggested_count for one in report.recommendations if one.topic_id in filled}
    rounds = read_generations(bench.store, get_workflow_id(state))
    stuck = rounds and rounds[-1]["balance_after"] <= rounds[-1]["balance_before"]
    return {} if stuck and set(counts) <= set(rounds[-1]["topics"]) else counts


def _offer(counts: dict[str, int]) -> list[Choice]:
    label = "Skip, go on to the grader" if counts else "Go on to the grader"
    go_on = Choice(id="go_on", label=label, kind="approve", changes={"action": "go_on"})
    if not counts:
        return [go_on]
    make = approve_choice(f"Generate {sum(counts.values())} records", action="generate", counts=counts)
    seen = {"preview": True, "counts": counts}
    return [make, Choice(id="preview", label="Show me 5 examples first", kind="edit", changes=seen), go_on]


def _plan(state: FinetuneWorkflowState, bench: Workbench, counts: dict[str, int]) -> GenerationPlan:
    """Make the plan; its batch is addressed by content, so that a resumed run finds what it stored."""
    batches = read_batches(state, bench)
    seed = bench.settings.seed
    sorted_as = (state.get("artefacts") or {})["categories"]["sha"]
    key = hash_content("batch", state.get("dataset_id"), sorted_as, batches, counts, seed)
    return GenerationPlan(
        batch=f"gen-{len(batches) + 1}-{key[:8]}",
        strategy="message_variation",
        mode="rft",
        counts=counts,
        seed=seed + len(batches),
    )


def _map_topics(state: FinetuneWorkflowState, bench: Workbench, records: list[Record]) -> dict[str, str]:
    return {one.record_id: one.topic_id for one in read_topics(state, bench, records) if one.topic_id}


def _show_preview(plan: GenerationPlan, records: list[Record], topics: dict[str, str]) -> str:
    samples = preview(plan, records, topics, size=5)
    lines = [f"{number}. > {quote(read_last_user_text(one))}" for number, one in enumerate(samples, 1)]
    return write("coverage_generation", "preview", samples="\n".join(lines))


def _describe(report: CoverageReport, tree: TopicTree, counts: dict[str, int], *, checkable: bool) -> str:
    rows = sorted(report.topics, key=lambda row: row.count)
    shown = rows if len(rows) <= SHOWN else [*rows[: SHOWN // 2], *rows[-SHOWN // 2 :]]
    marks = {"under": "⚠️ under", "ok": "✓", "over": "over"}
    table = draw_table(
        ("Topic", "Records", "% of total", "Target", ""),
        [
            (
                path_of(tree, row.topic_id),
                row.count,
                show_percent(row.percentage / 100),
                show_percent(row.target_percentage / 100),
                marks[row.status],
            )
            for row in shown
        ],
    )
    return write(
        "coverage_generation",
        "coverage",
        score=f"{report.balance_score:.2f}",
        rating=report.balance_rating,
        evenness=f"{report.evenness:.2f}",
        uncategorized=report.uncategorized,
        table=table,
        more=""
        if len(shown) == len(rows)
        else write("coverage_generation", "more", count=len(rows) - len(shown)),
        advice=_advise(report, tree, counts, checkable=checkable),
    )


def _advise(report: CoverageReport, tree: TopicTree, counts: dict[str, int], *, checkable: bool) -> str:
    if not counts:
        reason = "checkable" if checkable else "exhausted"
        return write("coverage_generation", "balanced" if report.balance_score >= GOOD else reason)
    names = {topic.id: topic.name for topic in iterate(tree)}
    topics = ", ".join(f"**{names[topic]}** (+{count})" for topic, count in counts.items())
    return write(
        "coverage_generation",
        "recommend",
        total=sum(counts.values()),
        topics=topics,
        expected=f"{_expect(report, counts):.2f}",
    )


def _expect(report: CoverageReport, counts: dict[str, int]) -> float:
    """Compute the balance score if every record asked for is kept."""
    after = {row.topic_id: row.count + counts.get(row.topic_id, 0) for row in report.topics}
    targets = {row.topic_id: row.target_percentage / 100 for row in report.topics}
    return compute_balance(after, targets)


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Explain the balance score and how generation works."""
    return reply(state, bench, step="coverage_generation", text=write("coverage_generation", "explained"))


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Generate what was approved and come back, or complete the step."""
    plan = get_plan(state)
    counts: dict[str, int] = plan.get("counts") or {}
    if plan.get("action") != "generate" or not counts:
        score = read_artefact(state, bench, "coverage")["report"]["balance_score"]
        text = write("coverage_generation", "done", score=f"{score:.2f}")
        refs = {kind: (state.get("artefacts") or {})[kind] for kind in ("dataset", "coverage")}
        return finish(state, bench, step="coverage_generation", text=text, refs=refs)
    return _generate(state, bench, counts)


def _generate(state: FinetuneWorkflowState, bench: Workbench, counts: dict[str, int]) -> Update:
    store, dataset_id = bench.store, state.get("dataset_id") or ""
    records = read_current_records(state, bench)
    tree = read_tree(state, bench)
    before = _analyze(state, bench, records, tree).balance_score
    plan = _plan(state, bench, counts)
    stored = read_batch(store, dataset_id, plan.batch)
    result = generate(
        plan,
        records,
        _map_topics(state, bench, records),
        stored=stored,
        keep=lambda made: add_batch_records(store, dataset_id, plan.batch, made),
        progress=open_progress(state, bench, "coverage_generation"),
    )
    batches = [*read_batches(state, bench), plan.batch] if result.valid else read_batches(state, bench)
    body = {"dataset_id": dataset_id, "batches": batches}
    ref = put_artefact(store, get_workflow_id(state), "dataset", body, reason=f"generated {plan.batch}")
    after_state: Any = {**state, "artefacts": {**(state.get("artefacts") or {}), "dataset": ref}}
    after = _analyze(after_state, bench, read_current_records(after_state, bench), tree).balance_score
    rejected = {str(reason): count for reason, count in result.rejected.items()}
    run = Generation(
        plan.batch, plan.strategy, plan.counts, result.made, result.valid, rejected, before, after
    )
    add_generation(store, get_workflow_id(state), run)
    text = _describe_result(result, tree, before, after)
    return stay(state, bench, step="coverage_generation", text=text, artefacts={"dataset": {**ref}})


def _describe_result(result: GenerationResult, tree: TopicTree, before: float, after: float) -> str:
    names = {topic.id: topic.name for topic in iterate(tree)}
    rows = [
        (
            names[topic],
            one.made,
            one.valid,
            ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in one.rejected.items())
            or "none",
        )
        for topic, one in result.topics.items()
    ]
    return write(
        "coverage_generation",
        "generated",
        valid=result.valid,
        table=draw_table(("Topic", "Tried", "Kept", "Rejected"), rows),
        before=f"{before:.2f}",
        after=f"{after:.2f}",
    )


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read "generate 30 more complaints", "show me examples first", "skip"."""
    said = text.casefold()
    if re.search(r"\b(skip|go on to the grader|no more|that'?s enough|proceed to (the )?grader)\b", said):
        return Intent(kind="approve", text=text, changes={"action": "go_on"})
    counts = _read_counts(text, state, bench)
    if re.search(r"\b(preview|examples?|samples?)\b", said) and re.search(r"\b(show|see|first|look)\b", said):
        return Intent(
            kind="edit", text=text, changes={"preview": True, **({"counts": counts} if counts else {})}
        )
    if counts:
        return Intent(kind="approve", text=text, changes={"action": "generate", "counts": counts})
    return None


def _read_counts(text: str, state: FinetuneWorkflowState, bench: Workbench) -> dict[str, int]:
    """Find the topic and the number in "generate maybe 30 more complaint examples"."""
    if not re.search(r"\b(generate|add|make|create|produce)\b", text, re.IGNORECASE):
        return {}
    number = re.search(r"\b(\d{1,6})\b", text)
    count = int(number.group(1)) if number else DEFAULT_COUNT
    name = re.sub(r"[^\w& ]+", " ", NOISE.sub(" ", text)).strip()
    tree = read_tree(state, bench)
    topic = find_by_name(tree, " ".join(name.split())) if name else None
    if topic is None:
        proposed: dict[str, int] = dict(get_plan(state).get("counts") or {})
        return dict.fromkeys(proposed, count) if number and proposed and not name else {}
    chosen = leaves(TopicTree(name=topic.name, roots=(topic,)))
    return {leaf.id: max(1, count // len(chosen)) for leaf in chosen}


STEP = Step(
    id="coverage_generation",
    title="Coverage and generation",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=('`generate 30 more for "Refunds"`', "`show me examples first`", "`skip`"),
)
