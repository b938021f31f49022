"""Turn what is stored about a workflow into what the page shows: pure functions, no browser, no Gradio.

Texts of the dataset and of the person are data. Whatever becomes HTML here is escaped; whatever becomes
Markdown can hold neither HTML nor images nor links that a record brought along.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple

from lucy.graph.state import Choice, FinetuneWorkflowState
from lucy.nodes.wording import show_seconds
from lucy.tools.calls.connection import Engine
from lucy.tools.calls.roles import USES, Role
from lucy.tools.store.workflows import Workflow
from lucy.ui.pictures import draw_picture
from lucy.ui.tracker import draw_tracker, draw_workflows

NOTICE = "⚠️ **Notice:** "
"""What marks a sentence of the application, as against one of the conversation."""

OFFLINE_ENGINE = (
    "Offline engine: rules and statistics on this computer, nothing leaves it; "
    "a language model would add freer wording, finer topics and a judge that understands meaning."
)

CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~$=:\"'])")


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a long piece of work is, and since when it has been watched."""

    label: str
    done: int
    total: int
    """0 when it is not known."""
    since: float
    """Seconds on the clock when the work was first seen."""
    done_then: int
    """How much was done at that moment."""


@dataclass(frozen=True, slots=True)
class View:
    """All that is known about a workflow at one moment."""

    workflow: Workflow
    state: FinetuneWorkflowState
    messages: Sequence[Mapping[str, Any]] = ()
    """The whole conversation, as the store has it."""
    others: Sequence[Workflow] = ()
    """Every workflow, this one included, the one worked on last first."""
    health: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The hygiene report of the dataset; empty before the records are read."""
    bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Current artefacts by kind, for the picture."""
    running: bool = False
    pace: Pace | None = None
    now: float = 0.0
    """Seconds on the clock that `pace` was measured with."""
    sent: str = ""
    """What the person has just said and the store does not have yet."""
    notice: str = ""
    """One sentence that the application has to say."""
    is_stopping: bool = False
    """The person asked the job to stop, and it has not yet."""


class Page(NamedTuple):
    """What the page shows, part by part."""

    header: str
    tracker: str
    workflows: str
    conversation: list[dict[str, str]]
    choices: str
    asked: str
    """Names the open question; a click or a text that answers another one is not passed on."""
    progress: str
    running: bool
    can_stop: bool
    """Something runs that takes long enough to report how far it is, or is a job."""
    picture: str


def render_page(view: View) -> Page:
    """Show everything there is to show."""
    return Page(
        header=draw_header(view.workflow, view.health),
        tracker=draw_tracker(view.state, running=view.running),
        workflows=draw_workflows(view.others, current=view.workflow.id),
        conversation=show_conversation(view.messages, sent=view.sent, notice=view.notice),
        choices=draw_choices(list_choices(view.state, running=view.running)),
        asked=name_question(view.state),
        progress=draw_progress(view.pace, view.now, is_stopping=view.is_stopping) if view.running else "",
        running=view.running,
        can_stop=can_be_stopped(view),
        picture=draw_picture(view.state.get("step") or "not_started", view.bodies, view.health),
    )


def can_be_stopped(view: View) -> bool:
    """Tell whether there is something to stop that was not asked to stop already."""
    pending = view.state.get("pending")
    awaits_job = pending is not None and pending["kind"] == "job"
    return view.running and not view.is_stopping and (awaits_job or view.pace is not None)


@lru_cache(maxsize=2000)  # a long conversation is shown anew with each message
def make_harmless(text: str) -> str:
    """Take from Lucy's Markdown what only a record can have brought in: HTML tags, images and links.

    Code is left as it is, it is shown literally. Tables, lists, emphasis and headings stay.
    """
    parts = CODE.split(text)
    parts[::2] = [_defuse(part) for part in parts[::2]]
    return "".join(parts)


def _defuse(text: str) -> str:
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    return text.replace("](", "]\\(").replace("![", "!\\[")


@lru_cache(maxsize=2000)
def show_literally(text: str) -> str:
    """Write the person's words so that Markdown shows them exactly as they were typed."""
    return PUNCTUATION.sub(r"\\\1", text)


def show_conversation(
    messages: Sequence[Mapping[str, Any]], *, sent: str = "", notice: str = ""
) -> list[dict[str, str]]:
    """Show the conversation from its beginning, what was just said, and a notice at the end."""
    shown = [_show_message(message["role"], message["text"]) for message in messages]
    if sent:
        shown.append(_show_message("user", sent))
    if notice:
        shown.append({"role": "assistant", "content": NOTICE + make_harmless(notice)})
    return shown


