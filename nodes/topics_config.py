"""Step 1: agree on the topic tree.

Decides: which topics the records are sorted into.
Reads: the records, the goal. Writes: artefact `topics` (and `topics_draft`, one revision per proposal); with
very few records, first a batch of variations of them.
Asks: whether the proposed tree is right; understands edit commands. Costs: nothing with the offline engine;
a language model names topics, or varies seed records, only when the person chooses it.
"""

import re
from typing import Any

from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Update
from lucy.nodes.generating import Wish, describe_plan, run_wish
from lucy.nodes.reading import has_artefact, read_artefact, read_batches, read_current_records, read_dataset
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply, stay
from lucy.nodes.topic_drafts import (
    Draft,
    draw,
    find_others,
    find_topics,
    list_words,
    name_topics,
    open_namer,
    read_draft,
    revise,
    take_back,
)
from lucy.nodes.wording import draw_bullets, show_percent, write
from lucy.tools.store.artefacts import get_artefact, put_artefact
from lucy.tools.topics.depth import cut_tree
from lucy.tools.topics.edits import parse_edit
from lucy.tools.topics.templates import list_templates
from lucy.tools.topics.tree import DEEPEST, TopicTree, check_tree, iterate, leaves
from lucy.tools.workbench import Workbench

STEM = 6
"""Letters that a word of the goal and a topic's name must share."""
NEGLECTED = 0.10
"""A topic that the goal names and that has less than this share of the records is a concern."""
FEW = 20
"""With fewer records than this, Lucy proposes to vary them before topics are looked for."""
VARIED = 60
"""About how many records there should be before topics are looked for."""


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Find topics, or change the proposed ones as the person asked."""
    intent = state.get("intent")
    changes = (intent.get("changes") or {}) if intent else {}
    wants_others = intent is not None and (intent["kind"] == "redo" or "find" in changes)
    if state.get("pending") and intent and intent["kind"] == "edit" and not wants_others:
        return _revise(state, bench, intent)
    if has_artefact(state, "topics") and not wants_others:
        tree = TopicTree.model_validate(read_artefact(state, bench, "topics")["tree"])
        return _ask(state, bench, Draft(tree, write("topics_config", "reopened", tree=draw(tree)), "kept"))
    count = len(read_current_records(state, bench))
    if count == 0:
        return _ask_for_tree(state, bench)
    if count < FEW and not read_batches(state, bench) and not wants_others:
        return _offer_variations(state, bench)
    return _ask(state, bench, _find(state, bench, levels=int(changes.get("max_depth") or DEEPEST)))


def _find(state: FinetuneWorkflowState, bench: Workbench, *, levels: int) -> Draft:
    """Find topics for the first time, or others than those that are proposed."""
    if get_plan(state).get("draft"):
        draft = read_draft(state, bench)
        others = find_others(state, bench, draft, max_leaves=len(leaves(draft)) + 3, lens="content")
        tree = cut_tree(others.tree, levels)
        return Draft(tree, _describe(state, bench, tree, template="", reason=others.reason), "auto")
    found = find_topics(state, bench)
    tree = cut_tree(found.tree, levels)
    text = _describe(state, bench, tree, template=found.template, reason=found.reason)
    return Draft(tree, text, "template" if found.template else "auto")


def _ask_for_tree(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Without records there is nothing to find topics in: offer the templates, or the person's own."""
    goal = (state.get("goal") or "").casefold()
    names = sorted(list_templates(), key=lambda name: -sum(word in goal for word in name.split()))
    choices = [
        Choice(id=name.replace(" ", "_"), label=name.capitalize(), kind="edit", changes={"template": name})
        for name in names
    ]
    question = write("topics_config", "no_records")
    return ask(state, bench, step="topics_config", question=question, choices=choices, plan={}, kind="input")


