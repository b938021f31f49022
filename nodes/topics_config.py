"""Step 1: agree on the topic tree.

Decides: which topics the records are sorted into.
Reads: the records, the goal. Writes: artefact `topics` (and `topics_draft`, one revision per proposal).
Asks: whether the proposed tree is right; understands edit commands. Costs: nothing with the offline engine.
"""

from typing import Any

from lucy.graph.state import FinetuneWorkflowState, Intent, Update
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records, read_dataset
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.wording import draw_bullets, show_percent, write
from lucy.tools.store.artefacts import get_artefact, put_artefact
from lucy.tools.topics.discovery import discover_topics
from lucy.tools.topics.edits import Reorganize, UseFewer, apply_edit, parse_edit
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.proposal import Proposed, propose_topics
from lucy.tools.topics.templates import list_templates, load_template
from lucy.tools.topics.tree import TopicTree, check_tree, draw_tree, iterate, leaves
from lucy.tools.vocabulary import read_user_text
from lucy.tools.workbench import Workbench

STEM = 6
"""Letters that a word of the goal and a topic's name must share."""
NEGLECTED = 0.10
"""A topic that the goal names and that has less than this share of the records is a concern."""


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Find topics, or change the proposed ones as the person asked."""
    intent = state.get("intent")
    pending = state.get("pending")
    if pending and intent and intent["kind"] == "edit":
        return _revise(state, bench, intent)
    if has_artefact(state, "topics") and not (intent and intent["kind"] == "redo"):
        tree = TopicTree.model_validate(read_artefact(state, bench, "topics")["tree"])
        return _ask(
            state, bench, tree, text=write("topics_config", "reopened", tree=draw_tree(tree)), method="kept"
        )
    if pending:  # another structure was asked for
        tree = _discover(state, bench, max_leaves=len(leaves(_read_draft(state, bench))) + 3, lens="content")
        return _ask(state, bench, tree, text=_describe(state, bench, tree, template=""), method="auto")
    proposed = _search(state, bench)
    text = _describe(state, bench, proposed.tree, template=proposed.template)
    return _ask(state, bench, proposed.tree, text=text, method="template" if proposed.template else "auto")


def _search(state: FinetuneWorkflowState, bench: Workbench) -> Proposed:
    records = read_current_records(state, bench)
    return propose_topics(
        [record.id for record in records],
        [read_user_text(record) for record in records],
        goal=state.get("goal") or "",
        name=state.get("name") or read_dataset(state, bench).name,
        seed=bench.settings.seed,
        progress=open_progress(state, bench, "topics_config"),
    )


def _discover(
    state: FinetuneWorkflowState, bench: Workbench, *, max_leaves: int | None, lens: str
) -> TopicTree:
    records = read_current_records(state, bench)
    return discover_topics(
        [record.id for record in records],
        [read_user_text(record) for record in records],
        goal=state.get("goal") or "",
        name=state.get("name") or read_dataset(state, bench).name,
        max_leaves=max_leaves,
        lens="intent" if lens == "intent" else "content",
        seed=bench.settings.seed,
        progress=open_progress(state, bench, "topics_config"),
    )


def _revise(state: FinetuneWorkflowState, bench: Workbench, intent: Intent) -> Update:
    changes = intent.get("changes") or {}
    draft = _read_draft(state, bench)
    if changes.get("undo"):
        return _undo(state, bench)
    if "outline" in changes:
        tree = parse_outline(str(changes["outline"]), name=draft.name)
        check_tree(tree)
        text = write("topics_config", "manual", tree=draw_tree(tree))
        return _ask(state, bench, tree, text=text, method="manual")
    if "template" in changes:
        tree = load_template(str(changes["template"]))
        text = write("topics_config", "template", tree=draw_tree(tree), name=changes["template"])
        return _ask(state, bench, tree, text=text, method="template")
    words = str(changes.get("words") or intent["text"])
    edit = parse_edit(words, draft)
    if isinstance(edit, Reorganize):
        tree = _discover(state, bench, max_leaves=None, lens=edit.by)
        text = write("topics_config", "reorganized", tree=draw_tree(tree), by=edit.by)
        return _ask(state, bench, tree, text=text, method="auto", reason=words)
    if isinstance(edit, UseFewer):
        tree = _discover(state, bench, max_leaves=edit.count, lens="content")
        text = write("topics_config", "fewer", tree=draw_tree(tree), count=len(leaves(tree)))
        return _ask(state, bench, tree, text=text, method="auto", reason=words)
    if edit is None:
        return reply(state, bench, step="topics_config", text=write("topics_config", "what_to_change"))
    tree = apply_edit(draft, edit)
    marks = _mark_changes(draft, tree)
    text = write("topics_config", "updated", tree=draw_tree(tree, marks))
    return _ask(state, bench, tree, text=text, method="manual", reason=words)


def _mark_changes(before: TopicTree, after: TopicTree) -> dict[str, str]:
    known = {topic.id: topic.name for topic in iterate(before)}
    marks: dict[str, str] = {}
    for topic in iterate(after):
        if topic.id not in known:
            marks[topic.id] = "← NEW"
        elif known[topic.id] != topic.name:
            marks[topic.id] = f"← was {known[topic.id]}"
    return marks


def _undo(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    history: list[int] = list(get_plan(state).get("history", []))
    if len(history) < 2:
        return reply(state, bench, step="topics_config", text=write("topics_config", "nothing_to_undo"))
    body = get_artefact(bench.store, get_workflow_id(state), "topics_draft", history[-2])
    tree = TopicTree.model_validate(body["tree"])
    text = write("topics_config", "undone", tree=draw_tree(tree))
    return _ask(state, bench, tree, text=text, method=body["method"], history=history[:-2])


def _ask(
    state: FinetuneWorkflowState,
    bench: Workbench,
    tree: TopicTree,
    *,
    text: str,
    method: str,
    reason: str = "",
    history: list[int] | None = None,
) -> Update:
    body = {"tree": tree.model_dump(mode="json"), "method": method}
    ref = put_artefact(bench.store, get_workflow_id(state), "topics_draft", body, reason=reason)
    earlier = list(get_plan(state).get("history", [])) if history is None else history
    plan: dict[str, Any] = {"draft": ref["revision"], "history": [*earlier, ref["revision"]][-20:]}
    return ask(
        state,
        bench,
        step="topics_config",
        question=text,
        choices=[
            approve_choice("Use this hierarchy"),
            {"id": "redo", "label": "Generate a different structure", "kind": "redo"},
            {
                "id": "intent",
                "label": "Organize by what people want",
                "kind": "edit",
                "changes": {"words": "organize by customer intent"},
            },
            {"id": "templates", "label": "Show templates", "kind": "question"},
        ],
        plan=plan,
    )


def _read_draft(state: FinetuneWorkflowState, bench: Workbench) -> TopicTree:
    body = get_artefact(bench.store, get_workflow_id(state), "topics_draft", get_plan(state)["draft"])
    return TopicTree.model_validate(body["tree"])


def _describe(state: FinetuneWorkflowState, bench: Workbench, tree: TopicTree, *, template: str) -> str:
    report = read_dataset(state, bench).report
    valid = (
        write("topics_config", "go_on_with_valid", valid=f"{report['valid']:,}") if report["rejected"] else ""
    )
    top = sorted(tree.roots, key=lambda topic: -topic.share)[:6]
    return write(
        "topics_config",
        "proposal",
        analysis=draw_bullets(f"~{show_percent(topic.share)} **{topic.name}**" for topic in top),
        source=write("topics_config", "from_template", name=template) if template else "",
        tree=draw_tree(tree),
        count=len(leaves(tree)),
        valid=valid,
        concern=_find_concern(state.get("goal") or "", tree),
    )


def _find_concern(goal: str, tree: TopicTree) -> str:
    """Say where the goal names a topic that the records hardly cover."""
    words = [word.strip(".,;:!?\"'").casefold() for word in goal.split()]
    for topic in iterate(tree):
        name = topic.name.casefold()
        named = [word for word in words if len(word) > STEM and word[:STEM] in name]
        if named and topic.share < NEGLECTED:
            share = show_percent(topic.share)
            return write("topics_config", "concern", word=named[0], topic=topic.name, share=share)
    return ""


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Explain the topics, with keywords and examples, or list the templates."""
    text = (state.get("intent") or Intent(kind="question", text=""))["text"]
    if "template" in text.casefold():
        names = draw_bullets(f"{name}" for name in list_templates())
        return reply(
            state, bench, step="topics_config", text=write("topics_config", "templates", names=names)
        )
    tree = _read_draft(state, bench)
    lines = [
        f"**{topic.name}** ({show_percent(topic.share)}): {', '.join(topic.keywords[:6])}"
        for topic in leaves(tree)
    ]
    explained = write("topics_config", "explained", topics=draw_bullets(lines[:40]))
    return reply(state, bench, step="topics_config", text=explained)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Make the proposed tree the workflow's tree."""
    body = get_artefact(bench.store, get_workflow_id(state), "topics_draft", get_plan(state)["draft"])
    tree = TopicTree.model_validate(body["tree"])
    check_tree(tree)
    ref = put_artefact(bench.store, get_workflow_id(state), "topics", body, reason="approved")
    text = write("topics_config", "approved", count=len(leaves(tree)))
    return finish(state, bench, step="topics_config", text=text, refs={"topics": {**ref}})


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read edit commands, `undo`, a template's name, or an outline of several lines."""
    said = text.strip().casefold()
    if said in ("undo", "undo that", "take that back"):
        return Intent(kind="edit", text=text, changes={"undo": True})
    if "\n" in text.strip():
        return Intent(kind="edit", text=text, changes={"outline": text})
    template = next(
        (name for name in list_templates() if name.casefold() in said and "template" in said), None
    )
    if template:
        return Intent(kind="edit", text=text, changes={"template": template})
    if "different structure" in said or said in ("again", "try again", "another one"):
        return Intent(kind="redo", text=text)
    edit = parse_edit(text, _read_draft(state, bench))
    return Intent(kind="edit", text=text, changes={"words": text}) if edit else None


STEP = Step(
    id="topics_config",
    title="Topics",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=(
        'a change: `add "Complaints" under General`, `rename X to Y`, `merge X and Y`, `remove X`, `undo`',
        "`use fewer topics`, `use the finance template`, or your own outline, one topic a line, indented",
    ),
)
