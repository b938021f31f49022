import contextlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lucy.errors import InputError
from lucy.tools.records.hygiene import examine
from lucy.tools.records.reading import check_source, read_entries

ROWS = [{"n": 1, "text": 'a "quoted" [bracket]'}, {"n": 2, "text": "back\\slash"}, {"n": 3, "text": "ü€😀"}]


def write(folder: Path, data: bytes | str) -> Path:
    path = folder / "source.jsonl"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read_values(path: Path, **options: int) -> list[object]:
    entries = list(read_entries(path, **options))
    assert [entry.error for entry in entries if entry.error] == []
    return [entry.value for entry in entries]


LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        LINES + "\n",
        LINES.replace("\n", "\r\n"),
        "\ufeff" + LINES,
        "\n\n" + LINES.replace("\n", "\n  \n\t\n"),
        json.dumps(ROWS),
        "\ufeff \n" + json.dumps(ROWS, ensure_ascii=False),
        json.dumps(ROWS, indent=2),
        json.dumps(ROWS, indent=2).replace("\n", "\r\n"),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
    ],
    ids=["lines", "end", "crlf", "bom", "blanks", "array", "bom array", "pretty", "pretty crlf", "objects"],
)
def test_every_way_of_writing_the_rows_reads_the_same(tmp_path: Path, text: str) -> None:
    assert read_values(write(tmp_path, text)) == ROWS


def test_a_list_reads_like_a_file() -> None:
    assert [entry.value for entry in read_entries(ROWS)] == ROWS


def test_a_list_is_copied() -> None:
    entry = next(iter(read_entries(ROWS)))
    entry.value["n"] = 99
    assert ROWS[0]["n"] == 1


def test_a_single_pretty_object_is_one_entry(tmp_path: Path) -> None:
    assert read_values(write(tmp_path, json.dumps(ROWS[0], indent=4))) == [ROWS[0]]


def test_lines_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '{"a": 1}\n\n\n{"a": 2}\n')
    assert [entry.line for entry in read_entries(path)] == [1, 4]


def test_elements_of_an_array_are_numbered_by_position(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(ROWS, indent=2))
    assert [entry.line for entry in read_entries(path)] == [1, 2, 3]


def test_a_broken_line_costs_no_other_and_keeps_its_text(tmp_path: Path) -> None:
    entries = list(read_entries(write(tmp_path, '{"a": 1}\n{"a": \n{"a": 3}\n')))
    assert [entry.value for entry in entries] == [{"a": 1}, None, {"a": 3}]
    assert entries[1].raw == '{"a":'
    assert "expected one JSON object" in entries[1].error


def test_a_broken_first_line_does_not_hide_the_others(tmp_path: Path) -> None:
    entries = list(read_entries(write(tmp_path, '{"a": \n{"a": 2}\n{"a": 3}\n')))
    assert [entry.value for entry in entries] == [None, {"a": 2}, {"a": 3}]


def test_a_broken_element_of_an_array_costs_no_other(tmp_path: Path) -> None:
    entries = list(read_entries(write(tmp_path, '[{"a": 1}, {"a" 2}, , {"a": 3}]')))
    assert [entry.value for entry in entries] == [{"a": 1}, None, None, {"a": 3}]


def test_an_array_that_breaks_off_keeps_what_was_complete(tmp_path: Path) -> None:
    entries = list(read_entries(write(tmp_path, '[{"a": 1}, {"a": 2}, {"a": ')))
    assert [entry.value for entry in entries] == [{"a": 1}, {"a": 2}, None]
    assert "ends in the middle" in entries[2].error


def test_a_log_line_in_brackets_does_not_hide_the_records(tmp_path: Path) -> None:
    entries = list(read_entries(write(tmp_path, '[INFO] export\n{"a": 1}\n')))
    assert [entry.value for entry in entries if not entry.error] == [{"a": 1}]


def test_a_line_that_is_too_long_is_not_parsed(tmp_path: Path) -> None:
    long = json.dumps({"a": "x" * 5000})
    entries = list(read_entries(write(tmp_path, f'{{"a": 1}}\n{long}\n{{"a": 3}}'), max_bytes=1000))
    assert [entry.value for entry in entries] == [{"a": 1}, None, {"a": 3}]
    assert "5,009 bytes long; expected at most 1,000" in entries[1].error


def test_an_element_that_is_too_long_is_not_parsed(tmp_path: Path) -> None:
    rows = [{"a": 1}, {"a": "x" * 5000}, {"a": 3}]
    entries = list(read_entries(write(tmp_path, json.dumps(rows)), max_bytes=1000))
    assert [entry.value for entry in entries] == [{"a": 1}, None, {"a": 3}]


