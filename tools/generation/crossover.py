"""Begin a message like one and end it like another, where both say the same two or three words.

Every three words in a row of the result stand so in one of the two. What this does not see: whether the
result makes sense as a whole, which is why most crossings are refused by `cross`.
"""

import random
import re
from typing import NamedTuple

from lucy.tools.generation.language import FUNCTION_WORDS, find_content_words, find_words, list_words

_TOKEN = re.compile(r"\S+")
_WEAK_ENDS = FUNCTION_WORDS - list_words("me it that this them you please now there then not again")
MAX_WORDS = 30
_KINDS = {
    "preposition": list_words(
        """in on at to from for with of by about over under into through during before after between off out
        near around against without within until since"""
    ),
    "article": list_words("a an the my your his her our their this these that those any some"),
    "verb": list_words(
        """is are was were be been am do does did have has had can could will would should may might must
        isn't
        aren't wasn't don't doesn't didn't hasn't haven't can't won't not never went came got"""
    ),
    "joint": list_words("""and or but because so if when where while that which who what how why than as"""),
    "subject": list_words("i i'm i've i'd i'll you he she it we they it's there"),
}


class _Pivot(NamedTuple):
    first: int
    """Token of the first message at which the shared words begin."""
    second: int
    width: int


def cross(first: str, second: str, rng: random.Random, *, least: int = 2) -> str | None:
    """Cross two single-sentence messages at shared words.

    Args:
        first: Gives the beginning.
        second: Gives the end.
        rng: Chooses among several places.
        least: Words in a row that both must share; in languages whose words are not known, take 3.

    Returns:
        The beginning of `first` and the end of `second`; None when they share no fitting place, or the
        result says a content word twice, or nothing of one of them.
    """
    head, tail = _TOKEN.findall(first), _TOKEN.findall(second)
    if max(len(head), len(tail)) > MAX_WORDS or min(len(head), len(tail)) < 4:
        return None
    pivots = [
        pivot for pivot in _find_pivots(head, tail) if pivot.width >= least and _is_fitting(head, tail, pivot)
    ]
    if not pivots:
        return None
    pivot = rng.choice(pivots)
    return " ".join([*head[: pivot.first], *tail[pivot.second :]])


def _find_pivots(head: list[str], tail: list[str]) -> list[_Pivot]:
    """List places where both have the same two words, the widest run at each."""
    left, right = [_fold(token) for token in head], [_fold(token) for token in tail]
    pivots: list[_Pivot] = []
    for i in range(len(left) - 1):
        for j in range(len(right) - 1):
            width = 0
            while i + width < len(left) and j + width < len(right) and left[i + width] == right[j + width]:
                width += 1
            begins_earlier = i > 0 and j > 0 and left[i - 1] == right[j - 1]
            if width > 1 and not begins_earlier:
                pivots.append(_Pivot(i, j, width))
    return pivots


def _fold(token: str) -> str:
    return token.lower().strip(".,!?;:\"'")


def _is_fitting(head: list[str], tail: list[str], pivot: _Pivot) -> bool:
    before, after = head[: pivot.first], tail[pivot.second + pivot.width :]
    dropped = head[pivot.first + pivot.width :]
    shared = find_content_words(" ".join(tail[pivot.second : pivot.second + pivot.width]))
    start, end = _find_stems(before), _find_stems(after)
    if not start or not end or start & end or not (shared or pivot.width > 2):
        return False
    return _ends_well(after) and _continues_alike(dropped, after)


def _find_stems(tokens: list[str]) -> set[str]:
    return {word.replace("'", "").rstrip("s") for word in find_content_words(" ".join(tokens))}


def _continues_alike(dropped: list[str], after: list[str]) -> bool:
    """Tell whether what is put behind the shared words begins with the same kind of word as before."""
    kind = _classify(after[0])
    return kind == _classify(dropped[0]) if dropped else kind == "preposition"


def _classify(token: str) -> str:
    word = _fold(token)
    return next((kind for kind, words in _KINDS.items() if word in words), "other")


def _ends_well(tokens: list[str]) -> bool:
    last = (find_words(tokens[-1]) or [""])[-1]
    return last not in _WEAK_ENDS
