"""Make drafts of the topic tree: find topics, change a draft as the person asked, take a change back."""

from typing import Any, NamedTuple

from lucy.graph.state import FinetuneWorkflowState, Intent
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import has_artefact, read_current_records, read_dataset, read_texts, read_topics
from lucy.nodes.step import get_plan, get_workflow_id
from lucy.nodes.wording import draw_bullets, write
from lucy.tools.calls.door import Door
from lucy.tools.store.artefacts import get_artefact
from lucy.tools.topics.discovery import Discovery
from lucy.tools.topics.edit_kinds import Edit, Reorganize, UseFewer, UseMore
from lucy.tools.topics.edits import apply_edit, parse_edit
from lucy.tools.topics.locks import list_locked, merge_locked
from lucy.tools.topics.outline import parse_outline
from lucy.tools.topics.proposal import Proposed, propose_topics
from lucy.tools.topics.regeneration import regenerate
from lucy.tools.topics.templates import load_template
from lucy.tools.topics.tree import TopicTree, check_tree, draw_tree, iterate, leaves
from lucy.tools.topics.tree_files import parse_tree, read_tree_file
from lucy.tools.workbench import Workbench


class Draft(NamedTuple):
    """A tree to propose, and what Lucy says to it."""

    tree: TopicTree
    text: str
    method: str
    """`auto`, `template`, `manual`, or `kept` when nothing was changed."""


def find_topics(state: FinetuneWorkflowState, bench: Workbench) -> Proposed:
    """Find the topics of the records, or the template that they speak like."""
    return propose_topics(
        *read_texts(state, bench),
        goal=state.get("goal") or "",
        name=_read_name(state, bench),
        seed=bench.settings.seed,
        progress=open_progress(state, bench, "topics_config"),
    )


def find_others(state: FinetuneWorkflowState, bench: Workbench, tree: TopicTree, **how: Any) -> Discovery:
    """Find topics again, in another way; locked topics stay as they are."""
    assigned = None
    if has_artefact(state, "categories"):
        found = read_topics(state, bench, read_current_records(state, bench))
        assigned = {one.record_id: one.topic_id for one in found if one.topic_id}
    return regenerate(
        *read_texts(state, bench),
        tree,
        assigned=assigned,
        goal=state.get("goal") or "",
        seed=bench.settings.seed,
        progress=open_progress(state, bench, "topics_config"),
        **how,
    )


def revise(state: FinetuneWorkflowState, bench: Workbench, intent: Intent) -> Draft | None:
    """Change the open draft as the person asked; None when the words name no change."""
    changes = intent.get("changes") or {}
    draft = read_draft(state, bench)
    given = _take_given(changes, draft)
    if given:
        return given
    words = str(changes.get("words") or intent["text"])
    edit = parse_edit(words, draft)
    return _carry_out(state, bench, draft, edit) if edit else None


def _take_given(changes: dict[str, Any], draft: TopicTree) -> Draft | None:
    """Take a whole tree that was handed in: a template's name, an outline, a file or JSON values."""
    if "template" in changes:
        name = str(changes["template"])
        tree = merge_locked(draft, load_template(name))
        return Draft(tree, write("topics_config", "template", tree=draw(tree), name=name), "template")
    if "outline" in changes:
        tree = parse_outline(str(changes["outline"]), name=draft.name)
    elif "file" in changes:
        tree = read_tree_file(_find_file(str(changes["file"])), name=draft.name)
    elif "tree" in changes:
        tree = parse_tree(changes["tree"], name=draft.name)
    else:
        return None
    check_tree(tree)
    tree = merge_locked(draft, tree)
    return Draft(tree, write("topics_config", "manual", tree=draw(tree)), "manual")


def _find_file(text: str) -> Any:
    from lucy.tools.datasets import find_source

    return find_source(text)


