"""Check the address that a server is to listen on, before anything is started."""

import errno
import socket
from ipaddress import ip_address

from lucy.errors import InputError
from lucy.settings import Settings

HIGHEST_PORT = 65535
BACKLOG = 512
"""Connections that may wait to be accepted."""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches the host; a name other than `localhost` counts as reachable."""
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_token(settings: Settings) -> None:
    """Refuse to serve other machines without a token.

    Raises:
        InputError: the host is not loopback and no token is set, or an empty one.
    """
    has_token = settings.token is not None and bool(settings.token.get_secret_value())
    refuse_unguarded(settings.host, has_token=has_token)


def refuse_unguarded(host: str, *, has_token: bool) -> None:
    """Refuse a host that others reach, unless a token guards it.

    Raises:
        InputError: the host is not loopback and there is no token.
    """
    if not is_loopback(host) and not has_token:
        raise InputError(
            f"The host {host!r} can be reached from other machines and no token is set; "
            "set LUCY_TOKEN to a secret, or serve on 127.0.0.1."
        )


def open_address(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 takes a free one.

    Raises:
        InputError: the port is occupied or not allowed, or the host is not an address of this machine.
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise InputError(
            f"There is no port {port}; choose one from 1024 to {HIGHEST_PORT}, or 0 for a free one."
        )
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(
            f"The host {host!r} is not a known name or address ({error}); "
            "use 127.0.0.1 for this machine only."
        ) from error
    # `localhost` may come as ::1 first, where a client that says 127.0.0.1 would find nobody.
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        # A server that was just stopped leaves connections behind that would keep the port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InputError(_explain(error, host, port)) from error
    return listener


def check_address(host: str, port: int) -> None:
    """Try whether a server could listen there, and let go again.

    Raises:
        InputError: it could not, and why.
    """
    open_address(host, port).close()


def _explain(error: OSError, host: str, port: int) -> str:
    reasons = {
        errno.EADDRINUSE: f"Port {port} on {host} is used by another program; "
        "stop that program or choose another port (0 takes a free one).",
        errno.EACCES: f"Port {port} may not be opened by this user; choose one from 1024 to 65535.",
        errno.EADDRNOTAVAIL: f"The host {host!r} is not an address of this machine; "
        "use 127.0.0.1 for this machine only or 0.0.0.0 for all.",
    }
    other = f"Port {port} on {host!r} cannot be opened ({error}); choose a port from 1024 to 65535, or 0."
    return reasons.get(error.errno or 0, other)
