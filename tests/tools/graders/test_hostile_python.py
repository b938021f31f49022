"""Scripts that reach for what is not theirs: each returns 1 only where that worked."""

import os
import platform
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from textwrap import indent

import psutil
import pytest

from lucy.tools.graders.host import Limits, find_missing
from lucy.tools.graders.kinds import PythonGrader
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.resources import Resources
from lucy.tools.graders.script_host import find_layers
from lucy.tools.vocabulary import Grade, Record

LIMITS = Limits(seconds=5.0, memory_bytes=400 << 20)
ONE = Resources(workers=1)
SECRET = "a secret that was planted"

FILES = {
    "reads a file of the system": "return 'root' in open('/etc/passwd').read()",
    "reads a file of the user": f"return {SECRET!r} in open(item['folder'] + '/secret.txt').read()",
    "reads the database": "return bool(open(item['folder'] + '/lucy.sqlite', 'rb').read())",
    "opens the database": (
        "import sqlite3\n"
        "return bool(sqlite3.connect(item['folder'] + '/lucy.sqlite').execute('select * from t').fetchall())"
    ),
    "reads the application's code": "return bool(open(item['code']).read())",
    "lists the root": "import os\nreturn bool(os.listdir('/'))",
    "lists the folder of the user": "import os\nreturn 'secret.txt' in os.listdir(item['folder'])",
    "changes its folder": "import os\nos.chdir(item['folder'])\nreturn True",
    "writes to the temporary folder": (
        "import tempfile\nwith tempfile.TemporaryFile('w', dir='/tmp') as f: f.write('x')\nreturn True"
    ),
    "creates a file": "open(item['folder'] + '/new', 'w').close()\nreturn True",
    "creates a file where it stands": "open('lucy-was-here', 'w').close()\nreturn True",
    "creates a file in the library": (
        "import os, json\nopen(os.path.dirname(json.__file__) + '/new.py', 'w').close()\nreturn True"
    ),
    "appends to a file": "open(item['folder'] + '/secret.txt', 'a').write('x')\nreturn True",
    "empties a file": "import os\nos.truncate(item['folder'] + '/secret.txt', 0)\nreturn True",
    "deletes a file": "import os\nos.unlink(item['folder'] + '/secret.txt')\nreturn True",
    "renames a file": "import os\nos.rename(item['folder'] + '/link', item['folder'] + '/x')\nreturn True",
    "opens a file to all": "import os\nos.chmod(item['folder'] + '/secret.txt', 0o777)\nreturn True",
    "makes a folder": "import os\nos.mkdir(item['folder'] + '/new')\nreturn True",
    "makes a link to read through": (
        "import os\nos.symlink('/etc/passwd', item['folder'] + '/new')\n"
        "return bool(open(item['folder'] + '/new').read())"
    ),
    "reads through a link that is there": "return bool(open(item['folder'] + '/link').read())",
    "reads through the folder of a process": "return bool(open('/proc/self/root/etc/passwd').read())",
    "climbs out of the library": (
        "import json, os\nup = os.path.dirname(json.__file__) + '/..' * 20\n"
        "return bool(open(up + '/etc/passwd').read())"
    ),
    "changes the root": "import os\nos.chroot(item['folder'])\nreturn True",
    "makes shared memory": (
        "from multiprocessing import shared_memory\n"
        "shared_memory.SharedMemory(create=True, size=8)\nreturn True"
    ),
    "opens a device": "return bool(open('/dev/zero', 'rb').read(1))",
}

