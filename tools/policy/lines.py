"""Find the courtesy lines that a dataset's own replies use again and again."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.tools.policy.exchanges import Exchange
from lucy.tools.policy.sentences import describe_text, fold_text, is_promise, split_sentences

LineKind = Literal["welcome", "apology", "opening", "next_step", "farewell"]
"""`welcome` answers thanks, `apology` and `opening` stand first, `next_step` and `farewell` stand last."""

MIN_FAMILIES = 3
"""A sentence is a courtesy line when at least so many unrelated records use it."""
MAX_WORDS = 12
LINES_PER_KIND = 4

STOCK_LINES: dict[LineKind, str] = {
    "welcome": "You're welcome.",
    "apology": "I'm sorry about that.",
    "opening": "Thank you for your message.",
    "next_step": "Is there anything else I can help you with?",
    "farewell": "Have a great day!",
}
"""Used for a kind of which the data has no line of its own."""

_COURTESY_WORDS_TEXT = """
a again and any anything apologies at about all are be can could day do else enjoy evening feel for free
glad good great happy have help here hear hi hello hope how i i'd i'm if in inconvenience is it it's
know let like lovely may me message more my need nice no of on or other our out please pleasure problem
questions reaching rest so sorry sure that that's the there to today too trouble us very wait was we
weekend welcome well what will with wonderful would you you're your course certainly thank thanks
contacting calling something
"""
COURTESY_WORDS = frozenset(_COURTESY_WORDS_TEXT.split())
"""A line of nothing but these fits any conversation; one with another word only where that word was said."""

_OPENINGS = re.compile(
    r"^(?:thank(?:s| you) for|sure\b|of course|certainly|happy to|hello|hi\b"
    r"|i(?:['\u2019]d| would) be (?:happy|glad))",
    re.IGNORECASE,
)


class Line(BaseModel):
    """One courtesy sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: LineKind
    text: str
    families: int
    """Number of unrelated records whose replies use it; 0 for a stock line."""


def find_lines(exchanges: Sequence[Exchange], names: frozenset[str]) -> list[Line]:
    """Collect the most used courtesy lines of each kind, stock lines where the data has none.

    Args:
        exchanges: The exchanges whose replies are read.
        names: Lower-case words that are names in this dataset; a line holding one is no courtesy.
    """
    counts, wordings = _count_sentences(exchanges)
    lines: list[Line] = []
    taken: Counter[LineKind] = Counter()
    for folded, families in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        text = wordings[folded]
        kind = None if families < MIN_FAMILIES or names & set(folded.split()) else classify_line(text)
        if kind is not None and taken[kind] < LINES_PER_KIND:
            taken[kind] += 1
            lines.append(Line(kind=kind, text=text, families=families))
    stock = [Line(kind=kind, text=text, families=0) for kind, text in STOCK_LINES.items() if not taken[kind]]
    return lines + stock


def classify_line(sentence: str) -> LineKind | None:
    """Say what kind of courtesy a sentence is; None for one that says anything particular."""
    traits = describe_text(sentence)
    if traits.words > MAX_WORDS or traits.words < 2 or traits.numbers or is_promise(sentence):
        return None
    if traits.offers_more:
        return "next_step"
    if traits.questions or traits.refusal:
        return None
    if traits.welcome and not traits.farewell and traits.words <= 5:
        return "welcome"
    if traits.farewell and "bye" not in sentence.lower():
        return "farewell"
    if traits.apology and traits.words <= 8:
        return "apology"
    return "opening" if _OPENINGS.match(sentence) and traits.words <= 8 else None


def _count_sentences(exchanges: Iterable[Exchange]) -> tuple[dict[str, int], dict[str, str]]:
    users: dict[str, set[str]] = {}
    wordings: dict[str, Counter[str]] = {}
    for exchange in exchanges:
        for sentence in split_sentences(exchange.reply):
            folded = fold_text(sentence)
            users.setdefault(folded, set()).add(exchange.family or exchange.record_id)
            wordings.setdefault(folded, Counter())[sentence] += 1
    best = {folded: min(seen, key=lambda text: (-seen[text], text)) for folded, seen in wordings.items()}
    return {folded: len(who) for folded, who in users.items()}, best
