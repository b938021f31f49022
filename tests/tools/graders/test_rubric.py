import dataclasses
import random
import statistics
import subprocess
import sys

import pytest

from lucy.tools.graders.config import RubricGrader
from lucy.tools.graders.criteria import propose_criteria
from lucy.tools.graders.criterion import MEASURE_NAMES, Criterion, Measure, find_kind
from lucy.tools.graders.rubric import judge, open_rubric
from lucy.tools.graders.text import read_prompt
from lucy.tools.vocabulary import Grade, Record, read_last_user_text, read_reply_text

GOAL = "helpful customer support that keeps to what we can promise"


def make_grader(goal: str = GOAL, *, has_reference: bool = False) -> RubricGrader:
    criteria = propose_criteria(goal, has_reference=has_reference, has_replies=True, has_tools=False)
    return RubricGrader(name="test", criteria=criteria)


def measure(name: Measure, record: Record, response: str) -> Grade:
    kind = find_kind(name)
    criterion = Criterion(id=name, name=kind.name, weight=1, description=kind.description, measure=name)
    return judge(RubricGrader(name="one", criteria=(criterion,)), read_prompt(record), response)


def score(name: Measure, record: Record, response: str) -> float:
    grade = measure(name, record, response)
    assert grade.score is not None
    return grade.score


def ask(text: str, reply: str = "", **item: object) -> Record:
    answer = ({"role": "assistant", "content": reply},) if reply else ()
    return Record(id="r", prompt=({"role": "user", "content": text},), reply=answer, item=item)


def mean_score(grades: list[Grade]) -> float:
    return statistics.mean(grade.score for grade in grades if grade.score is not None)


ORDERED: dict[str, tuple[Measure, str, str]] = {
    "on the subject": (
        "relevance",
        "Your parcel 4411 is delayed at the depot.",
        "The weather is fine in Spain.",
    ),
    "answers": (
        "helpfulness",
        "Parcel 4411 will come once the depot releases it.",
        "Bananas are yellow fruit.",
    ),
    "both questions": (
        "completeness",
        "It will arrive after the strike; parcel 4411 waits in Bonn.",
        "Bonn.",
    ),
    "like the recorded": (
        "grounding",
        "I'm sorry your parcel 4411 is late, I asked the courier.",
        "It is lost.",
    ),
    "polite": ("politeness", "I'm sorry about that, please allow me a moment.", "Wait."),
    "not rude": ("politeness", "Please look at the tracking page.", "Please look at the page, you idiot."),
    "not shouting": ("politeness", "Please read the tracking page.", "Please READ the TRACKING PAGE."),
    "feels with one": ("empathy", "I understand how frustrating this is.", "The parcel is at the depot."),
    "promises nothing": ("commitments", "I will ask the courier.", "It will arrive by Friday, I promise."),
    "a next step": (
        "next_step",
        "Please send me your address, then I can check.",
        "The parcel is somewhere.",
    ),
    "short": ("conciseness", "It is late, sorry.", "It is late. " + "We are looking at many things. " * 20),
    "clear": ("clarity", "It is late. We are sorry.", "it is late and we are " + "looking and " * 25),
    "plain": (
        "plain_words",
        "We will check the parcel.",
        "We will leverage the ERP to facilitate remediation.",
    ),
}


@pytest.mark.parametrize(("name", "better", "worse"), ORDERED.values(), ids=ORDERED)
def test_each_measure_puts_the_better_response_first(name: Measure, better: str, worse: str, record: Record):
    assert score(name, record, better) > score(name, record, worse) + 0.1


@pytest.mark.parametrize("name", [name for name in MEASURE_NAMES if name != "tool_usage"])
@pytest.mark.parametrize(
    "response", ["", " \n", "...", "\x00\ud800", "日本語です", "a" * 10_000, "! " * 5_000, '{"a": 1}']
)
def test_every_measure_stays_between_zero_and_one(name: Measure, response: str, record: Record):
    assert 0 <= score(name, record, response) <= 1


