"""What judging takes is said before a judge model is asked."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from scripted_chat import ScriptedChat

from lucy.errors import GraderError
from lucy.settings import Settings
from lucy.tools.graders.criterion import Criterion
from lucy.tools.graders.judge_answers import estimate_judge
from lucy.tools.graders.kinds import (
    JudgeGrader,
    LabelModelGrader,
    ModelMessage,
    MultiGrader,
    RubricGrader,
    ScoreModelGrader,
    StringCheckGrader,
)
from lucy.tools.graders.resources import NO_RESOURCES, Resources
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench

RECORD = Record(id="r", prompt=({"role": "user", "content": "word " * 50},))
PAIRS = [(RECORD, "word " * 50)] * 10
ASK = (ModelMessage(role="user", content="{{sample.output_text}}"),)
HELP = Criterion(id="help", name="Help", weight=1.0, description="Solves it", measure="helpfulness")
RUBRIC = RubricGrader(name="rubric", criteria=(HELP,))
CHECK = StringCheckGrader(name="check", input="{{sample.output_text}}", reference="a", operation="eq")
JUDGE = JudgeGrader(name="judge", prompt_template="{{response}}")
SCORE = ScoreModelGrader(name="score", model="m", input=ASK)
LABEL = LabelModelGrader(name="label", model="m", input=ASK, labels=("a", "b"), passing_labels=("a",))
MULTI = MultiGrader(
    name="multi", graders={"a": JUDGE, "b": CHECK, "c": LABEL}, weights={"a": 0.5, "b": 0.2, "c": 0.3}
)


@pytest.fixture
def resources(home: Path) -> Iterator[Resources]:
    home.mkdir()
    (home / "prices.toml").write_text('[models."scripted"]\ninput = 1.0\noutput = 2.0\nas_of = 2026-01-01\n')
    bench = Workbench(Settings(home=home), {"judge": ScriptedChat.of([])})
    yield Resources(partial(bench.open_judge, workflow_id="w1", step="s"))
    bench.close()


@pytest.mark.parametrize("grader", [RUBRIC, JUDGE, SCORE, LABEL], ids=lambda one: one.type)
def test_every_type_that_asks_a_model_has_an_estimate(resources: Resources, grader) -> None:
    found = estimate_judge(grader, resources, PAIRS)
    assert found is not None
    assert found.calls == 10
    assert 1000 < found.prompt_tokens < 15_000
    assert found.completion_tokens >= 300
    assert found.cost == pytest.approx((found.prompt_tokens + 2 * found.completion_tokens) / 1e6)


def test_of_a_multi_the_members_are_added_up(resources: Resources) -> None:
    parts = [estimate_judge(one, resources, PAIRS) for one in (JUDGE, LABEL)]
    found = estimate_judge(MULTI, resources, PAIRS)
    assert found is not None
    assert found.calls == 20
    assert found.prompt_tokens == sum(part.prompt_tokens for part in parts if part)


def test_a_grader_that_asks_no_model_has_none(resources: Resources) -> None:
    assert estimate_judge(CHECK, resources, PAIRS) is None
    assert estimate_judge(RUBRIC, NO_RESOURCES, PAIRS) is None


def test_a_grader_that_needs_a_judge_says_so_where_none_is_set() -> None:
    with pytest.raises(GraderError, match="set LUCY_JUDGE_MODEL"):
        estimate_judge(MULTI, NO_RESOURCES, PAIRS)


def test_a_record_that_cannot_be_asked_about_costs_nothing(resources: Resources) -> None:
    grader = JudgeGrader(name="judge", prompt_template="{{item.right}}")
    found = estimate_judge(grader, resources, PAIRS)
    assert found is not None
    assert (found.calls, found.cost) == (0, 0.0)
