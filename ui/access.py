"""Let in only who may: a token where one is set, and no endless bodies."""

import base64
import binascii
import hmac
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lucy.ui.faults import make_fault
from lucy.ui.ports import is_loopback

OPEN_PATHS = ("/healthz",)
"""What anybody may ask."""
MAX_BODY = 4 * 2**20
"""Longest body of a request to the gateway and the REST API, in bytes."""
LIMITED_PATHS = ("/v1/", "/api/")
CHANGES_NOTHING = ("GET", "HEAD", "OPTIONS")


class AccessGuard:
    """ASGI middleware that stands before everything the app serves, a mounted page included.

    With a token: `Authorization: Bearer TOKEN`, or HTTP Basic with the token as password and any user name,
    so that a browser can ask for it. Without one only requests that name this machine as host are let in: a
    web page elsewhere could otherwise point its own host name here (DNS rebinding) and read the records.

    What it does not do: tell people apart, limit rates, or encrypt; put a proxy with TLS before it for that.
    """

    def __init__(self, app: ASGIApp, *, token: SecretStr | None) -> None:
        self._app = app
        self._token = token.get_secret_value().encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 401 or 403."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refuse_token(scope, headers) if self._token else _refuse_host(headers)
        if refusal is None:
            await self._app(scope, _limit_body(scope, receive), send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refuse_token(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        given = b""
        if scheme.casefold() == "bearer":
            given = value.strip().encode("latin-1")
        elif scheme.casefold() == "basic" and not _comes_from_elsewhere(scope, headers):
            given = _read_password(value)
        if hmac.compare_digest(given, self._token):
            return None
        browser = "text/html" in headers.get("accept", "")
        return make_fault(
            401,
            "The token is missing or wrong; send 'Authorization: Bearer TOKEN' with the value of LUCY_TOKEN.",
            code="invalid_api_key",
            headers={"WWW-Authenticate": 'Basic realm="lucy"' if browser else "Bearer"},
        )


def _comes_from_elsewhere(scope: Scope, headers: Headers) -> bool:
    # Browsers add Basic credentials by themselves, also to a form that another site sends here.
    method = str(scope.get("method", "GET"))
    return headers.get("sec-fetch-site") == "cross-site" and method not in CHANGES_NOTHING


def _read_password(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _refuse_host(headers: Headers) -> ASGIApp | None:
    host = headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if is_loopback(name):
        return None
    return make_fault(
        403,
        f"Without a token only this machine is served, and {host!r} is not a name of it; "
        "use 127.0.0.1 or localhost, or set LUCY_TOKEN.",
        code="forbidden",
    )


def _limit_body(scope: Scope, receive: Receive) -> Receive:
    if not str(scope["path"]).startswith(LIMITED_PATHS):
        return receive
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise HTTPException(413, f"The body is longer than {MAX_BODY} bytes; send less.")
        return message

    return receive_limited
