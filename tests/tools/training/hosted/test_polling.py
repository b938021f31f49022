"""A job is followed to its end, whatever its statuses and however the service answers."""

import logging

import pytest
from fake_training import FakeTraining, Stage, succeed, write_metrics

from lucy.errors import FailedTrainingError, ProviderError
from lucy.tools.training.hosted.statuses import FINAL, Status, read_status

ALL = ("validating_files", "queued", "running", "pausing", "paused", "running", "succeeded")


@pytest.mark.parametrize("word", [*(one.value for one in Status)])
def test_every_published_status_is_known(word: str) -> None:
    assert read_status(word) == word


@pytest.mark.parametrize("word", ["evaluating", "", "post_processing", "Initializing"])
def test_an_unknown_status_is_still_running(word: str) -> None:
    assert read_status(word) == Status.RUNNING
    assert read_status(word) not in FINAL


@pytest.mark.parametrize(("word", "status"), [("canceled", "cancelled"), ("Succeeded", "succeeded")])
def test_other_spellings_are_understood(word: str, status: str) -> None:
    assert read_status(word) == status


def test_all_statuses_on_the_way_are_waited_out_and_shown(open_bench, open_trainer) -> None:
    bench = open_bench()
    with FakeTraining([Stage("evaluating"), *(Stage(one) for one in ALL)]) as server:
        trained = open_trainer(server).train(bench.task)
    said = list(dict.fromkeys(label.removeprefix("Training at the service: ") for label, *_ in bench.reports))
    assert said[1:6] == ["evaluating", "validating files", "queued", "running", "pausing"]
    assert said[6].startswith("paused; it goes on when the job ftjob-000003 is resumed at 127.0.0.1")
    assert said[-1] == "done"
    assert trained.weights == "ft:o4-mini-2025-04-16:org::ftjob-000003"


def test_progress_is_a_percentage_that_ends_at_100(open_bench, open_trainer) -> None:
    bench = open_bench()
    with FakeTraining(succeed(4)) as server:
        open_trainer(server).train(bench.task)
    percents = [done for _, done, _ in bench.reports]
    assert list(dict.fromkeys(percents)) == [0, 25, 50, 75, 99, 100]
    assert ("Training at the service: running, step 2 of 4", 50, 100) in bench.reports
    assert {total for *_, total in bench.reports} == {100}


def test_a_failed_job_gives_the_services_reason(open_bench, open_trainer) -> None:
    error = {"code": "invalid_training_file", "message": "Line 3 is broken.", "param": "training_file"}
    with FakeTraining([Stage("failed", changes={"error": error})]) as server:
        trainer = open_trainer(server)
        with pytest.raises(FailedTrainingError) as raised:
            trainer.train(open_bench().task)
    assert "(Line 3 is broken; invalid_training_file; training_file)" in str(raised.value)


def test_a_failed_job_without_a_reason_gives_the_last_warning(open_bench, open_trainer) -> None:
    events = [{"level": "error", "message": "The grader kept failing"}, {"message": "Goodbye"}]
    with FakeTraining([Stage("running", events), Stage("failed")]) as server:
        trainer = open_trainer(server)
        with pytest.raises(FailedTrainingError, match="The grader kept failing"):
            trainer.train(open_bench().task)


def test_a_job_cancelled_at_the_service_is_said(open_bench, open_trainer) -> None:
    with FakeTraining([Stage("running"), Stage("cancelled")]) as server:
        trainer = open_trainer(server)
        with pytest.raises(FailedTrainingError, match="was cancelled at"):
            trainer.train(open_bench().task)


def test_a_job_that_ends_without_a_model_is_said(open_bench, open_trainer) -> None:
    with FakeTraining([Stage("succeeded", changes={"fine_tuned_model": None})]) as server:
        trainer = open_trainer(server)
        with pytest.raises(FailedTrainingError, match="without naming a model"):
            trainer.train(open_bench().task)


@pytest.mark.parametrize("seed", range(3))
def test_a_service_that_fails_in_every_way_is_survived(open_bench, open_trainer, seed: int) -> None:
    shares = {"rate_limited": 0.1, "server_error": 0.1, "dropped": 0.1, "lost": 0.1}
    with FakeTraining(succeed(5), shares=shares, seed=seed) as server:
        trained = open_trainer(server).train(open_bench().task)
        assert sum(server.outcomes[one] for one in shares) > 5
        assert len(server.list_live()) == 1
    assert [one["step"] for one in trained.history] == [1, 2, 3, 4, 5]