PROCESSES = {
    "runs a command": "import os\nreturn os.system('true') == 0",
    "runs a program": "import subprocess\nreturn subprocess.run(['/bin/true']).returncode == 0",
    "becomes a program": "import os\nos.execv('/bin/true', ['true'])",
    "forks": "import os\nreturn os.fork() >= 0",
    "forks many times": (
        "import os\nmade = 0\nfor _ in range(50):\n    try: child = os.fork()\n    except OSError: continue\n"
        "    if not child: os._exit(0)\n    made += 1\nreturn made > 0"
    ),
    "starts threads": (
        "import threading, time\n"
        "for _ in range(50): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nreturn True"
    ),
    "starts a pool of processes": (
        "import multiprocessing\nreturn multiprocessing.Pool(1).map(abs, [1]) == [1]"
    ),
    "reads the parent's environment": (
        "import os\nreturn '=' in open(f'/proc/{os.getppid()}/environ').read()"
    ),
    "reads the host's environment": "return '=' in open(f\"/proc/{item['host']}/environ\").read()",
    "reads its own environment's file": "return '=' in open('/proc/self/environ').read()",
    "finds the host's secret in its environment": (
        f"import os\nreturn any({SECRET!r} in value for value in os.environ.values())"
    ),
    "opens the host's memory": "return bool(open(f\"/proc/{item['host']}/mem\", 'rb'))",
    "opens the parent's memory": "import os\nreturn bool(open(f'/proc/{os.getppid()}/mem', 'rb'))",
    "lists the host's open files": "import os\nreturn bool(os.listdir(f\"/proc/{item['host']}/fd\"))",
    "kills its parent": "import os\nos.kill(os.getppid(), 9)\nreturn True",
    "may signal the host": "import os\nos.kill(item['host'], 0)\nreturn True",
    "may signal everybody": "import os\nos.kill(-1, 0)\nreturn True",
    "may signal its group": "import os\nos.killpg(0, 0)\nreturn True",
    "leaves its session": "import os\nos.setsid()\nreturn True",
    "traces the host": ("import ctypes\nreturn ctypes.CDLL(None).ptrace(16, item['host'], 0, 0) == 0"),
    "raises its limits": (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (10**12, 10**12))\nreturn True"
    ),
    "becomes another user": "import os\nos.setuid(os.getuid() + 1)\nreturn True",
    "raises its priority": "import os\nos.setpriority(os.PRIO_PROCESS, 0, 5)\nreturn True",
}

NETWORK = {
    "connects by TCP": (
        "import socket\nsocket.create_connection(('127.0.0.1', item['tcp']), 1).send(b'x')\nreturn True"
    ),
    "sends by UDP": (
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.sendto(b'x', ('127.0.0.1', item['udp']))\nreturn True"
    ),
    "connects to an abstract socket": (
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0' + item['abstract'])\nreturn True"
    ),
    "listens": "import socket\nsocket.create_server(('127.0.0.1', 0))\nreturn True",
    "fetches a page": (
        "import urllib.request\n"
        "urllib.request.urlopen(f\"http://127.0.0.1:{item['tcp']}/\", timeout=1)\nreturn True"
    ),
    "makes a pair of sockets": "import socket\nsocket.socketpair()\nreturn True",
    "imports the application": (
        "settings = __import__('lucy.settings', fromlist=['x'])\nreturn hasattr(settings, 'load_settings')"
    ),
    "imports another package": "return bool(__import__('httpx'))",
}

WALKS = {
    "walks the classes to the system": (
        "for c in ().__class__.__base__.__subclasses__():\n"
        "    if c.__name__ == '_wrap_close': return c.__init__.__globals__['system']('true') == 0"
    ),
    "walks the modules to the system": (
        "import sys\nreturn sys.modules['os'].popen('echo yes').read() == 'yes\\n'"
    ),
    "walks the frames for the owner's pipe": (
        "import sys, os\nframe = sys._getframe()\nwhile frame:\n"
        "    for value in list(frame.f_locals.values()):\n"
        "        if hasattr(value, 'inward'): return os.write(value.outward, b'x' * 64) > 0\n"
        "    frame = frame.f_back"
    ),
    "walks all objects for the owner's pipe": (
        "import gc, os\nfor one in gc.get_objects():\n    if type(one).__name__ == 'Owner':\n"
        "        return os.write(one.outward, b'x' * 64) > 0"
    ),
    "takes its filter off": (
        "import ctypes, sys\nlock = sys.modules['lucy.tools.graders.confined.lockdown']\n"
        "return ctypes.CDLL(None).prctl(22, 0, 0, 0, 0) == 0 or ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0"
    ),
}

