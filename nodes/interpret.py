"""Turn the person's reply into one typed intent, keep it, and carry out what belongs to no step.

Reads what the gate or entry left in `reply`. May fail and be retried: the reply stays in the state. Only
this reading of a person's reply can confirm anything; texts of records never come here.
"""

from typing import Literal

from langgraph.types import Command

from lucy.errors import GateError, InputError
from lucy.graph.state import FinetuneWorkflowState, Intent, Proposal, Reply, StepName, Update, find_missing
from lucy.nodes import understanding
from lucy.nodes.catalogue import find_step
from lucy.nodes.replies import show_reply
from lucy.nodes.step import get_workflow_id, say
from lucy.nodes.wording import draw_bullets, write
from lucy.tools.store.jobs import FINAL, find_job
from lucy.tools.store.workflows import add_decision, add_message
from lucy.tools.workbench import Workbench

FREE_ACTIONS: dict[StepName, str] = {
    "topics_config": "use",
    "categorize": "keep",
    "grader_config": "use",
    "dry_run": "run",
}
"""What a tool call may confirm: an earlier revision can be put back, and the plan does not say that a model
is paid or a script run for it. A grader in use trains nothing: that stays the person's decision."""


def interpret(state: FinetuneWorkflowState, bench: Workbench) -> Command[Literal["router"]]:
    """Read the reply; the step acts on the intent, or Lucy answers here and the question stays."""
    reply = state.get("reply") or Reply(kind="text", text="")
    pending = state.get("pending")
    text = show_reply(reply, pending)
    _keep_words(state, bench, text)
    turned: FinetuneWorkflowState = {**state, "turn": state.get("turn", 0) + 1}
    update: Update = {"turn": turned.get("turn"), "reply": None, "intent": None, "paused": False}
    try:
        intent = _understand(reply, pending, turned, bench) if pending else None
    except (InputError, GateError) as error:
        return Command(goto="router", update=update | _explain(turned, bench, str(error)))
    if intent is None:
        return Command(goto="router", update=update | _clarify(turned, bench, text, pending))
    if text and pending:
        _keep_decision(turned, bench, intent, pending)
    return Command(goto="router", update=update | _act(turned, bench, intent))


def _understand(
    reply: Reply, pending: Proposal, state: FinetuneWorkflowState, bench: Workbench
) -> Intent | None:
    if reply["kind"] == "job_done":
        return _read_job(reply, pending, bench)
    if reply["kind"] == "tool":
        return _read_tool(reply, pending)
    if reply["kind"] == "changes":
        return Intent(kind="edit", text="", changes=reply.get("changes", {}))
    if reply["kind"] == "choice":
        choices = {choice["id"]: choice for choice in pending["choices"]}
        choice = choices.get(reply.get("choice", ""))
        return understanding.make_intent(choice, choice["label"]) if choice else None
    return _read_text(reply["text"], pending, state, bench)


def _read_job(reply: Reply, pending: Proposal, bench: Workbench) -> Intent | None:
    """Believe the store, not the message: the job must be the awaited one and have ended."""
    job_id = reply.get("job_id", "")
    if pending.get("job_id") != job_id:
        return None
    job = find_job(bench.store, job_id)
    return Intent(kind="approve", text="", changes={"action": "collect"}) if job.status in FINAL else None


def _read_tool(reply: Reply, pending: Proposal) -> Intent | None:
    """Let a tool call open a step or change its proposal; it confirms only what is free and can be undone."""
    step, changes = reply.get("step"), reply.get("changes") or {}
    if step is None or pending["step"] != step:
        return Intent(kind="jump", text="", step=step) if step else None
    if not reply.get("approve"):
        return Intent(kind="edit", text="", changes=changes) if changes else None
    plan = pending["plan"]
    if FREE_ACTIONS.get(step) != plan.get("action") or not plan.get("is_free", True):
        raise GateError(
            f"The tool {reply.get('tool')!r} cannot confirm this; only the person can, at the open question."
        )
    return Intent(kind="approve", text="")


def _read_text(text: str, pending: Proposal, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    choice = understanding.find_choice(text, pending)
    if choice:
        return understanding.make_intent(choice, text)
    if understanding.stops(text):
        return Intent(kind="stop", text=text)
    jump = understanding.find_jump(text)
    if jump:
        return Intent(kind="jump", text=text, step=jump)
    own = find_step(pending["step"]).read_words(text, state, bench)
    if own:
        return own
    if understanding.approves(text) and pending["choices"]:
        return understanding.make_intent(pending["choices"][0], text)
    if understanding.asks(text):
        return Intent(kind="question", text=text)
    return None


def _act(state: FinetuneWorkflowState, bench: Workbench, intent: Intent) -> Update:
    place = state.get("step") or "not_started"
    if intent["kind"] == "stop":
        text = write("interpret", "stopped", workflow_id=get_workflow_id(state)[:8])
        return {"paused": True, "messages": [say(state, bench, step=place, slot="interpret", text=text)]}
    target = intent.get("step")
    if intent["kind"] != "jump" or target is None:
        return {"intent": intent}
    missing = find_missing(state, target)
    if missing:
        names = ", ".join(find_step(step).title for step in missing)
        text = write("interpret", "not_yet", step=find_step(target).title, missing=names)
        return {"messages": [say(state, bench, step=place, slot="interpret", text=text)]}
    text = write("interpret", "jumped", step=find_step(target).title)
    message = say(state, bench, step=target, slot="interpret", text=text)
    return {"step": target, "pending": None, "status": {target: "in_progress"}, "messages": [message]}


def _clarify(state: FinetuneWorkflowState, bench: Workbench, text: str, pending: Proposal | None) -> Update:
    """Say what was not understood and what can be said; never the bare question again."""
    if pending is None or not text:
        return {}
    labels = [f"**{choice['label']}**" for choice in pending["choices"]]
    options = draw_bullets([*labels, *find_step(pending["step"]).hints])
    name = "declined" if understanding.declines(text) else "unclear"
    values = {} if name == "declined" else {"text": text[:200]}
    return _explain(state, bench, write("interpret", name, options=options, **values))


def _explain(state: FinetuneWorkflowState, bench: Workbench, text: str) -> Update:
    place = state.get("step") or "not_started"
    return {"messages": [say(state, bench, step=place, slot="interpret", text=text)]}


def _keep_words(state: FinetuneWorkflowState, bench: Workbench, text: str) -> None:
    if text:
        add_message(
            bench.store,
            get_workflow_id(state),
            id=f"{state.get('turn', 0)}-human",
            role="user",
            step=state.get("step") or "not_started",
            text=text,
        )


def _keep_decision(state: FinetuneWorkflowState, bench: Workbench, intent: Intent, pending: Proposal) -> None:
    add_decision(
        bench.store,
        get_workflow_id(state),
        id=str(state.get("turn", 0)),
        step=pending["step"],
        decision=intent["kind"],
        question=pending["question"],
        text=intent["text"],
    )
