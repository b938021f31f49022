from lucy.tools.graders.config import GraderConfig, PythonGrader, RubricGrader
from lucy.tools.graders.criteria import edit_criteria, propose_criteria
from lucy.tools.graders.scoring import hash_grader, open_grader
from lucy.tools.vocabulary import Record

SCRIPT = "def grade(sample, item): return len(sample['output_text']) / 10"


def make_graders() -> list[GraderConfig]:
    criteria = propose_criteria("support", has_reference=False, has_replies=True, has_tools=False)
    edited = edit_criteria("helpfulness 50%", criteria)
    assert edited is not None
    return [
        RubricGrader(name="x", criteria=criteria),
        RubricGrader(name="x", criteria=edited),
        PythonGrader(name="x", source=SCRIPT),
        PythonGrader(name="x", source=SCRIPT + "\n"),
    ]


def test_every_grader_opens_to_the_same_function(record: Record):
    for config in make_graders():
        with open_grader(config) as score_many:
            grades = score_many([(record, "a"), (record, "abc")])
        assert [grade.error for grade in grades] == [None, None]
        assert score_many is not None


def test_grades_come_in_the_order_of_the_pairs(record: Record):
    with open_grader(PythonGrader(name="x", source=SCRIPT)) as score_many:
        grades = score_many([(record, "a" * n) for n in range(10)] * 15)
    assert [grade.score for grade in grades] == [n / 10 for n in range(10)] * 15


def test_nothing_to_grade_gives_nothing():
    for config in make_graders():
        with open_grader(config) as score_many:
            assert score_many([]) == []


def test_the_hash_tells_graders_apart_by_what_they_do():
    hashes = {hash_grader(config) for config in make_graders()}
    assert len(hashes) == 4


def test_the_hash_does_not_depend_on_the_name():
    assert hash_grader(PythonGrader(name="a", source=SCRIPT)) == hash_grader(
        PythonGrader(name="b", source=SCRIPT)
    )
