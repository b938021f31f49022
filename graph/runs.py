"""Own the running graphs: one run per workflow, a log that can be followed, resume, cancel, rollback.

A run belongs to the application, never to a page: it goes on when nobody is looking. Whoever wants to look
follows the workflow's log from any point. A run that was killed is continued by `drive(workflow_id)`.
"""

import logging
import sqlite3
import threading
import uuid
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from lucy.errors import BusyError, InputError, LucyError
from lucy.graph.build import build_graph
from lucy.graph.run_lock import RunLock
from lucy.graph.run_log import Event, Log
from lucy.graph.snapshots import restore_references
from lucy.graph.state import FinetuneWorkflowState, StepName
from lucy.nodes.catalogue import find_step
from lucy.nodes.wording import write
from lucy.tools.job_watch import Watchdog
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.jobs import FINAL, find_job, request_job_cancel
from lucy.tools.store.workflows import (
    add_message,
    read_snapshots,
    request_cancel,
    save_workflow,
)
from lucy.tools.workbench import Workbench

__all__ = ["Event", "Runs"]
logger = logging.getLogger(__name__)
STEPS_A_RUN = 200
"""Supersteps that one run may make; a turn makes about eight."""
FAULT = "Something went wrong inside Lucy; nothing that was stored is lost. Send any message to try again."


