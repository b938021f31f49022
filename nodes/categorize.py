"""Step 2: sort the records into the topics, and let the person look over what is uncertain.

Decides: the topic of each record.
Reads: artefact `topics`, the records, the categories so far. Writes: artefact `categories`, one assignment a
record; what the person assigned stays through later sortings.
Asks: nothing when all is sorted offline; before a language model sorts the uncertain records (with the
cost); and when reopened, which of the uncertain records belong elsewhere.
Costs: nothing with the offline engine; else one call for about ten uncertain records.
"""

from typing import Any

from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Ref, Update
from lucy.nodes.category_review import ask_review, read_found, read_summary, read_words
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import (
    has_artefact,
    read_artefact,
    read_current_records,
    read_older_tree,
    read_texts,
    read_topics,
    read_tree,
)
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.wording import draw_table, show_cost, show_percent, write
from lucy.tools.calls.door import Door
from lucy.tools.categories.again import categorize_again, sort_uncertain_again
from lucy.tools.categories.by_model import (
    count_unanswered,
    estimate_uncertain,
    list_uncertain,
    sort_uncertain,
)
from lucy.tools.categories.review import reassign
from lucy.tools.categories.sorting import categorize
from lucy.tools.categories.summary import CategorySummary, summarize_categories
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Assignment, Record
from lucy.tools.workbench import Workbench


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Sort the records; when that is done already, show what is uncertain."""
    intent = state.get("intent")
    if state.get("pending") and intent and intent["kind"] == "edit":
        return _revise(state, bench, intent)
    if is_sorted(state, bench):
        return ask_review(state, bench, (state.get("artefacts") or {})["categories"])
    ref = _sort(state, bench)
    door = _open_door(state, bench)
    if door and list_uncertain(read_found(state, bench, ref), bench.settings.confidence_threshold):
        return _offer_model(state, bench, ref, door)
    return _finish(state, bench, ref)


def is_sorted(state: FinetuneWorkflowState, bench: Workbench) -> bool:
    """Tell whether the categories were made for the topics as they are now."""
    if not has_artefact(state, "categories"):
        return False
    made_for = read_artefact(state, bench, "categories").get("topics") or {}
    return made_for.get("sha") == (state.get("artefacts") or {})["topics"]["sha"]


def _sort(state: FinetuneWorkflowState, bench: Workbench) -> Ref:
    """Sort for the first time, or again: then the person's own assignments stay."""
    records = read_current_records(state, bench)
    tree = read_tree(state, bench)
    ids, texts = read_texts(state, bench)
    given: dict[str, Any] = {
        "threshold": bench.settings.confidence_threshold,
        "seed": bench.settings.seed,
        "progress": open_progress(state, bench, "categorize"),
    }
    before = _read_before(state, bench, records)
    if before:
        previous, previous_tree = before
        found = categorize_again(ids, texts, tree, previous=previous, previous_tree=previous_tree, **given)
    else:
        found = categorize(ids, texts, tree, **given)
    return _put(state, bench, found, tree, reason="sorted")


def _read_before(
    state: FinetuneWorkflowState, bench: Workbench, records: list[Record]
) -> tuple[list[Assignment], TopicTree] | None:
    """Read how the records were sorted last, and for which topics."""
    if not has_artefact(state, "categories"):
        made = [one for one in read_topics(state, bench, records) if one.topic_id]
        return (made, read_tree(state, bench)) if made else None
    made_for = read_artefact(state, bench, "categories").get("topics")
    tree = read_older_tree(state, bench, made_for["revision"]) if made_for else read_tree(state, bench)
    return read_topics(state, bench, records), tree


def _put(
    state: FinetuneWorkflowState, bench: Workbench, found: list[Assignment], tree: TopicTree, *, reason: str
) -> Ref:
    threshold = bench.settings.confidence_threshold
    summary = summarize_categories(found, tree, threshold).model_dump(mode="json")
    topics = dict((state.get("artefacts") or {})["topics"])
    body = {"summary": summary, "threshold": threshold, "topics": topics}
    ref = put_artefact(bench.store, get_workflow_id(state), "categories", body, found=found, reason=reason)
    return Ref(revision=ref["revision"], sha=ref["sha"])


def _open_door(state: FinetuneWorkflowState, bench: Workbench) -> Door | None:
    return bench.open_door("chat", workflow_id=get_workflow_id(state), step="categorize")


def _offer_model(state: FinetuneWorkflowState, bench: Workbench, ref: Ref, door: Door) -> Update:
    """Ask whether a language model shall sort the uncertain records, and say what that costs."""
    tree = read_tree(state, bench)
    summary = read_summary(state, bench, ref)
    found = read_found(state, bench, ref)
    cost = estimate_uncertain(
        *read_texts(state, bench),
        found,
        tree,
        door,
        threshold=summary.threshold,
    )
    question = write(
        "categorize",
        "offer_model",
        results=_describe(summary),
        low=f"{len(list_uncertain(found, summary.threshold)):,}",
        model=door.model,
        calls=f"{cost.calls:,}",
        tokens=f"{cost.prompt_tokens + cost.completion_tokens:,}",
        cost=show_cost(cost.cost),
    )
    asked = ask(
        state,
        bench,
        step="categorize",
        question=question,
        choices=[
            approve_choice(f"Let {door.model} sort the uncertain ones", action="model"),
            Choice(id="keep", label="Go on as it is", kind="approve", changes={"action": "keep"}),
            Choice(id="review", label="I look at them myself", kind="edit", changes={"review": True}),
        ],
        plan={"action": "model", "ref": dict(ref)},
    )
    return asked | {"artefacts": {"categories": ref}}


