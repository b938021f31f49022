import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from lucy.errors import CancelledByPersonError, GraderError, InputError, ProviderError, StoreError
from lucy.tools.graders.scoring import open_grader
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.policy import load_policy
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.trainer import Parameters
from lucy.tools.vocabulary import Grade, Record

SHORT = LocalOptions(longest=8, save_seconds=0)
FEW = Parameters(epochs=2, group_size=4, batch_size=8, learning_rate=1e-2)
"""Two epochs of 24 records in batches of 8: six steps."""


def read_weights(folder: str | Path) -> bytes:
    return (Path(folder) / "model.safetensors").read_bytes()


def grade(text: str) -> float:
    return sum(letter.islower() for letter in text) / max(1, len(text))


def test_training_raises_the_reward_and_the_model_answers(make_task, grader, records):
    parameters = Parameters(epochs=16, learning_rate=1e-2)
    with open_grader(grader) as score_many:
        trainer = LocalTrainer(LocalOptions(longest=16))
        task = make_task(score_many=score_many, parameters=parameters)
        before = trainer.open_base(task).sample_many(records[:4], 8, seed=0)
        trained = trainer.train(task)
    assert sum(grade(text) for some in before for text in some) / 32 < 0.2
    assert trained.history[0]["mean_reward"] < 0.2
    assert trained.history[-1]["mean_reward"] > 0.7
    policy = load_policy(Path(trained.weights))
    after = policy.sample_many(records[:4], 8, seed=0)
    assert sum(grade(text) for some in after for text in some) / 32 > 0.7
    assert after == trained.policy.sample_many(records[:4], 8, seed=0)
    assert grade(policy.respond(records[0].prompt).response) > 0.5
    assert trained.kind == "transformers"
    assert trained.steps == trained.best_step == 48
    assert trained.grader_errors == 0
    assert "plain lines of role and text" in trained.variant


def test_every_step_has_its_figures(make_task):
    trained = LocalTrainer(SHORT).train(make_task(parameters=FEW))
    assert [one["step"] for one in trained.history] == [1, 2, 3, 4, 5, 6]
    assert [one["epoch"] for one in trained.history] == [1, 1, 1, 2, 2, 2]
    names = {"mean_reward", "reward_std", "frac_reward_zero_std", "mean_tokens", "grader_errors", "loss"}
    assert all(names <= one.keys() for one in trained.history)
    assert json.loads(json.dumps(trained.history)) == list(trained.history)


def test_nothing_but_the_model_is_left_in_the_folder(make_task):
    task = make_task(parameters=FEW)
    trained = LocalTrainer(SHORT).train(task)
    assert sorted(path.name for path in task.folder.iterdir()) == ["kept.json", "model"]
    assert Path(trained.weights) == task.folder / "model"


def test_progress_is_reported_at_the_beginning_and_after_every_step(make_task):
    seen: list[tuple[str, int, int]] = []
    LocalTrainer(SHORT).train(make_task(parameters=FEW, progress=lambda *report: seen.append(report)))
    assert seen == [("training", step, 6) for step in range(7)]


SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from lucy.tools.graders.config import PythonGrader
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.trainer import Parameters, Task
from lucy.tools.vocabulary import Grade, Record

folder, base, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def score(pairs):
    return [Grade(sum(letter.islower() for letter in text) / max(1, len(text))) for _, text in pairs]

def keep(state):
    (folder / "kept.json").write_text(json.dumps(state))

def progress(label, done, total):
    if done == 4:
        os.kill(os.getpid(), signal.SIGKILL)

