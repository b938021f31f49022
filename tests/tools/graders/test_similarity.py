from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lucy.tools.graders.kinds import Metric
from lucy.tools.graders.similarity import compare_texts

METRICS: tuple[Metric, ...] = get_args(Metric)
WORDS = [
    "the",
    "cat",
    "cats",
    "sat",
    "sitting",
    "on",
    "a",
    "mat",
    "runs",
    "running",
    "Fox",
    "it",
    "'",
    "s",
    ",",
    "3",
]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14)

A = "The cat sat on the mat."
B = "The cats were sitting on a mat."


def test_fuzzy_match_looks_past_case_and_punctuation():
    assert compare_texts("The CAT sat!", "the cat sat", "fuzzy_match") == 1
    assert compare_texts(A, B, "fuzzy_match") == pytest.approx(0.694, abs=0.01)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_texts_are_alike(metric: Metric):
    assert compare_texts(A, A, metric) == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "meteor"])
@pytest.mark.parametrize("text", ["4", "yes", "!!!", "\U0001f600", "Да", "A: 42"])
def test_equal_texts_of_few_words_are_alike(metric: Metric, text: str):
    assert compare_texts(text, text, metric) == pytest.approx(1)


def test_meteor_keeps_one_equal_word_at_half():
    assert compare_texts("four", "four", "meteor") == 0.5


@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_text_is_like_nothing_but_another(metric: Metric):
    assert compare_texts("", " \n", metric) == 1
    assert compare_texts("", A, metric) == 0
    assert compare_texts(A, " ", metric) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_texts_without_a_common_word_are_far_apart(metric: Metric):
    assert compare_texts("xyzzy qwert", "plumb vogon", metric) < 0.5


def test_cosine_knows_words_of_like_meaning():
    near = compare_texts("I want my money back", "Please refund the payment", "cosine")
    far = compare_texts("I want my money back", "The weather is sunny in spring", "cosine")
    assert near > far + 0.1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(METRICS))
def test_every_metric_is_between_0_and_1(text: str, reference: str, metric: Metric):
    assert 0 <= compare_texts(text, reference, metric) <= 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SENTENCES, SENTENCES)
@pytest.mark.filterwarnings("ignore")
def test_bleu_gleu_and_meteor_are_nltks(found: list[str], expected: list[str]):
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    from nltk.translate.gleu_score import sentence_gleu
    from nltk.translate.meteor_score import single_meteor_score

    text, reference = " ".join(found), " ".join(expected)
    smoothing = SmoothingFunction().method3
    bleu = sentence_bleu([expected], found, smoothing_function=smoothing, auto_reweigh=True)
    assert compare_texts(text, reference, "bleu") == pytest.approx(bleu)
    assert compare_texts(text, reference, "gleu") == pytest.approx(sentence_gleu([expected], found))
    meteor = single_meteor_score(expected, found, wordnet=NoSynonyms())
    assert compare_texts(text, reference, "meteor") == pytest.approx(meteor)


class NoSynonyms:
    """Stands for WordNet, which does not come with nltk."""

    def synsets(self, word: str) -> list[object]:
        return []


@pytest.mark.parametrize(
    ("metric", "expected"),
    # What rouge-score 0.1.2 gives for these two texts, without stemming.
    [("rouge_1", 0.714286), ("rouge_2", 1 / 3), ("rouge_3", 0.2), ("rouge_4", 0.0), ("rouge_l", 0.428571)],
)
def test_rouge_is_that_of_rouge_score(metric: Metric, expected: float):
    text, reference = "The cat sat on the mat, purring.", "On the mat, the grey cat's"
    assert compare_texts(text, reference, metric) == pytest.approx(expected, abs=1e-5)
