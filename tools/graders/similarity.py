"""Measure how alike two texts are, by the metrics of OpenAI's `text_similarity`.

OpenAI names its metrics and not their details; each function says which variant it is. All are between 0 and
1. Two empty texts are alike (1), an empty text and another are not (0), and where a text has no words, or
fewer than a metric counts in a row, the result is 1 for equal words and 0 otherwise.

What this does not do: no metric knows whether an answer is right; METEOR has no synonyms here, and the
cosine is of Lucy's own word vectors and no stand-in for OpenAI's embeddings.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from itertools import pairwise

from lucy.tools.graders.kinds import Metric

MAX_CHARACTERS = 100_000
"""Longest text that is compared."""

MAX_FUZZY_CHARACTERS = 10_000
"""Longest text for `fuzzy_match`, whose time grows with the cube of the length: about 4 s at worst here."""

_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_ORDERS = 4

Tokens = Sequence[str]


def compare_texts(text: str, reference: str, metric: Metric) -> float:
    """Measure how alike a text and a reference are, 0 to 1."""
    if not text.strip() or not reference.strip():
        return float(text.strip() == reference.strip())
    return min(max(_METRICS[metric](text, reference), 0.0), 1.0)


def find_limit(metric: Metric) -> int:
    """Give the longest text, in characters, that a metric compares in reasonable time."""
    return MAX_FUZZY_CHARACTERS if metric == "fuzzy_match" else MAX_CHARACTERS


def compare_fuzzily(text: str, reference: str) -> float:
    """Give rapidfuzz's `WRatio` / 100, without regard to case and punctuation (`default_process`)."""
    from rapidfuzz import fuzz, utils

    first, second = utils.default_process(text), utils.default_process(reference)
    if not first or not second:
        return float(text.strip() == reference.strip())
    return float(fuzz.WRatio(first, second)) / 100


def measure_bleu(text: str, reference: str) -> float:
    """Give BLEU-4 of one sentence (Papineni et al. 2002) with the smoothing of NIST's mteval.

    An order without a match counts half of one match, the next a quarter, and so on; a text of fewer than
    four tokens is measured by the orders that it has. As nltk's `sentence_bleu` with `method3` and
    `auto_reweigh`, over words and punctuation marks, with regard to case.
    """
    found, expected = _TOKEN.findall(text), _TOKEN.findall(reference)
    if not found or not expected:
        return float(found == expected)
    logs: list[float] = []
    unmatched = 0
    for order in range(1, min(_ORDERS, len(found)) + 1):
        matches = _count_matches(found, expected, order)
        if order == 1 and not matches:
            return 0.0
        unmatched += not matches
        logs.append(math.log((matches or 0.5**unmatched) / (len(found) - order + 1)))
    brevity = min(1.0, math.exp(1 - len(expected) / len(found)))
    return brevity * math.exp(math.fsum(logs) / len(logs))


def measure_gleu(text: str, reference: str) -> float:
    """Give the GLEU of one sentence (Wu et al. 2016): the lower of precision and recall of 1- to 4-grams.

    As nltk's `sentence_gleu`, over words and punctuation marks, with regard to case.
    """
    found, expected = _TOKEN.findall(text), _TOKEN.findall(reference)
    if not found or not expected:
        return float(found == expected)
    orders = range(1, _ORDERS + 1)
    matches = sum(_count_matches(found, expected, order) for order in orders)
    size = max(len(found), len(expected))
    return matches / sum(max(size - order + 1, 0) for order in orders)


def measure_meteor(text: str, reference: str) -> float:
    """Give METEOR (Lavie and Agarwal 2007) by equal words and equal Porter stems, without synonyms.

    As nltk's `single_meteor_score` without WordNet, in lower case, over words and punctuation marks. Equal
    texts of few words stay below 1, as the formula has it: one of n words scores 1 - 0.5 / n^3.
    """
    found, expected = _TOKEN.findall(text.lower()), _TOKEN.findall(reference.lower())
    pairs = _align(found, expected)
    if not pairs:
        return float(found == expected)
    precision, recall = len(pairs) / len(found), len(pairs) / len(expected)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    breaks = sum((after[0] - before[0], after[1] - before[1]) != (1, 1) for before, after in pairwise(pairs))
    return mean * (1 - 0.5 * ((breaks + 1) / len(pairs)) ** 3)


