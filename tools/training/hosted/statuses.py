"""Name the statuses of a job at a service; one that is unknown is still running."""

from enum import StrEnum


class Status(StrEnum):
    """How a job at a service stands."""

    VALIDATING_FILES = "validating_files"
    """The files are checked; nothing is billed yet."""
    QUEUED = "queued"
    RUNNING = "running"
    """Also every status that is not listed here."""
    PAUSING = "pausing"
    """On its way to `paused`; not in the published list, but sent."""
    PAUSED = "paused"
    """Waits to be resumed; not in the published list, but sent."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
"""Statuses that a job never leaves."""
BEFORE_RUNNING = (Status.VALIDATING_FILES, Status.QUEUED)
_SPELLED: dict[str, Status] = {"canceled": Status.CANCELLED, "completed": Status.SUCCEEDED}
"""Other spellings in use."""


def read_status(word: str) -> Status:
    """Tell the status from a service's word."""
    word = word.strip().lower()
    try:
        return _SPELLED.get(word) or Status(word)
    except ValueError:
        return Status.RUNNING


def describe_status(word: str) -> str:
    """Say the status for people; an unknown one in the service's own word."""
    status = read_status(word)
    return str(status if status != Status.RUNNING else word).replace("_", " ").strip() or "running"
