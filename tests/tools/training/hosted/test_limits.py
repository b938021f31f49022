"""A person can stop a training, and its cost has a limit that it does not pass."""

from datetime import date
from threading import Event

import pytest
from fake_training import FakeTraining, Stage, succeed, write_metrics

from lucy.errors import CancelledByPersonError, CostLimitError
from lucy.tools.calls.prices import Price
from lucy.tools.graders.kinds import ModelMessage, ScoreModelGrader
from lucy.tools.training.hosted.prices import TrainingPrice

DAY = date(2026, 11, 21)
HOURLY = {"o4-mini-2025-04-16": TrainingPrice(per_hour=100.0, as_of=DAY)}
BY_TOKENS = {"o4-mini-2025-04-16": TrainingPrice(per_million_tokens=25.0, as_of=DAY)}
MINUTE_STAGES = [Stage("queued"), *(Stage("running", [write_metrics(step, 9)]) for step in range(1, 10))]


def stop_at(bench, percent: int) -> None:
    def stop() -> None:
        if bench.reports[-1][1] >= percent:
            raise CancelledByPersonError("Cancelled, as you asked.")

    bench.on_report = stop


def test_a_wish_to_stop_cancels_the_job_at_the_service(open_bench, open_trainer) -> None:
    bench = open_bench()
    stop_at(bench, 50)
    with FakeTraining() as server:
        trainer = open_trainer(server)
        with pytest.raises(CancelledByPersonError, match=r"The job ftjob-000003 is cancelled at 127\.0"):
            trainer.train(bench.task)
        assert [one["status"] for one in server.jobs.values()] == ["cancelled"]


def test_a_wish_to_stop_before_the_submission_submits_nothing(open_bench, open_trainer) -> None:
    bench = open_bench()
    stop_at(bench, 0)
    with FakeTraining() as server:
        trainer = open_trainer(server)
        with pytest.raises(CancelledByPersonError):
            trainer.train(bench.task)
        assert not server.requests


def test_a_job_that_may_have_been_created_is_looked_for_and_cancelled(open_bench, open_trainer) -> None:
    bench = open_bench()
    with FakeTraining(faults=[""] * 5 + ["lost"]) as server:
        bench.on_report = lambda: stop_at(bench, 0) if server.jobs else None
        trainer = open_trainer(server)
        with pytest.raises(CancelledByPersonError):
            trainer.train(bench.task)
        assert [one["status"] for one in server.jobs.values()] == ["cancelled"]


def test_a_cancellation_survives_a_service_that_fails(open_bench, open_trainer) -> None:
    bench = open_bench()
    stop_at(bench, 50)
    with FakeTraining(shares={"server_error": 0.2, "dropped": 0.2, "lost": 0.2}, seed=3) as server:
        trainer = open_trainer(server)
        with pytest.raises(CancelledByPersonError, match=r"The job ftjob-000003 is cancelled at 127\.0"):
            trainer.train(bench.task)
        assert [one["status"] for one in server.jobs.values()] == ["cancelled"]


def test_a_job_that_cannot_be_cancelled_is_named(open_bench, open_trainer) -> None:
    bench = open_bench()
    stop_at(bench, 50)
    with FakeTraining(lacks=["/cancel"]) as server:
        trainer = open_trainer(server)
        with pytest.raises(CancelledByPersonError, match="'ftjob-000003' may still run and cost money"):
            trainer.train(bench.task)