ATTACKS = {**FILES, **PROCESSES, **NETWORK, **WALKS}
RAW_CALLS = {
    "add_key": 248, "bpf": 321, "clone": 56, "clone3": 435, "execve": 59, "execveat": 322, "fork": 57,
    "fsopen": 430, "init_module": 175, "io_uring_setup": 425, "kcmp": 312, "keyctl": 250, "link": 86,
    "memfd_create": 319, "mknod": 133, "mount": 165, "msgget": 68, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "perf_event_open": 298, "personality": 135, "pidfd_open": 434,
    "pivot_root": 155, "prctl": 157, "prlimit64": 302, "process_vm_readv": 310, "process_vm_writev": 311,
    "ptrace": 101, "seccomp": 317, "semget": 64, "sethostname": 170, "setns": 308, "setrlimit": 160,
    "shmget": 29, "socket": 41, "socketpair": 53, "tgkill": 234, "tkill": 200, "unshare": 272,
    "userfaultfd": 323, "vfork": 58,
}  # fmt: skip
"""Numbers of x86-64."""

pytestmark = pytest.mark.skipif(
    bool(find_missing(find_layers())),
    reason="nothing here can confine scripts",
)


class World:
    """What there is to reach: a folder with files, three sockets, and this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "secret.txt").write_text(SECRET)
        with closing(sqlite3.connect(folder / "lucy.sqlite")) as database:
            database.execute("create table t (x)")
            database.execute("insert into t values (1)")
            database.commit()
        (folder / "link").symlink_to("/etc/passwd")
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0lucy-{os.getpid()}")
        self.abstract.listen()
        for one in (self.tcp, self.udp, self.abstract):
            one.setblocking(False)
        self.item = {
            "folder": str(folder),
            "code": sys.modules[open_python.__module__].__file__,
            "host": os.getpid(),
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "abstract": f"lucy-{os.getpid()}",
        }

    def is_untouched(self) -> bool:
        names = sorted(path.name for path in self.folder.iterdir())
        secret = self.folder / "secret.txt"
        return (
            names == ["link", "lucy.sqlite", "secret.txt"]
            and secret.read_text() == SECRET
            and secret.stat().st_mode & 0o777 == 0o644
            and not Path("/lucy-was-here").exists()
            and not any(self.heard(one) for one in (self.tcp, self.udp, self.abstract))
        )

    def heard(self, one: socket.socket) -> bool:
        try:
            one.recv(1) if one is self.udp else one.accept()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        for one in (self.tcp, self.udp, self.abstract):
            one.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    os.umask(0o022)
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def write_attack(body: str) -> PythonGrader:
    source = (
        f"def attack(item):\n{indent(body, '    ')}\n"
        "def grade(sample, item):\n"
        "    if sample['output_text'] == 'good': return 0.75\n"
        "    return 1.0 if attack(item) else 0.0\n"
    )
    return PythonGrader(name="hostile", source=source)


def grade_attack(body: str, world: World) -> list[Grade]:
    record = Record(id="r", prompt=(), item=world.item)
    before = set(psutil.Process().children(recursive=True))
    with open_python(write_attack(body), ONE, LIMITS) as score_many:
        grades = score_many([(record, text) for text in ("good", "bad", "good")])
    assert set(psutil.Process().children(recursive=True)) <= before
    return grades


@pytest.mark.parametrize("body", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_fails_and_the_next_evaluation_is_right(
    body: str, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LUCY_PLANTED", SECRET)
    first, attack, last = grade_attack(body, world)
    assert (attack.score, attack.error) in ((0.0, None), (None, "runtime_error"))
    assert (first.score, last.score) == (0.75, 0.75)
    assert world.is_untouched()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
def test_no_system_call_that_is_not_needed_is_let_through(world: World):
    body = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
got = []
for name, number in item['calls'].items():
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
        got.append(name)
if got: raise PermissionError(got)
return False
"""
    record = Record(id="r", prompt=(), item={"calls": RAW_CALLS})
    with open_python(write_attack(body), ONE, LIMITS) as score_many:
        assert score_many([(record, "bad"), (record, "good")]) == [Grade(0.0), Grade(0.75)]
