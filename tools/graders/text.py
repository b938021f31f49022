"""Read the measurable features of a prompt and of a response, once each."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from lucy.tools.graders.tool_usage import Call, Tool, read_calls, read_tools
from lucy.tools.responses import read_recorded_response, read_response
from lucy.tools.vocabulary import Record, read_last_user_text, read_reply_text, read_text

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\d+(?:[.,:]\d+)*|"
    r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
    r"(?:'[^\W\d_]+)?"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_SPECIFIC = re.compile(r"\d+(?:[.,:]\d+)*|(?<=[a-z,;:] )[A-Z][a-z]{2,}")
_FUNCTION_WORDS = frozenset(
    """
    a about after all also am an and any are as at be been but by can could did do does doing don't for from
    get had has have he her here hers him his how i i'd i'll i'm i've if in into is it it's its just let let's
    may me might more my no not now of on one or our out please she should so some such than that that's the
    their them then there there's these they they'll this those to too up us was we we'll we're we've were
    what when where which who why will with would yes you you'd you'll you're your yours
    """.strip().split()
)
_LIGHT_WORDS = _FUNCTION_WORDS | frozenset(
    """
    anything else ok okay thank thanks hello hi hey bye goodbye good great nice day want need like know help
    sure oh well really very much thing things today
    """.strip().split()
)
_CLOSING = re.compile(
    r"\b(?:bye|goodbye|good ?bye|thanks?|thank you|thx|cheers|that'?s (?:all|it)|that is (?:all|it)|"
    r"have a (?:good|great|nice)|"
    r"nothing else|all set|never ?mind|appreciate)\b|^\s*(?:no|nope)\b[^?]{0,40}$",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"\b(?:can|could|would|will) (?:you|i|we)|\bplease\b|\bi(?:'d| would) like|\bi(?: really)? (?:need|"
    r"want)|\bhelp me|"
    r"\btell me|\bshow me|\bgive me|\bhow (?:do|can|to|much|many|long)|^(?:book|find|cancel|change|check|"
    r"write|list|"
    r"explain|describe|make|create|give|tell|show|what|when|where|which|who|why|how|is|are|do|does|did)\b",
    re.IGNORECASE,
)
_ENGLISH_SHARE = 0.2
REFERENCE_FIELDS = (
    "reference_answer",
    "expected_answer",
    "expected_output",
    "expected",
    "answer",
    "reference",
    "ideal",
    "target",
    "label",
)
"""Fields of `Record.item` that may hold the right answer; the first that is there counts."""

EXPECTED_CALLS_FIELD = "expected_tool_calls"
"""Field of `Record.item` that may hold the right tool calls."""

Turn = Literal["closing", "asking", "telling"]
"""What the last user message does: end the talk, ask for something, or tell something."""


class Text(NamedTuple):
    """Features of a text on its own."""

    raw: str
    words: tuple[str, ...]
    """Lower-case words and numbers, in order; East Asian scripts by character."""
    counts: dict[str, int]
    """Count per stem."""
    topics: frozenset[str]
    """Stems that carry content."""
    pairs: tuple[tuple[str, str], ...]
    """Neighbouring words."""
    sentences: tuple[str, ...]
    specifics: frozenset[str]
    """Numbers and names, lower-case."""
    function_share: float
    """Share of function words, 0 to 1: low in lists of keywords and in other languages than English."""
    calls: tuple[Call, ...] = ()
    """Tool calls beside the text."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Features of a record that responses are compared with."""

    last: Text
    turn: Turn
    asks: tuple[frozenset[str], ...]
    """Content stems of each question or request in the last user message."""
    weights: dict[str, float]
    """Content stem to how near it is to the question: 1 last message, less for earlier ones."""
    subject: frozenset[str]
    """Content stems of the conversation, the recorded reply and the right answer that fit few others."""
    said: frozenset[str]
    """Stems of the person's own messages."""
    user_pairs: frozenset[tuple[str, str]]
    known: frozenset[str]
    """Words and numbers said anywhere in the conversation, tool results included."""
    reply: Text | None
    """The recorded reply."""
    reference: str | None
    """The right answer, where the record has one."""
    tools: dict[str, Tool]
    """What the record offers, by name."""
    calls: tuple[Call, ...] | None
    """The expected tool calls, empty where none is; None when that is not known."""
    wants_json: bool
    is_english: bool
    """Whether English function words are common in the conversation."""


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Cut the commonest English endings off a word; a crude stemmer, enough to match `booked` to `book`."""
    if len(word) > 4 and not word[0].isdigit():
        for ending in ("'s", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s"):
            if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
                base = word[: -len(ending)]
                base = base + "y" if ending in ("ied", "ies") else base
                return base[:-1] if len(base) > 3 and base[-1] == base[-2] else base.rstrip("e")
        return word.rstrip("e")
    return word


GENERIC_WORDS = frozenset(
    stem(word + ending)
    for ending in ("", "s", "ed", "ing")
    for word in """
    able absolutely account add additional administrator advice agree already always answer anyone
    anytime apologies apologize apology appreciate appreciated ask aspect assist assistance assure
    attention aware basically best better bring care certain certainly clear come completely concern
    confirm consider contact correct correctly course customer dear definitely deserve discuss end
    ensure especially evaluate every everyone everything exactly excellent experience explain fact far
    feel feeling follow forward free fully general generally gladly go grader happen happy hear hesitate
    hope ideal imagine important inconvenience inform information inquiry instruction issue keep kind
    kindly know known later let lie light like listen look lot make many matter maximum mean mention
    message mind moment needless never nice note nothing now number often opinion others overall part
    patience patient people perfect perfectly person please pleasure point possible previous previously
    problem provide question rather reach ready really reason regard request require resolve respond
    response right satisfaction satisfy say score see sense serve service shortly show side similar
    simply situation something soon sorry sort speak special still stop support sure surely system take
    talk team tell think time today together topic touch trouble true truly trust try understand
    understanding useful value various verify view wait way welcome well while whole wish wonderful word
    work world worry write
    """.strip().split()
)
"""Stems of words that fit any conversation, and so do not link an answer to this one."""


def read_words(raw: str) -> tuple[str, ...]:
    """Split a text into lower-case words and numbers, in order."""
    return tuple(_WORD.findall(raw.replace("\u2019", "'").lower()))


@lru_cache(maxsize=8192)
def read_features(raw: str) -> Text:
    """Read the features of a text."""
    plain = raw.replace("\u2019", "'")
    words = read_words(raw)
    stems = [stem(word) for word in words]
    function_words = sum(word in _FUNCTION_WORDS for word in words)
    return Text(
        raw=raw,
        words=words,
        counts=Counter(stems),
        topics=frozenset(s for s, word in zip(stems, words, strict=True) if word not in _LIGHT_WORDS),
        pairs=tuple(pairwise(words)),
        sentences=tuple(part for part in _SENTENCE.split(plain.strip()) if part.strip()),
        specifics=frozenset(part.lower() for part in _SPECIFIC.findall(plain)),
        function_share=function_words / len(words) if words else 0.0,
    )


def read_answer(response: str) -> Text:
    """Read the features of a response: of its text, with its tool calls beside it."""
    said = read_response(response)
    text = read_features(said.text)
    return text._replace(calls=read_calls(said.tool_calls)) if said.tool_calls else text


def read_prompt(record: Record) -> Prompt:
    """Read the features of a record."""
    last = read_features(read_last_user_text(record))
    messages = [(m.get("role") == "user", read_words(read_text([m]))) for m in record.prompt]
    words = [word for _, said in messages for word in said]
    reply = read_reply_text(record)
    reference = find_reference(record.item)
    expected = reference or reply
    weights = _weigh_topics(last, messages)
    topics = frozenset(weights) | read_features(reply).topics | read_features(reference or "").topics
    return Prompt(
        last=last,
        turn=_tell_turn(last),
        asks=_find_asks(last),
        weights=weights,
        subject=topics - GENERIC_WORDS,
        said=frozenset(stem(word) for by_user, words in messages if by_user for word in words),
        user_pairs=frozenset(pair for by_user, said in messages if by_user for pair in pairwise(said)),
        known=frozenset(words),
        reply=read_features(reply) if reply else None,
        reference=reference,
        tools=read_tools(record.tools),
        calls=_find_expected_calls(record),
        wants_json=_is_json_document(expected) or (not expected and "json" in last.words),
        is_english=sum(word in _LIGHT_WORDS for word in words) >= _ENGLISH_SHARE * len(words),
    )


def _find_expected_calls(record: Record) -> tuple[Call, ...] | None:
    """Take the item's `expected_tool_calls`, else the recorded reply's calls, which may be none."""
    given = record.item.get(EXPECTED_CALLS_FIELD)
    if given is not None:
        return read_calls(given)
    return read_calls(read_response(read_recorded_response(record)).tool_calls) if record.reply else None


def find_reference(item: dict[str, Any]) -> str | None:
    """Give the right answer that a record's item holds, as text; None when it holds none."""
    for name in REFERENCE_FIELDS:
        value = item.get(name)
        if value is None or isinstance(value, bool) or value == "":
            continue
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return None


