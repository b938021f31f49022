"""`lucy jobs`: long work that outlives the command that began it."""

from typing import TYPE_CHECKING, Annotated

import typer

from lucy.errors import InputError
from lucy.ui.cli.opening import open_store
from lucy.ui.cli.output import print_json, print_line, print_table

if TYPE_CHECKING:
    from lucy.tools.store.database import Store
    from lucy.tools.store.jobs import Job

app = typer.Typer(name="jobs", help="List, show and cancel jobs.")
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
    from lucy.tools.store.jobs import FINAL, request_job_cancel

    with open_store() as store:
        found = _find(store, job)
        if found.status in FINAL:
            raise InputError(f"The job {found.id!r} has ended already; its status is {found.status!r}.")
        request_job_cancel(store, found.id)
    print_line(f"The job {found.id} is asked to stop; `lucy jobs show {found.id}` tells when it has.")


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