def measure_rouge(text: str, reference: str, order: int) -> float:
    """Give the F-measure of ROUGE-N (Lin 2004) over words in lower case, without stemming.

    As the package rouge-score; but letters outside ASCII count as letters, and equal texts of fewer than
    `order` words score 1.
    """
    found, expected = _WORD.findall(text.lower()), _WORD.findall(reference.lower())
    sizes = len(found) - order + 1, len(expected) - order + 1
    if min(sizes) < 1:
        return float(found == expected)
    return 2 * _count_matches(found, expected, order) / sum(sizes)


def measure_rouge_l(text: str, reference: str) -> float:
    """Give the F-measure of ROUGE-L (Lin 2004): the longest common subsequence, of words as in ROUGE-N."""
    from rapidfuzz.distance import LCSseq

    found, expected = _WORD.findall(text.lower()), _WORD.findall(reference.lower())
    if not found or not expected:
        return float(found == expected)
    return 2 * LCSseq.similarity(found, expected) / (len(found) + len(expected))


def has_meaning(text: str) -> bool:
    """Tell whether a text has an English word whose vector Lucy knows: else no cosine says anything."""
    from lucy.tools.embeddings.static import embed_texts

    return bool(embed_texts([text]).any())


def compare_meanings(text: str, reference: str) -> float:
    """Give the cosine of the two texts' sums of Lucy's own English word vectors, at least 0."""
    from lucy.tools.embeddings.static import embed_texts

    first, second = embed_texts([text, reference])
    if not first.any() or not second.any():
        return float(text.strip() == reference.strip())
    return float(first @ second)


_METRICS: Mapping[Metric, Callable[[str, str], float]] = {
    "fuzzy_match": compare_fuzzily,
    "bleu": measure_bleu,
    "gleu": measure_gleu,
    "meteor": measure_meteor,
    "cosine": compare_meanings,
    "rouge_1": partial(measure_rouge, order=1),
    "rouge_2": partial(measure_rouge, order=2),
    "rouge_3": partial(measure_rouge, order=3),
    "rouge_4": partial(measure_rouge, order=4),
    "rouge_5": partial(measure_rouge, order=5),
    "rouge_l": measure_rouge_l,
}


def _count_matches(found: Tokens, expected: Tokens, order: int) -> int:
    """Count the n-grams that both have, each as often as in the text that has it less often."""
    return sum((_count(found, order) & _count(expected, order)).values())


def _count(tokens: Tokens, order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def _align(found: Tokens, expected: Tokens) -> list[tuple[int, int]]:
    """Pair places of equal words, then of equal stems, each from the end, as nltk does; sorted."""
    exact = _pair(list(enumerate(found)), list(enumerate(expected)))
    used, taken = {pair[0] for pair in exact}, {pair[1] for pair in exact}
    left = [(place, word) for place, word in enumerate(found) if place not in used]
    right = [(place, word) for place, word in enumerate(expected) if place not in taken]
    if not left or not right:
        return sorted(exact)
    stems = _pair(
        [(place, _stem(word)) for place, word in left], [(place, _stem(word)) for place, word in right]
    )
    return sorted(exact + stems)


def _pair(found: Sequence[tuple[int, str]], expected: Sequence[tuple[int, str]]) -> list[tuple[int, int]]:
    places: dict[str, list[int]] = {}
    for place, word in expected:
        places.setdefault(word, []).append(place)
    return [(place, places[word].pop()) for place, word in reversed(found) if places.get(word)]


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    return _load_stemmer()(word)


@cache
def _load_stemmer() -> Callable[[str], str]:
    # Importing any part of nltk takes seconds, so only METEOR pays for it.
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer().stem
