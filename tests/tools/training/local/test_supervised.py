import json
from pathlib import Path

import pytest

from lucy.errors import CancelledByPersonError
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.policy import load_policy
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.trainer import Parameters
from lucy.tools.vocabulary import Grade, Record

FEW = Parameters(epochs=2, batch_size=8, learning_rate=1e-2)


def read_completions(folder: Path, count: int) -> list[Record]:
    lines = (folder / "completions_sample.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if '"task": "json_extraction"' in line][:count]
    return [
        Record(
            row["id"],
            ({"role": "user", "content": row["prompt"]},),
            ({"role": "assistant", "content": row["completion"]},),
            family=row["id"],
        )
        for row in rows
    ]


def test_learning_real_completions_lowers_the_loss(make_task, shared_data):
    records = read_completions(shared_data, 36)
    task = make_task(method="sft", training=records, parameters=Parameters(epochs=8, learning_rate=1e-2))
    trainer = LocalTrainer()
    assert trainer.find_faults(task) == []
    trained = trainer.train(task)
    assert trained.history[-1]["loss"] < 0.6 * trained.history[0]["loss"]
    assert trained.steps == 36
    assert load_policy(Path(trained.weights)).respond(records[0].prompt).completion_tokens > 0


def test_a_memorised_reply_is_given_and_ended(make_task):
    record = Record("r", ({"role": "user", "content": "x"},), ({"role": "assistant", "content": "yes."},))
    parameters = Parameters(epochs=50, batch_size=1, learning_rate=1e-2)
    trained = LocalTrainer().train(make_task(method="sft", training=[record], parameters=parameters))
    answer = load_policy(Path(trained.weights)).respond(record.prompt, temperature=0)
    assert answer.response == "yes."
    assert answer.is_whole


def test_the_loss_counts_the_reply_only(make_task, base, records):
    from lucy.tools.training.local.preparation import make_setup
    from lucy.tools.training.local.supervised import make_dataset

    task = make_task(method="sft", training=records[:1], parameters=FEW)
    setup = make_setup(task, LocalOptions())
    row = make_dataset(task, setup)[0]
    learned = [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
    assert setup.tokenizer.decode(learned) == " it is 0<eos>"
    assert setup.tokenizer.decode(row["input_ids"]) == "user: say 0\nassistant: it is 0<eos>"


def test_figures_and_progress_come_with_every_step(make_task):
    seen: list[int] = []
    task = make_task(method="sft", parameters=FEW, progress=lambda _label, step, _total: seen.append(step))
    trained = LocalTrainer(LocalOptions(longest=8)).train(task)
    assert seen == [0, *(one["step"] for one in trained.history)] == [0, 1, 2, 3, 4, 5, 6]
    assert all({"loss", "token_accuracy", "learning_rate"} <= one.keys() for one in trained.history)


def test_stopped_it_goes_on_to_the_same_model(make_task, tmp_path):
    def stop(_label: str, step: int, _total: int) -> None:
        if step == 3:
            raise CancelledByPersonError("stop")

    trainer = LocalTrainer(LocalOptions(longest=8))
    given = {"method": "sft", "parameters": FEW}
    with pytest.raises(CancelledByPersonError):
        trainer.train(make_task(**given, progress=stop))
    resumed = trainer.train(make_task(**given))
    straight = trainer.train(make_task(**given, folder=tmp_path / "straight"))
    assert resumed.policy.sha == straight.policy.sha
    assert resumed.history == straight.history


def test_the_best_step_is_found_by_the_grader(make_task, many_records):
    grades = iter([0.1, 0.8, 0.2, 0.2, 0.2, 0.2, 0.2])

    def score(pairs) -> list[Grade]:
        value = next(grades)
        return [Grade(value) for _ in pairs]

    task = make_task(method="sft", training=many_records, parameters=FEW, score_many=score)
    trained = LocalTrainer(LocalOptions(longest=8)).train(task)
    measured = [one["step"] for one in trained.history if "validation_reward" in one]
    assert trained.best_step == measured[0]
    assert len(measured) > 1
