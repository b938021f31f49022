"""Scripts that want too much time, memory or room, and scripts that forge what they say."""

from textwrap import indent

import psutil
import pytest

from lucy.tools.graders.host import Limits, find_missing
from lucy.tools.graders.kinds import PythonGrader
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.resources import Resources
from lucy.tools.graders.script_host import find_layers
from lucy.tools.vocabulary import Grade, Record

PATIENT = Limits(seconds=20.0, memory_bytes=200 << 20)
HURRIED = Limits(seconds=0.4, memory_bytes=200 << 20)
ONE = Resources(workers=1)
RECORD = Record(id="r", prompt=())

ENDLESS = {
    "loops": "while True: pass",
    "swallows every exception": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "sleeps": "import time; time.sleep(3600)",
    "ignores the timer's signal": (
        "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except OSError: pass\nwhile True: pass"
    ),
    "handles the timer's signal": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *_: None)\nwhile True: pass"
    ),
    "stops the timer": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass",
    "blocks all signals": (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass"
    ),
    "matches a catastrophic pattern": "import re; re.match('(a+)+$', 'a' * 60 + '!')",
    "computes a giant power": "return 1.0 if 9 ** 9 ** 9 else 0.0",
    "fills a dictionary with collisions": (
        "held = {}\nstep = (1 << 61) - 1\nfor i in range(10**6): held[i * step] = i\nwhile True: pass"
    ),
    "counts without end": "return float(sum(1 for _ in iter(int, 1)))",
}

LARGE = {
    "allocates ten gigabytes": ("return len(bytearray(10**10)) * 1.0", ["memory"]),
    "grows a list": ("held = []\nwhile True: held.append(bytearray(10**7))", ["memory"]),
    "doubles a text": ("text = 'x'\nwhile True: text += text", ["memory"]),
    "maps memory": ("import mmap\nheld = [mmap.mmap(-1, 10**9) for _ in range(10)]", ["runtime_error"]),
    "allocates and swallows the error": (
        "held = []\nfor _ in range(100):\n"
        "    try: held.append(bytearray(10**8))\n    except MemoryError: pass\n"
        "return 7",
        ["invalid_result", "memory"],
    ),
    "recurses in Python": ("def f(): return f()\nreturn f()", ["runtime_error"]),
    "recurses without a limit": (
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\n"
        "return repr(A())",
        ["crash", "memory"],
    ),
    "recurses in C": (
        "held = []\nfor _ in range(10**6): held = [held]\nreturn held == [held]",
        ["runtime_error", "crash"],
    ),
    "recurses in a shown value": ("held = []\nfor _ in range(10**5): held = [held]\nreturn held", None),
    "recurses in JSON": ("import json; return json.loads('[' * 10**6)", ["runtime_error"]),
    "recurses in the compiler": ("return eval('-' * 10**6 + '1')", ["runtime_error", "memory", "crash"]),
    "prints 250 megabytes": ("for _ in range(250): print('x' * 10**6)", ["invalid_result"]),
    "prints 250 megabytes of errors": (
        "import sys\nfor _ in range(250): sys.stderr.write('x' * 10**6)",
        ["invalid_result"],
    ),
    "writes two gigabytes to the standard streams": (
        "import os\nfor _ in range(1000): os.write(1, b'x' * 10**6); os.write(2, b'x' * 10**6)",
        ["invalid_result"],
    ),
    "floods every descriptor": (
        "import os\nfor n in range(3, 64):\n"
        "    try:\n        for _ in range(100): os.write(n, b'x' * 10**6)\n"
        "    except OSError: pass",
        ["crash"],
    ),
    "returns 300 megabytes": ("return 'x' * (3 * 10**8)", ["memory"]),
    "returns 50 megabytes": ("return 'x' * (5 * 10**7)", ["invalid_result"]),
    "raises 50 megabytes": ("raise ValueError('x' * 5 * 10**7)", ["runtime_error", "memory"]),
    "follows a null pointer": ("import ctypes; ctypes.string_at(0)", ["crash"]),
    "runs a forged code object": (
        "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=b'\\xff\\xff' * 999, co_stacksize=0)\n"
        "return f()",
        ["crash", "runtime_error"],
    ),
    "ends its process": ("import os; os._exit(0)", ["crash"]),
    "aborts": ("import os; os.abort()", ["crash"]),
    "exits": ("import sys; sys.exit(0)", ["runtime_error"]),
}

