"""Say which model stands behind a role and how it is reached; opened when the first call is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from lucy.errors import ProviderError
from lucy.settings import Settings
from lucy.tools.calls.failures import Failure
from lucy.tools.calls.models import GivenModel, Model, ServedModel
from lucy.tools.calls.parameters import Parameters
from lucy.tools.calls.roles import FIELDS, USES, Role, name_variable

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OPENAI = "https://api.openai.com/v1"
"""Where a model is looked for when LUCY_BASE_URL is not set."""
NO_KEY = "none"
"""Sent as the key to a server of one's own, which asks for none but whose protocol wants one."""


class Engine(NamedTuple):
    """A language model at work in a role, for people."""

    model: str
    place: str
    """Host that the texts it works on are sent to."""


@dataclass(slots=True)
class Connection:
    """The way to one model: by the settings, or a chat model that the embedding application handed in."""

    model: str
    """Name of the model, as the provider and people know it."""
    variable: str = ""
    """The setting that names the model; empty for a model handed in."""
    base_url: str = OPENAI
    key: SecretStr | None = None
    timeout: float = 60.0
    """Seconds without a sign of life from the server, while connecting, writing or reading."""
    given: "BaseChatModel | None" = None
    """The chat model handed in; called with messages only, its own settings stay as they are."""
    parameters: Parameters = field(default_factory=Parameters)
    """What the server has refused, remembered for all doors to it."""
    _model: Model | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def open(self) -> Model:
        """Give the model, made at the first call; no request is sent for this.

        Raises:
            ProviderError: OpenAI's own service wants a key and there is none.
        """
        with self._lock:
            if self._model is None:
                self._model = self._make() if self.given is None else GivenModel(self.given)
            return self._model

    def _make(self) -> Model:
        if self.key is None and self.is_openai:
            raise ProviderError(
                f"The model {self.model!r} at {self.place} needs a key; set LUCY_API_KEY, or set "
                "LUCY_BASE_URL to a server that needs none."
            )
        key = self.key.get_secret_value() if self.key else NO_KEY
        return ServedModel(
            self.model,
            base_url=self.base_url,
            key=key,
            timeout=self.timeout,
            has_developer_role=self.is_openai,
        )

    def rename(self, model: str) -> "Connection":
        """Give the way to another model of the same service; a model handed in stays the one it is."""
        if self.given is not None or model == self.model:
            return self
        return Connection(
            model, variable=self.variable, base_url=self.base_url, key=self.key, timeout=self.timeout
        )

    @property
    def place(self) -> str:
        """Name the host, for people."""
        return urlsplit(self.base_url).netloc if self.variable else "the application's own connection"

    @property
    def is_openai(self) -> bool:
        """Tell whether it is OpenAI's own service, whose prices are listed."""
        return bool(self.variable) and self.base_url == OPENAI

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no sentence may contain."""
        return (self.key.get_secret_value(),) if self.key else ()

    @property
    def takes_parameters(self) -> bool:
        """Tell whether calls carry OpenAI's parameters; a model handed in may be of any provider."""
        return bool(self.variable)

    def explain(self, failure: Failure) -> str:
        """Say in one sentence why no call can succeed, what was expected and what to do."""
        expected, remedy = self._advise(failure)
        return (
            f"The model {self.model!r} at {self.place} cannot be used ({failure.reason}): "
            f"expected {expected}; {remedy}."
        )

    def _advise(self, failure: Failure) -> tuple[str, str]:
        if failure.cause == "money":
            return "an account with credit left", "add credit with the provider, then go on"
        if not self.variable:
            return "a chat model that answers", "correct the model that the application hands in"
        if failure.cause == "key":
            return "a key that the service accepts", f"{'correct' if self.key else 'set'} LUCY_API_KEY"
        if failure.cause == "model":
            return "a model that the service has", f"correct {self.variable}"
        if failure.cause == "address":
            return (
                "an OpenAI-compatible service, whose address mostly ends in /v1",
                "start the service or correct LUCY_BASE_URL",
            )
        return "answers", f"try again later, or check {self.variable} and LUCY_BASE_URL"


def find_connection(
    settings: Settings, role: Role, given: "Mapping[Role, BaseChatModel] | None" = None
) -> Connection | None:
    """Find the model of a role: handed in, else named in the settings; None for the offline engine.

    A role that uses no model yet has none, whatever is set.
    """
    if role not in USES:
        return None
    if given and role in given:
        return Connection(name_given(given[role]), given=given[role])
    model: str = getattr(settings, FIELDS[role])
    if not model:
        return None
    return Connection(
        model,
        variable=name_variable(role),
        base_url=settings.base_url or OPENAI,
        key=settings.api_key,
        timeout=settings.model_timeout,
    )


def name_given(model: "BaseChatModel") -> str:
    """Name a chat model that was handed in: the provider's name for it, else its class."""
    for attribute in ("model_name", "model"):
        name: Any = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return name
    return type(model).__name__