def _offer_variations(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """With a handful of records, propose to vary them first (the data-first order of work)."""
    wish = _wish_variations(state, bench)
    question = write(
        "topics_config",
        "few_records",
        count=len(wish.record_ids),
        each=wish.variations_per_record,
        total=len(wish.record_ids) * (wish.variations_per_record or 1),
        plan=describe_plan(state, bench, wish),
    )
    choices: list[Choice] = [
        approve_choice("Vary them first", action="vary"),
        Choice(id="find", label="Find topics now", kind="edit", changes={"find": True}),
        Choice(id="templates", label="Show templates", kind="question"),
    ]
    return ask(
        state, bench, step="topics_config", question=question, choices=choices, plan={"action": "vary"}
    )


def _wish_variations(state: FinetuneWorkflowState, bench: Workbench) -> Wish:
    records = read_current_records(state, bench)
    each = max(1, round((VARIED - len(records)) / len(records)))
    return Wish(record_ids=tuple(record.id for record in records), variations_per_record=each)


def _revise(state: FinetuneWorkflowState, bench: Workbench, intent: Intent) -> Update:
    changes = intent.get("changes") or {}
    if changes.get("undo"):
        back = take_back(state, bench)
        if back is None:
            return reply(state, bench, step="topics_config", text=write("topics_config", "nothing_to_undo"))
        return _ask(state, bench, back[0], history=back[1])
    draft = revise(state, bench, intent)
    if draft is None:
        return reply(state, bench, step="topics_config", text=write("topics_config", "what_to_change"))
    return _ask(state, bench, draft, reason=intent["text"])


def _ask(
    state: FinetuneWorkflowState,
    bench: Workbench,
    draft: Draft,
    *,
    reason: str = "",
    history: list[int] | None = None,
) -> Update:
    body = {"tree": draft.tree.model_dump(mode="json"), "method": draft.method}
    ref = put_artefact(bench.store, get_workflow_id(state), "topics_draft", body, reason=reason)
    earlier = list(get_plan(state).get("history", [])) if history is None else history
    plan: dict[str, Any] = {"draft": ref["revision"], "history": [*earlier, ref["revision"]][-20:]}
    return ask(
        state,
        bench,
        step="topics_config",
        question=draft.text,
        choices=_offer(state, bench),
        plan=plan | {"action": "use"},
    )


def _offer(state: FinetuneWorkflowState, bench: Workbench) -> list[Choice]:
    choices: list[Choice] = [approve_choice("Use this hierarchy", action="use")]
    if read_current_records(state, bench):
        by_intent = {"words": "organize by customer intent"}
        choices += [
            Choice(id="redo", label="Generate a different structure", kind="redo"),
            Choice(id="intent", label="Organize by what people want", kind="edit", changes=by_intent),
        ]
        namer = open_namer(state, bench)
        if namer:
            label = f"Let {namer.model} name the topics"
            choices.append(Choice(id="names", label=label, kind="approve", changes={"action": "name"}))
    return [*choices, Choice(id="templates", label="Show templates", kind="question")]


def _describe(
    state: FinetuneWorkflowState, bench: Workbench, tree: TopicTree, *, template: str, reason: str
) -> str:
    report = read_dataset(state, bench).report
    valid = (
        write("topics_config", "go_on_with_valid", valid=f"{report['valid']:,}") if report["rejected"] else ""
    )
    top = sorted(tree.roots, key=lambda topic: -topic.share)[:6]
    return write(
        "topics_config",
        "proposal",
        analysis=draw_bullets(f"~{show_percent(topic.share)} **{topic.name}**" for topic in top),
        source=write("topics_config", "from_template", name=template) if template else reason,
        tree=draw(tree),
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
    tree = read_draft(state, bench)
    if "template" in text.casefold() or not tree.roots:
        names = draw_bullets(f"{name}" for name in list_templates())
        return reply(
            state, bench, step="topics_config", text=write("topics_config", "templates", names=names)
        )
    explained = write("topics_config", "explained", topics=list_words(tree))
    return reply(state, bench, step="topics_config", text=explained)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Use the proposed tree; or first vary the few records, or let a model name the topics."""
    action = get_plan(state).get("action", "use")
    if action == "vary":
        made = run_wish(state, bench, _wish_variations(state, bench), step="topics_config")
        text = write("topics_config", "varied", made=made.valid, tried=made.made)
        return stay(state, bench, step="topics_config", text=text, artefacts={"dataset": made.ref})
    tree = read_draft(state, bench)
    check_tree(tree)  # refuses an empty one: nothing was proposed yet
    namer = open_namer(state, bench)
    if action == "name" and namer:
        named = name_topics(state, bench, tree, namer)
        text = write("topics_config", "named", model=namer.model, tree=draw(named))
        return _ask(state, bench, Draft(named, text, "auto"), reason=f"named by {namer.model}")
    return _use(state, bench, tree)


def _use(state: FinetuneWorkflowState, bench: Workbench, tree: TopicTree) -> Update:
    draft = get_artefact(bench.store, get_workflow_id(state), "topics_draft", get_plan(state)["draft"])
    body = {"tree": tree.model_dump(mode="json"), "method": draft["method"]}
    ref = put_artefact(bench.store, get_workflow_id(state), "topics", body, reason="approved")
    text = write("topics_config", "approved", count=len(leaves(tree)))
    return finish(state, bench, step="topics_config", text=text, refs={"topics": {**ref}})


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read edit commands, `undo`, a template's name, a file's path, or an outline of several lines."""
    said = text.strip().casefold()
    if said in ("undo", "undo that", "take that back"):
        return Intent(kind="edit", text=text, changes={"undo": True})
    if "\n" in text.strip():
        return Intent(kind="edit", text=text, changes={"outline": text})
    if said.rstrip("\"'`").endswith((".json", ".txt", ".md")):
        words = text.strip().split("file ")[-1].removeprefix("use ")
        return Intent(kind="edit", text=text, changes={"file": words})
    template = next((name for name in list_templates() if name.casefold() in said), None)
    if template and ("template" in said or said == template.casefold()):
        return Intent(kind="edit", text=text, changes={"template": template})
    named = re.search(r"^use (?:the |a |your )?(.+?) templates?$", said)
    if named:  # an unknown one is refused with the list of those that there are
        return Intent(kind="edit", text=text, changes={"template": named[1]})
    if "different structure" in said or said in ("again", "try again", "another one"):
        return Intent(kind="redo", text=text)
    edit = parse_edit(text, read_draft(state, bench))
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
        "`lock X` keeps a topic as it is when topics are found again",
        "`use fewer topics`, `use more topics`, `use the finance template`",
        "your own outline, one topic a line, indented, or the path of a .json or .txt file",
    ),
)
