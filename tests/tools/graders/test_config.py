import json
from typing import Any

import pytest

from lucy.errors import InputError
from lucy.tools.graders.config import (
    GRADER_TYPES,
    JavascriptGrader,
    MultiGrader,
    PythonGrader,
    RubricGrader,
    load_grader,
    parse_grader,
)
from lucy.tools.graders.criteria import propose_criteria

SCRIPT = "def grade(sample, item):\n    return 1.0\n"


JS = "function evaluate(input) { return 1; }"
CHECK = {
    "type": "string_check",
    "input": "{{sample.output_text}}",
    "reference": "{{item.a}}",
    "operation": "eq",
}
MESSAGES = [{"role": "user", "content": "{{sample.output_text}}"}]
FORMS: dict[str, dict[str, Any]] = {
    "javascript": {"source": JS},
    "llm_as_judge": {"prompt_template": "{{response}}", "model": "m", "temperature": 0.5},
    "string_check": CHECK,
    "text_similarity": {"input": "x", "reference": "y", "evaluation_metric": "bleu", "pass_threshold": 0.5},
    "score_model": {"model": "m", "input": MESSAGES, "range": [1, 7], "sampling_params": {"seed": 1}},
    "label_model": {"model": "m", "input": MESSAGES, "labels": ["a", "b"], "passing_labels": ["a"]},
    "multi": {
        "graders": {"a": CHECK, "b": {"type": "javascript", "source": JS}},
        "weights": {"a": 0.4, "b": 0.6},
    },
}


def make(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **FORMS[kind], **more}


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
        ("a.txt", b"", r"give a Python script \(.py\), a JavaScript script \(.js\) or"),
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


@pytest.mark.parametrize("kind", FORMS)
def test_every_type_survives_json(kind: str):
    grader = parse_grader(make(kind, name="x"))
    assert parse_grader(json.loads(grader.model_dump_json())) == grader
    assert "null" not in grader.model_dump_json()


def test_every_type_is_named():
    assert {*FORMS, "rubric", "python"} == set(GRADER_TYPES)


def test_a_grader_without_a_name_is_called_by_its_type_and_a_member_by_its_key():
    multi = parse_grader(make("multi"))
    assert isinstance(multi, MultiGrader)
    assert multi.name == "multi"
    assert [member.name for member in multi.graders.values()] == ["a", "b"]


@pytest.mark.parametrize("field", ["script_code", "script", "source"])
def test_the_documents_scripts_are_read_as_their_languages_graders(field: str):
    script = parse_grader({"type": "script", "language": "javascript", field: JS})
    assert script == JavascriptGrader(name="javascript", source=JS)
    member = {"type": "script", "language": "Python", field: SCRIPT}
    multi = parse_grader({"type": "multi", "graders": {"code": member}})
    assert isinstance(multi, MultiGrader)
    assert multi.graders["code"] == PythonGrader(name="code", source=SCRIPT)


NODE = {"properties": {"next": {"$ref": "#/$defs/node"}}}
RECURSIVE = {"type": "object", "properties": {"score": {"type": "number"}}, "$defs": {"node": NODE}}
OPEN = [{"role": "user", "content": "{{item.a"}]
IMAGE = [{"role": "user", "content": [{"type": "input_image"}]}]


