"""Find the models that a service saved while a job ran, and the best of them."""

from lucy.errors import ProviderError
from lucy.tools.training.hosted.exchange import PAGE, Exchange
from lucy.tools.training.hosted.journal import Journal
from lucy.tools.training.hosted.metrics import find_saved
from lucy.tools.training.hosted.wire import RemoteCheckpoint, read_remote


def list_checkpoints(exchange: Exchange, remote_job: str) -> list[RemoteCheckpoint]:
    """List the models that were saved; empty where the service does not tell."""
    what = "list the checkpoints of the job"
    first = exchange.ask_if_there(
        what, lambda service: service.fine_tuning.jobs.checkpoints.list(remote_job, limit=PAGE)
    )
    if first is None:
        return []
    return [
        read_remote(RemoteCheckpoint, one, exchange.client)
        for page in exchange.turn_pages(what, first)
        for one in page.data or ()
    ]


def note_best(exchange: Exchange, journal: Journal) -> None:
    """Note the best model that was saved, if the service tells; that it does not is no reason to fail."""
    try:
        found = find_saved(journal.state.history, list_checkpoints(exchange, journal.state.remote_job))
    except ProviderError:
        return
    if found is not None:
        journal.note(best_model=found.model, best_step=found.step)