def _show_message(role: str, text: str) -> dict[str, str]:
    if role == "user":
        return {"role": "user", "content": show_literally(text)}
    return {"role": "assistant", "content": make_harmless(text)}


def name_question(state: FinetuneWorkflowState) -> str:
    """Name the open question, differently for each turn; empty when none is open."""
    pending = state.get("pending")
    return f"{state.get('turn', 0)}-{pending['step']}" if pending else ""


def list_choices(state: FinetuneWorkflowState, *, running: bool) -> list[Choice]:
    """Give the answers that can be clicked now: none while Lucy works on the last one."""
    pending = state.get("pending")
    if pending is None or (running and pending["kind"] != "job"):
        return []
    return pending["choices"]


def draw_choices(choices: Sequence[Choice]) -> str:
    """Draw a button for each choice; the first is what Lucy proposes."""
    buttons = [
        f'<button type="button" class="choice{" first" if number == 0 else ""}" '
        f'data-id="{escape(choice["id"])}">{escape(choice["label"])}</button>'
        for number, choice in enumerate(choices)
    ]
    return f'<div class="choices">{"".join(buttons)}</div>' if buttons else ""


def draw_engine(engines: Mapping[Role, Engine]) -> str:
    """Say plainly which engine is at work, and where texts of the records are sent."""
    if not engines:
        return f"<footer>{OFFLINE_ENGINE}</footer>"
    models = "; ".join(
        f"{role.replace('_', ' ')}: {one.model} at {one.place} ({USES[role]})"
        for role, one in engines.items()
    )
    text = (
        f"Language models at work: {models}. The texts they work on are sent there. "
        "Everything else: offline engine, rules and statistics on this computer."
    )
    return f"<footer>{escape(text)}</footer>"


def draw_header(workflow: Workflow, health: Mapping[str, Any]) -> str:
    """Draw the dataset's name, its goal, and how many records can be used."""
    name = escape(workflow.name or "A new workflow")
    goal = (
        f'<p class="goal" title="{escape(workflow.goal)}">Goal: {escape(workflow.goal)}</p>'
        if workflow.goal
        else ""
    )
    return f'<header class="dataset"><div><h1>{name}</h1>{goal}</div>{_draw_health(health)}</header>'


def _draw_health(health: Mapping[str, Any]) -> str:
    if not health:
        return ""
    badges = [f'<span class="badge good"><b>{health["valid"]:,}</b> usable records</span>']
    if health["rejected"]:
        title = "Set aside with the reason; nothing is deleted"
        badges.append(
            f'<span class="badge warning" title="{title}"><b>{health["rejected"]:,}</b> set aside</span>'
        )
    return f'<div class="badges">{"".join(badges)}</div>'


def draw_progress(pace: Pace | None, now: float, *, is_stopping: bool = False) -> str:
    """Draw what is going on: a label, a count, a share, a rate and the time to the end."""
    if is_stopping:
        return (
            '<div class="progress" role="status"><span class="dots">Stopping; what is done stays</span></div>'
        )
    if pace is None:
        return '<div class="progress"><span class="dots">Lucy is working</span></div>'
    said = f"<span>{escape(say_progress(pace, now))}</span>"
    if not pace.total:
        return f'<div class="progress" role="status">{said}</div>'
    percent = int(100 * min(1.0, pace.done / pace.total))
    return (
        f'<div class="progress" role="status"><div class="line">{said}<b class="value">{percent}%</b></div>'
        f'<div class="track" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}"><div style="width:{percent}%"></div></div></div>'
    )


def say_progress(pace: Pace, now: float) -> str:
    """Say how far the work is, how fast it goes and how long it will take."""
    label = pace.label[:1].upper() + pace.label[1:]
    if not pace.total:
        return label
    parts = [f"{label}: {pace.done:,} of {pace.total:,}"]
    seconds, made = now - pace.since, pace.done - pace.done_then
    if seconds >= 1 and made > 0 and pace.done < pace.total:
        rate = made / seconds
        parts += [say_rate(rate), f"about {show_seconds((pace.total - pace.done) / rate)} left"]
    return " · ".join(parts)


def say_rate(rate: float) -> str:
    """Say a rate, given per second, in the unit that gives a number a person can picture."""
    if rate >= 1:
        return f"{rate:,.0f} a second"
    if rate * 60 >= 1:
        return f"{rate * 60:,.0f} a minute"
    return f"{rate * 3600:,.1f} an hour"