HOLLOW = {
    "empty": "",
    "only marks": "?!...",
    "echo": "Hi, my parcel 4411 has not arrived. When will it come?",
    "echo with a word before": "So my parcel 4411 has not arrived. When will it come?",
    "keywords": "parcel refund delivery courier order shipping status help support tracking",
    "refusal": "I'm sorry, but I can't help with that.",
    "repetition": "Parcel 4411 will come. " * 8,
}


@pytest.mark.parametrize("response", HOLLOW.values(), ids=HOLLOW)
@pytest.mark.parametrize("has_reply", [True, False])
def test_a_hollow_response_scores_clearly_low(response: str, has_reply: bool, record: Record):
    record = record if has_reply else dataclasses.replace(record, reply=())
    grade = judge(make_grader(), read_prompt(record), response)
    good = judge(
        make_grader(), read_prompt(record), "I'm sorry parcel 4411 is late. Shall I ask the courier?"
    )
    assert grade.score is not None
    assert good.score is not None
    assert grade.score < 0.25 < good.score - 0.2


def test_an_empty_response_earns_nothing_for_promising_nothing(record: Record):
    assert measure("commitments", record, "").score == 0


def test_a_refusal_that_was_the_recorded_answer_is_no_fault():
    reply = "I'm sorry, but I can't help with that."
    record = ask("Please tell me the password of my neighbour", reply)
    assert score("grounding", record, reply) > 0.9


def test_a_right_answer_that_stands_in_the_prompt_is_no_echo():
    record = ask(
        "Which of the two is older: the old town bridge or the new town hall?",
        reference_answer="the old town bridge",
    )
    assert score("correctness", record, "The old town bridge") == 1


def test_the_reason_names_the_weakest_criterion_with_its_evidence(record: Record):
    grade = judge(
        make_grader(),
        read_prompt(record),
        read_reply_text(record) + " You will get it by Friday, I promise, guaranteed.",
    )
    assert grade.reason == 'No Over-promising 0.03: promises "by Friday".'


def test_the_reason_of_an_empty_response_says_so(record: Record):
    assert judge(make_grader(), read_prompt(record), "").reason == "The response is empty."


def test_the_score_is_the_weighted_mean_of_the_criteria(record: Record):
    grader = make_grader()
    grade = judge(grader, read_prompt(record), "We are looking for parcel 4411 now.")
    expected = sum(c.weight * grade.criteria[c.id] for c in grader.criteria)
    assert grade.score == pytest.approx(expected, abs=1e-5)


def test_a_criterion_with_nothing_to_compare_with_is_left_out_of_the_mean():
    criteria = make_grader("accurate calculations").criteria
    grade = judge(
        RubricGrader(name="x", criteria=criteria), read_prompt(ask("What is 2 + 2?")), "The sum is 4."
    )
    assert "correctness" not in grade.criteria
    assert grade.score is not None


def test_a_grader_with_nothing_at_all_to_compare_with_is_an_error_not_a_zero():
    grade = measure("correctness", ask("What is 2 + 2?"), "4")
    assert (grade.score, grade.error) == (None, "no_reference")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ('{"intent": "play", "slots": {}}', 1.0),
        ('```json\n{"intent": "x", "slots": 1}\n```', 1.0),
        ('{"other": 1}', 0.7),
        ('Here you are: {"intent": "play", "slots": {}} Enjoy', 0.4),
        ("play", 0.0),
    ],
)
def test_format_asks_for_json_where_the_reference_is_json(response: str, expected: float):
    record = ask("play a song", reference_answer='{"intent": "play", "slots": {}}')
    assert score("format", record, response) == pytest.approx(expected)


