"""`lucy jobs`: long work that outlives the command that began it."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lucy.errors import InputError
from lucy.ui.cli.opening import open_store
from lucy.ui.cli.output import FAILED, print_error, print_json, print_line, print_note, print_table

if TYPE_CHECKING:
    from lucy.tools.store.database import Store
    from lucy.tools.store.jobs import Job

app = typer.Typer(name="jobs", help="List, show, follow and cancel jobs.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The job's id, or its beginning.")]


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List all jobs, the newest first."""
    from lucy.tools.store.activity import list_jobs
    from lucy.ui.job_events import describe_job

    with open_store() as store:
        found = [describe_job(job) for job in list_jobs(store)]
    if as_json:
        print_json(found)
    elif found:
        columns = ("job_id", "workflow_id", "kind", "status", "percent", "updated_at")
        print_table(columns, [[row[name] for name in columns] for row in found])
    else:
        print_line("There are no jobs yet; a training makes one.")


@app.command()
def show(job: Id, as_json: Json = False) -> None:
    """Show how far a job is and what it made."""
    from lucy.ui.job_events import read_status

    with open_store() as store:
        status = read_status(store, _find(store, job).id)
    if as_json:
        print_json(status)
    else:
        print_table(
            ("Job", status["job_id"]), [(key, value) for key, value in status.items() if key != "job_id"]
        )


@app.command()
def cancel(job: Id) -> None:
    """Ask a job to stop at its next checkpoint; what it has stored stays."""
    from lucy.tools.store.jobs import request_job_cancel
    from lucy.ui.job_cancel import refuse_cancel

    with open_store() as store:
        found = _find(store, job)
        refuse_cancel(found.id, found.status, found.workflow_id)
        request_job_cancel(store, found.id)
    print_line(f"The job {found.id} is asked to stop; `lucy jobs show {found.id}` tells when it has.")


@app.command()
def follow(
    job: Id,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Follow a job to its end: a line for each piece of news; a job that does not succeed ends with 1.

    Ctrl-C leaves the job running.
    """
    from lucy.tools.jobs import needs_worker

    with open_store() as store:
        found = _find(store, job)
        if needs_worker(found):
            print_note(
                f"Nobody is at work on the job {found.id}; `lucy resume {found.workflow_id}` goes on with it."
            )
        status: dict[str, Any] = {}
        for status in _watch(store, found.id):
            _tell(status, as_json=as_json)
    if status["status"] != "completed":
        print_error(status["error"] or f"The job {found.id} was {status['status']}.")
        raise typer.Exit(FAILED)


def _watch(store: "Store", job_id: str) -> Iterator[dict[str, Any]]:
    """Give a job's status whenever there is news of it, and at last how it ended."""
    from lucy.tools.store.jobs import FINAL
    from lucy.ui.job_events import NEWS, POLL_SECONDS, read_status

    told: dict[str, Any] = {}
    while True:
        status = read_status(store, job_id)
        news = {name: status[name] for name in ("status", *NEWS)}
        if news != told:
            told = news
            yield status
        if status["status"] in FINAL:
            return
        time.sleep(POLL_SECONDS)


def _tell(status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_line(json.dumps(status, ensure_ascii=True))
        return
    left = status["seconds_left"]
    pace = f", about {left:,.0f} s left" if left else ""
    made = f", model {status['model_id']} version {status['version']}" if status["model_id"] else ""
    label = f"  {status['label']}" if status["label"] else ""
    print_line(f"{status['status']:<10} {status['percent']:5.1f}%{label}{pace}{made}")


def _find(store: "Store", start: str) -> "Job":
    """Find a job by its id or by the beginning of its id."""
    from lucy.errors import NotFoundError
    from lucy.tools.store.activity import list_jobs

    found = [job for job in list_jobs(store) if start and job.id.startswith(start)]
    exact = [job for job in found if job.id == start]
    found = exact or found
    if not found:
        raise NotFoundError(f"There is no job {start!r}; `lucy jobs list` shows the ids that there are.")
    if len(found) > 1:
        raise InputError(f"{len(found)} jobs begin with {start!r}; give more of the id.")
    return found[0]
