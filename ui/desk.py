"""Keep what the pages of this process share: which workflow to open, what was said, how far a run is.

A page holds nothing but the id of its workflow. Everything it shows is read from the store and from the
run's log, so a reload, a second tab, a closed tab and a restarted process all find the same.
"""

import logging
import shutil
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucy.errors import BusyError, InputError, LucyError, NotFoundError
from lucy.graph.runs import FAULT, Runs
from lucy.graph.state import STEPS, FinetuneWorkflowState
from lucy.tools.datasets import NOTHING, SAMPLE, SAMPLE_GOAL, find_source
from lucy.tools.store.artefacts import get_artefact
from lucy.tools.store.datasets import get_dataset
from lucy.tools.store.jobs import find_job
from lucy.tools.store.workflows import Workflow, find_workflow, list_workflows, read_messages
from lucy.ui.render import View, name_question
from lucy.ui.tracker import say_jump
from lucy.ui.watch import Watch

logger = logging.getLogger(__name__)
MOVED_ON = "The conversation has moved on in the meantime; here is the question that is open now."
LONGEST_TEXT = 20_000
"""Characters of one message of the person."""
SHOWN_KINDS = ("topics", "coverage", "grader", "grader_trial", "dry_run", "training")
"""Artefacts that have a picture."""
DRAFTS = {"topics_config": ("topics", "topics_draft"), "grader_config": ("grader", "grader_draft")}
"""Per step the artefact that its open proposal stands for, and under which kind the draft is kept."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the application was started for, as given on the command line."""

    source: str | None = None
    """Path of the records' file; None opens the latest workflow, or the sample where there is none."""
    goal: str | None = None
    name: str | None = None


