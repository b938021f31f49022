import json

import pytest

from lucy.errors import InputError
from lucy.tools.graders.config import PythonGrader, RubricGrader, load_grader, parse_grader
from lucy.tools.graders.criteria import propose_criteria

SCRIPT = "def grade(sample, item):\n    return 1.0\n"


def make_rubric() -> RubricGrader:
    criteria = propose_criteria("customer support", has_reference=False, has_replies=True, has_tools=False)
    return RubricGrader(name="support", criteria=criteria)


@pytest.mark.parametrize(
    "grader", [make_rubric(), PythonGrader(name="s", source=SCRIPT)], ids=["rubric", "python"]
)
def test_a_grader_survives_json(grader: RubricGrader | PythonGrader):
    assert parse_grader(json.loads(grader.model_dump_json())) == grader


def test_a_python_grader_has_openais_fields():
    assert PythonGrader(name="s", source=SCRIPT).model_dump() == {
        "type": "python",
        "name": "s",
        "source": SCRIPT,
    }


def test_weights_that_do_not_sum_to_one_are_refused_with_their_sum():
    value = make_rubric().model_dump(mode="json")
    value["criteria"][0]["weight"] = 0.9
    with pytest.raises(InputError, match=r"sum to 1\.500, expected 1"):
        parse_grader(value)


def test_weights_may_be_off_by_a_rounding():
    value = make_rubric().model_dump(mode="json")
    value["criteria"][0]["weight"] += 0.0009
    assert isinstance(parse_grader(value), RubricGrader)


def test_two_criteria_with_one_id_are_refused():
    value = make_rubric().model_dump(mode="json")
    value["criteria"][1]["id"] = value["criteria"][0]["id"]
    with pytest.raises(InputError, match="Two criteria have the id 'helpfulness'"):
        parse_grader(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"type": "llm", "name": "x"}, "expected one of: rubric, python"),
        ({"name": "x"}, "expected one of: rubric, python"),
        ({"type": "python", "name": "x"}, "'source' cannot be used: Field required"),
        ({"type": "python", "name": "x", "source": SCRIPT, "extra": 1}, "'extra' cannot be used"),
        ({"type": "rubric", "name": "x", "criteria": []}, "'criteria' cannot be used"),
        (
            {"type": "rubric", "name": "x", "criteria": [{"measure": "humour"}]},
            "'criteria.0.id' cannot be used",
        ),
    ],
)
def test_a_bad_grader_is_refused_with_its_field(value: dict[str, object], message: str):
    with pytest.raises(InputError, match=message):
        parse_grader(value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def grade(sample, item:\n    return 1", "line 1: .*'\\(' was never closed"),
        ("x = 1\nreturn 2\ndef grade(sample, item): return 1", "line 2: 'return' outside function"),
        ("def score(sample, item): return 1", "defines no `grade"),
        ("class A:\n    def grade(self, sample, item): return 1", "defines no `grade"),
        ("x = 1\ndef grade(sample): return 1", "Line 2: `grade` does not take two arguments"),
        ("def grade(sample, item, more): return 1", "does not take two arguments"),
        ("def grade(sample, item, *, more): return 1", "does not take two arguments"),
        ("async def grade(sample, item): return 1", "is asynchronous"),
        ("def grade(sample, item):\n    '''" + "x" * 256_000 + "'''", "shorten it to fewer than 256000"),
        ("def grade(sample, item): return 1\n\x00", "does not compile"),
        ("(" * 5000 + ")" * 5000, "does not compile"),
        ("-" * 100_000 + "1", "does not compile"),
        ("", "defines no `grade"),
    ],
)
def test_a_script_that_cannot_work_is_refused_with_the_reason(source: str, message: str):
    with pytest.raises(InputError, match=message):
        parse_grader({"type": "python", "name": "x", "source": source})


@pytest.mark.parametrize(
    "source",
    [
        "def grade(sample, item, strict=False): return 1",
        "def grade(*parts): return 1",
        "grade = lambda sample, item: 1",
        "from re import match as grade",
        "try:\n    from x import grade\nexcept ImportError:\n    def grade(sample, item): return 1",
        "import re\ndef grade(sample, item): return bool(re.match('\\d', sample['output_text']))",
    ],
)
def test_every_way_to_define_grade_is_accepted(source: str):
    assert parse_grader({"type": "python", "name": "x", "source": source}).name == "x"


def test_a_script_is_loaded_from_a_file(tmp_path):
    (tmp_path / "exact.py").write_text("\ufeff" + SCRIPT, encoding="utf-8")
    assert load_grader(tmp_path / "exact.py") == PythonGrader(name="exact", source=SCRIPT)


def test_a_rubric_is_loaded_from_a_file(tmp_path):
    (tmp_path / "support.json").write_text(make_rubric().model_dump_json(), encoding="utf-8")
    assert load_grader(str(tmp_path / "support.json")) == make_rubric()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", r"give a Python script \(.py\) or a grader's JSON \(.json\)"),
        ("a.json", b"{", "is not valid JSON"),
        ("a.json", b"[]", "must hold one JSON object"),
        ("a.json", b"[" * 100_000, "is not valid JSON"),
        ("a.py", b"\xff\xfe", "is not UTF-8"),
        ("a.json", None, "cannot be read"),
    ],
)
def test_a_file_that_holds_no_grader_is_refused(tmp_path, name: str, content: bytes | None, message: str):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_grader(tmp_path / name)