def test_a_score_does_not_depend_on_what_else_is_graded(record: Record):
    others = [(ask("Something else entirely", "Yes"), "No")] * 3
    with open_rubric(make_grader()) as score_many:
        alone = score_many([(record, "We look for parcel 4411.")])[0]
        among = score_many([*others, (record, "We look for parcel 4411."), *others])[3]
    assert alone == among


def test_scores_are_the_same_in_another_process(record: Record):
    code = (
        "from lucy.tools.graders.config import RubricGrader\n"
        "from lucy.tools.graders.criteria import propose_criteria\n"
        "from lucy.tools.graders.rubric import judge\n"
        "from lucy.tools.graders.text import read_prompt\n"
        "from lucy.tools.vocabulary import Record\n"
        f"record = Record(id='r', prompt={record.prompt!r}, reply={record.reply!r})\n"
        f"criteria = propose_criteria({GOAL!r}, has_reference=False, has_replies=True, has_tools=False)\n"
        "grader = RubricGrader(name='x', criteria=criteria)\n"
        "print(judge(grader, read_prompt(record), 'Parcel 4411 comes from Bonn.'))"
    )
    shown = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    here = judge(make_grader(), read_prompt(record), "Parcel 4411 comes from Bonn.")
    assert {done.stdout.strip() for done in shown} == {repr(here)}


def test_a_records_own_reply_beats_another_records_reply(dialogues: list[Record]):
    replies = [read_reply_text(record) for record in dialogues]
    shuffled = random.Random(0).sample(replies, len(replies))
    with open_rubric(make_grader()) as score_many:
        own = score_many(list(zip(dialogues, replies, strict=True)))
        other = score_many(list(zip(dialogues, shuffled, strict=True)))
    assert mean_score(own) > mean_score(other) + 0.1
    assert statistics.mean((a.score or 0) >= (b.score or 0) for a, b in zip(own, other, strict=True)) > 0.9


def test_a_records_own_reply_beats_anothers_even_when_it_is_not_known(dialogues: list[Record]):
    replies = [read_reply_text(record) for record in dialogues]
    shuffled = random.Random(0).sample(replies, len(replies))
    bare = [dataclasses.replace(record, reply=()) for record in dialogues]
    with open_rubric(make_grader()) as score_many:
        own = score_many(list(zip(bare, replies, strict=True)))
        other = score_many(list(zip(bare, shuffled, strict=True)))
    assert mean_score(own) > mean_score(other) + 0.03


def test_scores_of_real_replies_are_spread(dialogues: list[Record]):
    replies = [read_reply_text(record) for record in dialogues]
    shuffled = random.Random(0).sample(replies, len(replies))
    with open_rubric(make_grader()) as score_many:
        scores = [grade.score or 0.0 for grade in score_many(list(zip(dialogues, shuffled, strict=True)))]
    assert statistics.pstdev(scores) > 0.1
    assert len({round(value, 3) for value in scores}) > 100


@pytest.mark.parametrize(
    "response",
    [
        "",
        "refund payment billing account order help support hotel booking",
        "I'm sorry, but I can't help with that.",
    ],
)
def test_one_hollow_response_to_all_real_prompts_scores_low(response: str, dialogues: list[Record]):
    with open_rubric(make_grader()) as score_many:
        assert mean_score(score_many([(record, response) for record in dialogues])) < 0.15


def test_an_echo_of_real_prompts_scores_low(dialogues: list[Record]):
    with open_rubric(make_grader()) as score_many:
        grades = score_many([(record, read_last_user_text(record)) for record in dialogues])
    assert mean_score(grades) < 0.15


def test_correctness_agrees_with_the_labels_of_real_solutions(solutions: list[tuple[Record, bool]]):
    with open_rubric(make_grader("accurate calculations", has_reference=True)) as score_many:
        grades = score_many([(record, read_reply_text(record)) for record, _ in solutions])
    said = [grade.criteria["correctness"] == 1 for grade in grades]
    assert said == [is_correct for _, is_correct in solutions]
