"""Draw the list of steps and the list of workflows, as HTML whose buttons can be clicked."""

from collections.abc import Sequence
from html import escape
from typing import Literal

from lucy.graph.state import STEPS, FinetuneWorkflowState, StepName, find_stale
from lucy.tools.store.workflows import Workflow

Mark = Literal["pending", "current", "done", "stale", "failed", "skipped"]
"""How a step looks in the list of steps."""

TITLES: dict[str, str] = {
    "topics_config": "Topics",
    "categorize": "Categories",
    "coverage_generation": "Coverage",
    "grader_config": "Grader",
    "dry_run": "Dry run",
    "training": "Training",
    "deployment": "Deployment",
}
EXPLAINED: dict[str, str] = {
    "topics_config": "what the conversations are about",
    "categorize": "which record belongs to which topic",
    "coverage_generation": "fill topics that have too few records",
    "grader_config": "how an answer is scored, 0 to 1",
    "dry_run": "a small trial before training",
    "training": "learn from the scores",
    "deployment": "put the model to use",
}
NOUNS: dict[str, str] = {
    "topics_config": "topics",
    "categorize": "categories",
    "coverage_generation": "coverage",
    "grader_config": "grader",
    "dry_run": "dry run",
    "training": "training",
    "deployment": "deployment",
}
"""What a click on a step calls it, in words that the conversation understands."""

KINDS: dict[str, str] = {
    "dataset": "the records",
    "topics": "the topics",
    "categories": "the categories",
    "coverage": "the coverage",
    "grader": "the grader",
    "dry_run": "the dry run",
    "training": "the training",
}
SIGNS: dict[Mark, str] = {
    "pending": "",
    "current": "●",
    "done": "✓",
    "stale": "↻",
    "failed": "!",
    "skipped": "-",
}
SPOKEN: dict[Mark, str] = {
    "pending": "not yet",
    "current": "in progress",
    "done": "done",
    "stale": "out of date",
    "failed": "not completed",
    "skipped": "left out",
}


def mark_steps(state: FinetuneWorkflowState) -> dict[StepName, Mark]:
    """Tell how each step stands."""
    stale = find_stale(state)
    status = state.get("status") or {}
    place = state.get("step")
    marks: dict[StepName, Mark] = {}
    for step in STEPS:
        known = status.get(step, "pending")
        if known == "failed":
            marks[step] = "failed"
        elif place == step or known == "in_progress":
            marks[step] = "current"
        elif known == "completed":
            marks[step] = "stale" if step in stale else "done"
        else:
            marks[step] = "skipped" if known == "skipped" else "pending"
    return marks


def draw_tracker(state: FinetuneWorkflowState, *, running: bool = False) -> str:
    """Draw the seven steps; each can be clicked to go there."""
    stale = find_stale(state)
    rows = [
        _draw_step(number, step, mark, reason=stale.get(step, ""), place=state.get("step") == step)
        for number, (step, mark) in enumerate(mark_steps(state).items(), 1)
    ]
    busy = " busy" if running else ""
    return f'<h2>The seven steps</h2><ol class="tracker{busy}">{"".join(rows)}</ol>'


def _draw_step(number: int, step: StepName, mark: Mark, *, reason: str, place: bool) -> str:
    said = SPOKEN[mark]
    if mark == "stale":
        said = f"out of date: {_name_kinds(reason)} changed since"
    note = said if mark not in ("pending", "done") else EXPLAINED[step]
    here = ' aria-current="step"' if place else ""
    return (
        f'<li class="{mark}"><button type="button" data-id="{step}"{here} '
        f'title="{escape(f"{TITLES[step]}: {said}. Click to go there.")}">'
        f'<span class="sign" aria-hidden="true">{SIGNS[mark] or number}</span>'
        f"<span><b>{TITLES[step]}</b><small>{escape(note)}</small></span></button></li>"
    )


def _name_kinds(reason: str) -> str:
    *names, last = [KINDS.get(kind, kind) for kind in reason.split(", ")]
    return f"{', '.join(names)} and {last}" if names else last


def draw_workflows(workflows: Sequence[Workflow], *, current: str) -> str:
    """Draw the person's workflows as a list to switch between."""
    rows = [_draw_workflow(workflow, here=workflow.id == current) for workflow in workflows]
    return f'<h2>Your workflows</h2><ul class="workflows">{"".join(rows)}</ul>'


def _draw_workflow(workflow: Workflow, *, here: bool) -> str:
    goal = escape(workflow.goal or "no goal yet")
    mark = ' aria-current="true"' if here else ""
    return (
        f'<li><button type="button" data-id="{escape(workflow.id)}"{mark} title="{goal}">'
        f"<b>{escape(workflow.name or 'A new workflow')}</b>"
        f'<small>{escape(say_where(workflow))}</small><small class="aim">{goal}</small></button></li>'
    )


def say_where(workflow: Workflow) -> str:
    """Say in a few words where a workflow is."""
    if workflow.step == "completed":
        return "all steps done"
    done = sum(status == "completed" for status in workflow.status.values())
    place = TITLES.get(workflow.step, "Just begun")
    return f"{place} · {done} of {len(STEPS)} done"


def say_jump(state: FinetuneWorkflowState, step: StepName) -> str:
    """Say what a click on a step says in the person's name."""
    reached = mark_steps(state)[step] not in ("pending", "skipped")
    return f"Go {'back' if reached else 'on'} to the {NOUNS[step]}"
