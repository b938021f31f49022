"""What Python scripts may import, and which of them share a process."""

import pytest

from lucy.errors import GraderError
from lucy.tools.graders.host import find_missing
from lucy.tools.graders.kinds import PythonGrader
from lucy.tools.graders.python_script import open_python
from lucy.tools.graders.script import is_self_contained
from lucy.tools.graders.script_host import find_layers
from lucy.tools.vocabulary import Grade, Record

FORGETFUL = "def grade(sample, item): return 0.25"
RECORD = Record(id="r", prompt=())

can_confine = pytest.mark.skipif(bool(find_missing(find_layers())), reason="nothing here can confine scripts")


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import httpx", "'httpx', and a script finds only the standard library"),
        ("import lucy.settings", "'lucy'"),
        ("from urllib3 import x", "'urllib3'"),
        ("import antigravity", "'antigravity'"),
    ],
)
def test_an_import_that_is_not_for_scripts_refuses_the_grader(source: str, named: str):
    grader = PythonGrader(name="mine", source=f"{source}\n{FORGETFUL}")
    with pytest.raises(GraderError, match=named), open_python(grader):
        pass


LIBRARIES = {
    "numpy": "import numpy as np\ndef grade(sample, item): return float(np.linalg.norm(np.eye(3)) > 1)",
    "rapidfuzz": (
        "from rapidfuzz import fuzz, utils\ndef grade(sample, item):\n"
        "    return fuzz.WRatio('Ab', 'ab', processor=utils.default_process) / 100"
    ),
    "dates": (
        "import datetime, zoneinfo\ndef grade(sample, item):\n"
        "    day = datetime.datetime.strptime('2020-02-01', '%Y-%m-%d')\n"
        "    return float(day.astimezone(zoneinfo.ZoneInfo('Asia/Tokyo')).hour == 9)"
    ),
    "hashes": (
        "import hashlib\ndef grade(sample, item): return float(len(hashlib.sha256(b'').digest()) == 32)"
    ),
    "pydantic": (
        "from pydantic import BaseModel\nclass A(BaseModel):\n    x: float\n"
        "def grade(sample, item): return A.model_validate_json('{\"x\": 1}').x"
    ),
    "what is imported late": (
        "def grade(sample, item):\n    import email.mime.text, csv\n"
        "    return float('a.b'.encode('idna') == b'a.b')"
    ),
    "a guarded import": (
        "try: import httpx\nexcept ImportError: httpx = None\n"
        "def grade(sample, item): return float(httpx is None)"
    ),
    "evaluating an expression": "def grade(sample, item): return float(eval('2 - 1'))",
}


@can_confine
@pytest.mark.parametrize("source", LIBRARIES.values(), ids=LIBRARIES)
def test_what_honest_scripts_use_works_confined(source: str):
    with open_python(PythonGrader(name="mine", source=source)) as score_many:
        assert score_many([(RECORD, "a"), (RECORD, "b")]) == [Grade(1.0), Grade(1.0)]


BATCHED = {
    "from rapidfuzz import fuzz, utils\nX = fuzz.WRatio": True,
    "import numpy as np\nX = np.mean([1])": True,
    "import re\nclass A:\n    def __init__(self):\n        super().__init__()\n        self._x = 1": True,
    "def f(e): return type(e).__name__ + getattr(e, 'code', '')": True,
    "def f(text): return eval(text)": False,
    "def f(text): exec(text)": False,
    "def f(text): return compile(text, '', 'eval')": False,
    "def f(text): return __import__(text)": False,
    "def f(a, b): return getattr(a, b)": False,
    "def f(a): return getattr(a, '__class__')": False,
    "g = getattr": False,
    "X = globals()": False,
    "import operator\ndef f(a, b): return operator.attrgetter(b)(a)": False,
    "import numpy as np\nX = np.random.rand()": False,
    "from numpy.random import rand": False,
    "import random": False,
    "import sys": False,
    "import json\njson.dumps = None": False,
    "import json\njson.x['a'] = 1": False,
    "X = ().__class__": False,
}


@pytest.mark.parametrize(("source", "expected"), BATCHED.items())
def test_only_what_keeps_to_itself_shares_a_process(source: str, expected: bool):
    assert is_self_contained(f"{source}\n{FORGETFUL}") is expected
