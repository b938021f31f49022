"""Put the gateway and the REST API into one application, and serve it until it is told to stop."""

import signal
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version

import uvicorn
from anyio import to_thread
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from lucy.tools.serving import ModelServer
from lucy.tools.workbench import Workbench
from lucy.ui.access import AccessGuard
from lucy.ui.api_page import write_page
from lucy.ui.api_schema import describe_api
from lucy.ui.faults import add_fault_handlers
from lucy.ui.gateway import add_refusal_handler, make_gateway
from lucy.ui.ports import open_address, refuse_unguarded
from lucy.ui.rest import make_rest

STOP_SECONDS = 5
"""So long open connections may take to end when the server stops."""
IDLE_SECONDS = 75
"""So long an idle connection is kept: longer than clients do, so that none writes into a closed one."""
THREADS = 256
"""Calls that are answered at once; each waits in a thread of its own for a model or the database."""
DESCRIPTION = "Deployed models behind OpenAI's chat completions, and what Lucy keeps."


def create_app(bench: Workbench) -> FastAPI:
    """Make the application; a page may be mounted into it.

    The store is the caller's: close the workbench after the server has stopped.
    """
    token = bench.settings.token
    models = ModelServer(bench.store, bench.settings)
    # FastAPI's own pages load scripts from another site; ours works without a network.
    app = FastAPI(
        title="Lucy",
        description=DESCRIPTION,
        version=version("lucy-finetune"),
        docs_url=None,
        redoc_url=None,
        lifespan=lambda _app: _hold_open(models),
    )
    app.state.has_token = bool(token and token.get_secret_value())
    app.state.has_stopped = False
    app.add_middleware(AccessGuard, token=token)
    add_fault_handlers(app)
    add_refusal_handler(app)
    app.include_router(make_gateway(bench.store, models))
    app.include_router(make_rest(bench.store, lambda: app.state.has_stopped))
    _add_pages(app)
    describe_api(app)
    return app


@asynccontextmanager
async def _hold_open(models: ModelServer) -> AsyncGenerator[None]:
    """Make room for many calls at once while the app runs, and close the connections to services after."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield
    models.close()


def _add_pages(app: FastAPI) -> None:
    @app.get("/healthz", tags=["server"])
    async def tell_health() -> dict[str, str]:
        """Tell that the server is up; needs no token."""
        return {"status": "ok"}

    @app.get("/docs", include_in_schema=False)
    def show_docs() -> HTMLResponse:
        return HTMLResponse(write_page(app.openapi()))


class Server(uvicorn.Server):
    """A server that says when it is ready, ends long streams, and lets the caller clean up.

    Uvicorn sends itself the caught signal again at the end, which would kill the process before a store is
    closed.
    """

    def __init__(self, app: FastAPI, listener: socket.socket, on_ready: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="error",
                access_log=False,
                timeout_graceful_shutdown=STOP_SECONDS,
                timeout_keep_alive=IDLE_SECONDS,
                ws="none",
            )
        )
        self._app = app
        self._listener = listener
        self._on_ready = on_ready

    @property
    def url(self) -> str:
        """Where the server is reached, with the port that it got."""
        host, port = self._listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host) or str(host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def serve_until_stopped(self) -> None:
        """Serve until `stop`, Ctrl-C or SIGTERM; all connections are closed then."""
        with self._listener:
            self.run(sockets=[self._listener])

    def stop(self) -> None:
        """Ask the server to end, from any thread."""
        self._app.state.has_stopped = True
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stop at Ctrl-C and SIGTERM; at a second Ctrl-C without waiting for connections."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._stop_by_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop_by_signal(self, number: int, _frame: object) -> None:
        self.force_exit = self.should_exit and number == signal.SIGINT
        self.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say where."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready(self.url)


def open_server(
    app: FastAPI, host: str, port: int, on_ready: Callable[[str], None] = lambda _url: None
) -> Server:
    """Take the address for an app; `serve_until_stopped` then serves it.

    Raises:
        InputError: the address cannot be taken, or others could reach an app without a token.
    """
    refuse_unguarded(host, has_token=getattr(app.state, "has_token", False))
    return Server(app, open_address(host, port), on_ready)


def serve(app: FastAPI, host: str, port: int, on_ready: Callable[[str], None] = lambda _url: None) -> None:
    """Serve an app until Ctrl-C or SIGTERM, then return; `on_ready` gets the URL.

    Raises:
        InputError: the address cannot be taken, or others could reach an app without a token.
    """
    open_server(app, host, port, on_ready).serve_until_stopped()
