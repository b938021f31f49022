import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lucy.errors import CancelledByPersonError, InputError
from lucy.tools.records.hygiene import HygieneReport, examine, load_records, require_valid
from lucy.tools.records.validation import Limits, Rejected
from lucy.tools.vocabulary import Record


def ask(text: str, **fields: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


def answer(text: str, reply: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": reply}]}


ROWS = [
    ask("Where is my order number 1?", id="a"),
    answer("How do I return these shoes?", "Send them back."),
    ask("where is my ORDER   number 1?", id="b"),
    ask("Hi"),
    {"messages": []},
    {"note": "nothing here"},
]


def test_a_report_counts_what_was_found() -> None:
    report = examine(ROWS).report
    assert (report.total, report.valid, report.rejected) == (6, 2, 4)
    assert report.rejection_rate == pytest.approx(4 / 6)
    assert report.errors_by_type == {
        "missing_messages": 1,
        "empty_messages": 1,
        "user_message_too_short": 1,
        "duplicate": 1,
    }
    assert (report.duplicates, report.near_duplicates, report.with_reply, report.with_tools) == (1, 0, 1, 0)
    assert report.mean_messages == 1.5
    assert report.mean_tokens > 5


def test_a_report_survives_json() -> None:
    report = examine(ROWS).report
    assert HygieneReport.model_validate_json(report.model_dump_json()) == report


def test_near_duplicates_are_counted_but_kept() -> None:
    text = " ".join(f"word{place}" for place in range(100))
    examination = examine(
        [ask(text, id="a"), ask(text.replace("word50", "other"), id="b"), ask(text + "!", id="c")]
    )
    assert examination.report.valid == 3
    assert examination.report.near_duplicates == 2
    assert examination.families == {"a": "a", "b": "a", "c": "a"}


def test_the_sink_gets_everything_in_order_and_in_chunks() -> None:
    chunks: list[tuple[list[Record], list[Rejected]]] = []
    examine(ROWS, sink=lambda records, rejected: chunks.append((records, rejected)), chunk=2)
    assert [(len(records), len(rejected)) for records, rejected in chunks] == [(2, 0), (0, 2), (0, 2)]
    rejected = [entry for _, entries in chunks for entry in entries]
    assert [entry.line for entry in rejected] == [3, 4, 5, 6]
    assert json.loads(rejected[3].raw) == ROWS[5]
    assert rejected[0].message == "The record says the same as line 1, apart from case and blanks."


def test_a_chunk_of_long_entries_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lucy.tools.records.hygiene.MAX_CHUNK_BYTES", 10)
    sizes: list[int] = []
    examine(ROWS, sink=lambda records, rejected: sizes.append(len(records) + len(rejected)))
    assert sizes == [1] * 6


def test_progress_is_told_for_lists_and_files(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS))
    for source in (ROWS, path):
        told: list[tuple[str, int, int]] = []
        examine(
            source, progress=lambda label, done, total, told=told: told.append((label, done, total)), chunk=2
        )
        assert [done for _, done, _ in told] == [2, 4, 6]
        assert all(total >= done for _, done, total in told)
        assert told[-1] == ("reading records", 6, 6)


def test_a_cancelled_examination_stops() -> None:
    def cancel(label: str, done: int, total: int) -> None:
        raise CancelledByPersonError("stopped")

    with pytest.raises(CancelledByPersonError):
        examine(ROWS, progress=cancel)


def test_an_empty_list_has_an_empty_report() -> None:
    report = examine([]).report
    assert (report.total, report.rejection_rate) == (0, 0.0)
    assert "holds no records" in report.recommendations[0]


def test_limits_are_followed() -> None:
    assert examine([ask("Hi")], limits=Limits(min_user_chars=1)).report.valid == 1


def test_a_source_without_valid_records_is_refused_with_the_reasons() -> None:
    report = examine([{"a": 1}, {"b": 2}, "text"]).report
    with pytest.raises(
        InputError, match=r"None of the 3 entries of 'list' could be used: 2 have no messages, 1 is"
    ):
        require_valid(report)


def test_a_single_unusable_entry_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="The one entry of 'list' could not be used: The record has no"):
        require_valid(examine([{"a": 1}]).report)


def test_an_empty_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("[]")
    with pytest.raises(InputError, match=r"'rows\.json' holds no records"):
        require_valid(examine(path).report)


def test_a_valid_record_is_enough() -> None:
    assert require_valid(examine([ask("Where is my order?")]).report) is None


def test_recommendations_name_counts_and_remedies() -> None:
    sentences = examine(ROWS).report.recommendations
    assert sentences[0].startswith("4 of 6 entries cannot be used (67%)")
    assert any("1 says too little: expected at least 10 characters" in sentence for sentence in sentences)
    assert any("2 usable records are few" in sentence for sentence in sentences)


def test_a_clean_source_needs_no_advice() -> None:
    rows = [
        answer(f"How do I pay for order number {place}?", f"Take option {place * 7}.") for place in range(60)
    ]
    assert examine(rows).report.recommendations == ()


def test_usable_ids_are_kept_and_others_made_from_the_content() -> None:
    given = ["name", 7, " padded ", None, "", True, 1.5, "x" * 300, "line\nbreak", {"a": 1}]
    records = load_records([ask(f"Question number {place}", id=name) for place, name in enumerate(given)])
    assert [record.id for record in records[:3]] == ["name", "7", "padded"]
    assert all(record.id.startswith("rec-") for record in records[3:])
    assert len({record.id for record in records}) == len(given)


def test_made_ids_do_not_depend_on_the_place() -> None:
    rows = [ask("Where is my order?"), ask("How do I pay for it?")]
    assert [record.id for record in load_records(rows)] == [
        record.id for record in reversed(load_records(list(reversed(rows))))
    ]


def test_a_repeated_id_gets_a_suffix_from_its_content() -> None:
    rows = [
        ask("Where is my order?", id="a"),
        ask("How do I pay for it?", id="a"),
        ask("Can I pay later?", id="a"),
    ]
    first, second, third = load_records(rows)
    assert first.id == "a"
    assert second.id.startswith("a-")
    assert load_records([rows[0], rows[2]])[1].id == third.id


def test_records_are_the_same_in_every_process(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    text = " ".join(f"word{place}" for place in range(100))
    rows = [ask(text), ask(text.replace("word7", "other")), *ROWS]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    program = (
        "import sys; from pathlib import Path; from lucy.tools.records.hygiene import examine, load_records; "
        "print(examine(Path(sys.argv[1])), [record.id for record in load_records(Path(sys.argv[1]))])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_importing_the_package_loads_no_rensa() -> None:
    program = "import sys, lucy.tools.records.hygiene; print('rensa' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"
