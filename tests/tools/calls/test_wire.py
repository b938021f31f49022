"""A connection is kept and opened again, and what breaks on it is a failure of its kind."""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from lucy.tools.calls import wire as module
from lucy.tools.calls.failures import classify
from lucy.tools.calls.models import ServedModel
from lucy.tools.calls.wire import needs_more

TEXT = b'{"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(TEXT), TEXT)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(TEXT), TEXT)
CLOSED = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


class Server(ThreadingTCPServer):
    """Sends given bytes for each request; empty ones are silence, None closes the connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, replies: Sequence[bytes | None]) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.replies = iter(replies)
        self.connections = 0
        self.requests: list[bytes] = []
        self.is_over = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Talk(StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        while head := b"".join(takewhile(lambda line: line.strip(), self.rfile)):
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert length is not None
            self.server.requests.append(head + self.rfile.read(int(length[1])))
            reply = next(self.server.replies)
            if reply is None:
                return
            self.wfile.write(reply)
            if reply == b"":
                self.server.is_over.wait(30)
            if reply not in (WHOLE, CHUNKED):
                return


@contextmanager
def serve(*replies: bytes | None) -> Iterator[Server]:
    with Server(replies) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.is_over.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def open_model() -> Iterator[Callable[..., ServedModel]]:
    made: list[ServedModel] = []

    def make(server: Server | str) -> ServedModel:
        address = server if isinstance(server, str) else server.address
        made.append(ServedModel("m", base_url=f"{address}/v1", key="secret", timeout=0.3))
        return made[-1]

    yield make
    for model in made:
        model.close()


def complete(model: ServedModel) -> str:
    return model.complete([{"role": "user", "content": "q"}], {}).text


def test_one_connection_serves_one_call_after_the_other(open_model) -> None:
    with serve(WHOLE, CHUNKED, WHOLE) as server:
        model = open_model(server)
        assert [complete(model) for _ in range(3)] == ["hello"] * 3
        assert server.connections == 1
    request = server.requests[0]
    assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret\r\n" in request


def test_a_connection_that_the_server_ends_is_opened_again(open_model) -> None:
    with serve(CLOSED, WHOLE) as server:
        model = open_model(server)
        assert [complete(model) for _ in range(2)] == ["hello"] * 2
        assert server.connections == 2


def test_a_rested_connection_that_the_server_has_closed_is_opened_again(open_model, monkeypatch) -> None:
    monkeypatch.setattr(module, "FRESH", 0.0)
    with serve(WHOLE, WHOLE) as server:
        model = open_model(server)
        assert complete(model) == "hello"
        (wire,) = model._idle
        wire._connection.sock.shutdown(socket.SHUT_RD)  # reads as the end, as after a server's goodbye
        assert complete(model) == "hello"
        assert server.connections == 2


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [(None, "dropped"), (WHOLE[:-9], "dropped"), (b"", "timeout"), (b"nonsense\r\n", "dropped")],
)
def test_a_broken_answer_is_a_failure_and_the_next_call_is_right(
    open_model, reply: bytes | None, outcome: str
) -> None:
    with serve(reply) as server, pytest.raises(OSError, match=r".+") as caught:
        complete(open_model(server))
    found = classify(caught.value)
    assert (found.outcome, found.has_arrived) == (outcome, True)


def test_where_nobody_listens_nothing_has_arrived(open_model) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(Exception) as caught:  # noqa: PT011  # of any class: it is classified
            complete(open_model(f"http://127.0.0.1:{probe.getsockname()[1]}"))
    found = classify(caught.value)
    assert (found.outcome, found.has_arrived, found.cause) == ("dropped", False, "address")


def test_a_redirect_is_followed(open_model) -> None:
    with serve(WHOLE) as there:
        moved = (
            f"HTTP/1.1 307 Moved\r\nLocation: {there.address}/v1/new\r\nContent-Length: 0\r\n\r\n".encode()
        )
        with serve(moved, moved) as here:
            assert complete(open_model(here)) == "hello"
        assert there.requests[0].startswith(b"POST /v1/new")


def test_a_proxy_that_the_system_is_set_to_use_is_used(open_model, monkeypatch) -> None:
    with serve(WHOLE) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        assert complete(open_model("http://service.invalid")) == "hello"
        assert proxy.requests[0].startswith(b"POST http://service.invalid/v1/chat/completions")


def test_an_address_that_is_kept_from_the_proxy_is_reached_directly(monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert needs_more("https://api.openai.com/v1")
    assert not needs_more("https://inside.example/v1")
    assert not needs_more("http://api.openai.com/v1")
