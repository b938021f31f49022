"""Take a tiny model from records to answers by the gateway; its training is killed in the middle."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from served import run_app
from tests_support import approve, talk

from lucy.graph.runs import Runs
from lucy.settings import load_settings
from lucy.tools.datasets import SAMPLES, open_source
from lucy.tools.endpoints import deploy
from lucy.tools.graders.config import PythonGrader
from lucy.tools.jobs import run_job
from lucy.tools.records.validation import Limits
from lucy.tools.store.activity import list_jobs
from lucy.tools.store.jobs import find_job, submit_job
from lucy.tools.training import trainers
from lucy.tools.training.job import TrainingRequest
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.policy import load_policy
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.trainer import Task, Trained
from lucy.tools.workbench import Workbench
from lucy.ui.server import create_app

TESTS = Path(__file__).parents[3]
RECORDS = 120
EPOCHS = 3
DIES_AT = 15
"""The step after which the first process dies, before its checkpoint is kept: that before it is the last."""
QUESTION: Any = [{"role": "user", "content": "Which word stands for money that I pay every month?"}]

DYING = """
import os, signal, sys
from dataclasses import replace

from tests_support import approve, go_to, talk

from lucy.graph.runs import Runs
from lucy.tools.training import trainers
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.workbench import Workbench

source, grader, epochs, dies_at = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


class Dying(LocalTrainer):
    def train(self, task):
        def report(label, done, total):
            if done == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            task.progress(label, done, total)

        return super().train(replace(task, progress=report))


