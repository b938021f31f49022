"""Say which service trains and how it is reached; opened when the first call is made."""

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from lucy.errors import ProviderError
from lucy.tools.calls.connection import NO_KEY, OPENAI

if TYPE_CHECKING:
    from openai import OpenAI


@dataclass(slots=True)
class Client:
    """The way to one service: by address and key, or an official client that was handed in."""

    base_url: str = OPENAI
    """Address of the service, mostly ending in /v1."""
    key: SecretStr | None = None
    timeout: float = 600.0
    """Seconds without a sign of life from the server; the upload of a large file takes a while."""
    key_variable: str = "LUCY_API_KEY"
    """The setting that holds the key, for people."""
    url_variable: str = "LUCY_BASE_URL"
    """The setting that holds the address, for people."""
    given: "OpenAI | None" = None
    """An official client handed in, such as one for Azure; its own retries are switched off."""
    _opened: "OpenAI | None" = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def open(self) -> "OpenAI":
        """Give the official client, made at the first call; used by several threads at once.

        Raises:
            ProviderError: OpenAI's own service wants a key and there is none.
        """
        with self._lock:
            if self._opened is None:
                self._opened = self._make()
            return self._opened

    def _make(self) -> "OpenAI":
        # Retried here, never inside the library: it would repeat the call that creates a job.
        if self.given is not None:
            return self.given.with_options(max_retries=0)
        if not self.has_key:
            raise ProviderError(self.ask_for_key())
        from openai import OpenAI  # takes over a second to import

        key = self.key.get_secret_value() if self.key else NO_KEY
        return OpenAI(base_url=self.base_url, api_key=key, timeout=self.timeout, max_retries=0)

    def close(self) -> None:
        """Close the connections; the client can be opened again."""
        with self._lock:
            if self._opened is not None and self.given is None:
                self._opened.close()
            self._opened = None

    @property
    def has_key(self) -> bool:
        """Tell whether there is a key, or a server of one's own that may need none."""
        return self.given is not None or self.key is not None or self.base_url != OPENAI

    def ask_for_key(self) -> str:
        """Say in one sentence that the key is missing."""
        return (
            f"The service at {self.place} needs a key and none is set; set {self.key_variable}, or set "
            f"{self.url_variable} to a service that needs none."
        )

    @property
    def address(self) -> str:
        """Give the address that is called."""
        return self.base_url if self.given is None else str(self.given.base_url).rstrip("/")

    @property
    def place(self) -> str:
        """Name the host, for people."""
        return urlsplit(self.address).netloc

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no sentence may contain."""
        if self.given is not None:
            return (self.given.api_key,)
        return (self.key.get_secret_value(),) if self.key else ()
