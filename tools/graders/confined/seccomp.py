"""Allow a process a short list of system calls and nothing else (Linux seccomp filters)."""

import ctypes
import errno
import platform
import struct
import sys
from typing import NamedTuple

_PR_SET_SECCOMP = 22
_FILTER_MODE = 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _MACHINE_AT, _SECOND_ARGUMENT_AT = 0, 4, 24
"""Where struct seccomp_data has the call's number, the machine and the low half of the second argument."""
_X32_CALLS = 0x40000000
"""x86-64 numbers from here on are another table of calls, which must not be a way round the list."""
_CLONE3 = 435
"""Answered "not implemented": its flags lie in memory, and glibc then takes the older call."""


_Line = tuple[int, int, int, int]
"""An instruction of the classic packet filter: code, jump if true, jump if false, value; 8 bytes."""


class _Machine(NamedTuple):
    audit: int
    """AUDIT_ARCH number of linux/audit.h."""
    column: int
    """Which number of a call is this machine's."""


_MACHINES = {"x86_64": _Machine(0xC000003E, 0), "aarch64": _Machine(0xC00000B7, 1)}
_COMPUTING: dict[str, tuple[int | None, int | None]] = {
    "access": (21, None),
    "alarm": (37, None),
    "brk": (12, 214),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "close": (3, 57),
    "dup": (32, 23),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "faccessat2": (439, 439),
    "fstat": (5, 80),
    "futex": (202, 98),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "getegid": (108, 177),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getitimer": (36, 102),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "getuid": (102, 174),
    "lseek": (8, 62),
    "lstat": (6, None),
    "madvise": (28, 233),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "nanosleep": (35, 101),
    "newfstatat": (262, 79),
    "openat": (257, 56),
    "poll": (7, None),
    "ppoll": (271, 73),
    "pread64": (17, 67),
    "pselect6": (270, 72),
    "read": (0, 63),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "readv": (19, 65),
    "restart_syscall": (219, 128),
    "rseq": (334, 293),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123),
    "sched_yield": (24, 124),
    "select": (23, None),
    "set_robust_list": (273, 99),
    "setitimer": (38, 103),
    "sigaltstack": (131, 132),
    "stat": (4, None),
    "statx": (332, 291),
    "sysinfo": (99, 179),
    "time": (201, None),
    "times": (100, 153),
    "uname": (63, 160),
    "write": (1, 64),
    "writev": (20, 66),
}
"""What a Python script that only computes was seen to call, by its numbers on x86-64 and aarch64."""
_FORKING: dict[str, tuple[int | None, int | None]] = {
    "clone": (56, 220),
    "fork": (57, None),
    "kill": (62, 129),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "setrlimit": (160, 164),
    "wait4": (61, 260),
}
"""What the process that starts the children needs besides; it runs no code of the script."""
_CHECKED = {
    "ioctl": ((16, 29), (0x5401,)),  # TCGETS: is this a terminal?
    "fcntl": ((72, 25), (0, 1, 2, 3, 4, 1030)),  # copy a descriptor, read and set its flags
}
"""Calls of which only some commands are allowed."""


def is_known_machine() -> bool:
    """Tell whether the numbers of the calls are known for this machine."""
    return sys.platform == "linux" and platform.machine() in _MACHINES


class Filter:
    """A compiled filter; where several are installed, all have to agree to a call."""

    def __init__(self, *, in_child: bool = False) -> None:
        """Compile the list of what may be called, or for a child what it may no longer call."""
        machine = _MACHINES[platform.machine()]
        lines = _forbid_forking(machine) if in_child else _allow_computing(machine)
        program = b"".join(struct.pack("HBBI", *line) for line in [*_check_machine(machine), *lines])
        self._program = ctypes.create_string_buffer(program, len(program))
        self._head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(self._program))
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def install(self) -> bool:
        """Put this process under the filter, for ever; tell whether that worked."""
        return self._prctl(_PR_SET_SECCOMP, _FILTER_MODE, self._head, 0, 0) == 0


def _check_machine(machine: _Machine) -> list[_Line]:
    """Begin a program: end a process that calls by another table, and load the call's number."""
    lines = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_JUMP_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine.column == 0:
        lines += [(_JUMP_IF_AT_LEAST, 0, 1, _X32_CALLS), (_RETURN, 0, 0, _KILL_PROCESS)]
    return lines


def _allow_computing(machine: _Machine) -> list[_Line]:
    """Allow what is listed, and for the process that forks also that; everything else is not permitted."""
    lines: list[_Line] = []
    for numbers in (*_COMPUTING.values(), *_FORKING.values()):
        lines += _answer_call(numbers[machine.column], _ALLOW)
    for numbers, commands in _CHECKED.values():
        lines += _allow_commands(numbers[machine.column], commands)
    lines += _answer_call(_CLONE3, _FAIL | errno.ENOSYS)
    return [*lines, (_RETURN, 0, 0, _FAIL | errno.EPERM)]


def _forbid_forking(machine: _Machine) -> list[_Line]:
    """Take away from a child what its parent keeps; short, because every batch installs it anew."""
    lines: list[_Line] = []
    for numbers in _FORKING.values():
        lines += _answer_call(numbers[machine.column], _FAIL | errno.EPERM)
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def _answer_call(number: int | None, answer: int) -> list[_Line]:
    return [] if number is None else [(_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]


def _allow_commands(number: int, commands: tuple[int, ...]) -> list[_Line]:
    """Allow a call with some values of its second argument; Python takes EACCES for "try another way"."""
    lines = [(_LOAD, 0, 0, _SECOND_ARGUMENT_AT)]
    for command in commands:
        lines += [(_JUMP_IF_EQUAL, 0, 1, command), (_RETURN, 0, 0, _ALLOW)]
    lines += [(_RETURN, 0, 0, _FAIL | errno.EACCES)]
    return [(_JUMP_IF_EQUAL, 0, len(lines), number), *lines]