class Runs:
    """The graphs that this process runs; safe to use from several threads."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self._connection = _connect(bench)
        self.graph = build_graph(bench, checkpointer=SqliteSaver(self._connection))
        self._logs: defaultdict[str, Log] = defaultdict(Log)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._followed: set[str] = set()
        self._following = threading.Lock()

    def close(self) -> None:
        """Close the checkpoints; runs in progress stop at their next write and can be resumed."""
        self._connection.close()

    def create(self, *, workflow_id: str | None = None, **given: Any) -> str:
        """Begin a workflow and give its id; nothing runs yet.

        Args:
            workflow_id: The id, where something is kept under it already; by default a new one.
            given: Keys of `InputState`: `source` or `dataset_id`, `goal`, `name`, `artefacts`.
        """
        workflow_id = workflow_id or str(uuid.uuid4())
        row = {key: given.get(key) or "" for key in ("name", "goal")}
        save_workflow(self.bench.store, workflow_id, dataset_id=given.get("dataset_id"), **row)
        with self._lock(workflow_id):
            config = self._config(workflow_id)
            self.graph.update_state(
                config, {"messages": [], "workflow_id": workflow_id, **given}, "__start__"
            )
        return workflow_id

    def read_state(self, workflow_id: str) -> FinetuneWorkflowState:
        """Give the workflow's state as last stored; empty for a thread that has none."""
        values: Any = self.graph.get_state(self._config(workflow_id)).values
        return values

    def drive(self, workflow_id: str, reply: Any = None) -> Iterator[Event]:
        """Run the graph until it asks or ends, do the job it waits for, and go on after that.

        Args:
            workflow_id: The workflow.
            reply: What the person answered: a text, or `{"choice": id}`; None just goes on, which is also
                how a run that was killed is resumed.

        Raises:
            BusyError: the workflow is being run already.
        """
        yield from self._run(workflow_id, reply)
        while (job_id := self._awaited_job(workflow_id)) is not None:
            with self._follow_job(job_id) as is_first:
                if not is_first:  # talking meanwhile: whoever follows the job already takes its end in
                    return
                yield from self._work(job_id)
                ended = find_job(self.bench.store, job_id).status in FINAL
                if not ended or self._awaited_job(workflow_id) != job_id:
                    return
                # The end of a job waits for a conversation that is going on, however long that takes.
                yield from self._run(workflow_id, {"kind": "job_done", "job_id": job_id}, wait=-1)

    def start(self, workflow_id: str, reply: Any = None) -> None:
        """Drive the workflow in a thread of the application; follow it with `follow`.

        Raises:
            BusyError: the workflow is being run already.
        """
        if self._locks[workflow_id].locked():
            raise BusyError("I am still working on your last message; wait for it or cancel it.")
        log = self._logs[workflow_id]
        log.running += 1
        thread = threading.Thread(
            target=self._drive_in_background, args=(workflow_id, reply, log), name=f"run-{workflow_id[:8]}"
        )
        thread.daemon = True  # killed with the process: everything that matters is stored as it goes
        thread.start()

    def follow_jobs(self) -> None:
        """Go on with every workflow that waits for a job, also one that was started before this process.

        Called when an application begins: a training that went on without it is taken in when it ends, and
        one that ended without it at once.
        """
        for workflow_id in dict.fromkeys(job.workflow_id for job in list_jobs(self.bench.store)):
            if self.needs_resume(workflow_id) and not self.is_running(workflow_id):
                self.start(workflow_id)

    def follow(self, workflow_id: str, since: int = 0, *, wait: float = 30.0) -> Iterator[Event]:
        """Replay the events from number `since` on and wait for more, until the run ends."""
        log = self._logs[workflow_id]
        while True:
            with log.changed:
                if since >= len(log.events) and log.running:
                    log.changed.wait(wait)
                fresh, running = log.events[since:], log.running
            yield from fresh
            since += len(fresh)
            if not running and since >= len(log.events):
                return

    def count_events(self, workflow_id: str) -> int:
        """Tell how many events the log has: the place to follow from to see only what is new."""
        return len(self._logs[workflow_id].events)

    def is_running(self, workflow_id: str) -> bool:
        """Tell whether this process is working on the workflow."""
        return self._logs[workflow_id].running > 0

    def needs_resume(self, workflow_id: str) -> bool:
        """Tell whether a run was broken off, or waits for a job, and should be driven on."""
        state = self.graph.get_state(self._config(workflow_id))
        broken_off = bool(state.next) and not state.interrupts
        return broken_off or self._awaited_job(workflow_id) is not None

    def cancel(self, workflow_id: str) -> None:
        """Ask the work in progress to stop at the next opportunity; what is stored stays."""
        request_cancel(self.bench.store, workflow_id)
        job_id = self._awaited_job(workflow_id)
        if job_id:
            request_job_cancel(self.bench.store, job_id)

    def rollback(self, workflow_id: str, step: StepName) -> None:
        """Put the references back as they were when `step` was last about to begin; nothing is deleted.

        Raises:
            InputError: the workflow never came to that step.
        """
        found = [one for one in read_snapshots(self.bench.store, workflow_id) if one.step == step]
        if not found:
            came = sorted({one.step for one in read_snapshots(self.bench.store, workflow_id)})
            raise InputError(
                f"The workflow never came to {find_step(step).title!r}, so there is nothing to restore; "
                f"it has snapshots of: {', '.join(came) or 'no step yet'}."
            )
        with self._lock(workflow_id):
            update = restore_references(self.read_state(workflow_id), found[-1].body, step)
            text = write("interpret", "restored", step=find_step(step).title)
            said = {"id": f"{update['turn']}-restored", "role": "assistant", "step": step, "text": text}
            add_message(self.bench.store, workflow_id, **said)
            self.graph.update_state(self._config(workflow_id), update, "router")

    def _drive_in_background(self, workflow_id: str, reply: Any, log: Log) -> None:
        try:
            for event in self.drive(workflow_id, reply):
                log.add(event)
        except LucyError as error:
            log.add(Event("failed", {"error": str(error)}))
        except Exception:  # the outermost handler of the thread
            logger.exception("The run of workflow %s failed", workflow_id)
            log.add(Event("failed", {"error": FAULT}))
        finally:
            with log.changed:
                log.running -= 1
                log.changed.notify_all()

    def _config(self, workflow_id: str) -> Any:
        return {"configurable": {"thread_id": workflow_id}, "recursion_limit": STEPS_A_RUN}

    def _lock(self, workflow_id: str, wait: float = 5.0) -> RunLock:
        return RunLock(self.bench.store, workflow_id, self._locks[workflow_id], wait)

    def _run(self, workflow_id: str, reply: Any, wait: float = 5.0) -> Generator[Event]:
        with self._lock(workflow_id, wait):
            value = self._choose_input(workflow_id, reply)
            if value is not _NOTHING:
                yield from self._stream(workflow_id, value)
            pending = self.read_state(workflow_id).get("pending")
        if pending:
            yield Event("question", dict(pending))
        else:
            yield Event("ended", {})

    def _choose_input(self, workflow_id: str, reply: Any) -> Any:
        """Decide how to enter the graph: retry what failed, answer what is open, or go on."""
        state = self.graph.get_state(self._config(workflow_id))
        if any(task.error for task in state.tasks):
            return None
        if state.interrupts:
            return _NOTHING if reply is None else Command(resume=reply or ".")
        if state.next:
            return None
        return {"messages": []}

    def _stream(self, workflow_id: str, value: Any) -> Generator[Event]:
        # A step's update repeats the messages that the state keeps; only what is new is an event.
        seen = {str(message.id) for message in self.read_state(workflow_id).get("messages") or []}
        parts: Iterator[Any] = self.graph.stream(
            value,
            self._config(workflow_id),
            stream_mode=["updates", "custom"],
            subgraphs=True,
            durability="sync",
        )
        for _, mode, data in parts:
            if mode == "custom":
                yield Event("progress", dict(data))
            else:
                yield from _read_messages(data, seen)

    def _awaited_job(self, workflow_id: str) -> str | None:
        pending = self.read_state(workflow_id).get("pending")
        return pending.get("job_id") if pending and pending["kind"] == "job" else None

    @contextmanager
    def _follow_job(self, job_id: str) -> Generator[bool]:
        """Be the one in this process who follows a job; False where another does already."""
        with self._following:
            is_first = job_id not in self._followed
            self._followed.add(job_id)
        try:
            yield is_first
        finally:
            if is_first:
                self._followed.discard(job_id)

    def _work(self, job_id: str) -> Generator[Event]:
        """See a job to its end; tell how far it is when that has changed, and what is amiss."""
        watchdog, told = Watchdog(self.bench, job_id), dict[str, Any]()
        while True:
            job, notice = watchdog.look()
            if notice:
                yield Event("notice", {"text": notice})
            if job.progress != told:
                told = job.progress
                yield Event("progress", {"step": job.kind, **told})
            if job.status in FINAL:
                return
            watchdog.wait()


_NOTHING = object()
"""No input: the question is open and there is no answer yet."""


def _connect(bench: Workbench) -> sqlite3.Connection:
    path = bench.store.home / "checkpoints.db"
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _read_messages(data: Any, seen: set[str]) -> Generator[Event]:
    updates: Mapping[str, Any] = data if isinstance(data, dict) else {}
    for update in updates.values():
        if not isinstance(update, dict):
            continue
        for message in update.get("messages") or []:
            if message.id and message.id not in seen:
                seen.add(message.id)
                role = "user" if message.type == "human" else "assistant"
                yield Event("message", {"id": message.id, "role": role, "text": message.text})