def test_a_service_that_is_away_for_an_hour_is_waited_for(
    open_bench, open_trainer, waits: list[float]
) -> None:
    bench = open_bench()
    with FakeTraining(faults=[""] * 8 + ["dropped"] * 150) as server:
        trained = open_trainer(server).train(bench.task)
    assert trained.steps == 4
    assert sum(waits) > 1800
    assert any("does not answer, trying again" in label for label, *_ in bench.reports)
    assert "does not answer" not in bench.reports[-1][0]


def test_a_submission_that_is_never_answered_is_given_up(open_bench, open_trainer) -> None:
    bench = open_bench()
    with FakeTraining(faults=[""] * 5, shares={"server_error": 1.0}) as server:
        trainer = open_trainer(server)
        with pytest.raises(ProviderError, match="it goes on from here, and nothing is sent twice"):
            trainer.train(bench.task)
        server.shares = {}
        assert trainer.train(bench.task).steps == 4
        assert len(server.jobs) == 1
        assert len(server.files) == 2


def test_a_key_that_is_withdrawn_on_the_way_leaves_the_jobs_name(open_bench, open_trainer) -> None:
    with FakeTraining() as server:
        bench = open_bench()
        bench.on_report = lambda: setattr(server, "key", "another" if server.jobs else None)
        trainer = open_trainer(server)
        with pytest.raises(ProviderError, match="The job ftjob-000003 goes on there and may cost money"):
            trainer.train(bench.task)


@pytest.mark.parametrize("oldest_first", [False, True])
def test_each_event_is_read_once_also_across_restarts(
    open_bench, open_trainer, caplog: pytest.LogCaptureFixture, oldest_first: bool
) -> None:
    caplog.set_level(logging.INFO, logger="lucy.tools.training.hosted.events")
    bench = open_bench()

    class Killed(BaseException):
        pass

    def die() -> None:
        if server.jobs and bench.reports[-1][1] in (25, 50, 75) and bench.reports[-1] not in died:
            died.add(bench.reports[-1])
            raise Killed

    died: set[object] = set()
    bench.on_report = die
    with FakeTraining(succeed(4), page=2, oldest_first=oldest_first) as server:
        trainer = open_trainer(server)
        for _ in range(3):
            with pytest.raises(Killed):
                trainer.train(bench.task)
        trained = trainer.train(bench.task)
        told = [one["message"] for events in server.events.values() for one in events]
    assert [record.args[1] for record in caplog.records] == told  # type: ignore[index]
    assert [one["mean_reward"] for one in trained.history] == [0.3, 0.4, 0.5, 0.6]


def test_a_service_without_events_and_checkpoints_still_trains(open_bench, open_trainer) -> None:
    with FakeTraining(lacks=["/events", "/checkpoints"]) as server:
        trained = open_trainer(server).train(open_bench().task)
    assert trained.weights.endswith("ftjob-000003")
    assert (trained.history, trained.steps) == ([], 0)


def test_the_best_checkpoint_by_validation_reward_is_taken(open_bench, open_trainer) -> None:
    rewards = {1: 0.4, 2: 0.7, 3: 0.6}
    stages = [
        Stage(
            "running",
            [write_metrics(step, 3, train_reward_mean=reward, valid_reward_mean=reward)],
            [{"fine_tuned_model_checkpoint": f"ft:step-{step}", "step_number": step, "metrics": {}}],
        )
        for step, reward in rewards.items()
    ]
    with FakeTraining([*stages, Stage("succeeded", changes={"fine_tuned_model": "ft:step-3"})]) as server:
        trained = open_trainer(server).train(open_bench().task)
    assert (trained.weights, trained.best_step, trained.steps) == ("ft:step-2", 2, 3)
    assert trained.policy.model == "ft:step-2"
    assert trained.kind == "upstream"


def test_waiting_looks_at_the_person_every_few_seconds(open_bench, open_trainer, waits: list[float]) -> None:
    with FakeTraining([Stage("running"), Stage("succeeded")]) as server:
        open_trainer(server, poll_seconds=300.0).train(open_bench().task)
    assert waits == [5.0] * 60
