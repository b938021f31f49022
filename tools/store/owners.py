"""Name the processes that hold leases, and tell whether they still live."""

import os
import socket
from pathlib import Path

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
    return not _is_zombie(int(pid))


def _is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and only waits for its parent to notice; Linux alone says so."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The name stands in brackets and may hold any character; the state is the letter after it.
    return stat.rpartition(")")[2].split()[0] == "Z"