def _revise(state: FinetuneWorkflowState, bench: Workbench, intent: Intent) -> Update:
    """Put records where the person says, or show others."""
    plan, changes = get_plan(state), intent.get("changes") or {}
    ref = Ref(revision=plan["ref"]["revision"], sha=plan["ref"]["sha"])
    found, tree = read_found(state, bench, ref), read_tree(state, bench)
    assign: dict[str, str | None] = dict(changes.get("assign") or {})
    if changes.get("confirm"):
        topics = {one.record_id: one.topic_id for one in found}
        assign = {record_id: topics[record_id] for record_id in plan.get("rows", [])}
    if not assign:
        taught = int(plan.get("taught", 0))
        return ask_review(state, bench, ref, skip=int(changes.get("skip", 0)), taught=taught)
    kept = reassign(found, assign, tree)
    ref = _put(state, bench, kept, tree, reason=intent["text"] or "assigned by the person")
    said = write("categorize", "assigned", count=len(assign))
    taught = int(plan.get("taught", 0)) + len(assign)
    return ask_review(state, bench, ref, said=said, taught=taught)


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Explain what the confidence means."""
    text = write("categorize", "explained", threshold=bench.settings.confidence_threshold)
    return reply(state, bench, step="categorize", text=text)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Take the sorting as it stands, or let the language model sort the uncertain records first."""
    plan = get_plan(state)
    ref = Ref(revision=plan["ref"]["revision"], sha=plan["ref"]["sha"])
    door = _open_door(state, bench)
    if plan.get("action") == "model" and door:
        return _sort_by_model(state, bench, ref, door)
    if plan.get("taught"):
        return _learn(state, bench, ref, int(plan["taught"]))
    return _finish(state, bench, ref)


def _learn(state: FinetuneWorkflowState, bench: Workbench, ref: Ref, taught: int) -> Update:
    """Sort the uncertain records again, with what the person assigned as examples."""
    tree = read_tree(state, bench)
    before = read_found(state, bench, ref)
    found = sort_uncertain_again(
        *read_texts(state, bench),
        tree,
        assignments=before,
        threshold=bench.settings.confidence_threshold,
        seed=bench.settings.seed,
        progress=open_progress(state, bench, "categorize"),
    )
    moved = sum(old.topic_id != new.topic_id for old, new in zip(before, found, strict=True))
    said = write("categorize", "learned", count=taught, moved=moved)
    return _finish(state, bench, _put(state, bench, found, tree, reason="learned from the person"), said=said)


def _sort_by_model(state: FinetuneWorkflowState, bench: Workbench, ref: Ref, door: Door) -> Update:
    tree = read_tree(state, bench)
    threshold = bench.settings.confidence_threshold
    before = read_found(state, bench, ref)
    found = sort_uncertain(
        *read_texts(state, bench),
        before,
        tree,
        door,
        threshold=threshold,
        progress=open_progress(state, bench, "categorize"),
    )
    unanswered = count_unanswered(before, found, threshold)
    asked = len(list_uncertain(before, threshold))
    said = write(
        "categorize", "sorted_by_model", model=door.model, count=asked - unanswered, unanswered=unanswered
    )
    ref = _put(state, bench, found, tree, reason=f"uncertain ones sorted by {door.model}")
    return _finish(state, bench, ref, said=said)


def _finish(state: FinetuneWorkflowState, bench: Workbench, ref: Ref, *, said: str = "") -> Update:
    summary = read_summary(state, bench, ref)
    text = _describe(summary) if summary.total else write("categorize", "empty")
    text = f"{said}\n\n{text}".strip()
    return finish(state, bench, step="categorize", text=text, refs={"categories": ref})


def _describe(summary: CategorySummary) -> str:
    rows = [(row.name, row.count, f"{show_percent(row.mean_confidence)} avg") for row in summary.topics]
    return write(
        "categorize",
        "results",
        total=f"{summary.total:,}",
        table=draw_table(("Topic", "Count", "Confidence"), rows),
        high=f"{summary.high_confidence:,}",
        low=f"{summary.low_confidence:,}",
        uncategorized=f"{summary.uncategorized:,}",
        threshold=summary.threshold,
    )


STEP = Step(
    id="categorize",
    title="Categorize",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=(
        "`move 3 to Refunds`, `1 and 4 are Complaints`, `5 fits no topic`",
        "`these are right`, `show more`, `done`",
    ),
)
