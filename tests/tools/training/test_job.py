"""A training job: what it trains on, what it measures on, and what it tells."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lucy.settings import Settings
from lucy.tools.datasets import open_source
from lucy.tools.records.validation import Limits
from lucy.tools.store.jobs import Job, find_job, submit_job
from lucy.tools.store.rollouts import read_rollouts
from lucy.tools.training import job as training_job
from lucy.tools.training.job import TrainingRequest, train
from lucy.tools.training.offline import OfflineTrainer
from lucy.tools.training.trainer import Task, Trained
from lucy.tools.vocabulary import ignore_progress
from lucy.tools.workbench import Workbench

THINGS = ("parcel", "invoice", "password", "booking", "refund", "account", "delivery", "receipt")
GRADER = {
    "type": "python",
    "name": "length",
    "source": 'def grade(sample, item):\n    return min(1.0, len(sample["output_text"]) / 80)\n',
}


@dataclass
class Watched:
    """The offline trainer, with what it was given and what was graded while it trained."""

    name: str = "offline"
    inner: OfflineTrainer = field(default_factory=OfflineTrainer)
    tasks: list[Task] = field(default_factory=list)
    graded: set[str] = field(default_factory=set)

    def find_faults(self, task: Task) -> list[str]:
        return self.inner.find_faults(task)

    def open_base(self, task: Task) -> Any:
        return self.inner.open_base(task)

    def train(self, task: Task) -> Trained:
        score = task.score_many

        def watch(pairs: Any) -> Any:
            self.graded.update(record.id for record, _ in pairs)
            return score(pairs)

        self.tasks.append(task)
        values = {name: getattr(task, name) for name in task.__dataclass_fields__}
        return self.inner.train(Task(**{**values, "score_many": watch}))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    found = Watched()
    monkeypatch.setattr(training_job, "open_trainer", lambda name, bench: found)
    return found


@pytest.fixture
def bench(home: Path) -> Iterator[Workbench]:
    bench = Workbench(Settings(home=home))
    yield bench
    bench.close()


def _open_job(bench: Workbench, **changes: Any) -> Job:
    lines = [
        {
            "id": f"{thing}-{at}",
            "messages": [
                {"role": "user", "content": f"{word} what happens with my {thing} since {word}?"},
                {"role": "assistant", "content": f"Your {thing} is {word} on its way, {thing} by {thing}."},
            ],
        }
        for thing in THINGS
        for at, word in enumerate(("monday", "easter", "yesterday", "lunch", "summer", "noon", "april"))
    ]
    dataset = open_source(bench.store, lines, name="Chats", limits=Limits())
    values: dict[str, Any] = {
        "dataset_id": dataset.id, "batches": [], "categories": 0, "grader": GRADER, "name": "model",
        "goal": "", "train_split": 0.8, "epochs": 1, "group_size": 4, "seed": 0, "attempt": 1, "lineage": {},
        "forecast": {"seconds": [1.0, 2.0, 3.0], "cost": [0.0, 0.0, 0.0], "known": 0.0},
    }  # fmt: skip
    payload = TrainingRequest(**{**values, **changes}).model_dump(mode="json")
    return find_job(bench.store, submit_job(bench.store, "w", "training", payload))


def test_held_out_prompts_are_never_trained_on_nor_choose_the_checkpoint(
    bench: Workbench, watched: Watched
) -> None:
    result = train(bench, _open_job(bench), ignore_progress)
    heldout, trained = set(result["split"]["heldout"]), set(result["split"]["train"])
    (task,) = watched.tasks
    assert {record.id for record in task.training} == trained
    assert watched.graded <= trained
    assert any(one["validation_reward"] is not None for one in result["history"])
    assert not heldout & trained


def test_the_same_held_out_prompts_are_answered_before_and_after(bench: Workbench, watched: Watched) -> None:
    result = train(bench, _open_job(bench), ignore_progress)
    sides = [read_rollouts(bench.store, result[side]).values() for side in ("before", "after")]
    asked = [{one.record_id for one in side} for side in sides]
    assert asked[0] == asked[1] == set(result["split"]["heldout"])


def test_the_result_has_the_forecast_beside_what_it_took_and_examples(
    bench: Workbench, watched: Watched
) -> None:
    result = train(bench, _open_job(bench), ignore_progress)
    assert result["forecast"]["seconds"] == [1.0, 2.0, 3.0]
    assert (result["took"]["cost"], result["took"]["is_resumed"]) == (0.0, False)
    assert result["took"]["seconds"] > 0
    assert {one["record_id"] for one in result["examples"]} <= set(result["split"]["heldout"])
    assert result["split"]["seed"] == 0


def test_the_split_is_the_same_every_time(bench: Workbench, watched: Watched) -> None:
    first = train(bench, _open_job(bench), ignore_progress)
    again = train(bench, _open_job(bench, attempt=2), ignore_progress)
    assert first["split"] == again["split"]
    assert first["comparison"] == again["comparison"]


def test_a_trainer_that_sets_nothing_aside_is_not_given_the_held_out_prompts(
    bench: Workbench, watched: Watched
) -> None:
    result = train(bench, _open_job(bench, trainer="elsewhere"), ignore_progress)
    (task,) = watched.tasks
    validation, training = ({record.id for record in side} for side in (task.heldout, task.training))
    assert validation
    assert validation | training == set(result["split"]["train"])
    assert not validation & training
    assert not validation & set(result["split"]["heldout"])
