"""Name the processes that hold leases, and tell whether they still live."""

import os
import socket

LEASE = 60.0
"""Seconds after which work that gives no sign of life may be taken over."""


def name_owner() -> str:
    """Name this process as the owner of a lease: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def owner_lives(owner: str) -> bool:
    """Tell whether an owner may still be at work; one on another host counts as alive."""
    host, _, pid = owner.rpartition(":")
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
