"""Grade with OpenAI's `text_similarity`: how alike two filled templates are, by one metric."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from lucy.tools.graders.inputs import build_request
from lucy.tools.graders.kinds import Metric, TextSimilarityGrader
from lucy.tools.graders.placeholders import RenderError, render_placeholders
from lucy.tools.graders.similarity import compare_texts, find_limit, has_meaning
from lucy.tools.vocabulary import Grade, Record, ScoreMany

VARIANTS: Mapping[Metric, str] = {
    "fuzzy_match": "rapidfuzz WRatio, without case and punctuation",
    "bleu": "BLEU-4 of one sentence with NIST smoothing",
    "gleu": "GLEU of one sentence",
    "meteor": "METEOR by equal words and Porter stems, without WordNet's synonyms",
    "cosine": "cosine of Lucy's own English word vectors, not of OpenAI's embeddings",
    "rouge_1": "ROUGE-1 F-measure, unstemmed",
    "rouge_2": "ROUGE-2 F-measure, unstemmed",
    "rouge_3": "ROUGE-3 F-measure, unstemmed",
    "rouge_4": "ROUGE-4 F-measure, unstemmed",
    "rouge_5": "ROUGE-5 F-measure, unstemmed",
    "rouge_l": "ROUGE-L F-measure, unstemmed",
}
"""Which variant of each metric this is, for a person."""


@contextmanager
def open_text_similarity(config: TextSimilarityGrader) -> Generator[ScoreMany]:
    """Give the function that grades; a response without text scores 0, `pass_threshold` changes nothing.

    A reference without text is an error: a response that is empty too would otherwise be the best one.
    """

    def score_many(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        return [_grade(config, record, response) for record, response in pairs]

    yield score_many


def _grade(config: TextSimilarityGrader, record: Record, response: str) -> Grade:
    request = build_request(record, response)
    try:
        text = render_placeholders(config.input, request)
        reference = render_placeholders(config.reference, request)
    except RenderError as error:
        return Grade(None, error="invalid_variable", reason=str(error))
    if not reference.strip():
        return Grade(None, error="no_reference", reason="The reference is empty: nothing to compare with.")
    if config.evaluation_metric == "cosine" and not has_meaning(reference):
        return Grade(None, error="no_reference", reason="The reference has no English word to compare by.")
    limit = find_limit(config.evaluation_metric)
    longest = max(len(text), len(reference))
    if longest > limit:
        reason = f"A text has {longest} characters; {config.evaluation_metric} compares up to {limit}."
        return Grade(None, error="too_long", reason=reason)
    score = compare_texts(text, reference, config.evaluation_metric)
    return Grade(score, reason=f"{score:.2f} by {VARIANTS[config.evaluation_metric]}.")
