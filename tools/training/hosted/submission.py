"""Submit a training exactly once, although the process may be killed at every point of it.

Before the call that creates the job a token is stored; whoever comes back to a token without a job looks the
job up before creating one. A job is known by its metadata (`lucy_job`) or, where a service drops metadata,
by the training file, whose name is ours alone.
"""

from collections.abc import Iterator
from typing import Any

from lucy.errors import ProviderError
from lucy.tools.store.encoding import hash_content
from lucy.tools.training.hosted.exchange import PAGE, Exchange, make_once
from lucy.tools.training.hosted.journal import Journal, State
from lucy.tools.training.hosted.refusals import DefiniteRefusalError
from lucy.tools.training.hosted.statuses import FINAL, Status, read_status
from lucy.tools.training.hosted.wire import RemoteJob, read_remote
from lucy.tools.training.trainer import Parameters, Task

SETTLING = (0.0, 5.0, 15.0)
"""Seconds waited before each look for a job that may have been created just before a kill."""
LISTING = "list the fine-tuning jobs"
SUFFIX = 64
"""Longest suffix of a model's name, in characters."""


def write_suffix(name: str) -> str:
    """Give what is put to the end of the model's name at the service: letters, digits and hyphens."""
    plain = "".join(one if one.isascii() and one.isalnum() else "-" for one in name.lower())
    return "-".join(part for part in plain.split("-") if part)


def build_body(task: Task, state: State, grader: dict[str, Any] | None) -> dict[str, Any]:
    """Give the body of `POST /fine_tuning/jobs`; what is left to the service is left out.

    Args:
        task: The training.
        state: With the ids of the files, and the token.
        grader: The grader in OpenAI's form, for reinforcement.
    """
    kind = "reinforcement" if task.method == "rft" else "supervised"
    method: dict[str, Any] = {"hyperparameters": _list_hyperparameters(task)}
    if task.method == "rft":
        method["grader"] = grader
    body: dict[str, Any] = {
        "model": task.base_model,
        "training_file": state.training_file,
        "method": {"type": kind, kind: method},
        "seed": task.parameters.seed,
        "metadata": {"lucy_job": task.job_id, "lucy_token": state.token},
    }
    if state.validation_file:
        body["validation_file"] = state.validation_file
    suffix = write_suffix(task.name)
    return {**body, "suffix": suffix} if suffix else body


def _list_hyperparameters(task: Task) -> dict[str, Any]:
    parameters: Parameters = task.parameters
    found: dict[str, Any] = {"n_epochs": parameters.epochs}
    if parameters.batch_size != "auto":
        found["batch_size"] = parameters.batch_size
    if parameters.learning_rate != "auto":
        found["learning_rate_multiplier"] = parameters.learning_rate
    if task.method == "rft" and parameters.reasoning_effort != "default":
        found["reasoning_effort"] = parameters.reasoning_effort
    return found


def submit(exchange: Exchange, journal: Journal, task: Task, grader: dict[str, Any] | None) -> None:
    """Create the job at the service, unless it is there; its id is stored.

    Raises:
        ProviderError: the service refuses, or does not answer after all tries.
    """
    if journal.state.remote_job:
        return
    found = find_job(exchange, journal, task.job_id)
    if found is None:
        found = _create(exchange, journal, task, grader)
    journal.note(remote_job=found.id)


def find_job(exchange: Exchange, journal: Journal, job_id: str) -> RemoteJob | None:
    """Look for the job of a training at the service.

    Where a creation may have been sent before, it is looked for several times, some seconds apart.
    """
    may_be_there = bool(journal.state.token)
    for seconds in SETTLING if may_be_there else SETTLING[:1]:
        if seconds:
            exchange.wait(seconds)
        found = list(_list_jobs(exchange, journal.state, job_id))
        if found:
            return min(found, key=_rank)
    return None


def cancel_twins(exchange: Exchange, journal: Journal, job_id: str) -> None:
    """Cancel further jobs of the same training, which a creation sent before has made late."""
    for job in list(_list_jobs(exchange, journal.state, job_id)):
        if job.id != journal.state.remote_job and read_status(job.status) not in FINAL:
            cancel_job(exchange, job.id)


def cancel_job(exchange: Exchange, remote_job: str) -> None:
    """Cancel a job at the service, unless it has ended."""
    try:
        exchange.ask(
            f"cancel the job {remote_job!r}", lambda service: service.fine_tuning.jobs.cancel(remote_job)
        )
    except ProviderError:
        # A service refuses to cancel what has ended; that is as good.
        if read_status(read_job(exchange, remote_job).status) not in FINAL:
            raise


def read_job(exchange: Exchange, remote_job: str) -> RemoteJob:
    """Look at a job at the service."""
    answer = exchange.ask(
        f"show the job {remote_job!r}",
        lambda service: service.fine_tuning.jobs.retrieve(remote_job),
    )
    return read_remote(RemoteJob, answer, exchange.client)


def _list_jobs(exchange: Exchange, state: State, job_id: str) -> Iterator[RemoteJob]:
    # Without the filter by metadata: services that ignore it or refuse it exist.
    for page in exchange.list_all(LISTING, lambda service: service.fine_tuning.jobs.list(limit=PAGE)):
        for one in page.data or ():
            job = read_remote(RemoteJob, one, exchange.client)
            is_ours = job.metadata.get("lucy_job") == job_id
            if is_ours or (state.training_file and job.training_file == state.training_file):
                yield job


def _rank(job: RemoteJob) -> tuple[bool, float, str]:
    """Order jobs: those that still count first, then the oldest."""
    return read_status(job.status) == Status.CANCELLED, job.created_at or 0.0, job.id


def _create(exchange: Exchange, journal: Journal, task: Task, grader: dict[str, Any] | None) -> RemoteJob:
    if journal.state.token:
        journal.note(is_unsure=True)
    else:
        journal.note(token=hash_content("submission", task.job_id, journal.state.training_file))
    body = build_body(task, journal.state, grader)
    headers = {"Idempotency-Key": journal.state.token}

    def look() -> RemoteJob | None:
        journal.note(is_unsure=True)
        return find_job(exchange, journal, task.job_id)

    try:
        return make_once(
            exchange,
            "create the fine-tuning job",
            create=lambda service: read_remote(
                RemoteJob, service.fine_tuning.jobs.create(**body, extra_headers=headers), exchange.client
            ),
            find=look,
        )
    except DefiniteRefusalError:
        if not journal.state.is_unsure:
            journal.note(token="")  # there is no job, so none may run and cost money
        raise
