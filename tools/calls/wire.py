"""Send one HTTP request after the other over a connection that is kept open."""

import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import select
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

FRESH = 0.5
"""Seconds of rest after which a kept connection is looked at before it is used again."""


class Received(NamedTuple):
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes


class Wire:
    """One connection to one address; used by one thread at a time.

    It does a fraction of the work of an HTTP library, for what a judge asks thousands of times. What it does
    not do: proxies, redirects, compression, cookies and HTTP/2; `needs_more` and the status tell when a
    library has to go in.
    """

    def __init__(self, url: str, *, timeout: float, certificates: ssl.SSLContext) -> None:
        """Make the wire; it is opened by the first request.

        Args:
            url: Where requests are posted to.
            timeout: Seconds without a sign of life from the server.
            certificates: What a server with TLS must show.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        self._connection = (
            HTTPSConnection(host, port, timeout=timeout, context=certificates)
            if parts.scheme == "https"
            else HTTPConnection(host, port, timeout=timeout)
        )
        self._path = parts.path
        self._used = 0.0

    def post(self, body: bytes, headers: dict[str, str]) -> Received:
        """Post a body and give the answer, of any status.

        Raises:
            httpx.ConnectError: the server has certainly not seen the request.
            OSError: the connection broke, or the server was silent for too long (`TimeoutError`).
        """
        self._open()
        try:
            self._connection.request("POST", self._path, body, headers)
            answer = self._connection.getresponse()
            received = answer.read()
        except HTTPException as error:
            self.close()
            raise ConnectionError(f"The answer broke off: {error!r}") from error
        except BaseException:
            self.close()
            raise
        self._used = monotonic()
        return Received(answer.status, {name.lower(): value for name, value in answer.getheaders()}, received)

    def close(self) -> None:
        """Close the connection; a later request opens it again."""
        self._connection.close()

    def _open(self) -> None:
        connection = self._connection
        if connection.sock is not None and monotonic() - self._used > FRESH:
            is_closed_there = bool(select([connection.sock], [], [], 0)[0])
            if is_closed_there:
                connection.close()
        if connection.sock is None:
            try:
                connection.connect()
            except OSError as error:
                import httpx

                self.close()
                raise httpx.ConnectError(str(error) or type(error).__name__) from error


def needs_more(url: str) -> bool:
    """Tell whether a URL is reached through a proxy that the system is set to use."""
    parts = urlsplit(url)
    proxies = getproxies()
    is_named = parts.scheme in proxies or "all" in proxies
    return is_named and not proxy_bypass(parts.hostname or "")