def _carry_out(state: FinetuneWorkflowState, bench: Workbench, draft: TopicTree, edit: Edit) -> Draft:
    if isinstance(edit, Reorganize):
        tree = find_others(state, bench, draft, lens=edit.by).tree
        return Draft(tree, write("topics_config", "reorganized", tree=draw(tree), by=edit.by), "auto")
    if isinstance(edit, UseFewer | UseMore):
        limit = "max_leaves" if isinstance(edit, UseFewer) else "min_leaves"
        found = find_others(state, bench, draft, **{limit: edit.count})
        return Draft(found.tree, _describe_count(found, draft, edit), "auto")
    tree = apply_edit(draft, edit)
    text = write("topics_config", "updated", tree=draw(tree, _mark_changes(draft, tree)))
    return Draft(tree, text, "manual")


def _describe_count(found: Discovery, before: TopicTree, edit: UseFewer | UseMore) -> str:
    count, had = len(leaves(found.tree)), len(leaves(before))
    if isinstance(edit, UseMore) and count <= had:
        return write("topics_config", "no_more", tree=draw(found.tree), count=count)
    name = "fewer" if count < had else "more"
    return write("topics_config", name, tree=draw(found.tree), count=count, reason=found.reason)


def _mark_changes(before: TopicTree, after: TopicTree) -> dict[str, str]:
    known = {topic.id: topic for topic in iterate(before)}
    marks: dict[str, str] = {}
    for topic in iterate(after):
        if topic.id not in known:
            marks[topic.id] = "← NEW"
        elif known[topic.id].name != topic.name:
            marks[topic.id] = f"← was {known[topic.id].name}"
    return marks


def draw(tree: TopicTree, marks: dict[str, str] | None = None) -> str:
    """Draw a tree; a locked topic carries a lock."""
    locks = {locked.topic.id: "🔒" for locked in list_locked(tree)}
    both = {
        key: f"{locks.get(key, '')} {(marks or {}).get(key, '')}".strip() for key in locks | (marks or {})
    }
    return draw_tree(tree, both)


def take_back(state: FinetuneWorkflowState, bench: Workbench) -> tuple[Draft, list[int]] | None:
    """Give the draft before the open one, and the drafts before that; None when there is none."""
    history: list[int] = list(get_plan(state).get("history", []))
    if len(history) < 2:
        return None
    body = get_artefact(bench.store, get_workflow_id(state), "topics_draft", history[-2])
    tree = TopicTree.model_validate(body["tree"])
    return Draft(tree, write("topics_config", "undone", tree=draw(tree)), body["method"]), history[:-2]


def read_draft(state: FinetuneWorkflowState, bench: Workbench) -> TopicTree:
    """Read the tree of the open proposal; an empty one where none is proposed yet."""
    revision = get_plan(state).get("draft")
    if revision is None:
        return TopicTree(roots=(), name=_read_name(state, bench))
    body = get_artefact(bench.store, get_workflow_id(state), "topics_draft", revision)
    return TopicTree.model_validate(body["tree"])


def _read_name(state: FinetuneWorkflowState, bench: Workbench) -> str:
    return state.get("name") or read_dataset(state, bench).name


def open_namer(state: FinetuneWorkflowState, bench: Workbench) -> Door | None:
    """Give the door to the model that names topics, if one is set."""
    return bench.open_door("generator", workflow_id=get_workflow_id(state), step="topics_config")


def name_topics(state: FinetuneWorkflowState, bench: Workbench, tree: TopicTree, door: Door) -> TopicTree:
    """Let a language model write names and descriptions; ids, keywords and shares stay."""
    from lucy.tools.topics.by_model import name_by_model

    texts = dict(zip(*read_texts(state, bench), strict=True))
    examples = {
        leaf.id: [texts[example] for example in leaf.examples if example in texts] for leaf in leaves(tree)
    }
    return name_by_model(tree, examples, state.get("goal") or "", door)


def list_words(tree: TopicTree) -> str:
    """List the words that set each topic apart, with its share."""
    lines = [
        f"**{topic.name}** ({topic.share:.0%}): {', '.join(topic.keywords[:6]) or topic.description}"
        for topic in leaves(tree)
    ]
    return draw_bullets(lines[:40])
