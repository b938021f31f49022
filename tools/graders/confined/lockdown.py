"""Take from this process everything but computing, in layers, and say which layers held.

Works for a normal user and for root. What it does not do: it hides no metadata of files, no clock, no name
of the machine, and nothing in the folders it leaves readable; and a fault of the kernel in one of the calls
that stay allowed is a way out.
"""

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Callable, Collection, Iterable
from functools import partial

from lucy.tools.graders.confined.landlock import SCOPE_VERSION, TCP_VERSION, restrict_files
from lucy.tools.graders.confined.seccomp import Filter, is_known_machine

FILES, TCP, SIGNALS = "landlock files", "landlock tcp", "landlock signals"
CALLS = "seccomp"
LIMITS, NAMESPACES, NO_PRIVILEGES, NO_CAPABILITIES, HIDDEN = (
    "resource limits",
    "namespaces",
    "no new privileges",
    "no capabilities",
    "not traceable",
)
_MAX_FILES = 64
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_NET = 0x04000000, 0x08000000, 0x10000000, 0x40000000
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITIES_VERSION = 0x20080522


def lock_down(
    readable: Iterable[str], listable: Iterable[str], *, memory_bytes: int, without: Collection[str] = ()
) -> list[str]:
    """Confine the process that will fork the children; give the names of the layers that held.

    It keeps what it needs to fork, so no code of a script may run in it. `without` leaves layers out, to
    try what happens where the system lacks them.
    """
    layers = [LIMITS] if LIMITS not in without else []
    if layers:
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, 0)
        _limit(resource.RLIMIT_NOFILE, _MAX_FILES)
        _limit(resource.RLIMIT_AS, memory_bytes)
    if sys.platform != "linux":
        return layers
    libc = ctypes.CDLL(None, use_errno=True)
    if NAMESPACES not in without and _leave_namespaces(libc):
        layers.append(NAMESPACES)
    if NO_PRIVILEGES not in without and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        layers.append(NO_PRIVILEGES)
    if HIDDEN not in without and libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0:
        layers.append(HIDDEN)
    version = restrict_files(readable, listable) if FILES not in without else 0
    since = {FILES: 1, TCP: TCP_VERSION, SIGNALS: SCOPE_VERSION}
    layers += [name for name, first in since.items() if version >= first]
    if NO_CAPABILITIES not in without and _drop_capabilities(libc):
        layers.append(NO_CAPABILITIES)
    if CALLS not in without and is_known_machine() and Filter().install():
        layers.append(CALLS)
    return layers


class ChildLock:
    """The second, stricter lock, which each child puts on itself before it runs the script."""

    def __init__(self, layers: Collection[str]) -> None:
        """Prepare in the parent what need not be done in every child."""
        self._filter = Filter(in_child=True) if CALLS in layers else None
        self._die_with_parent = _make_death_call() if sys.platform == "linux" else None
        self._parent = os.getpid()

    def close(self, cpu_seconds: int) -> bool:
        """Confine this child; False means that the script must not run."""
        if self._die_with_parent is not None:
            # With the parent nobody would be left to end a child that is late.
            self._die_with_parent()
            if os.getppid() != self._parent:
                return False
        if self._filter is not None:
            return self._filter.install()
        # Limits where no filter keeps a child from forking and from leaving its group.
        _limit(resource.RLIMIT_CPU, cpu_seconds)
        _limit(resource.RLIMIT_NPROC, 0)
        return True


def _make_death_call() -> Callable[[], object]:
    """Give the call that ends this process when its parent ends, looked up once for all children."""
    return partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _limit(kind: int, value: int) -> None:
    """Lower one resource limit; a system that does not know it, or has a lower one, keeps its own."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value))


def _leave_namespaces(libc: ctypes.CDLL) -> bool:
    """Get a network, process messages and a host name of our own; a normal user needs a user namespace."""
    flags = _NEW_NET | _NEW_IPC | _NEW_UTS
    return libc.unshare(flags) == 0 or libc.unshare(flags | _NEW_USER) == 0


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    number = _CAPSET.get(platform.machine())
    if number is None:
        return False
    head, nothing = struct.pack("Ii", _CAPABILITIES_VERSION, 0), bytes(24)
    return libc.syscall(number, head, nothing) == 0
