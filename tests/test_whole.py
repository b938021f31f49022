"""Run the whole workflow on real public data, as a person would from a terminal."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import NotFoundError, OpenAI

GOAL = "Answer helpfully and politely, keep to what we can promise"
DEADLINE = 280
REPORT = {
    "report.json",
    "report.md",
    "records.jsonl",
    "rejects.jsonl",
    "rollouts.jsonl",
    "topics.json",
    "grader.json",
}

pytestmark = pytest.mark.slow


def run_lucy(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lucy", *arguments],
        env=os.environ | {"LUCY_HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The support dialogues, taken through all seven steps: the home and the report folder."""
    source = Path(__file__).parents[2] / "shared" / "data" / "support_dialogues.jsonl"
    if not source.is_file():
        pytest.skip("the public data folder shared/data is not beside this checkout")
    home, out = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("report")
    run = run_lucy(home, "run", str(source), "--goal", GOAL, "--yes", "--report", str(out))
    assert run.returncode == 0, run.stdout + run.stderr
    return home, out


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_all_seven_steps_are_completed(finished: tuple[Path, Path]) -> None:
    report = json.loads((finished[1] / "report.json").read_text(encoding="utf-8"))
    assert {path.name for path in finished[1].iterdir()} == REPORT
    assert [step["status"] for step in report["steps"].values()] == ["completed"] * 7
    assert report["seed"] == 0


def test_the_held_out_reward_is_higher_after_training(finished: tuple[Path, Path]) -> None:
    report = json.loads((finished[1] / "report.json").read_text(encoding="utf-8"))
    reward = report["steps"]["training"]["result"]["comparison"]["reward"]
    assert reward["after"] > reward["before"]
    assert reward["difference"]["low95"] > 0


def test_held_out_records_are_never_trained_on(finished: tuple[Path, Path]) -> None:
    records = read_lines(finished[1] / "records.jsonl")
    split = {record["id"]: record["split"] for record in records}
    assert 0.05 < list(split.values()).count("heldout") / len(split) < 0.2
    for record in records:
        assert all(split[parent] == record["split"] for parent in record["parents"])


def test_every_number_of_calls_and_cost_is_in_the_report(finished: tuple[Path, Path]) -> None:
    report = json.loads((finished[1] / "report.json").read_text(encoding="utf-8"))
    assert report["totals"]["calls"] > 0
    assert report["totals"]["cost"] == 0.0
    assert set(report["engines"].values()) == {"offline"}


@pytest.fixture(scope="module")
def gateway(finished: tuple[Path, Path]) -> Iterator[OpenAI]:
    process = subprocess.Popen(
        [sys.executable, "-m", "lucy", "serve", "--port", "0"],
        env=os.environ | {"LUCY_HOME": str(finished[0])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    found = next((url for line in process.stdout if (url := re.search(r"http://[\d.]+:\d+", line))), None)
    assert found is not None
    client = OpenAI(base_url=f"{found.group(0)}/v1", api_key="not-needed", max_retries=0)
    yield client
    client.close()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


ASKED: Any = [{"role": "user", "content": "Hello, I would like to book a table for two tonight."}]


def test_an_openai_client_gets_an_answer(gateway: OpenAI) -> None:
    answer = gateway.chat.completions.create(model="support-dialogues", messages=ASKED)
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


def test_an_openai_client_gets_the_same_answer_streamed(gateway: OpenAI) -> None:
    whole = gateway.chat.completions.create(model="support-dialogues", messages=ASKED, temperature=0)
    parts = gateway.chat.completions.create(
        model="support-dialogues", messages=ASKED, temperature=0, stream=True
    )
    text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert text == whole.choices[0].message.content


def test_a_model_that_is_not_there_is_an_openai_error(gateway: OpenAI) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        gateway.chat.completions.create(model="nobody", messages=ASKED)


@pytest.mark.parametrize(
    ("file", "code", "says"),
    [
        ("gsm8k_sample.jsonl", 3, "NO-GO"),
        ("tool_calls_sample.jsonl", 0, "Deployed"),
        ("completions_sample.jsonl", 0, "Deployed"),
        ("intents_2level.jsonl", 0, "Deployed"),
        ("judge_pairs_sample.jsonl", 2, "have no messages"),
        ("messy/oasst_chats.jsonl", 0, "Deployed"),
        ("messy/irc_support_threads.jsonl", 0, "Deployed"),
        ("messy/multilingual_intents.jsonl", 0, "Deployed"),
        ("messy/naughty_strings.jsonl", 0, "Deployed"),
        ("messy/confusables.jsonl", 2, "have no messages"),
        ("messy/reencoded/gsm8k_20_bom.jsonl", 0, "too little evidence"),
        ("messy/reencoded/gsm8k_20_crlf.jsonl", 0, "too little evidence"),
        ("messy/jsontestsuite/n_array_incomplete.json", 2, "could not be used"),
        ("messy/jsontestsuite/y_object.json", 2, "could not be used"),
    ],
)
def test_every_public_file_ends_as_it_should(
    file: str, code: int, says: str, shared_data: Path, home: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = run_lucy(home, "run", str(shared_data / file), "--goal", GOAL, "--yes", "--report", str(out))
    said = run.stdout + run.stderr
    assert run.returncode == code, said
    assert says in said
    assert "Traceback" not in said