class Clock:
    """Sixty seconds pass between two looks, whatever is waited."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        self.now += 60.0
        return self.now


def test_a_training_pauses_at_its_cost_limit_and_goes_on_with_a_higher_one(open_bench, open_trainer) -> None:
    bench = open_bench(parameters={"cost_limit": 5.0})
    with FakeTraining([*MINUTE_STAGES, Stage("succeeded")]) as server:
        trainer = open_trainer(server, prices=HOURLY, clock=Clock())
        with pytest.raises(CostLimitError, match=r"paused at its cost limit of \$5\.00 \(about \$5"):
            trainer.train(bench.task)
        (job,) = server.jobs.values()
        assert job["status"] == "paused"
        with pytest.raises(CostLimitError):
            trainer.train(bench.task)
        assert server.count("POST", "/pause") == 1
        bench.given["parameters"] = bench.given["parameters"].model_copy(update={"cost_limit": 50.0})
        trained = trainer.train(bench.task)
        assert server.count("POST", "/resume") == 1
        assert len(server.jobs) == 1
    assert trained.steps == 9
    assert trained.cost == pytest.approx(100 / 60 * 12, rel=0.2)


def test_where_a_job_cannot_be_paused_it_is_cancelled_at_its_limit(open_bench, open_trainer) -> None:
    bench = open_bench(parameters={"cost_limit": 5.0})
    with FakeTraining(MINUTE_STAGES, lacks=["/pause"]) as server:
        trainer = open_trainer(server, prices=HOURLY, clock=Clock())
        with pytest.raises(CostLimitError, match="was stopped at its cost limit"):
            trainer.train(bench.task)
        assert [one["status"] for one in server.jobs.values()] == ["cancelled"]


def test_the_next_look_comes_no_later_than_the_limit(open_bench, open_trainer, waits: list[float]) -> None:
    bench = open_bench(parameters={"cost_limit": 5.0})
    with FakeTraining(MINUTE_STAGES) as server:
        trainer = open_trainer(server, prices=HOURLY, clock=Clock(), poll_seconds=300.0)
        with pytest.raises(CostLimitError):
            trainer.train(bench.task)
    # $5 at $100 an hour are 180 seconds, of which 60 had passed at the first look that counted, then 120.
    assert sum(waits) == pytest.approx(180 + 120 + 60)


def test_supervised_training_is_paid_by_tokens(open_bench, open_trainer) -> None:
    stages = [*succeed(2)[:-1], Stage("succeeded", changes={"trained_tokens": 120_000})]
    with FakeTraining(stages) as server:
        trained = open_trainer(server, prices=BY_TOKENS).train(open_bench(method="sft").task)
    assert trained.cost == pytest.approx(3.0)


def test_supervised_training_pauses_by_its_estimated_tokens(open_bench, open_trainer) -> None:
    prices = {"o4-mini-2025-04-16": TrainingPrice(per_million_tokens=10_000.0, as_of=DAY)}
    bench = open_bench(method="sft", parameters={"cost_limit": 4.0})
    with FakeTraining(succeed(4)) as server:
        trainer = open_trainer(server, prices=prices)
        with pytest.raises(CostLimitError, match="step 3 of 4"):
            trainer.train(bench.task)


def test_an_unknown_price_leaves_the_cost_unknown(open_bench, open_trainer) -> None:
    with FakeTraining() as server:
        assert open_trainer(server).train(open_bench().task).cost is None


def make_judge() -> ScoreModelGrader:
    message = ModelMessage(role="user", content="Rate {{sample.output_text}}.")
    return ScoreModelGrader(name="judge", model="gpt-4o-mini", input=(message,))


def test_the_graders_model_counts_towards_the_cost(open_bench, open_trainer) -> None:
    usage = {"train_prompt_tokens_mean": 1000.0, "train_prompt_tokens_count": 500}
    event = {"data": {"step": 1, "total_steps": 1, "usage": {"graders": {"judge": usage}}}}
    judge_prices = {"gpt-4o-mini": Price(input=2.0, output=8.0, as_of=DAY)}
    with FakeTraining([Stage("running", [event]), Stage("succeeded")]) as server:
        trainer = open_trainer(server, prices=HOURLY, judge_prices=judge_prices)
        assert trainer.train(open_bench(grader=make_judge()).task).cost == pytest.approx(1.0)


def test_a_limit_cannot_be_kept_without_the_price_of_the_graders_model(open_bench, open_trainer) -> None:
    bench = open_bench(grader=make_judge(), parameters={"cost_limit": 5.0})
    (fault,) = open_trainer("http://127.0.0.1:9/v1", prices=HOURLY).find_faults(bench.task)
    assert "the price of the grader's model at this service is not known" in fault


def test_a_long_upload_is_reported_and_can_be_stopped(
    open_bench, open_trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lucy.tools.training.hosted.exchange.GLANCE", 0.01)
    bench = open_bench()
    released = Event()

    def stop() -> None:
        if len(bench.reports) > 3:
            released.set()
            raise CancelledByPersonError("Cancelled, as you asked.")

    bench.on_report = stop
    with FakeTraining(gate=lambda: released.wait(10)) as server:
        trainer = open_trainer(server)
        with pytest.raises(CancelledByPersonError):
            trainer.train(bench.task)
        assert len(server.requests) == 1
