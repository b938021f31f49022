"""Remember what is done of a hosted training, before and after each call that must not be made twice."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lucy.errors import InputError


class State(BaseModel):
    """What is done; the checkpoint of the job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    """The service that it is done at."""
    training_file: str = ""
    """Id at the service; empty: not known to be there."""
    validation_file: str = ""
    token: str = ""
    """Written before the job is created: with a token and no job, the job may be there."""
    is_unsure: bool = False
    """The creation was called more than once, so a second job may turn up."""
    remote_job: str = ""
    """Id of the job at the service."""
    cursor: str = ""
    """Id of the newest event that is read."""
    history: list[dict[str, Any]] = []
    """Metrics of each step, oldest first."""
    step: int = 0
    """The step that was reached last, as far as the service says."""
    total_steps: int = 0
    """As the service announced; 0 is unknown."""
    seen_at: float | None = None
    """When the job was last looked at, seconds since the epoch."""
    was_running: bool = False
    """Whether it was running then."""
    ran: float = 0.0
    """Seconds that it has run, at most."""
    is_held: bool = False
    """Paused by us, at the cost limit."""
    cost: float | None = None
    """US dollars so far, about; None: unknown."""
    last_message: str = ""
    """What the service said last."""
    spent: float | None = None
    """US dollars, about, when the cost limit was reached; None: it never was."""
    limit: float | None = None
    """The limit then."""
    best_model: str = ""
    """The best model that was saved on the way, at the service; empty: none is known."""
    best_step: int = 0
    takes_best: bool = False
    """The person wants the best model that was saved, and no more training."""
    outcome: str = ""
    """How the job ended at the service: succeeded, failed or cancelled; empty: not that we know."""
    was_given_up: bool = False
    """It was tried to cancel the job at the service since the training last went on."""
    is_cleared: bool = False
    """The training files were deleted at the service."""


class Journal:
    """The state of one training, stored at each change."""

    def __init__(self, checkpoint: Any, keep: Callable[[Any], None], address: str) -> None:
        """Go on from a checkpoint, or begin.

        Raises:
            InputError: the checkpoint is of another service or not of a hosted training.
        """
        self._keep = keep
        self.state = State(address=address) if checkpoint is None else _read(checkpoint, address)

    def note(self, **changes: Any) -> None:
        """Change the state and store it before this returns."""
        changed = self.state.model_copy(update=changes)
        if changed != self.state:
            self.state = changed
            self._keep(changed.model_dump(mode="json"))


def find_state(checkpoint: Any) -> State | None:
    """Read a checkpoint; None when it is not of a hosted training."""
    try:
        return State.model_validate(checkpoint)
    except ValidationError:
        return None


def _read(checkpoint: Any, address: str) -> State:
    try:
        state = State.model_validate(checkpoint)
    except ValidationError as error:
        raise InputError(
            "The training cannot go on: what was kept of it is not of a hosted training; start it anew."
        ) from error
    if state.address != address and (state.remote_job or state.token):
        raise InputError(
            f"The training was submitted to {state.address}, but the settings now name {address}; "
            "set the address back to go on, or start a new training."
        )
    return state if state.address == address else State(address=address)