@pytest.mark.parametrize("extra", [-1, 0, 1, 2, 3])
def test_the_limit_is_the_same_for_every_line_ending(tmp_path: Path, extra: int) -> None:
    line = json.dumps({"a": "x" * (91 + extra)})
    for ending in ("", "\n", "\r\n"):
        (entry,) = read_entries(write(tmp_path, line + ending), max_bytes=100)
        assert bool(entry.error) == (extra > 0)


def test_bytes_that_are_no_utf8_reject_one_line(tmp_path: Path) -> None:
    entries = list(read_entries(write(tmp_path, b'{"a": "caf\xe9"}\n{"a": 2}\n')))
    assert "not valid UTF-8" in entries[0].error
    assert entries[0].raw == '{"a": "caf\\xe9"}'
    assert entries[1].value == {"a": 2}


def test_nesting_that_would_overflow_later_is_refused(tmp_path: Path) -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    entries = list(read_entries(write(tmp_path, f'{deep}\n{{"a": {"[" * 90000}}}\n{{"a": 1}}')))
    assert ["nested deeper" in entry.error for entry in entries] == [True, True, False]


def test_many_brackets_side_by_side_are_not_deep(tmp_path: Path) -> None:
    rows = [{"a": [{"b": []}] * 300}]
    assert read_values(write(tmp_path, json.dumps(rows[0]))) == rows


def test_a_value_of_a_list_that_is_no_json_is_told() -> None:
    entries = list(read_entries([{"a": object()}, {"a": "\ud800"}, {"a": 1}]))
    assert ["cannot be written as JSON" in entry.error for entry in entries] == [True, True, False]


def test_strings_cut_by_a_chunk_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"a": 'x\\"]},[{' * 3, "b": "\\\\"}, {"c": [1, {"d": "}"}]}] * 3
    for size in range(1, 40):
        monkeypatch.setattr("lucy.tools.records.reading._CHUNK_BYTES", size)
        assert read_values(write(tmp_path, json.dumps(rows))) == rows


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (LINES.encode("utf-16"), "UTF-16, not in UTF-8.*iconv"),
        (LINES.encode("utf-16-le"), "UTF-16LE"),
        (LINES.encode("utf-16-be"), "UTF-16BE"),
        (LINES.encode("utf-32"), "UTF-32"),
        (b"{}\x00\x01\x02", "binary"),
        (b"\x1f\x8b\x08abc", "gzip"),
        (b"PK\x03\x04abc", "zip"),
        (b"PAR1abc", "Parquet"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:12],
)
def test_a_file_that_cannot_hold_records_is_explained(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_source(write(tmp_path, data))


def test_a_missing_file_and_a_folder_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        check_source(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        check_source(tmp_path)


def test_a_path_that_no_system_allows_is_explained() -> None:
    with pytest.raises(InputError, match="cannot be used"):
        check_source(Path("a\x00b"))
    with pytest.raises(InputError, match="cannot be used"):
        check_source(Path("x" * 5000))


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        check_source(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_explained(tmp_path: Path) -> None:
    path = write(tmp_path, LINES)
    path.chmod(0)
    with pytest.raises(InputError, match="check its permissions"):
        check_source(path)


def test_a_check_passes_an_ordinary_file(tmp_path: Path) -> None:
    assert check_source(write(tmp_path, LINES)) is None


def is_refused(path: Path) -> bool:
    try:
        return any(entry.error for entry in read_entries(path))
    except InputError:
        return True


def test_the_json_test_suite_is_judged_right(shared_data: Path) -> None:
    paths = sorted((shared_data / "messy" / "jsontestsuite").iterdir())
    refused = {path.name: is_refused(path) for path in paths}
    assert len(refused) > 150
    assert [name for name, no in refused.items() if name.startswith("y_") and no] == []
    assert [name for name, no in refused.items() if name.startswith("n_") and not no] == []


JSONISH = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b" ", b"1", b"null", b"\xef\xbb\xbf"]
    )
    | st.sampled_from([b'"messages"', b'"role"', b'"user"', b'"content"', b'"prompt"', b'"data"', b'"id"'])
    | st.binary(max_size=3),
    max_size=60,
).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(data=st.binary(max_size=300) | JSONISH)
def test_no_bytes_raise_anything_but_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = write(tmp_path_factory.getbasetemp(), data)
    with contextlib.suppress(InputError):
        check_source(path)
        report = examine(path).report
        assert report.valid + report.rejected == report.total


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=15),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["messages", "role", "content", "prompt", "data", "id"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
        max_size=4,
    )
)
def test_no_list_of_values_raises(rows: list[object]) -> None:
    report = examine(rows).report
    assert report.valid + report.rejected == report.total == len(rows)
