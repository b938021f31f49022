"""Read what a person says about coverage and generation."""

import re
from typing import Any, get_args

from lucy.graph.state import FinetuneWorkflowState, Intent
from lucy.nodes.coverage_report import expect_share, make_report
from lucy.nodes.generating import open_door, read_wish
from lucy.nodes.reading import read_tree
from lucy.nodes.step import get_plan
from lucy.tools.coverage_targets import parse_targets
from lucy.tools.generation.plan import Mode, StrategyName
from lucy.tools.topics.tree import TopicTree, find_by_name, iterate, leaves
from lucy.tools.vocabulary import Topic
from lucy.tools.workbench import Workbench

SKIP = re.compile(
    r"\b(skip|go on to the grader|no more(?! than)|that'?s enough|proceed to (the )?grader|"
    r"without generating)\b",
    re.I,
)
AGREE = re.compile(
    r"\bi (do )?agree\b|\bagreed\b|\bgo over (the|that) limit\b|\bexceed (the|that) limit\b", re.I
)
UNDO = re.compile(
    r"^\W*undo\b|\b(take|throw|roll)\b.{0,40}\b(back|away)\b|"
    r"\b(undo|discard|drop|remove)\b.{0,20}\b(last |whole |entire )?(batch|round)\b",
    re.I,
)
RESTORE = re.compile(
    r"\b(put|bring|take)\b.{0,20}\b(back in|in again)\b|\brestore\b.{0,20}\bbatch\b|^\W*redo\b", re.I
)
LEAVE_OUT = re.compile(r"\b(leave out|drop|remove|discard|exclude|reject|without|delete|throw out)\b", re.I)
REVIEW = re.compile(
    r"\b(review|look at|go through|show|list|see)\b.{0,20}\b(generated|new|synthetic|last batch|made)\b", re.I
)
MORE = re.compile(r"^\W*(show )?(more|next|the next ones?)\W*$", re.I)
PREVIEW = re.compile(r"\b(preview|examples?|samples?)\b", re.I)
LOOK = re.compile(r"\b(show|see|first|look|preview)\b", re.I)
MAKE = re.compile(r"\b(generate|add|make|create|produce|write|expand|vary)\b", re.I)
NOISE = re.compile(
    r"\b(generate|add|make|create|produce|write|expand|vary|maybe|about|some|more|please|sure|yes|records?|"
    r"examples?|cases?|edge|variations?|scenarios?|for|the|a|of|few|let'?s|topic|with|by|using|from|can|we|"
    r"actually|\d+)\b",
    re.I,
)
"""Words around the topic's name in a request to generate."""
STRATEGIES: dict[StrategyName, str] = {
    "few_shot": r"\bfew[- _]?shots?\b|\bin the (manner|style) of\b",
    "topic_description": r"\btopic[- _]descriptions?\b|\bfrom (the|its|their) descriptions?\b",
    "scenario_expansion": r"\bscenario[- _]?(expansion)?s?\b|\bedge[- ]cases?\b|\bharder\b|\bmore complex\b",
    "tool_chain": r"\btool[- _](chains?|calls?|use)\b",
    "message_variation": r"\b(message[- _])?variations?\b|\bvary\b",
}
MODES: dict[Mode, str] = {
    "sft": r"\bcomplete (conversations?|dialogues?)\b|\bwith (replies|answers|responses)\b|\bsft\b",
    "rft": r"\bprompts? only\b|\bwithout (replies|answers|responses)\b|\brft\b",
}
DEFAULT_COUNT = 30
"""Records to generate when the person names a topic and no number."""


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read "generate 30 more complaints", "make Refunds 40%", "leave out 2", "undo", "skip"."""
    plan = get_plan(state)
    if SKIP.search(text):
        return Intent(kind="approve", text=text, changes={"action": "go_on"})
    changes = _read_changes(text, plan)
    if changes:
        return Intent(kind="edit", text=text, changes=changes)
    if AGREE.search(text) and read_wish(plan).total:
        share = expect_share(make_report(state, bench), read_wish(plan).total)
        return Intent(kind="approve", text=text, changes={"action": "generate", "agreed": share})
    targets = parse_targets(text, read_tree(state, bench))
    if targets is not None:
        return Intent(kind="edit", text=text, changes={"targets": targets})
    return _read_wish(text, state, bench)


def _read_changes(text: str, plan: dict[str, Any]) -> dict[str, Any]:
    """Read what is to be done with records that were generated."""
    reviewed: list[str] = list(plan.get("reviewed") or [])
    numbers = [int(number) for number in re.findall(r"\b\d{1,3}\b", text)]
    chosen = [reviewed[number - 1] for number in numbers if 1 <= number <= len(reviewed)]
    if reviewed and chosen and LEAVE_OUT.search(text):
        return {"leave_out": chosen, "review": True}
    if reviewed and MORE.search(text):
        return {"review": True, "skip": int(plan.get("skip", 0)) + len(reviewed)}
    if RESTORE.search(text):
        return {"restore_batch": True}
    if UNDO.search(text) and not MAKE.match(text.strip()):
        return {"undo_batch": True}
    if REVIEW.search(text) and not PREVIEW.search(text):
        return {"review": True}
    return {}


def _read_wish(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read how many records of which topic to generate, in which way."""
    how = _read_how(text)
    counts = _read_counts(text, state, bench)
    asks_to_look = PREVIEW.search(text) is not None and LOOK.search(text) is not None
    if not (how or counts or asks_to_look):
        return None
    proposed = get_plan(state)
    changes: dict[str, Any] = {
        **{key: proposed.get(key) for key in ("counts", "strategy", "mode")},
        **how,
        **({"counts": counts} if counts else {}),
    }
    if asks_to_look:
        return Intent(kind="edit", text=text, changes={**changes, "preview": True})
    if counts and min(counts.values()) < 1:
        return Intent(kind="edit", text=text, changes=changes)
    if counts and _is_free(changes, state, bench):
        return Intent(kind="approve", text=text, changes={**changes, "action": "generate"})
    return Intent(kind="edit", text=text, changes=changes)