trainers.open_local = lambda bench: Dying(LocalOptions(save_seconds=0))
runs = Runs(Workbench())
workflow = runs.create(source=source, goal="Answer with one word in small letters", name="Words")
talk(runs, workflow)
go_to(runs, workflow, "grader_config")
talk(runs, workflow, grader)
go_to(runs, workflow, "dry_run")
talk(runs, workflow, "use 40 prompts, 4 answers each")
approve(runs, workflow)
talk(runs, workflow, "I accept the warning")
talk(runs, workflow, f"{epochs} epochs")
approve(runs, workflow)
"""
"""A person's process up to its end in the middle of the training."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Real requests, each with one word of its reply."""
    lines = (SAMPLES / "financial_assistant.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    single = [row for row in rows if [one["role"] for one in row["messages"]] == ["user", "assistant"]]
    path = tmp_path / "words.jsonl"
    path.write_text("\n".join(shorten(row) for row in single[:RECORDS]), encoding="utf-8")
    return path


def shorten(row: dict[str, Any]) -> str:
    asked, said = row["messages"]
    words = [word for word in said["content"].split() if word.isalpha() and word.islower()]
    reply = {"role": "assistant", "content": max(words, key=len, default="yes")}
    return json.dumps({"id": row["id"], "messages": [asked | {"content": asked["content"][:100]}, reply]})


@pytest.fixture
def open_runs(home: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Runs]]:
    """Opens the application as the environment says, like a process started anew."""
    monkeypatch.setenv("LUCY_TRAINER", "trl")
    monkeypatch.setenv("LUCY_BASE_MODEL", str(base))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]))
    opened: list[Runs] = []

    def open_one() -> Runs:
        opened.append(Runs(Workbench(load_settings())))
        return opened[-1]

    yield open_one
    for runs in opened:
        runs.close()
        runs.bench.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where this process begins to train, and its steps, as its trainer reports them."""
    seen: list[int] = []

    class Watched(LocalTrainer):
        def train(self, task: Task) -> Trained:
            def report(label: str, done: int, total: int) -> None:
                seen.append(done)
                task.progress(label, done, total)

            return super().train(replace(task, progress=report))

    monkeypatch.setattr(trainers, "open_local", lambda bench: Watched(LocalOptions()))
    return seen


@contextmanager
def serve(bench: Workbench) -> Iterator[OpenAI]:
    """Serve what is deployed on a port of its own, and give the official client for it."""
    with (
        run_app(create_app(bench)) as url,
        OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client,
    ):
        yield client


def ask(client: OpenAI, name: str, **given: Any) -> Any:
    return client.chat.completions.create(model=name, messages=QUESTION, seed=5, **given)


def read_stream(client: OpenAI, name: str, **given: Any) -> str:
    chunks = ask(client, name, stream=True, **given)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def read_answers(client: OpenAI, name: str, **given: Any) -> tuple[str, str, int]:
    """The same answer whole and as a stream, and how many tokens it has."""
    whole = ask(client, name, **given)
    return whole.choices[0].message.content, read_stream(client, name, **given), whole.usage.completion_tokens


def share_letters(text: str) -> float:
    return sum(letter.islower() for letter in text) / len(text)


def die_in_training(source: Path, grader: Path, tmp_path: Path) -> None:
    script = tmp_path / "dying.py"
    script.write_text(DYING, encoding="utf-8")
    given = [str(source), str(grader), str(EPOCHS), str(DIES_AT)]
    done = subprocess.run(
        [sys.executable, str(script), *given], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]


def test_a_training_killed_in_the_middle_goes_on_and_its_model_answers_by_the_gateway(
    source: Path, grader: PythonGrader, tmp_path: Path, open_runs: Callable[[], Runs], steps: list[int]
) -> None:
    letters = tmp_path / "letters.py"
    letters.write_text(grader.source, encoding="utf-8")
    runs = open_runs()
    die_in_training(source, letters, tmp_path)
    (job,) = list_jobs(runs.bench.store)
    assert (job.status, job.result) == ("running", None)
    assert job.checkpoint["step"] == DIES_AT - 1

    talk(runs, job.workflow_id)
    (job,) = list_jobs(runs.bench.store)
    assert job.status == "completed", job.error
    assert job.result is not None
    history, total = job.result["history"], job.result["steps"]
    assert steps == list(range(DIES_AT - 1, total + 1))
    assert [one["step"] for one in history] == list(range(1, total + 1))
    assert history[0]["mean_reward"] < 0.2
    assert history[-1]["mean_reward"] > 0.7
    reward = job.result["comparison"]["reward"]
    assert reward["before"] < 0.2
    assert reward["after"] > 0.7

    approve(runs, job.workflow_id)
    assert runs.read_state(job.workflow_id)["status"]["deployment"] == "completed"
    policy = load_policy(runs.bench.store.home / "jobs" / job.id / "model")
    with serve(runs.bench) as client:
        for temperature in (0.0, 1.0):
            expected = policy.respond(QUESTION, seed=5, temperature=temperature)
            answers = read_answers(client, "words", temperature=temperature)
            assert answers == (expected.response, expected.response, expected.completion_tokens)
            assert share_letters(answers[0]) > 0.7


def test_a_model_taught_real_completions_learns_and_answers_by_the_gateway(
    shared_data: Path, base: Path, grader: PythonGrader, home: Path, tmp_path: Path
) -> None:
    lines = (shared_data / "completions_sample.jsonl").read_text(encoding="utf-8").split("\n")
    chosen = tmp_path / "completions.jsonl"
    chosen.write_text("\n".join([line for line in lines if '"task": "json_extraction"' in line][:36]))
    bench = Workbench(load_settings())
    dataset = open_source(bench.store, chosen, name="Slots", limits=Limits())
    request = TrainingRequest(
        dataset_id=dataset.id, batches=[], categories=0, grader=grader.model_dump(), name="slots",
        goal="Write the slots.", train_split=0.9, epochs=8, group_size=8, seed=0, attempt=1, trainer="trl",
        method="sft", base_model=str(base), lineage={},
    )  # fmt: skip
    job_id = submit_job(bench.store, "w1", "training", request.model_dump(mode="json"))
    run_job(bench, job_id)
    job = find_job(bench.store, job_id)
    assert job.status == "completed", job.error
    assert job.result is not None
    history = job.result["history"]
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    reward = job.result["comparison"]["reward"]
    assert reward["after"] > reward["before"]
    deploy(bench.store, job.result["model_id"], 1, name="slots", key="k1")
    expected = load_policy(home / "jobs" / job_id / "model").respond(QUESTION, seed=5).response
    with serve(bench) as client:
        assert read_answers(client, "slots")[:2] == (expected, expected)
    bench.close()