def hold(member: object) -> dict[str, Any]:
    return {"type": "multi", "graders": {"a": member}}


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        (make("javascript", source="x"), "'source'", "defines no `evaluate"),
        (make("javascript", source=JS + " " * 300_000), "'source'", "shorten it to fewer than 256000"),
        ({"type": "python", "source": SCRIPT + "#" * 300_000}, "'source'", "shorten it to fewer than 256000"),
        (make("llm_as_judge", prompt_template="a\n{{foo}}"), "'prompt_template'", "Line 2: .* 'foo'"),
        (make("llm_as_judge", output_schema=RECURSIVE), "'output_schema'", r'itself at "\$defs/node"'),
        (make("llm_as_judge", temperature=3), "'temperature'", "less than or equal to 2"),
        (make("string_check", input="{{foo.x}}"), "'input'", "the template names 'foo'"),
        (make("string_check", operation="neq"), "'operation'", "'eq', 'ne', 'like' or 'ilike'"),
        (make("string_check", reference="", operation="like"), "`reference`", "every text contains it"),
        (make("text_similarity", evaluation_metric="rouge"), "'evaluation_metric'", "'fuzzy_match'"),
        (make("score_model", range=[1, 1]), "'range'", "goes from 1 to 1"),
        (make("score_model", range=[0, float("inf")]), "'range.1'", "finite number"),
        (make("score_model", input=OPEN), "'input.0.content'", "never closed"),
        (make("score_model", input=IMAGE), "'input.0.content'", "Only text"),
        (make("label_model", passing_labels=["c"]), "`labels`", "passing label 'c'"),
        (make("label_model", labels=["a", "a"]), "'labels'", "'a' stands there twice"),
        (make("multi", weights={"a": 0.4, "b": 0.5}), "weights", "sum to 0.900, expected 1"),
        (make("multi", weights={"a": 1}), "weight", "no weight for 'b'"),
        (make("multi", weights={"a": 0.5, "b": 0.5, "c": 0}), "weight", "a weight and no grader for 'c'"),
        (make("multi", weights={"a": 2, "b": -1}), "weight", "below 0"),
        (make("multi", weights={"a": float("nan"), "b": 1}), "'weights.a'", "finite number"),
        (make("multi", calculate_output="a"), "`weights` or `calculate_output`", "not both"),
        (make("multi", weights=None, calculate_output="a + x"), "`calculate_output`", "unknown name 'x'"),
        (hold({"type": "python", "source": "def grade(:"}), "'graders.a.source'", "line 1"),
        (hold(make("score_model", input=OPEN)), "'graders.a.input.0.content'", "never closed"),
        (hold(make("multi")), "'graders.a.type'", "is 'multi'; expected one of: rubric"),
        (hold({"type": "script", "source": JS}), "`graders.a.language`", "is None"),
        (hold(3), "'graders.a'", "valid dictionary"),
        (make("multi", graders={}), "'graders'", "at least 1"),
        ({"type": "script", "language": "js"}, "`grader`", "0 of `script_code`, `script` and `source`"),
        ({"type": "script", "language": "ruby", "source": "x"}, "`grader.language`", "is 'ruby'"),
        ({"type": ["multi"]}, "`type`", "expected one of"),
    ],
)  # fmt: skip
def test_every_fault_is_one_sentence_that_names_the_place(value: dict[str, Any], place: str, message: str):
    with pytest.raises(InputError, match=message) as caught:
        parse_grader(value)
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_javascript_grader_is_loaded_from_a_file(tmp_path):
    (tmp_path / "exact.js").write_text(JS, encoding="utf-8")
    assert load_grader(tmp_path / "exact.js") == JavascriptGrader(name="exact", source=JS)


@pytest.mark.parametrize("kind", FORMS)
def test_every_type_is_loaded_from_a_file_also_wrapped_as_openais_service_takes_it(tmp_path, kind: str):
    (tmp_path / "plain.json").write_text(json.dumps(make(kind)), encoding="utf-8")
    (tmp_path / "wrapped.json").write_text(json.dumps({"grader": make(kind), "item": {}}), encoding="utf-8")
    assert load_grader(tmp_path / "plain.json") == load_grader(tmp_path / "wrapped.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "python", "source": "a", "source": "b"}', "the key 'source' stands twice"),
        ('{"type": "multi", "weights": {"a": NaN}}', "NaN is no JSON number"),
        ('{"grader": 3}', "expected one of"),
    ],
)
def test_json_that_says_two_things_or_nothing_is_refused(tmp_path, text: str, message: str):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_grader(tmp_path / "a.json")