FORGE = """
import os, sys, json
frame = sys._getframe()
while 'token' not in frame.f_locals: frame = frame.f_back
body = json.dumps({{'token': frame.f_locals['token'], 'answers': {}}}).encode()
for n in range(3, 64):
    try: os.write(n, len(body).to_bytes(4, 'big') + body)
    except OSError: pass
os._exit(0)"""
FORGERIES = {
    "not a number": ("return float('nan')", "invalid_result"),
    "infinity": ("return float('inf')", "invalid_result"),
    "seven": ("return 7", "invalid_result"),
    "a text": ("return '1.0'", "invalid_result"),
    "nothing": ("return None", "invalid_result"),
    "a true object": (
        "class A:\n    def __bool__(self): return True\n    def __len__(self): return 1\nreturn A()",
        "invalid_result",
    ),
    "an object that says seven": (
        "class A:\n    def __float__(self): return 7.0\n    def __le__(self, other): return True\nreturn A()",
        "invalid_result",
    ),
    "an object that raises": (
        "class A:\n    def __float__(self): raise SystemExit\nreturn A()",
        "runtime_error",
    ),
    "an object that cannot be shown": (
        "class A:\n    def __repr__(self): raise KeyboardInterrupt\nreturn A()",
        "runtime_error",
    ),
    "a number that compares as it likes": (
        "class A(float):\n    __le__ = __ge__ = __lt__ = __gt__ = lambda self, other: True\nreturn A(7)",
        "invalid_result",
    ),
    "half a character": ("raise ValueError('\\ud800')", "runtime_error"),
    "a complete frame of its own": (
        "import os, json\nbody = json.dumps({'token': 'x', 'answers': [{'score': 1.0}]}).encode()\n"
        "for n in range(3, 64):\n    try: os.write(n, len(body).to_bytes(4, 'big') + body)\n"
        "    except OSError: pass\nreturn 1.0",
        "crash",
    ),
    "a score of seven with a stolen token": (FORGE.format([{"score": 7.0}]), "crash"),
    "an answer that is no object": (FORGE.format([7]), "crash"),
    "an error that does not exist": (FORGE.format([{"error": "fine", "score": None}]), "crash"),
    "no answer at all": (FORGE.format([]), "crash"),
    "too many answers": (
        "import sys\nframe = sys._getframe()\nwhile 'answers' not in frame.f_locals: frame = frame.f_back\n"
        "frame.f_locals['answers'].extend([{'score': 1.0}] * 9)\nreturn 1.0",
        "crash",
    ),
    "changed functions of the worker": (
        "import sys\nzygote = sys.modules['lucy.tools.graders.confined.zygote']\n"
        "zygote.json.dumps = zygote._write = zygote._listen = lambda *a, **k: b''\n"
        "sys.modules['__main__'].__dict__.clear()\nreturn 1.0",
        "crash",
    ),
}

POISONS = {
    "changes the builtins": "import builtins\nbuiltins.float = lambda x: 1.0\nbuiltins.isinstance = None",
    "changes JSON": "import json\njson.dumps = json.loads = json.JSONEncoder = lambda *a, **k: '{}'",
    "changes what numbers are": "import math\nmath.isfinite = lambda x: True",
    "changes its own globals": "globals()['BASE'] = 1.0",
    "changes the compiled code": "grade.__code__ = (lambda sample, item: 1.0).__code__",
    "changes the modules": "import sys\nsys.modules.clear()",
    "evaluates a response that changes the builtins": "exec('import builtins\\nbuiltins.min = abs')",
    "closes every descriptor": "import os\nos.closerange(0, 64)",
}

pytestmark = pytest.mark.skipif(
    bool(find_missing(find_layers())),
    reason="nothing here can confine scripts",
)


def grade_around(body: str, limits: Limits) -> Grade:
    """Give the grade of a bad evaluation; the ones before and after it must be right."""
    source = (
        "BASE = 0.75\ndef grade(sample, item):\n    if sample['output_text'] == 'good': return BASE\n"
        f"{indent(body, '    ')}\n"
    )
    before = set(psutil.Process().children(recursive=True))
    with open_python(PythonGrader(name="hostile", source=source), ONE, limits) as score_many:
        first, bad, last = score_many([(RECORD, text) for text in ("good", "bad", "good")])
    assert set(psutil.Process().children(recursive=True)) <= before
    assert (first.score, last.score) == (0.75, 0.75)
    assert len(bad.reason) <= 300
    return bad


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_what_does_not_end_is_ended(body: str):
    assert grade_around(body, HURRIED).error == "timeout"


@pytest.mark.parametrize(("body", "errors"), LARGE.values(), ids=LARGE)
def test_what_is_too_large_is_an_error(body: str, errors: list[str] | None):
    bad = grade_around(body, PATIENT)
    assert bad.score is None
    assert errors is None or bad.error in errors


@pytest.mark.parametrize(("body", "error"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_result_is_an_error(body: str, error: str):
    assert grade_around(body, PATIENT).error == error


@pytest.mark.parametrize("body", POISONS.values(), ids=POISONS)
def test_what_an_evaluation_changes_is_gone_in_the_next(body: str):
    assert grade_around(f"{body}\nreturn 0.5", PATIENT).score in (0.5, 1.0, None)
