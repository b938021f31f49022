"""Measure one quality of a response each, by features of the text.

Every measure gives 0 to 1 and one phrase of evidence. None of them knows whether a statement is true, and
none understands: they see words, numbers, lengths and forms, in English (other languages get mid scores for
politeness, next step and commitments). What each looks at stands in its docstring.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from lucy.tools.graders.commitments import find_promises
from lucy.tools.graders.correctness import compare_answer, read_json
from lucy.tools.graders.criterion import Measure
from lucy.tools.graders.text import Prompt, Text, compare_words
from lucy.tools.graders.tool_usage import check_calls, compare_calls


class Finding(NamedTuple):
    """What a measure says about a response."""

    score: float
    evidence: str
    """A phrase that goes on from "the response ..."."""


_COURTESIES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:thanks?|thank you|appreciate)\b",
        r"\b(?:please|kindly)\b",
        r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|i understand)\b",
        r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|welcome|goodbye|bye|have an? \w+|"
        r"take care|enjoy)\b",
        r"\b(?:happy|glad|pleasure|certainly|of course|sure|great|wonderful|perfect|excellent)\b",
        r"\b(?:may i|could you|would you|can i|let me|i'd|i can|we can|help)\b",
    )
)
_RUDE = re.compile(
    r"\b(?:stupid|idiots?|dumb|shut up|moron|whatever|not my problem|your (?:own )?fault|deal with it|"
    r"ridiculous|"
    r"nonsense|hell|damn|crap|fuck\w*|shit\w*|go away|stop (?:asking|bothering)|obviously you|you people)\b",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"\b[A-Z]{4,}\b")
_NEXT_STEPS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\?",
        r"\blet me know|\bfeel free|\banything else|\bwould you like|\bdo you want|\bcan i help",
        r"\b(?:please|you (?:can|could|may|should|must|need to|will need to)|simply|try|click|go to|visit|"
        r"call|contact|reply|"
        r"send|check|enter|follow|instructions)\b",
        r"\b(?:i'll|i will|we'll|we will|i can|we can|i have|i've|we've|we have|has been|have been|"
        r"is booked|booked|"
        r"scheduled|submitted|successful\w*|completed|confirmed)\b",
        r"\b(?:next|then|first|after that|once you|afterwards)\b",
    )
)
_FAREWELL = re.compile(
    r"\b(?:bye|goodbye|good day|welcome|pleasure|thank(?:s| you)|have an? \w+|enjoy|take care|"
    r"anything else|glad)\b",
    re.IGNORECASE,
)
_EMPATHY = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:sorry|apologi[sz]e|apologies)\b",
        r"\b(?:i|we) (?:can |fully |completely )?(?:understand|see|hear|realise|realize|know how)\b",
        r"\b(?:frustrat|inconvenien|disappoint|annoy|worr|stress|difficult|upset)\w*",
        r"\bthank you for (?:your patience|telling|letting|bringing|reaching)|\bthat (?:must|sounds)\b",
    )
)
_FILLER = re.compile(
    r"\b(?:it is important to note|please note that|as an ai|in order to|at the end of the day|basically|"
    r"as (?:previously )?mentioned|i would like to (?:take|inform)|it should be noted|needless to say|"
    r"for your information)\b",
    re.IGNORECASE,
)
_JARGON = re.compile(
    r"\b(?:leverag\w+|synerg\w+|utili[sz]\w+|paradigm\w*|stakeholders?|bandwidth|end-to-end|backend|"
    r"frontend|endpoints?|"
    r"api|sla|kyc|erp|crm|sso|oauth|latency|throughput|provision\w*|remediat\w+|escalat\w+|facilitat\w+|"
    r"aforementioned|"
    r"pursuant|herein\w*|heretofore|optimi[sz]\w+|operationali[sz]\w+|granular\w*|holistic\w*|"
    r"workstreams?|deliverables?|"
    r"ideat\w+|disrupt\w*|scalab\w+|interoperab\w+)\b",
    re.IGNORECASE,
)
_ACRONYM = re.compile(r"\b[A-Z]{2,5}\b")
_YES_NO = re.compile(
    r"\b(?:yes|no|yeah|nope|sure|of course|certainly|unfortunately|correct|not)\b", re.IGNORECASE
)
_QUANTITY_ASKED = re.compile(
    r"\bhow (?:much|many|long|old|far)|\bwhen\b|\bwhat time|\bbalance|\bprice|\bcost", re.IGNORECASE
)
_INNER_JSON = re.compile(r"[{\[].*[}\]]", re.DOTALL)
_TYPICAL_WORDS = 9.0
_LONG_SENTENCE_WORDS = 22.0
_ROOMY_WORDS = 60.0


def _saturate(value: float, scale: float) -> float:
    """Grow from 0 toward 1: 0.63 at `scale`."""
    return 1 - math.exp(-value / scale)


def _count_of(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@lru_cache(maxsize=8192)
def _count(patterns: tuple[re.Pattern[str], ...], raw: str) -> int:
    """Count how many of the patterns occur."""
    return sum(pattern.search(raw) is not None for pattern in patterns)


def measure_relevance(prompt: Prompt, response: Text) -> Finding:
    """Look for the conversation's content words (stemmed, the last message most), and for new ones.

    Words that only repeat the last message earn half. After a farewell a courtesy is what is relevant. Not
    seen: a synonym, or the right words about the wrong thing.
    """
    if prompt.turn == "closing" and _FAREWELL.search(response.raw):
        return Finding(0.8, "closes the talk as the person does")
    shared = response.topics & prompt.weights.keys()
    near = sum(prompt.weights[word] for word in sorted(shared))
    score = 0.05 + 0.95 * _saturate(near, 1.8)
    if shared and not response.topics - prompt.last.topics:
        score *= 0.5
    if response.topics:
        score *= 0.7 + 0.3 * len(shared) / len(response.topics)
    return Finding(score, f"shares {_count_of(len(shared), 'content word')} with the conversation")


def measure_completeness(prompt: Prompt, response: Text) -> Finding:
    """Look at the length the question calls for, and at how many of its questions find an echo.

    A question counts as answered when the response takes up one of its words, gives a number where one was
    asked for, or says yes or no. Not seen: whether the answer to it is right.
    """
    if prompt.turn == "closing":
        return Finding(_saturate(len(response.words), 1.5), "answers a farewell")
    needed = _TYPICAL_WORDS + 6.0 * max(0, len(prompt.asks) - 1) + len(prompt.last.words) / 8
    length = _saturate(len(response.words), needed / 1.6)
    if not prompt.asks:
        return Finding(length, f"has {_count_of(len(response.words), 'word')}")
    answered = sum(_answers(ask, prompt, response) for ask in prompt.asks)
    missing = len(prompt.asks) - answered
    evidence = (
        f"leaves {missing} of {len(prompt.asks)} questions open"
        if missing
        else f"has {_count_of(len(response.words), 'word')}"
    )
    return Finding(0.5 * length + 0.5 * answered / len(prompt.asks), evidence)


def _answers(ask: frozenset[str], prompt: Prompt, response: Text) -> bool:
    if ask & response.topics:
        return True
    if _QUANTITY_ASKED.search(prompt.last.raw) and any(word[0].isdigit() for word in response.words):
        return True
    return len(prompt.asks) == 1 and _YES_NO.match(response.raw.lstrip()) is not None


def measure_helpfulness(prompt: Prompt, response: Text) -> Finding:
    """Take relevance and completeness together: their geometric mean."""
    relevance, completeness = measure_relevance(prompt, response), measure_completeness(prompt, response)
    weaker = min(relevance, completeness)
    return Finding(math.sqrt(relevance.score * completeness.score), weaker.evidence)


def measure_grounding(prompt: Prompt, response: Text) -> Finding:
    """Compare with the recorded reply (token F1), and the numbers and names with the conversation.

    Without a recorded reply only the second. Not seen: whether a fact is true, or a good answer in other
    words than the recorded one.
    """
    known = prompt.known | (prompt.reply.specifics if prompt.reply else frozenset())
    unknown = sorted(response.specifics - known)
    supported = 1 - len(unknown) / (len(response.specifics) + 1)
    evidence = f"states {unknown[0]!r}, which the conversation does not have" if unknown else ""
    if prompt.reply is None:
        return Finding(
            supported * (0.9 if response.specifics else 0.7), evidence or "states nothing to check"
        )
    shared = compare_words(response, prompt.reply)
    score = 0.85 * shared + 0.15 * supported
    return Finding(score, evidence or f"shares {shared:.0%} of its words with the recorded answer")


def measure_correctness(prompt: Prompt, response: Text) -> Finding | None:
    """Compare with the reference answer, else with the recorded reply; see `correctness` for how.

    None where the record has neither: then this criterion cannot be measured.
    """
    expected = prompt.reference or (prompt.reply.raw if prompt.reply else None)
    return Finding(*compare_answer(response.raw, expected)) if expected else None


def measure_politeness(prompt: Prompt, response: Text) -> Finding:
    """Count kinds of courtesy (thanks, please, regret, greeting, gladness, offers), less rudeness.

    Shouting and many exclamation marks cost too. Not seen: irony, a brand's own style, other
    languages.
    """
    kinds = _count(_COURTESIES, response.raw)
    score = 0.15 + 0.85 * _saturate(kinds, 1.6)
    if rude := _RUDE.search(response.raw):
        return Finding(score * 0.2, f"says {rude.group()!r}")
    shouted = [word for word in _SHOUTED.findall(response.raw) if word.lower() not in prompt.known]
    if len(shouted) >= 2:
        return Finding(score * 0.5, f"shouts {shouted[0]!r}")
    if response.raw.count("!") > 2:
        return Finding(score * 0.85, f"has {response.raw.count('!')} exclamation marks")
    return Finding(
        score, f"has {_count_of(kinds, 'kind')} of courtesy" if kinds else "has no word of courtesy"
    )


def measure_empathy(prompt: Prompt, response: Text) -> Finding:
    """Look for regret, understanding and naming the trouble. Not seen: whether it is meant or fits."""
    kinds = _count(_EMPATHY, response.raw)
    return Finding(
        0.3 + 0.7 * _saturate(kinds, 1.0), "acknowledges the trouble" if kinds else "shows no sympathy"
    )


def measure_commitments(prompt: Prompt, response: Text) -> Finding:
    """Look for promises, guarantees, dates and spans; see `commitments` for what counts."""
    promises = find_promises(response.sentences, prompt.known)
    return Finding(promises.score, f'promises "{promises.worst}"' if promises.worst else "promises nothing")


def measure_next_step(prompt: Prompt, response: Text) -> Finding:
    """Look for a question, an offer, an instruction, something done, or an order of steps.

    After a farewell a courtesy is enough. Not seen: whether the step helps.
    """
    if prompt.turn == "closing" and _FAREWELL.search(response.raw):
        return Finding(0.8, "closes the talk politely")
    kinds = _count(_NEXT_STEPS, response.raw)
    return Finding(
        0.05 + 0.95 * _saturate(kinds, 1.3),
        f"has {_count_of(kinds, 'sign')} of a next step" if kinds else "offers no next step",
    )


def measure_conciseness(prompt: Prompt, response: Text) -> Finding:
    """Compare the length with the recorded reply's, or 60 words, and look for filler phrases.

    Up to a fourth longer costs nothing; twice as long scores about 0.6. Not seen: what could be left out.
    """
    usual = len(prompt.reply.words) if prompt.reply else _ROOMY_WORDS
    room = max(20.0, 1.25 * usual)
    excess = max(0.0, len(response.words) - room) / room
    filler = len(_FILLER.findall(response.raw))
    score = 0.85**filler / (1 + excess)
    return Finding(score, f"has {len(response.words)} words, about {room:.0f} would do")


def measure_format(prompt: Prompt, response: Text) -> Finding:
    """Check for valid JSON where the right answer or the prompt expects it, and against it elsewhere.

    JSON with the expected fields 1, other JSON 0.7, JSON inside other text 0.4, none 0. Not seen: a schema,
    or any other format than JSON.
    """
    found = read_json(response.raw)
    is_json = isinstance(found, dict | list)
    if not prompt.wants_json:
        return Finding(0.3, "is JSON, where text is expected") if is_json else Finding(1.0, "is plain text")
    if not is_json:
        inside = _INNER_JSON.search(response.raw)
        inner = isinstance(read_json(inside.group()), dict | list) if inside else False
        return Finding(0.4, "has JSON inside other text") if inner else Finding(0.0, "is not valid JSON")
    expected = read_json(prompt.reference or (prompt.reply.raw if prompt.reply else ""))
    if isinstance(expected, dict) and not (isinstance(found, dict) and found.keys() == expected.keys()):
        return Finding(0.7, "is JSON with other fields than expected")
    return Finding(1.0, "is valid JSON")


def measure_clarity(prompt: Prompt, response: Text) -> Finding:
    """Look at sentence length (22 words is long), repeated sentences and phrases, and a proper start and end.

    Not seen: grammar, and whether the sentences follow from each other.
    """
    sentences = response.sentences or ("",)
    longest = len(response.words) / len(sentences)
    score = 1 / (1 + max(0.0, longest / _LONG_SENTENCE_WORDS - 1))
    repeated = 1 - len(set(response.pairs)) / len(response.pairs) if response.pairs else 0.0
    score *= 1 - min(0.8, max(0.0, repeated - 0.15) * 1.6)
    raw = response.raw.strip()
    score *= 1.0 if raw[:1].isupper() or not raw[:1].isalpha() else 0.85
    score *= 1.0 if raw[-1:] in ".!?)}]`\"'" or raw[-1:].isdigit() else 0.85
    if repeated > 0.3:
        return Finding(score, "repeats itself")
    return Finding(score, f"has {longest:.0f} words a sentence")


def measure_plain_words(prompt: Prompt, response: Text) -> Finding:
    """Count jargon from a list, acronyms and words over 12 letters that the person did not use.

    Not seen: a trade's own words that are short and not on the list.
    """
    jargon = [word for word in _JARGON.findall(response.raw) if word.lower() not in prompt.known]
    acronyms = [
        word for word in _ACRONYM.findall(response.raw) if word.lower() not in prompt.known and word != "OK"
    ]
    long = [word for word in response.words if len(word) > 12 and word not in prompt.known]
    hard = list(dict.fromkeys(word.lower() for word in (*jargon, *acronyms, *long)))
    score = 0.75 ** len(hard) if len(response.words) < 40 else math.exp(-12 * len(hard) / len(response.words))
    return Finding(score, f"uses {hard[0]!r}" if hard else "uses everyday words")


def measure_tool_usage(prompt: Prompt, response: Text) -> Finding | None:
    """Compare the tool calls with the expected ones; where these are not known, check their form.

    None where the record offers no tool and neither side calls one. See `tool_usage` for how.
    """
    if not (prompt.tools or prompt.calls or response.calls):
        return None
    if prompt.calls is None:
        return Finding(*check_calls(response.calls, prompt.tools))
    return Finding(*compare_calls(response.calls, prompt.calls, prompt.tools))


MEASURES: dict[Measure, Callable[[Prompt, Text], Finding | None]] = {
    "helpfulness": measure_helpfulness,
    "relevance": measure_relevance,
    "completeness": measure_completeness,
    "grounding": measure_grounding,
    "correctness": measure_correctness,
    "politeness": measure_politeness,
    "empathy": measure_empathy,
    "commitments": measure_commitments,
    "next_step": measure_next_step,
    "conciseness": measure_conciseness,
    "format": measure_format,
    "clarity": measure_clarity,
    "plain_words": measure_plain_words,
    "tool_usage": measure_tool_usage,
}
"""The function of each measure; None from it means that there is nothing to compare with."""
