import pytest

from lucy.tools.graders.correctness import compare_answer


@pytest.mark.parametrize(
    ("response", "reference", "score"),
    [
        ("So she pays 150 + 12 = 162 dollars.", "162", 1),
        ("<<150+12=162>>162\nA: 162", "162", 1),
        ("#### 1,250", "1250", 1),
        ("The answer is **42**, as 6 x 7 = 42 and not 43", "42", 1),
        ("\\boxed{3/4} of the 12 parts", "0.75", 1),
        ("It costs $5.00.", "5", 1),
        ("-3", "-3", 1),
        ("\u22123", "-3", 1),
        ("162 or 163", "162", 0),
        ("1620", "162", 0),
        ("sixteen", "16", 0),
        ("", "16", 0),
        ("Paris", "Paris", 1),
        ("paris.", "Paris", 1),
        ("The capital of France is Paris.", "Paris", 1),
        ("It is Lyon", "Paris", 0),
        ('{"b": 2, "a": 1}', '{"a": 1, "b": 2}', 1),
        ('```json\n{"a": 1}\n```', '{"a": 1}', 1),
        ('{"a": 1, "b": 3}', '{"a": 1, "b": 2}', 0.5),
        ("no json", '{"a": 1}', 0),
        ("[1, 2]", "[1, 2, 3]", 2 / 3),
        ("!!!", "???", 0),
    ],
)
def test_an_answer_is_compared_in_the_form_of_the_reference(response: str, reference: str, score: float):
    assert compare_answer(response, reference).score == pytest.approx(score)


def test_a_longer_text_is_compared_by_shared_words():
    near = compare_answer(
        "The train leaves at nine from platform two", "The train leaves from platform two at nine today"
    )
    far = compare_answer("We have no information", "The train leaves from platform two at nine today")
    assert 0.8 < near.score < 1
    assert far.score == 0


def test_the_evidence_of_a_wrong_number_names_both():
    assert compare_answer("A: 3000", "4000").evidence == "final number is 3000, expected 4000"
