"""Let a process read some folders and nothing else of the file system (Linux Landlock).

Landlock hides no metadata: names of files outside can be asked for, and their sizes are told. Folder and
file rights are those of linux/landlock.h, and what the kernel's version of the interface knows is handled.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls, with the same numbers on every machine."""
_ASK_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FIRST_FILE_RIGHTS = (1 << 13) - 1
_LATER_FILE_RIGHTS = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""By version: renaming across folders, truncating, commands to devices."""
_TCP_RIGHTS, TCP_VERSION = 0b11, 4
_SCOPES, SCOPE_VERSION = 0b11, 6
"""Abstract sockets and signals end at the process's own kind."""


def find_version() -> int:
    """Give the version of the interface that this kernel has; 0 when there is none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)))


def restrict_files(readable: Iterable[str], listable: Iterable[str] = ()) -> int:
    """Leave this process only to read what is in `readable` and to list what is in `listable`, for ever.

    A path that is not there is passed over. "No new privileges" must be set before. Gives the version of
    the interface; 0 when nothing was restricted.
    """
    version = find_version()
    if not version:
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    files = _FIRST_FILE_RIGHTS
    for since, right in _LATER_FILE_RIGHTS.items():
        files |= right if version >= since else 0
    parts = [files]
    parts += [_TCP_RIGHTS] if version >= TCP_VERSION else []
    parts += [_SCOPES] if version >= SCOPE_VERSION else []
    rules = struct.pack(f"{len(parts)}Q", *parts)
    ruleset = int(libc.syscall(_CREATE_RULESET, rules, len(rules), 0))
    if ruleset < 0:
        return 0
    try:
        added = [_add(libc, ruleset, path, _READ_FILE | _READ_DIR) for path in readable]
        added += [_add(libc, ruleset, path, _READ_DIR) for path in listable]
        held = all(added) and libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
        return version if held else 0
    finally:
        os.close(ruleset)


def _add(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> bool:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        rights &= _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)
        rule = struct.pack("=Qi", rights, place)
        return not rights or libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) == 0
    finally:
        os.close(place)