records = [
    Record(
        f"r{number}",
        ({"role": "user", "content": f"say {number}"},),
        ({"role": "assistant", "content": f"it is {number}"},),
        family=f"r{number}",
    )
    for number in range(count)
]
grader = PythonGrader(name="x", source="def grade(sample, item): return 0")
parameters = Parameters(epochs=2, group_size=4, batch_size=8, learning_rate=1e-2)
LocalTrainer(LocalOptions(longest=8, save_seconds=0)).train(Task(
    "job-1", "w-1", "Letters", "rft", base, records, (), grader, score, parameters, folder, None, keep,
    progress,
))
"""


def test_killed_in_the_middle_it_goes_on_to_the_same_model(make_task, base, many_records, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(killed), str(base), str(len(many_records))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    kept = json.loads((killed / "kept.json").read_text())
    assert kept["step"] == 3
    assert (killed / kept["checkpoint"] / "optimizer.pt").is_file()
    seen: list[int] = []
    given = {"training": many_records, "parameters": FEW}
    resumed = LocalTrainer(SHORT).train(
        make_task(**given, folder=killed, progress=lambda _label, step, _total: seen.append(step))
    )
    straight = LocalTrainer(SHORT).train(make_task(**given, folder=whole))
    assert seen == [3, 4, 5, 6, 7, 8, 9]
    assert resumed.history == straight.history
    assert [one["step"] for one in resumed.history] == list(range(1, 10))
    assert resumed.best_step == straight.best_step
    assert resumed.policy.sha == straight.policy.sha


def test_finished_it_gives_the_same_again_without_training(make_task):
    first = LocalTrainer(SHORT).train(make_task(parameters=FEW))
    task = make_task(parameters=FEW, score_many=lambda pairs: pytest.fail("nothing is left to grade"))
    again = LocalTrainer(SHORT).train(task)
    assert again.policy.sha == first.policy.sha
    assert list(again.history) == list(first.history)


def test_killed_before_the_model_is_put_together_it_only_does_that(make_task, monkeypatch):
    from lucy.tools.training.local import run

    def fail(*given: object) -> None:
        raise CancelledByPersonError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(run, "copy_weights", fail)
        with pytest.raises(CancelledByPersonError):
            LocalTrainer(SHORT).train(make_task(parameters=FEW))
    trained = LocalTrainer(SHORT).train(make_task(parameters=FEW))
    assert load_policy(Path(trained.weights)).sha == trained.policy.sha
    assert len(trained.history) == 6


def test_a_wish_to_stop_is_followed_after_saving(make_task):
    def stop(label: str, done: int, total: int) -> None:
        if done == 2:
            raise CancelledByPersonError("training: cancelled at 2 of 6, as you asked.")

    options = replace(SHORT, save_seconds=1000)
    task = make_task(parameters=FEW, progress=stop)
    with pytest.raises(CancelledByPersonError, match="at 2 of 6"):
        LocalTrainer(options).train(task)
    assert json.loads((task.folder / "kept.json").read_text())["step"] == 2
    trained = LocalTrainer(options).train(make_task(parameters=FEW))
    assert [one["step"] for one in trained.history] == [1, 2, 3, 4, 5, 6]


def test_another_training_does_not_go_on_from_the_checkpoint(make_task, records):
    LocalTrainer(SHORT).train(make_task(parameters=FEW))
    with pytest.raises(InputError, match="belongs to another training"):
        LocalTrainer(SHORT).train(make_task(parameters=FEW, training=records[:-1]))


def test_the_best_measured_step_is_kept_by_reward_on_records_set_aside(make_task, many_records):
    asked: list[str] = []
    calls = 0

    def score(pairs) -> list[Grade]:
        """The more often it is asked, the less it gives: the base model stays the best."""
        nonlocal calls
        calls += 1
        asked.extend(record.id for record, _ in pairs)
        return [Grade(0.9 / calls) for _ in pairs]

    heldout = [Record("held", ({"role": "user", "content": "x"},))]
    task = make_task(training=many_records, heldout=heldout, parameters=FEW, score_many=score)
    trained = LocalTrainer(SHORT).train(task)
    measured = [one for one in trained.history if "validation_reward" in one]
    assert trained.best_step == 0
    assert trained.steps == 9
    assert measured[-1]["step"] == 9
    assert read_weights(trained.weights) == read_weights(task.base_model)
    assert "held" not in asked
    aside = set(asked[:16])
    assert len(aside) == 4
    assert asked.count(min(aside)) == 4 * (1 + len(measured))


def test_a_better_step_replaces_the_base_model(make_task, many_records):
    task = make_task(training=many_records, parameters=FEW)
    trained = LocalTrainer(SHORT).train(task)
    best = max(
        (one for one in trained.history if "validation_reward" in one),
        key=lambda one: one["validation_reward"],
    )
    assert trained.best_step == best["step"]
    assert read_weights(trained.weights) != read_weights(task.base_model)


def test_what_cannot_be_graded_is_counted_and_never_zero(make_task):
    def score(pairs) -> list[Grade]:
        return [
            Grade(None, error="timeout", reason="Too slow.") if number % 2 else Grade(0.5)
            for number, _ in enumerate(pairs)
        ]

    trained = LocalTrainer(SHORT).train(make_task(parameters=FEW, score_many=score))
    assert trained.grader_errors == 6 * 16
    assert {one["grader_errors"] for one in trained.history} == {16}
    assert {one["mean_reward"] for one in trained.history} == {0.5}
    assert {one["frac_reward_zero_std"] for one in trained.history} == {1.0}


def test_a_grader_that_always_fails_stops_the_training(make_task):
    def score(pairs) -> list[Grade]:
        return [Grade(None, error="timeout", reason="Too slow.") for _ in pairs]

    with pytest.raises(GraderError, match=r"No answer of the last 3 batches .*timeout: Too slow\."):
        LocalTrainer(SHORT).train(make_task(parameters=FEW, score_many=score))


def test_what_a_judges_service_says_reaches_the_person(make_task):
    def score(pairs) -> list[Grade]:
        raise ProviderError("The model's service refuses the key.")

    with pytest.raises(ProviderError, match="refuses the key"):
        LocalTrainer(SHORT).train(make_task(parameters=FEW, score_many=score))


def test_a_folder_that_cannot_be_written_is_one_sentence(make_task, monkeypatch):
    from lucy.tools.training.local import run

    def fail(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "copy_weights", fail)
    with pytest.raises(StoreError, match=r"cannot be written .*No space left.*make room"):
        LocalTrainer(SHORT).train(make_task(parameters=FEW))


def test_a_single_process_uses_one_of_several_gpus(tmp_path):
    from trl import SFTConfig

    from lucy.tools.training.local.arguments import use_one_device

    arguments = SFTConfig(
        output_dir=str(tmp_path), bf16=False, activation_checkpointing=False, report_to="none"
    )
    arguments._n_gpu = 4
    assert use_one_device(arguments).n_gpu == 1


def test_the_grader_sees_tool_calls_in_openais_form():
    from lucy.tools.training.local import rewards

    seen: list[str] = []

    def score(pairs) -> list[Grade]:
        seen.extend(text for _, text in pairs)
        return [Grade(0.5) for _ in pairs]

    record = Record("r", ({"role": "user", "content": "x"},))
    reward = rewards.make_reward_function({"r": record}, score)
    written = '<tool_call>{"name": "find", "arguments": {}}</tool_call>'
    assert reward([written], lambda name, value: None, record_id=["r"]) == [0.5]
    assert json.loads(seen[0])["tool_calls"][0]["function"]["name"] == "find"


def test_nothing_is_sent_to_anybody(make_task, monkeypatch):
    import trl.trainer.base_trainer as trl_trainer

    sent: list[object] = []
    # TRL is silent in CI and where the hub is switched off; here nothing of that holds.
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(trl_trainer, "send_telemetry", lambda *given, **named: sent.append(named))
    task = make_task(parameters=Parameters(epochs=1, group_size=2, batch_size=24, learning_rate=1e-3))
    LocalTrainer(SHORT).train(task)
    LocalTrainer(SHORT).train(replace(task, method="sft", checkpoint=None))
    assert sent == []


def test_an_adapter_is_trained_and_added_to_the_weights(make_task, base):
    options = replace(SHORT, lora=True)
    trained = LocalTrainer(options).train(make_task(parameters=FEW))
    folder = Path(trained.weights)
    assert "LoRA" in trained.variant
    assert not (folder / "adapter_config.json").exists()
    assert load_policy(folder).sha == trained.policy.sha
    assert read_weights(trained.weights) != read_weights(base)