class Desk:
    """Serves the pages of one process; safe to use from several threads."""

    def __init__(self, runs: Runs, opening: Opening) -> None:
        self.runs = runs
        self.opening = opening
        self._store = runs.bench.store
        self._opened = ""
        self._chosen: set[str] = set()
        self._watches: dict[str, Watch] = {}
        self._lock = threading.RLock()

    def open(self, remembered: str | None, wanted: str | None = None) -> str:
        """Find the workflow that a page shows when it is loaded, and let it go on if it was broken off.

        Args:
            remembered: The workflow that the browser showed last.
            wanted: The workflow that the page's address names, by id or by its beginning.

        Raises:
            NotFoundError: the address names a workflow that is not there.
        """
        workflow_id = self._choose(remembered, wanted)
        self.go_on(workflow_id)
        return workflow_id

    def _choose(self, remembered: str | None, wanted: str | None) -> str:
        if wanted:
            return self.switch(wanted)
        with self._lock:
            if remembered and self._exists(remembered) and self._may_return(remembered):
                return remembered
            if not self._exists(self._opened):
                self._opened = self._find_opening() or self._create_opening()
            return self._opened

    def _may_return(self, workflow_id: str) -> bool:
        """Tell whether a remembered workflow goes before the file that the application was started for.

        One that was chosen here does, so that a reload stays where the person is; one from an earlier start
        does only if that start was for the same file.
        """
        if self.opening.source is None or workflow_id in self._chosen:
            return True
        return self._fits(find_workflow(self._store, workflow_id))

    def switch(self, workflow_id: str) -> str:
        """Show another workflow, and come back to it after a reload.

        Raises:
            NotFoundError: there is no such workflow.
        """
        found = find_workflow(self._store, workflow_id).id
        self._chosen.add(found)
        self.go_on(found)
        return found

    def find(self, workflow_id: str) -> str:
        """Give the workflow's id, or that of another to show instead when it has been deleted."""
        return workflow_id if self._exists(workflow_id) else self.open(None)

    def _exists(self, workflow_id: str) -> bool:
        try:
            return bool(workflow_id) and find_workflow(self._store, workflow_id).id == workflow_id
        except (NotFoundError, InputError):
            return False

    def _find_opening(self) -> str:
        """Find the latest workflow of the opening's file and goal that can be gone on with."""
        for workflow in list_workflows(self._store):
            if self._fits(workflow) and (workflow.question or self.runs.needs_resume(workflow.id)):
                return workflow.id
        return ""

    def _fits(self, workflow: Workflow) -> bool:
        if self.opening.source is None:
            return True
        if self.opening.goal and workflow.goal.strip() != self.opening.goal.strip():
            return False
        source = self.runs.read_state(workflow.id).get("source")
        return bool(source) and find_source(source or "") == find_source(self.opening.source)

    def _create_opening(self) -> str:
        opening = self.opening
        if opening.source is None:
            return self._create(SAMPLE, opening.goal or SAMPLE_GOAL, opening.name)
        return self._create(opening.source, opening.goal, opening.name)

    def _create(self, source: str, goal: str | None, name: str | None = None) -> str:
        given = {"source": source, "goal": (goal or "").strip(), "name": (name or "").strip()}
        return self.runs.create(**{key: value for key, value in given.items() if value})

    def begin(self, upload: str | None, goal: str, *, empty: bool = False) -> str:
        """Start a workflow for an uploaded file, which moves into the data folder; None is the sample.

        An empty start has no records: they are generated for the topics that the person chooses.
        Without a goal Lucy asks for one.
        """
        without = NOTHING if empty else SAMPLE
        workflow_id = self._create(self._keep_upload(Path(upload)) if upload else without, goal)
        self._chosen.add(workflow_id)
        self.go_on(workflow_id)
        return workflow_id

    def _keep_upload(self, path: Path) -> str:
        folder = self._store.home / "uploads" / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        return str(shutil.move(path, folder / path.name))

    def go_on(self, workflow_id: str) -> None:
        """Continue a run that was broken off, or that waits for a job, unless it is going on already."""
        with self._lock:
            if not self.runs.is_running(workflow_id) and self.runs.needs_resume(workflow_id):
                with suppress(BusyError):  # then it goes on already
                    self.runs.start(workflow_id)

    def say(self, workflow_id: str, text: str, *, asked: str) -> str:
        """Pass on what the person typed, and give the workflow's id.

        Args:
            workflow_id: The workflow.
            text: The person's words.
            asked: The question that the page showed, as `name_question` names it.

        Raises:
            BusyError: Lucy is still working on the last message.
            InputError: the text is too long, or the page showed another question than the one that is open.
        """
        if len(text) > LONGEST_TEXT:
            raise InputError(
                f"A message may have {LONGEST_TEXT:,} characters, this one has {len(text):,}; "
                "put long texts into a file and start another workflow with it."
            )
        self._check_question(workflow_id, asked)
        return self._start(workflow_id, text, shown=text)

    def choose(self, workflow_id: str, choice_id: str, *, asked: str) -> str:
        """Pass on the button that the person clicked, and give the workflow's id.

        Raises:
            BusyError: Lucy is still working on the last message.
            InputError: the page showed another question than the one that is open.
        """
        pending = self._check_question(workflow_id, asked).get("pending")
        labels = {choice["id"]: choice["label"] for choice in pending["choices"]} if pending else {}
        if choice_id not in labels:
            raise InputError(MOVED_ON)
        return self._start(workflow_id, {"choice": choice_id}, shown=labels[choice_id])

    def reopen(self, workflow_id: str, step: str, *, asked: str) -> str:
        """Ask in the person's name to go to the step that was clicked, and give the workflow's id.

        Raises:
            BusyError: Lucy is still working on the last message.
            InputError: there is no such step, or the page showed another question than the one that is open.
        """
        state = self.runs.read_state(workflow_id)
        if step not in STEPS:
            raise InputError(f"There is no step {step!r}.")
        if step == state.get("step"):
            return workflow_id
        return self.say(workflow_id, say_jump(state, step), asked=asked)

    def _check_question(self, workflow_id: str, asked: str) -> FinetuneWorkflowState:
        state = self.runs.read_state(workflow_id)
        pending = state.get("pending")
        if self.runs.is_running(workflow_id) and (pending is None or pending["kind"] != "job"):
            raise BusyError("I am still working on your last message; wait for it or press Stop.")
        if name_question(state) != asked:
            raise InputError(MOVED_ON)
        return state

    def _start(self, workflow_id: str, reply: Any, *, shown: str) -> str:
        watch = self._find_watch(workflow_id)
        said = len(read_messages(self._store, workflow_id))
        self.runs.start(workflow_id, reply)
        watch.note_words(shown, said)
        return workflow_id

    def stop(self, workflow_id: str) -> str:
        """Ask the work in progress to stop, and give the workflow's id; what is stored stays."""
        self.runs.cancel(workflow_id)
        return workflow_id

    def note(self, workflow_id: str, error: Exception) -> None:
        """Keep a failure as one sentence that is shown at the end of the conversation."""
        if not isinstance(error, LucyError):
            logger.error("The page of workflow %s failed", workflow_id, exc_info=error)
        self._find_watch(workflow_id).notice = str(error) if isinstance(error, LucyError) else FAULT

    def stamp(self, workflow_id: str) -> str:
        """Give a mark that changes when there may be something new to show."""
        watch = self._find_watch(workflow_id)
        rows = [(workflow.id, workflow.updated_at) for workflow in list_workflows(self._store)]
        running = self.runs.is_running(workflow_id)
        return repr((self.runs.count_events(workflow_id), running, watch.notice, watch.sent, rows))

    def look(self, workflow_id: str) -> View:
        """Read everything that a page shows.

        Raises:
            NotFoundError: there is no such workflow.
        """
        workflow = find_workflow(self._store, workflow_id)
        running = self.runs.is_running(workflow_id)
        state = self.runs.read_state(workflow_id)
        messages = read_messages(self._store, workflow_id)
        watch = self._find_watch(workflow_id)
        watch.read_events(self.runs, workflow_id, len(messages))
        return View(
            workflow=workflow,
            state=state,
            messages=messages,
            others=list_workflows(self._store),
            health=self._read_health(state),
            bodies=self._read_bodies(workflow_id, state),
            running=running,
            pace=watch.pace,
            now=time.time(),
            sent=watch.sent,
            notice=watch.notice,
            is_stopping=self._is_stopping(state),
        )

    def _is_stopping(self, state: FinetuneWorkflowState) -> bool:
        pending = state.get("pending")
        job_id = pending.get("job_id") if pending else None
        return bool(job_id) and find_job(self._store, job_id or "").cancel_requested

    def _find_watch(self, workflow_id: str) -> Watch:
        with self._lock:
            return self._watches.setdefault(workflow_id, Watch())

    def _read_health(self, state: FinetuneWorkflowState) -> dict[str, Any]:
        try:
            return get_dataset(self._store, state.get("dataset_id") or "").report
        except NotFoundError:
            return {}

    def _read_bodies(self, workflow_id: str, state: FinetuneWorkflowState) -> dict[str, dict[str, Any]]:
        refs = state.get("artefacts") or {}
        wanted = {kind: (kind, refs[kind]["revision"]) for kind in SHOWN_KINDS if kind in refs}
        pending = state.get("pending")
        if pending and pending["step"] in DRAFTS and "draft" in pending["plan"]:
            shown, kept = DRAFTS[pending["step"]]
            wanted[shown] = (kept, pending["plan"]["draft"])
        bodies = {shown: get_artefact(self._store, workflow_id, *key) for shown, key in wanted.items()}
        job_id = (pending.get("job_id") or pending["plan"].get("resumes")) if pending else None
        if job_id:  # at work, or stopped and waiting to go on
            job = find_job(self._store, job_id)
            bodies["training"] = job.result or job.checkpoint or {}
        return bodies
