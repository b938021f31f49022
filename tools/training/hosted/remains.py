"""Say what a service holds of a training, and clear it up when the person wants that."""

from typing import Any
from urllib.parse import urlsplit

from lucy.errors import InputError, LucyError
from lucy.tools.training.hosted.exchange import Exchange
from lucy.tools.training.hosted.journal import Journal, State, find_state
from lucy.tools.training.hosted.statuses import FINAL, Status, describe_status, read_status
from lucy.tools.training.hosted.submission import cancel_job, find_job, read_job
from lucy.tools.training.trainer import Remains


def read_remains(checkpoint: Any) -> Remains | None:
    """Read from a checkpoint what the service holds; None: nothing was sent."""
    state = find_state(checkpoint)
    if state is None:
        return None
    return Remains(
        place=urlsplit(state.address).netloc,
        job=state.remote_job,
        files=() if state.is_cleared else _list_files(state),
        best_model=state.best_model,
        best_step=state.best_step,
        limit=state.limit,
        can_go_on=state.outcome in ("", Status.SUCCEEDED),
        may_run=bool(state.token) and not state.outcome,
        was_given_up=state.was_given_up,
    )


def mark_best(checkpoint: Any) -> Any:
    """Give the checkpoint with which the best model that was saved is taken.

    Raises:
        InputError: the training saved none, as far as is known.
    """
    state = find_state(checkpoint)
    if state is None or not state.best_model:
        raise InputError("The training has no saved model to take; go on with it, or start a new one.")
    return state.model_copy(update={"takes_best": True}).model_dump(mode="json")


def give_up(exchange: Exchange, journal: Journal, job_id: str) -> str:
    """Cancel the job at the service, also one whose id is not known yet; say what came of it, or nothing."""
    state = journal.state
    if not state.token or state.outcome:
        return ""
    journal.note(was_given_up=True)
    place = exchange.client.place
    try:
        found = state.remote_job or getattr(find_job(exchange, journal, job_id), "id", "")
        if not found:
            return ""
        journal.note(remote_job=found)
        cancel_job(exchange, found)
        job = read_job(exchange, found)
    except LucyError as failure:
        return (
            f"The job {journal.state.remote_job or job_id!r} may still run and cost money at {place}, since "
            f"it could not be cancelled there; try again, or cancel it there. ({failure})"
        )
    status = read_status(job.status)
    # A service that takes its time to cancel has taken the order.
    journal.note(outcome=(status if status in FINAL else Status.CANCELLED).value)
    if status in (Status.SUCCEEDED, Status.FAILED):
        return f"The job {found} had ended at {place} before it could be cancelled: {status}."
    return f"The job {found} is cancelled at {place} (status there: {describe_status(job.status)})."


def delete_remains(exchange: Exchange, journal: Journal) -> None:
    """Delete the training files at the service, each unless it is gone.

    Raises:
        InputError: the job may need them.
        ProviderError: the service refuses, or does not answer.
    """
    state = journal.state
    if state.token and not state.outcome:
        raise InputError(
            f"The job {state.remote_job or 'that was submitted'} may still need its training files; "
            "cancel it before they are deleted."
        )
    for file in _list_files(state):
        exchange.ask_if_there(
            f"delete the training file {file!r}", lambda service, file=file: service.files.delete(file)
        )
    # Where nothing was submitted the training can still go on, with files that are uploaded again.
    gone = {} if state.token else {"training_file": "", "validation_file": ""}
    journal.note(is_cleared=bool(state.token), **gone)


def _list_files(state: State) -> tuple[str, ...]:
    return tuple(one for one in (state.training_file, state.validation_file) if one)
