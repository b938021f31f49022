import pytest

from lucy.tools.graders.kinds import TextSimilarityGrader
from lucy.tools.graders.similarity import MAX_FUZZY_CHARACTERS
from lucy.tools.graders.text_similarity import VARIANTS, open_text_similarity
from lucy.tools.vocabulary import Grade, Record

RECORD = Record(
    "r", ({"role": "user", "content": "?"},), item={"answer": "We refund the money.", "empty": " "}
)


def grade(response: str, metric: str = "rouge_1", reference: str = "{{item.answer}}", **more: float) -> Grade:
    config = TextSimilarityGrader.model_validate(
        {
            "name": "s",
            "input": "{{sample.output_text}}",
            "reference": reference,
            "evaluation_metric": metric,
            **more,
        }
    )
    with open_text_similarity(config) as score_many:
        return score_many([(RECORD, response)])[0]


@pytest.mark.parametrize("metric", [metric for metric in VARIANTS if metric != "meteor"])
def test_the_reference_itself_scores_1_and_an_empty_response_0(metric: str):
    assert grade("We refund the money.", metric).score == pytest.approx(1)
    assert grade("", metric).score == 0


def test_the_reason_says_which_variant_it_is():
    assert grade("We refund nothing.", "rouge_1").reason == "0.57 by ROUGE-1 F-measure, unstemmed."
    assert "not of OpenAI's embeddings" in grade("We refund nothing.", "cosine").reason


def test_the_threshold_changes_no_score():
    assert grade("We refund nothing.", pass_threshold=0.9) == grade("We refund nothing.")


def test_a_name_that_the_record_lacks_is_an_error():
    assert grade("x", reference="{{item.other}}").error == "invalid_variable"


@pytest.mark.parametrize("response", ["", "anything"])
def test_an_empty_reference_is_an_error_and_rewards_nobody(response: str):
    assert grade(response, reference="{{item.empty}}").error == "no_reference"


def test_cosine_needs_an_english_word_in_the_reference():
    assert grade("anything", "cosine", "1234 \u20ac").error == "no_reference"


def test_a_text_that_takes_too_long_to_compare_is_an_error():
    failed = grade("x " * MAX_FUZZY_CHARACTERS, "fuzzy_match")
    assert (failed.score, failed.error) == (None, "too_long")