def _is_json_document(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _tell_turn(last: Text) -> Turn:
    if "?" in last.raw or any(_REQUEST.search(sentence) for sentence in last.sentences):
        polite_end = "?" not in last.raw and _CLOSING.search(last.raw) and len(last.topics) < 2
        return "closing" if polite_end else "asking"
    return "closing" if _CLOSING.search(last.raw) and len(last.words) < 30 else "telling"


def _find_asks(last: Text) -> tuple[frozenset[str], ...]:
    asking = [s for s in last.sentences if s.rstrip().endswith("?") or _REQUEST.search(s)]
    return tuple(topics for s in asking if (topics := read_features(s).topics))


def _weigh_topics(last: Text, messages: Sequence[tuple[bool, tuple[str, ...]]]) -> dict[str, float]:
    """Weigh content stems by who said them: the last message 1, the person before 0.8, others 0.5."""
    weights: dict[str, float] = {}
    for by_user, weight in ((False, 0.5), (True, 0.8)):
        said = {word for user, words in messages if user == by_user for word in words}
        weights.update(dict.fromkeys((stem(word) for word in said - _LIGHT_WORDS), weight))
    weights.update(dict.fromkeys(last.topics, 1.0))
    return weights


def compare_words(response: Text, reference: Text) -> float:
    """Compute the F1 of shared stems, 0 to 1, counted with repetition.

    The token F1 of SQuAD (Rajpurkar et al. 2016), on stems and without dropping articles.
    """
    if not response.words or not reference.words:
        return 0.0
    small, large = response.counts, reference.counts
    if len(small) > len(large):
        small, large = large, small
    shared = sum(min(count, large.get(word, 0)) for word, count in small.items())
    return 2 * shared / (len(response.words) + len(reference.words))
