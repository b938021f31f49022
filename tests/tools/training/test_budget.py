"""A training stops before its judge would cost more than the person allowed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_openai import FakeOpenAI

from lucy.errors import CostLimitError
from lucy.settings import Settings
from lucy.tools.graders.kinds import JudgeGrader
from lucy.tools.graders.scoring import open_grader
from lucy.tools.store.jobs import Job, find_job, submit_job
from lucy.tools.training.budget import CHUNK, Budget, find_limit_faults
from lucy.tools.vocabulary import Grade, Record
from lucy.tools.workbench import Workbench

RECORD = Record("r", ({"role": "user", "content": "When will my parcel come?"},))
PAIRS = [(RECORD, f"It comes on day {number}.") for number in range(3 * CHUNK)]
GRADER = JudgeGrader(name="helpful", prompt_template="Is this helpful? {{{response}}}")
PRICES = '[models."fake"]\ninput = 1000.0\noutput = 1000.0\nas_of = 2026-11-01\n'


def _reply(_request: dict[str, Any]) -> str:
    return json.dumps({"reason": "It names a day.", "score": 0.75})


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(_reply) as fake:
        yield fake


def _open_bench(home: Path, server: FakeOpenAI) -> Workbench:
    return Workbench(Settings(home=home, base_url=server.url, api_key="k", judge_model="fake"))


def _name_price(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "prices.toml").write_text(PRICES, encoding="utf-8")


def _open_job(bench: Workbench) -> Job:
    return find_job(bench.store, submit_job(bench.store, "w", "training", {"n": 1}))


def _score(bench: Workbench, job: Job, most: float | None) -> tuple[list[Grade], Budget]:
    resources = bench.make_resources("w", "training")
    budget = Budget(bench.store, job, grader=GRADER, resources=resources)
    with open_grader(GRADER, resources) as score_many:
        return budget.limit(score_many, most)(PAIRS), budget


def test_a_training_pauses_before_its_judge_costs_more_than_the_limit(home: Path, server: FakeOpenAI) -> None:
    _name_price(home)
    bench = _open_bench(home, server)
    job = _open_job(bench)
    resources = bench.make_resources("w", "training")
    budget = Budget(bench.store, job, grader=GRADER, resources=resources)
    with open_grader(GRADER, resources) as score_many:
        one = budget.limit(score_many, 1e9)(PAIRS[:CHUNK])
        spent = budget.read_spent()
        assert len(one) == CHUNK
        assert spent > 0
        with pytest.raises(CostLimitError, match="raise the limit"):
            budget.limit(score_many, 2.2 * spent)(PAIRS)
    assert spent <= budget.read_spent() <= 2.2 * spent
    bench.close()


def test_with_a_higher_limit_it_goes_on_and_pays_nothing_twice(home: Path, server: FakeOpenAI) -> None:
    _name_price(home)
    bench = _open_bench(home, server)
    job = _open_job(bench)
    with pytest.raises(CostLimitError):
        _score(bench, job, 0.0001)
    grades, budget = _score(bench, job, 1e9)
    calls, spent = server.calls, budget.read_spent()
    assert len(grades) == len(PAIRS)
    _score(bench, job, 1e9)
    assert (server.calls, budget.read_spent()) == (calls, spent)
    assert None not in budget.list_costs()
    bench.close()


def test_what_the_trainer_cost_counts_toward_the_limit(home: Path, server: FakeOpenAI) -> None:
    _name_price(home)
    bench = _open_bench(home, server)
    resources = bench.make_resources("w", "training")
    budget = Budget(bench.store, _open_job(bench), grader=GRADER, resources=resources)
    budget.charged = 50.0
    with (
        open_grader(GRADER, resources) as score_many,
        pytest.raises(CostLimitError, match=r"\$50.00 is spent"),
    ):
        budget.limit(score_many, 50.0)(PAIRS[:1])
    bench.close()


def test_a_limit_that_nobody_can_keep_is_refused(home: Path, server: FakeOpenAI) -> None:
    bench = _open_bench(home, server)
    resources = bench.make_resources("w", "training")
    assert find_limit_faults(GRADER, resources, None, RECORD) == []
    (fault,) = find_limit_faults(GRADER, resources, 20.0, RECORD)
    assert "prices.toml" in fault
    bench.close()


def test_without_a_limit_the_grader_works_as_it_is(home: Path, server: FakeOpenAI) -> None:
    bench = _open_bench(home, server)
    grades, budget = _score(bench, _open_job(bench), None)
    assert len(grades) == len(PAIRS)
    assert None in budget.list_costs()
    bench.close()
