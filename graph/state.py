"""Define what a workflow's state is, and the words for steps, proposals, replies and intents.

A leaf that happens to live in `graph/`: nodes import it, it imports nothing of ours. Step names, keys and
the interrupt's payload are a persisted schema: threads of older versions hold them, so they are not renamed.
The state is small JSON; artefacts are references into the store.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, TypedDict, get_args

from langchain_core.messages import AnyMessage, BaseMessage
from langgraph.graph.message import add_messages

SCHEMA_VERSION = 1
"""Version of the state and of the interrupt's payload."""

StepName = Literal[
    "topics_config",
    "categorize",
    "coverage_generation",
    "grader_config",
    "dry_run",
    "training",
    "deployment",
]
STEPS: tuple[StepName, ...] = get_args(StepName)
"""The seven steps, in order."""

Place = Literal["not_started"] | StepName | Literal["completed"]
"""Where a workflow can be: before the steps, in one of them, after them."""

StepStatus = Literal["pending", "in_progress", "completed", "failed", "skipped"]

IntentKind = Literal["approve", "edit", "question", "jump", "redo", "stop"]
"""What a reply means: approve (carry the proposal out), edit (change the proposal), question (answer, the
proposal stays), jump (go to another step), redo (make a new proposal), stop (leave it here)."""

KEPT_MESSAGES = 12
"""Messages that the state keeps; the store has the whole conversation."""
KEPT_CHARACTERS = 16_000
"""Characters of text that the kept messages may have together."""


class Choice(TypedDict):
    """One button under a question; the first of a proposal is what Lucy proposes."""

    id: str
    label: str
    kind: IntentKind
    changes: NotRequired[dict[str, Any]]
    """What this choice changes in the proposal's plan."""
    step: NotRequired[StepName]
    """Where a choice of kind `jump` leads."""


class Proposal(TypedDict):
    """What Lucy asks the person; it waits at the gate until it is answered."""

    step: Place
    kind: Literal["confirm", "input", "job"]
    """`confirm` waits for a decision, `input` for words, `job` for the end of a job (or for words)."""
    question: str
    """The message that asks, as shown."""
    choices: list[Choice]
    plan: dict[str, Any]
    """What `execute` will do when this is approved; small JSON."""
    job_id: NotRequired[str]


class Reply(TypedDict):
    """What came back through the interrupt, whatever the host's form was."""

    kind: Literal["text", "choice", "changes", "job_done", "tool"]
    """`tool`: a tool call of an agent; it can open a step and change a proposal, and confirm only what costs
    nothing and can be taken back."""
    text: str
    choice: NotRequired[str]
    changes: NotRequired[dict[str, Any]]
    job_id: NotRequired[str]
    tool: NotRequired[str]
    """Name of the tool that was called."""
    step: NotRequired[StepName]
    """The step that a tool call belongs to."""
    approve: NotRequired[bool]


class Intent(TypedDict):
    """What the person wants, as one typed value."""

    kind: IntentKind
    text: str
    changes: NotRequired[dict[str, Any]]
    step: NotRequired[StepName]


class Ref(TypedDict):
    """A reference to an artefact of the store."""

    revision: int
    sha: str


