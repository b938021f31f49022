import socket
from pathlib import Path
from typing import Any

import pytest

from lucy.errors import InputError
from lucy.tools.graders.schemas import check_schema, compile_schema

SCORE = {"type": "number"}


def describe(score: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"score": score or SCORE}, **more}


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (SCORE, (0.0, 1.0)),
        ({"type": "number", "minimum": 0, "maximum": 100}, (0.0, 100.0)),
        ({"type": "integer", "minimum": -1}, (-1.0, 1.0)),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 2}, (0.0, 2.0)),
        ({"type": "integer", "enum": [3, 1, 7]}, (1.0, 7.0)),
        ({"$ref": "#/$defs/points"}, (1.0, 5.0)),
    ],
)
def test_the_range_is_that_of_the_score(score: dict[str, Any], expected: tuple[float, float]):
    points = {"points": {"type": "integer", "minimum": 1, "maximum": 5}}
    assert compile_schema(describe(score, **{"$defs": points})).range == expected


def test_an_answer_as_described_has_no_fault():
    schema = describe(required=["score", "why"])
    assert compile_schema(schema).find_fault({"score": 0.5, "why": "short"}) is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "no number `score`"),
        (3, "no number `score`"),
        ({"score": True, "why": ""}, "no number `score`"),
        ({"score": "1", "why": ""}, "no number `score`"),
        ({"score": 1.5, "why": ""}, "score is 1.5, expected 0 to 1"),
        ({"score": float("nan"), "why": ""}, "score is nan"),
        ({"score": 1}, '"why" is a required property'),
        ({"score": 1, "why": 3}, 'answer.why: 3 is not of type "string"'),
        ({"score": 1, "why": "\ud800"}, "cannot be checked"),
    ],
)
def test_a_fault_of_an_answer_is_named(answer: object, message: str):
    schema = describe(required=["why"])
    schema["properties"]["why"] = {"type": "string"}
    assert message in str(compile_schema(schema).find_fault(answer))


def nest(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


def double(levels: int) -> dict[str, Any]:
    """Name a schema whose references double at every level."""
    found: dict[str, Any] = {
        f"a{level}": {"allOf": [{"$ref": f"#/$defs/a{level + 1}"}] * 2} for level in range(levels)
    }
    return {**found, f"a{levels}": {}}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "must be a JSON object"),
        ({}, "an object with a number `score`"),
        ({"type": "object", "properties": {"score": {"type": "string"}}}, "an object with a number `score`"),
        (describe({"type": "integer", "minimum": 1}), "from 1 to 1"),
        (describe(required="score"), "no JSON schema at 'required'"),
        (describe({"type": "number", "minimum": "low"}), "no JSON schema at 'properties/score/minimum'"),
        (describe(**{"$schema": "http://example.com/own"}), "no JSON schema: Unknown meta-schema"),
        (describe(allOf=[{"$ref": "#/$defs/none"}]), 'refers to "\\$defs/none", which it does not have'),
        (describe(allOf=[nest(40)]), "nested deeper than 32"),
        (describe(allOf=[nest(5000)]), "cannot be written as JSON"),
        (describe(title="x" * 64_000), "shorten it to 64000"),
        (describe(title="\ud800"), "half of a surrogate pair"),
        (describe(minimum=float("nan")), "cannot be written as JSON"),
        (describe(**{"$defs": double(40)}), "more than 10000 parts"),
        (describe(allOf=[{"$id": "http://example.com/x"}]), r"uses '\$id'"),
        (describe(allOf=[{"$dynamicRef": "#x"}]), r"uses '\$dynamicRef'"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: object, message: str):
    with pytest.raises(InputError, match=message):
        check_schema(schema)


NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (describe(**{"$defs": {"node": NODE}}), "$defs/node"),
        (describe(allOf=[{"$ref": "#"}]), "#"),
        (describe({"$ref": "#/properties/score"}), "properties/score"),
        (describe(**{"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}}), "$defs/b"),
        (describe(**{"$defs": {"a": {"items": {"$ref": "#/%24defs"}}}}), "$defs"),
    ],
)
def test_a_reference_to_itself_is_refused_with_its_name(schema: dict[str, Any], place: str):
    with pytest.raises(InputError, match="refers to itself") as caught:
        check_schema(schema)
    assert f'"{place}"' in str(caught.value)


def test_a_reference_used_twice_is_no_circle():
    schema = describe({"$ref": "#/$defs/n"}, **{"$defs": {"n": SCORE}})
    schema["properties"]["other"] = {"$ref": "#/$defs/n"}
    assert compile_schema(schema).find_fault({"score": 1, "other": "x"}) is not None


def test_a_property_called_ref_is_a_property():
    schema = describe()
    schema["properties"]["$ref"] = {"const": {"$ref": "http://example.com"}}
    assert compile_schema(schema).find_fault({"score": 1, "$ref": {"$ref": "http://example.com"}}) is None


def test_nothing_is_fetched_or_read(tmp_path: Path):
    (tmp_path / "schema.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        targets = [f"http://127.0.0.1:{server.getsockname()[1]}/s.json", (tmp_path / "schema.json").as_uri()]
        for target in targets:
            for schema in (describe(not_known={"$ref": target}), describe(**{"$schema": target})):
                with pytest.raises(InputError):
                    check_schema(schema)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_catastrophic_pattern_ends():
    schema = describe()
    schema["properties"]["why"] = {"type": "string", "pattern": "^(?=a)(a+)+$"}
    fault = compile_schema(schema).find_fault({"score": 1, "why": "a" * 40 + "!"})
    assert fault is not None
    assert len(fault) < 300
