"""Upload the files of a training, each once, however often the process is killed."""

from typing import TYPE_CHECKING

from lucy.errors import FailedTrainingError
from lucy.tools.training.hosted.exchange import PAGE, Exchange, make_once
from lucy.tools.training.hosted.journal import Journal
from lucy.tools.training.hosted.rows import DataFile, DataFiles
from lucy.tools.training.hosted.wire import RemoteFile, read_remote

if TYPE_CHECKING:
    from openai import OpenAI

PURPOSE = "fine-tune"
PENDING = ("pending", "running", "processing", "importing")
"""Statuses of a file that the service is still reading."""
BROKEN = ("error", "failed", "deleted", "deleting")
READING = 5.0
"""Seconds between two looks at a file that the service is still reading."""


def upload_files(exchange: Exchange, journal: Journal, files: DataFiles) -> None:
    """Upload what is not there yet; the ids are stored after each upload.

    Raises:
        ProviderError: the service refuses a file, or does not answer after all tries.
        FailedTrainingError: it cannot read a file.
    """
    if not journal.state.training_file:
        journal.note(training_file=_upload(exchange, files.training, "training"))
    if files.validation is not None and not journal.state.validation_file:
        journal.note(validation_file=_upload(exchange, files.validation, "validation"))


def _upload(exchange: Exchange, file: DataFile, use: str) -> str:
    """Find or upload a file and give its id, once the service has read it.

    It is looked for even at the first try: the id of an upload is lost to a kill before it is stored.
    """
    found = _find(exchange, file)
    if found is None:
        found = make_once(
            exchange,
            f"take the {use} file",
            create=lambda service: _send(exchange, service, file),
            find=lambda: _find(exchange, file),
        )
    return _await_reading(exchange, found, use).id


def _send(exchange: Exchange, service: "OpenAI", file: DataFile) -> RemoteFile:
    with file.path.open("rb") as content:
        answer = service.files.create(file=(file.name, content, "application/jsonl"), purpose=PURPOSE)
    return read_remote(RemoteFile, answer, exchange.client)


def _find(exchange: Exchange, file: DataFile) -> RemoteFile | None:
    """Find an uploaded file by its name, which holds the job and the content; the oldest of several."""
    found: list[RemoteFile] = []
    for page in exchange.list_all(
        "list the files", lambda service: service.files.list(purpose=PURPOSE, limit=PAGE)
    ):
        remotes = [read_remote(RemoteFile, one, exchange.client) for one in page.data or ()]
        found.extend(one for one in remotes if _is_same(one, file))
    return min(found, key=lambda one: (one.created_at or 0, one.id), default=None)


def _is_same(remote: RemoteFile, file: DataFile) -> bool:
    is_whole = remote.bytes is None or remote.bytes == file.size
    return remote.filename == file.name and is_whole and remote.status not in BROKEN


def _look(exchange: Exchange, key: str, use: str) -> RemoteFile:
    answer = exchange.ask(f"show the {use} file", lambda service: service.files.retrieve(key))
    return read_remote(RemoteFile, answer, exchange.client)


def _await_reading(exchange: Exchange, file: RemoteFile, use: str) -> RemoteFile:
    while file.status in PENDING:
        exchange.wait(READING)
        file = _look(exchange, file.id, use)
    if file.status in BROKEN:
        raise FailedTrainingError(
            f"The service at {exchange.client.place} cannot use the {use} file "
            f"({file.status_details or file.status}); correct the records that it names, then start a new "
            "training."
        )
    return file