def merge(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """Lay the new entries over the old ones; an entry of None removes the key."""
    merged = {**(old or {}), **(new or {})}
    return {key: value for key, value in merged.items() if value is not None}


def keep_recent(old: Sequence[BaseMessage] | None, new: Any) -> list[AnyMessage]:
    """Add messages (by id, as LangGraph does) and keep the last few, so that a checkpoint stays small."""
    merged: list[Any] = list(add_messages(list(old or []), new))  # pyright: ignore[reportArgumentType]
    kept: list[Any] = []
    room = KEPT_CHARACTERS
    for message in reversed(merged[-KEPT_MESSAGES:]):
        room -= len(message.text)
        if kept and room < 0:
            break
        kept.append(message)
    return kept[::-1]


class InputState(TypedDict):
    """What a caller may hand in to start a workflow or to continue it."""

    messages: Annotated[list[AnyMessage], keep_recent]
    """The last few messages. Writers: the caller, gate, interpret, the steps."""
    source: NotRequired[str]
    """Path of the records' file, or the word `sample`. Writers: the caller, `not_started`."""
    goal: NotRequired[str]
    """The training goal in the person's words. Writers: the caller, `not_started`."""
    name: NotRequired[str]
    """Name of the workflow's dataset. Writers: the caller, `not_started`."""
    dataset_id: NotRequired[str]
    """A dataset that is in the store. Writers: the caller, `not_started`."""
    workflow_id: NotRequired[str]
    """Equal to the thread id unless the host chose another. Writers: the caller, entry."""
    artefacts: Annotated[NotRequired[dict[str, Ref]], merge]
    """Current revision of each kind of artefact. Writers: the caller (a grader's draft), the steps."""


class FinetuneWorkflowState(InputState):
    """The state of one workflow; each key names its writers."""

    schema_version: NotRequired[int]
    """Writer: entry."""
    turn: NotRequired[int]
    """Counts the replies; makes message ids repeatable. Writer: interpret."""
    step: NotRequired[Place]
    """Where the workflow is. Writers: entry, interpret (jump), the steps (finish)."""
    status: Annotated[NotRequired[dict[str, StepStatus]], merge]
    """Status per step. Writers: the steps, interpret (jump)."""
    inputs: Annotated[NotRequired[dict[str, dict[str, str]]], merge]
    """Per completed step the content addresses that it read. Writers: the steps."""
    pending: NotRequired[Proposal | None]
    """The open question. Writers: the steps; interpret (jump)."""
    reply: NotRequired[Reply | None]
    """The reply that interpret has not read yet. Writers: entry, gate."""
    intent: NotRequired[Intent | None]
    """What the reply means, for the step to act on. Writer: interpret; the steps clear it."""
    paused: NotRequired[bool]
    """The person asked to stop here; the question stays open. Writer: interpret."""


Update = dict[str, Any]
"""A partial update of the state."""

READS: dict[StepName, tuple[str, ...]] = {
    "topics_config": (),
    "categorize": ("topics",),
    "coverage_generation": ("topics", "categories"),
    "grader_config": (),
    "dry_run": ("dataset", "categories", "grader"),
    "training": ("dataset", "grader", "dry_run"),
    "deployment": ("training",),
}
"""Kinds of artefact that each step's result depends on."""

NEEDS: dict[StepName, tuple[StepName, ...]] = {
    "topics_config": (),
    "categorize": ("topics_config",),
    "coverage_generation": ("categorize",),
    "grader_config": (),
    "dry_run": ("coverage_generation", "grader_config"),
    "training": ("dry_run",),
    "deployment": ("training",),
}
"""Steps that must be completed before a step can be opened."""


def collect_inputs(artefacts: Mapping[str, Ref], step: StepName) -> dict[str, str]:
    """Give the content address of each artefact that a step reads, as they are now."""
    return {kind: artefacts[kind]["sha"] for kind in READS[step] if kind in artefacts}


def find_stale(state: FinetuneWorkflowState) -> dict[StepName, str]:
    """Tell which completed steps rest on inputs that have changed since, with the kinds that changed.

    Derived from the references, never stored: putting an input back makes the step fresh again.
    """
    stale: dict[StepName, str] = {}
    artefacts = state.get("artefacts") or {}
    for step in STEPS:
        if (state.get("status") or {}).get(step) != "completed":
            continue
        read = (state.get("inputs") or {}).get(step, {})
        changed = [kind for kind, sha in collect_inputs(artefacts, step).items() if read.get(kind) != sha]
        upstream = [kind for kind, maker in MAKERS.items() if kind in READS[step] and maker in stale]
        if changed or upstream:
            stale[step] = ", ".join(dict.fromkeys([*changed, *upstream]))
    return stale


MAKERS: dict[str, StepName] = {
    "topics": "topics_config",
    "categories": "categorize",
    "dataset": "coverage_generation",
    "coverage": "coverage_generation",
    "grader": "grader_config",
    "dry_run": "dry_run",
    "training": "training",
    "deployment": "deployment",
}
"""Which step makes which kind of artefact."""


def find_next(state: FinetuneWorkflowState, after: StepName) -> Place:
    """Give the first step after `after` that is not completed and fresh, or `completed`."""
    stale = find_stale(state)
    status = state.get("status") or {}
    for step in STEPS[STEPS.index(after) + 1 :]:
        if status.get(step) not in ("completed", "skipped") or step in stale:
            return step
    return "completed"


def find_missing(state: FinetuneWorkflowState, step: StepName) -> list[StepName]:
    """List the steps that must be completed first, before `step` can be opened."""
    status = state.get("status") or {}
    missing: list[StepName] = []
    for need in NEEDS[step]:
        if status.get(need) != "completed":
            missing.extend([*find_missing(state, need), need])
    return list(dict.fromkeys(missing))
