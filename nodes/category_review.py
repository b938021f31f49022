"""Show the records whose topic is uncertain, and read where the person puts them."""

from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Ref, Update
from lucy.nodes.reading import read_current_records, read_tree
from lucy.nodes.step import approve_choice, ask, get_plan, get_workflow_id
from lucy.nodes.wording import draw_table, quote, show_percent, write
from lucy.tools.categories.review import list_for_review, parse_reassignment
from lucy.tools.categories.summary import CategorySummary
from lucy.tools.store.artefacts import get_artefact, read_assignments
from lucy.tools.topics.tree import iterate, leaves
from lucy.tools.vocabulary import Assignment
from lucy.tools.workbench import Workbench

ROWS = 10
"""Records shown for review at a time."""


def read_summary(state: FinetuneWorkflowState, bench: Workbench, ref: Ref) -> CategorySummary:
    """Read the counts of a sorting."""
    body = get_artefact(bench.store, get_workflow_id(state), "categories", ref["revision"])
    return CategorySummary.model_validate(body["summary"])


def read_found(state: FinetuneWorkflowState, bench: Workbench, ref: Ref) -> list[Assignment]:
    """Read the assignments of a sorting."""
    return read_assignments(bench.store, get_workflow_id(state), ref["revision"])


def ask_review(
    state: FinetuneWorkflowState,
    bench: Workbench,
    ref: Ref,
    *,
    skip: int = 0,
    said: str = "",
    taught: int = 0,
) -> Update:
    """Show the records that are least sure, to be put where they belong; `taught` counts those that were."""
    tree, summary = read_tree(state, bench), read_summary(state, bench, ref)
    found = read_found(state, bench, ref)
    rows = list_for_review(
        found, read_current_records(state, bench), tree, threshold=summary.threshold, limit=skip + ROWS
    )[skip:]
    left = summary.low_confidence + summary.uncategorized - skip - len(rows)
    known = {topic.id: topic.name for topic in iterate(tree)}
    lines = [
        (
            number,
            quote(row.text, 140),
            row.path or "none",
            show_percent(row.confidence),
            known.get(row.guess or "", ""),
        )
        for number, row in enumerate(rows, 1)
    ]
    table = draw_table(("#", "The person says", "Topic", "Confidence", "Could also be"), lines)
    if rows:
        examples = [quote(leaf.name, 40) for leaf in leaves(tree)]
        names = {"one": examples[0], "other": examples[-1]}
        question = write("categorize", "review", said=said, table=table, left=max(0, left), **names)
    else:
        question = write("categorize", "nothing_to_review", said=said, threshold=summary.threshold)
    asked = ask(
        state,
        bench,
        step="categorize",
        question=question,
        choices=_offer_review(bool(rows), left, skip),
        plan={
            "action": "keep",
            "ref": dict(ref),
            "rows": [row.record_id for row in rows],
            "skip": skip,
            "taught": taught,
        },
    )
    # Kept at once: whoever leaves for another step has not lost what was assigned.
    return asked | {"artefacts": {"categories": ref}}


def _offer_review(has_rows: bool, left: int, skip: int) -> list[Choice]:
    choices: list[Choice] = [approve_choice("Done, go on", action="keep")]
    if has_rows:
        choices.append(
            Choice(id="confirm", label="These are all right", kind="edit", changes={"confirm": True})
        )
    if left > 0:
        choices.append(
            Choice(id="more", label=f"Show the next {ROWS}", kind="edit", changes={"skip": skip + ROWS})
        )
    return choices


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read "move 3 to Refunds", "1 and 4 are complaints", "these are right", "show more"."""
    plan = get_plan(state)
    said = text.strip().casefold().rstrip(".!")
    if said in ("done", "that's all", "finished", "all done", "nothing more"):
        return Intent(kind="approve", text=text, changes={"action": "keep"})
    if said in ("show more", "more", "next", "show the next ones"):
        return Intent(kind="edit", text=text, changes={"skip": int(plan.get("skip", 0)) + ROWS})
    if "review" in said or said.startswith(("show me the uncertain", "i look", "let me look")):
        return Intent(kind="edit", text=text, changes={"review": True})
    if not plan.get("rows"):
        return None
    tree, ref = read_tree(state, bench), Ref(revision=plan["ref"]["revision"], sha=plan["ref"]["sha"])
    wanted = set(plan["rows"])
    rows = list_for_review(
        [one for one in read_found(state, bench, ref) if one.record_id in wanted],
        read_current_records(state, bench),
        tree,
        threshold=1.01,
        limit=len(wanted),
    )
    rows.sort(key=lambda row: plan["rows"].index(row.record_id))
    assign = parse_reassignment(text, rows, tree)
    return Intent(kind="edit", text=text, changes={"assign": assign}) if assign else None
