"""Say which jobs cannot be asked to stop."""

from lucy.errors import InputError
from lucy.tools.store.jobs import ENDED, FINAL


def refuse_cancel(job_id: str, status: str, workflow_id: str) -> None:
    """Refuse to stop a job that nobody works on.

    Raises:
        InputError: it has ended, or waits for the person to go on with it.
    """
    if status in ENDED:
        raise InputError(f"The job {job_id!r} has ended already; its status is {status!r}.")
    if status in FINAL:
        raise InputError(
            f"Nobody works on the job {job_id!r}, which is {status}; `lucy resume {workflow_id}` goes on "
            "with it or ends it."
        )
