"""Read what a training service answers; services differ, so only what is used here has to be right."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from lucy.errors import ProviderError
from lucy.tools.training.hosted.client import Client


def _read_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _read_texts(value: object) -> dict[str, str]:
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, Mapping) else {}


def _read_object(value: object) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _read_text(value: object) -> str:
    return "" if value is None else str(value)


Number = Annotated[float | None, BeforeValidator(_read_number)]
Text = Annotated[str, BeforeValidator(_read_text)]
Texts = Annotated[dict[str, str], BeforeValidator(_read_texts)]
Object = Annotated[dict[str, Any], BeforeValidator(_read_object)]


class _Remote(BaseModel):
    # Not `forbid`: services add fields of their own.
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str


class RemoteFile(_Remote):
    """A file at the service."""

    filename: Text = ""
    bytes: Number = None
    status: Text = ""
    status_details: Text = ""
    created_at: Number = None


class RemoteJob(_Remote):
    """A fine-tuning job at the service."""

    status: Text = ""
    created_at: Number = None
    """Seconds since the epoch; so with the other times."""
    finished_at: Number = None
    estimated_finish: Number = None
    fine_tuned_model: str | None = None
    trained_tokens: Number = None
    """Billed tokens; None while it is running."""
    training_file: Text = ""
    metadata: Texts = {}
    error: Object = {}
    """`code`, `message` and `param` when it failed."""


class RemoteEvent(_Remote):
    """Something that happened to a job."""

    created_at: Number = None
    level: Text = "info"
    message: Text = ""
    type: Text = "message"
    data: Object = {}
    """Metrics of a step, in one of two styles of names."""


class RemoteCheckpoint(_Remote):
    """A model that was saved while the job ran, ready to use."""

    fine_tuned_model_checkpoint: Text = ""
    step_number: Number = None
    metrics: Object = {}


R = TypeVar("R", bound=_Remote)


def read_remote(kind: type[R], answer: object, client: Client) -> R:
    """Read an object that the official client gives.

    Raises:
        ProviderError: it has not OpenAI's form, such as a web page instead of JSON.
    """
    dump: Any = getattr(answer, "to_dict", None)
    try:
        return kind.model_validate(dump() if dump else answer)
    except ValidationError as error:
        raise ProviderError(
            f"The service at {client.place} answered in a form that is not OpenAI's ({answer!r:.100}); "
            f"expected its files and fine_tuning.jobs API; correct {client.url_variable}."
        ) from error
