"""Hold the conversation of a workflow on the terminal, or with `--yes` take what Lucy proposes."""

import sys
from collections import Counter
from typing import Any, NamedTuple

import typer

from lucy.graph.runs import Event, Runs
from lucy.graph.state import STEPS, Choice, FinetuneWorkflowState, Proposal, StepName
from lucy.ui.cli.output import (
    DONE,
    FAILED,
    NO_GO,
    QUESTION_OPEN,
    make_writable,
    print_error,
    print_line,
    print_text,
)
from lucy.ui.cli.progress import ProgressView

PATIENCE = 3
"""So often the same question may come with `--yes` before a step is completed in between."""
PROMPT = "Your answer (a number, or your own words): "


class Ending(NamedTuple):
    """Why the command ends here."""

    code: int
    sentence: str


class Conversation:
    """One workflow on one terminal, from where it is to where it stops."""

    def __init__(self, runs: Runs, workflow_id: str, *, yes: bool, until: StepName | None = None) -> None:
        self._runs = runs
        self._id = workflow_id
        self._yes = yes
        self._until: StepName | None = until
        self._shown: set[str] = set()
        self._asked: Counter[str] = Counter()
        self._completed = 0
        self._comes_back = False

    def hold(self) -> Ending:
        """Run, show and answer until there is a reason to end."""
        # An end that was already there is the question that the person comes back to answer.
        before = self._runs.read_state(self._id)
        self._comes_back = not self._yes and _can_ask() and _has_ended(before)
        reply: Any = None
        while True:
            failure = self._work(reply)
            if failure:
                return Ending(FAILED, f"{failure} `lucy resume {self._id}` tries again.")
            state = self._runs.read_state(self._id)
            ending = self._find_ending(state)
            if ending and not self._comes_back:
                return ending
            self._comes_back = False
            reply = self._decide(state)
            if reply is None:
                return ending or self._leave_open()

    def _work(self, reply: Any) -> str:
        """Let the workflow run until it asks; gives the sentence of a failure, else nothing."""
        since = self._runs.count_events(self._id)
        self._runs.start(self._id, reply)
        failure = ""
        with ProgressView() as view:
            for event in self._runs.follow(self._id, since):
                if event.kind == "progress":
                    view.report(event.data["label"], event.data["done"], event.data["total"])
                    continue
                view.close()
                failure = event.data["error"] if event.kind == "failed" else failure
                self._show(event)
        return failure

    def _show(self, event: Event) -> None:
        text = ""
        if event.kind == "message" and event.data["role"] == "assistant":
            text = event.data["text"]
        elif event.kind == "question" and event.data["question"] not in self._shown:
            text = event.data["question"]
        if text.strip():
            self._shown.add(text)
            print_text(text)

    def _find_ending(self, state: FinetuneWorkflowState) -> Ending | None:
        if state.get("step") == "completed":
            return Ending(DONE, "The workflow is completed.")
        if self._until and is_past(state, self._until):
            return Ending(
                DONE, f"Stopped after {self._until}, as asked; `lucy resume {self._id}` goes on from here."
            )
        if _is_no_go(state):
            return Ending(
                NO_GO,
                "Stopped at NO-GO: training is not possible before the grader or the data is changed; "
                f"`lucy resume {self._id}` or `lucy ui` goes on from here.",
            )
        if state.get("paused") or not state.get("pending"):
            return self._leave_open()
        return None

    def _leave_open(self) -> Ending:
        return Ending(QUESTION_OPEN, f"A question is open; answer it with `lucy resume {self._id}`.")

    def _decide(self, state: FinetuneWorkflowState) -> Any:
        """Give the answer to the open question; None when there is nobody to give it."""
        pending = state.get("pending")
        if pending is None:
            return None
        if not self._yes:
            print_choices(pending["choices"])
            return ask(pending["choices"]) if _can_ask() else None
        if self._goes_in_circles(state, pending):
            print_error(
                f"The same question came {PATIENCE} times without progress, so --yes stops here; "
                "answer it yourself."
            )
            return None
        if not pending["choices"]:
            return None
        choice = pending["choices"][0]
        if choice["kind"] in ("jump", "redo"):
            print_error("This needs a decision that --yes does not take; answer it yourself.")
            return None
        print_line(f"> {choice['label']}\n")
        return {"choice": choice["id"]}

    def _goes_in_circles(self, state: FinetuneWorkflowState, pending: Proposal) -> bool:
        done = sum(one in ("completed", "skipped") for one in (state.get("status") or {}).values())
        if done != self._completed:
            self._completed = done
            self._asked.clear()
        self._asked[pending["question"]] += 1
        return self._asked[pending["question"]] >= PATIENCE


def is_past(state: FinetuneWorkflowState, step: StepName) -> bool:
    """Tell whether a workflow has completed a step, or left it out, and gone on from it."""
    place = state.get("step") or "not_started"
    if (state.get("status") or {}).get(step) not in ("completed", "skipped"):
        return False
    return place == "completed" or (place in STEPS and STEPS.index(place) > STEPS.index(step))


def _is_no_go(state: FinetuneWorkflowState) -> bool:
    pending = state.get("pending")
    return pending is not None and pending["plan"].get("verdict") == "NO-GO"


def _has_ended(state: FinetuneWorkflowState) -> bool:
    """Tell whether a workflow is at a place where `lucy run` ends though a question is open."""
    return state.get("step") == "completed" or _is_no_go(state) or bool(state.get("paused"))


def _can_ask() -> bool:
    return sys.stdin.isatty()


def print_choices(choices: list[Choice]) -> None:
    """List what can be answered, numbered."""
    for number, choice in enumerate(choices, 1):
        print_line(f"  {number}. {choice['label']}")


def ask(choices: list[Choice]) -> Any:
    """Ask on the terminal: a choice by its number, or words; None at end of input or Ctrl-C."""
    while True:
        try:
            said = make_writable(input(PROMPT)).strip()
        except (EOFError, KeyboardInterrupt):
            typer.echo()
            return None
        if said:
            typer.echo()
            return read_answer(said, choices)


def read_answer(said: str, choices: list[Choice]) -> Any:
    """Take a number of the list for that choice, anything else for words."""
    if said.isdecimal() and 1 <= int(said) <= len(choices):
        return {"choice": choices[int(said) - 1]["id"]}
    return said
