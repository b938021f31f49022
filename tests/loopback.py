"""Serve a fake on loopback in a thread of the test, and stop by itself."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class LoopbackServer(ThreadingHTTPServer):
    """Takes as many connections at once as a real server does: with the default of 5 some are reset."""

    daemon_threads = True
    request_queue_size = 128


class Loopback:
    """A server on a free port of 127.0.0.1 between `with` and its end."""

    handler: type[BaseHTTPRequestHandler]
    """Its class attribute `owner` is set to the fake that it serves for."""
    server: type[LoopbackServer] = LoopbackServer

    def __enter__(self) -> Self:
        bound = type("Handler", (self.handler,), {"owner": self})
        self._server = self.server(("127.0.0.1", 0), bound)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The base URL, ending in /v1."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"
