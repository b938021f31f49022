"""Read the public files beside the checkout; their labels are never read."""

from pathlib import Path

import pytest

from lucy.tools.records.hygiene import examine, load_records, require_valid

FILES = {
    "support_dialogues.jsonl": ("dataset", 597, 597, 597),
    "intents_2level.jsonl": ("dataset", 3100, 3086, 0),
    "gsm8k_sample.jsonl": ("chat", 300, 300, 0),
    "tool_calls_sample.jsonl": ("chat", 90, 90, 90),
    "tool_calls_expected_sample.jsonl": ("dataset", 130, 130, 130),
    "completions_sample.jsonl": ("completion", 370, 370, 370),
    "graded_solutions_sample.jsonl": ("chat", 300, 300, 300),
    "messy/oasst_chats.jsonl": ("chat", 186, 186, 146),
    "messy/irc_support_threads.jsonl": ("chat", 82, 82, 32),
    "messy/multilingual_intents.jsonl": ("chat", 240, 216, 0),
    "messy/naughty_strings.jsonl": ("chat", 249, 167, 0),
    "messy/confusables.jsonl": ("unknown", 132, 0, 0),
    "judge_pairs_sample.jsonl": ("unknown", 200, 0, 0),
}


@pytest.mark.parametrize("name", FILES)
def test_a_public_file_is_read_whole(shared_data: Path, name: str) -> None:
    report = examine(shared_data / name).report
    assert (report.format, report.total, report.valid, report.with_reply) == FILES[name]


@pytest.mark.parametrize("name", ["gsm8k_20_bom.jsonl", "gsm8k_20_crlf.jsonl"])
def test_a_mark_or_other_line_ends_change_nothing(shared_data: Path, name: str) -> None:
    plain = load_records(shared_data / "gsm8k_sample.jsonl")[:20]
    assert load_records(shared_data / "messy" / "reencoded" / name) == plain


def test_every_prompt_ends_in_a_user_message(shared_data: Path) -> None:
    records = load_records(shared_data / "tool_calls_sample.jsonl")
    assert {record.prompt[-1]["role"] for record in records} == {"user"}
    assert all(record.tools and record.reply for record in records)


def test_the_reference_answer_becomes_an_item(shared_data: Path) -> None:
    records = load_records(shared_data / "gsm8k_sample.jsonl")
    assert {tuple(record.item) for record in records} == {("reference_answer",)}


def test_branches_of_one_conversation_are_families(shared_data: Path) -> None:
    examination = examine(shared_data / "messy" / "oasst_chats.jsonl")
    assert examination.report.near_duplicates == 66


def test_two_answers_to_one_public_question_are_one_family(shared_data: Path) -> None:
    path = shared_data / "graded_solutions_sample.jsonl"
    families = examine(path).families
    prompts: dict[str, set[str]] = {}
    for record in load_records(path):
        prompts.setdefault(record.prompt[-1]["content"], set()).add(families.get(record.id, record.id))
    assert {len(names) for names in prompts.values()} == {1}


def test_every_file_of_the_json_test_suite_can_be_examined(shared_data: Path) -> None:
    from lucy.errors import InputError

    outcomes = set()
    for path in sorted((shared_data / "messy" / "jsontestsuite").iterdir()):
        try:
            require_valid(examine(path).report)
        except InputError as error:
            outcomes.add(str(error)[-1])
    assert outcomes == {"."}
