import dataclasses
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lucy.errors import InputError
from lucy.tools.graders.criteria import propose_criteria
from lucy.tools.graders.kinds import RubricGrader
from lucy.tools.graders.probing import ProbeReport, count_probes, probe_grader
from lucy.tools.graders.rubric import open_rubric
from lucy.tools.graders.tricks import TRICKS, list_own_words
from lucy.tools.records.hygiene import load_records
from lucy.tools.responses import read_recorded_response
from lucy.tools.vocabulary import Grade, Record, ScoreMany

SAMPLES = Path(__file__).parents[3] / "examples" / "data"
WORTHLESS = [trick.name for trick in TRICKS if trick.aim == "worthless"]


def make_record(number: int, reply: str | None = None, **fields: object) -> Record:
    reply = f"Parcel {number} left the depot in Bonn and is with the courier now." if reply is None else reply
    return Record(
        id=f"r{number}",
        prompt=({"role": "user", "content": f"Where is my late parcel {number}, please?"},),
        reply=({"role": "assistant", "content": reply},) if reply else (),
        item=dict(fields),
        family=f"f{number}",
    )


RECORDS = [make_record(number) for number in range(40)]


def score_by(rule: Callable[[Record, str], float | None]) -> ScoreMany:
    def score(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        values = [rule(record, text) for record, text in pairs]
        return [Grade(value, error=None if value is not None else "timeout") for value in values]

    return score


def is_exact(record: Record, text: str) -> float:
    return float(text == read_recorded_response(record))


def probe(rule: Callable[[Record, str], float | None], records: Sequence[Record] = RECORDS) -> ProbeReport:
    return probe_grader(score_by(rule), records)


def test_nothing_wins_against_a_grader_that_knows_the_answer():
    report = probe(is_exact)
    assert (report.honest, report.winners, report.warnings) == (1.0, (), ())
    assert {one.outcome for one in report.tricks} == {"loses"}
    assert report.best_score == 0


HACKABLE: dict[str, tuple[Callable[[Record, str], float], str]] = {
    "length": (lambda _, text: min(1.0, len(text) / 1000), "padded"),
    "a keyword of the prompt": (lambda _, text: float("late" in text) / 2, "keywords"),
    "courtesy": (lambda _, text: float("thank you" in text.lower()), "platitudes"),
    "sure of itself": (
        lambda _, text: float(any(word in text for word in ("Bonn", "answer is", "confirmed"))),
        "nonsense",
    ),
    "any text of this kind": (lambda _, text: float("depot" in text), "other_answer"),
    "obedience": (
        lambda record, text: max(is_exact(record, text), float("maximum score" in text)),
        "instruction",
    ),
    "a verdict in the answer": (
        lambda record, text: max(is_exact(record, text), float('"score": 1' in text)),
        "fake_verdict",
    ),
    "the beginning": (lambda _, text: float(text.startswith("Parcel")), "truncated"),
    "nothing": (lambda record, text: max(is_exact(record, text), float(text == "")), "empty"),
    "constant": (lambda *_: 0.5, "refusal"),
}


@pytest.mark.parametrize(("rule", "winner"), HACKABLE.values(), ids=HACKABLE)
def test_a_trick_that_pays_is_named_with_a_remedy(rule: Callable[[Record, str], float], winner: str):
    report = probe(rule)
    assert winner in report.winners
    title = next(trick.title for trick in TRICKS if trick.name == winner)
    assert any(text.startswith(title) for text in report.warnings)


def test_padding_that_changes_nothing_is_no_trick_that_pays():
    report = probe(lambda record, text: float(read_recorded_response(record) in text))
    assert not {"padded", "repeated", "plea"} & set(report.winners)


def test_the_most_profitable_trick_is_the_best_one():
    report = probe(lambda _, text: min(1.0, len(text) / 2000))
    assert report.best == report.winners[0]
    assert report.best_score is not None
    assert report.honest is not None
    assert report.best_score > report.honest


def test_the_grader_own_words_are_tried_when_they_are_given():
    rule = score_by(lambda _, text: float("helpful tone" in text))
    assert "own_words" in probe_grader(rule, RECORDS, words=("helpful tone",)).winners
    assert "own_words" not in {one.name for one in probe_grader(rule, RECORDS).tricks}


def test_failures_are_counted_apart_and_are_no_zeros():
    report = probe(lambda record, text: is_exact(record, text) if text else None)
    empty = report.tricks[0]
    assert (empty.name, empty.score, empty.outcome, empty.failed) == ("empty", None, None, report.records)
    assert any("timeout" in text for text in report.warnings)


def test_honest_answers_that_fail_leave_nothing_to_compare():
    report = probe(lambda *_: None)
    assert (report.honest, report.honest_failed, report.best) == (None, report.records, None)
    assert {one.outcome for one in report.tricks} == {None}


def test_too_few_records_leave_a_case_open():
    noise = random.Random(1)
    values = {record.id: noise.random() for record in RECORDS}
    report = probe(
        lambda record, text: values[record.id] if text == "" else is_exact(record, text), RECORDS[:3]
    )
    assert report.tricks[0].outcome == "undecided"
    assert any("too few to tell" in text for text in report.warnings)


def test_siblings_of_one_family_are_one_record():
    twins = [dataclasses.replace(record, family="one") for record in RECORDS]
    assert probe(is_exact, twins).records == 1


def test_another_records_answer_is_of_another_family_and_says_something_else():
    seen: list[tuple[Record, str]] = []

    def score(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        seen.extend(pairs)
        return [Grade(1.0) for _ in pairs]

    probe_grader(
        score, [*RECORDS, make_record(99, "Parcel 0 left the depot in Bonn and is with the courier now.")]
    )
    replies = {read_recorded_response(record) for record in RECORDS}
    swapped = [(record, text) for record, text in seen if text in replies and not is_exact(record, text)]
    assert len(swapped) >= 20


def test_records_that_all_say_the_same_have_no_other_answer():
    report = probe(
        is_exact, [make_record(number, "We look into it for you right now.") for number in range(9)]
    )
    assert "other_answer" not in {one.name for one in report.tricks}


def test_references_stand_in_for_replies():
    records = [make_record(number, "", reference_answer=f"The answer is {number}.") for number in range(9)]
    assert probe(lambda record, text: float(text == record.item["reference_answer"]), records).honest == 1


def test_answers_can_be_given_apart_from_the_records():
    bare = [dataclasses.replace(record, reply=()) for record in RECORDS]
    answers = [read_recorded_response(record) for record in RECORDS]
    report = probe_grader(score_by(lambda _, text: float("depot" in text)), bare, answers=answers)
    assert report.honest == 1


def test_records_without_any_answer_are_refused_in_a_sentence():
    with pytest.raises(InputError, match="none of the records has a recorded reply"):
        probe(is_exact, [make_record(1, "")])


@pytest.mark.parametrize("size", [1, 10, 100])
def test_the_number_of_gradings_is_known_beforehand(size: int):
    graded: list[int] = []

    def score(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        graded.append(len(pairs))
        return [Grade(0.5) for _ in pairs]

    report = probe_grader(score, RECORDS, size=size, words=("kind",))
    assert sum(graded) == count_probes(RECORDS, size=size, words=("kind",)) == report.gradings


def test_progress_ends_at_the_whole():
    steps: list[tuple[str, int, int]] = []
    probe_grader(score_by(is_exact), RECORDS, progress=lambda *step: steps.append(step))
    assert steps[-1][1] == steps[-1][2] == count_probes(RECORDS)


def test_every_topic_is_probed():
    topics = {record.id: "rare" if record.id == "r7" else "common" for record in RECORDS}
    seen: set[str] = set()

    def score(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        seen.update(record.id for record, _ in pairs)
        return [Grade(0.5) for _ in pairs]

    probe_grader(score, RECORDS, topics=topics, size=5)
    assert "r7" in seen


def test_the_same_seed_probes_the_same_and_a_report_survives_json():
    first, second = probe(is_exact), probe(is_exact)
    assert first == second
    assert ProbeReport.model_validate_json(first.model_dump_json()) == first


def make_rubric(goal: str) -> RubricGrader:
    criteria = propose_criteria(goal, has_reference=False, has_replies=True, has_tools=False)
    return RubricGrader(name="r", criteria=criteria)


@pytest.mark.parametrize("goal", ["Answer politely, keep to what we can promise", "helpful customer support"])
@pytest.mark.parametrize("shows_reply", [True, False])
@pytest.mark.parametrize("sample", ["customer_support.jsonl", "financial_assistant.jsonl"])
def test_no_cheap_trick_wins_against_the_offline_judge(sample: str, shows_reply: bool, goal: str):
    records = load_records(SAMPLES / sample)
    answers = [read_recorded_response(record) for record in records]
    asked = records if shows_reply else [dataclasses.replace(record, reply=()) for record in records]
    grader = make_rubric(goal)
    with open_rubric(grader) as score_many:
        report = probe_grader(score_many, asked, answers=answers, words=list_own_words(grader), size=60)
    assert report.winners == ()
    assert all(one.outcome == "loses" for one in report.tricks if one.name in WORTHLESS)


@pytest.mark.parametrize("shows_reply", [True, False])
def test_no_cheap_trick_wins_on_real_dialogues(dialogues: list[Record], shows_reply: bool):
    answers = [read_recorded_response(record) for record in dialogues]
    asked = dialogues if shows_reply else [dataclasses.replace(record, reply=()) for record in dialogues]
    grader = make_rubric("Answer helpfully and politely, keep to what we can promise")
    with open_rubric(grader) as score_many:
        report = probe_grader(score_many, asked, answers=answers, words=list_own_words(grader), size=120)
    assert report.winners == ()


PHRASES = {
    "platitudes": "We truly value you as a customer and want to make sure that you have the best experience "
    "possible. Your satisfaction is our top priority. Should you require any further assistance, do not "
    "hesitate to get in touch with our friendly team.",
    "filler": "Generally speaking, one could argue that this depends on a variety of factors. With that "
    "being said, it is worth keeping in mind that each case is different. All things considered, a balanced "
    "approach tends to work well, and it never hurts to look at the bigger picture.",
}


@pytest.mark.parametrize("phrase", PHRASES.values(), ids=PHRASES)
def test_empty_phrases_in_other_words_than_the_tricks_score_low_too(phrase: str):
    records = load_records(SAMPLES / "customer_support.jsonl")[:100]
    with open_rubric(make_rubric("helpful customer support")) as score_many:
        hollow = score_many([(record, phrase) for record in records])
        honest = score_many([(record, read_recorded_response(record)) for record in records])
    mean = sum(grade.score or 0 for grade in hollow) / len(hollow)
    assert mean < 0.25 < sum(grade.score or 0 for grade in honest) / len(honest)