def _is_free(changes: dict[str, Any], state: FinetuneWorkflowState, bench: Workbench) -> bool:
    """Tell whether the words alone are enough: it costs nothing and stays within the limit."""
    if open_door(state, bench) is not None:
        return False
    share = expect_share(make_report(state, bench), read_wish(changes).total)
    return share <= bench.settings.max_synthetic_share


def _read_how(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    strategy = next((name for name in STRATEGIES if re.search(STRATEGIES[name], text, re.I)), None)
    mode = next((name for name in get_args(Mode) if re.search(MODES[name], text, re.I)), None)
    if strategy:
        found["strategy"] = strategy
    if mode:
        found["mode"] = mode
    return found


def _read_counts(text: str, state: FinetuneWorkflowState, bench: Workbench) -> dict[str, int]:
    """Find the topic and the number in "generate maybe 30 more complaint examples"."""
    if not MAKE.search(text):
        return {}
    number = re.search(r"\b(\d{1,7})\b", text)
    count = int(number.group(1)) if number else DEFAULT_COUNT
    tree = read_tree(state, bench)
    topic = _find_topic(text, tree)
    if topic is None:
        proposed: dict[str, int] = dict(get_plan(state).get("counts") or {})
        is_bare = not NOISE.sub(" ", re.sub(r"[^\w ]+", " ", text)).strip()
        return dict.fromkeys(proposed, count) if number and proposed and is_bare else {}
    chosen = leaves(TopicTree(name=topic.name, roots=(topic,)))
    if count == 0:
        return {chosen[0].id: 0}  # the plan refuses it with a sentence
    return {leaf.id: max(1, count // len(chosen)) for leaf in chosen}


def _find_topic(text: str, tree: TopicTree) -> Topic | None:
    """Find the topic that is named in full anywhere, else the one that the rest of the words mean."""
    said = f" {_fold(text)} "
    named = [topic for topic in iterate(tree) if f" {_fold(topic.name)} " in said]
    if named:
        return max(named, key=lambda topic: len(topic.name))
    rest = " ".join(re.sub(r"[^\w& ]+", " ", NOISE.sub(" ", text)).split())
    return find_by_name(tree, rest) if rest else None


def _fold(text: str) -> str:
    return " ".join(re.sub(r"[^\w& ]+", " ", text.casefold()).split())
