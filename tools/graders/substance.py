"""Find responses that say nothing, whatever their wording: they must not earn anything."""

import re
from typing import NamedTuple

from lucy.tools.graders.correctness import read_json
from lucy.tools.graders.text import GENERIC_WORDS, Prompt, Text, compare_words, read_features

_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry,? (?:but )?)?(?:i )?(?:not able|unable|can(?:no|')t)|"
    r"(?:i|we) (?:can(?:no|')t|can not|won't|will not|am not able to|are not able to|am unable to|"
    r"are unable to|don't) "
    r"(?:really )?(?:help|assist|answer|do that|provide|comply|discuss|know)|as an ai)\b",
    re.IGNORECASE,
)
_WAY_ON = re.compile(
    r"\?|\b(?:instead|but (?:i|we) can\b(?!'t)|however|alternative\w*|let me know|try|please (?:call|"
    r"contact|visit|check|send))\b",
    re.IGNORECASE,
)
_COURTEOUS_WORDS = 14
_SHORTEST_NEWS = 16
_SUMMARY_RATIO = 3
_WRONG_FORM = 0.3
_NOTHING = 0.03
_REFUSED = 0.2
_SAID_BACK = 0.3
_SHORTEST_LIST = 6
_SHORTEST_ECHO = 4


class Substance(NamedTuple):
    """How much of a response counts."""

    share: float
    """0 to 1; every criterion is multiplied by it."""
    fault: str
    """What is wrong, a phrase; empty when nothing is."""
    exact_share: float = 1.0
    """The same for criteria that compare with a right answer: idle words around that cost those nothing."""


def measure_substance(prompt: Prompt, response: Text) -> Substance:
    """Tell how much a response says: little when it is empty, an echo, a list of keywords or a bare refusal.

    Little, too, when it is filler, polite phrases, or such phrases around the person's own words. An answer
    that agrees with the right answer or the recorded reply always counts. What passes: invented facts in
    the words of the subject, and the answer to another question on it. In other languages than English only
    emptiness, echoes, repetition and form are seen.
    """
    if not response.words:
        has_text = bool(response.raw.strip()) and read_json(response.raw) is not None
        return Substance(1.0, "") if has_text else Substance(0.0, "is empty", 0.0)
    idle = min(_measure_idleness(prompt, response), _measure_novelty(prompt, response))
    hollow = min(
        _measure_echo(prompt, response),
        _measure_stuffing(prompt, response),
        _measure_repetition(response),
        _measure_refusal(response),
        _measure_form(prompt, response),
    )
    worst = min(idle, hollow)
    if worst.share >= 1:
        return worst
    agreement = _measure_agreement(prompt, response)
    return Substance(max(worst.share, agreement), worst.fault, max(hollow.share, agreement))


def _ramp(value: float, low: float, high: float) -> float:
    """Fall from 1 at `low` to nearly nothing at `high`."""
    share = (value - low) / (high - low)
    return 1 - (1 - _NOTHING) * min(1.0, max(0.0, share))


def _measure_echo(prompt: Prompt, response: Text) -> Substance:
    """Compare neighbouring words with the person's own; a short `thank you` may be said back."""
    closing = prompt.turn == "closing"
    if response.words == prompt.last.words:
        courteous = closing and len(response.words) < _SHORTEST_ECHO
        return Substance(_SAID_BACK if courteous else _NOTHING, "repeats the prompt")
    if len(response.words) < (_SHORTEST_LIST if closing else _SHORTEST_ECHO):
        return Substance(1.0, "")
    share = sum(pair in prompt.user_pairs for pair in response.pairs) / len(response.pairs)
    return Substance(_ramp(share, 0.55, 0.85), "repeats the prompt")


def _measure_stuffing(prompt: Prompt, response: Text) -> Substance:
    """Look for words without grammar, in English, where the conversation itself has grammar."""
    if len(response.words) < _SHORTEST_LIST or not prompt.is_english or prompt.wants_json:
        return Substance(1.0, "")
    if any(word[0].isdigit() for word in response.words) or re.search(r"[{}<>=`]", response.raw):
        return Substance(1.0, "")
    return Substance(_ramp(-response.function_share, -0.2, -0.05), "is a list of keywords")


def _measure_repetition(response: Text) -> Substance:
    if len(response.words) < 2 * _SHORTEST_LIST:
        return Substance(1.0, "")
    fresh = len(set(response.pairs)) / len(response.pairs)
    return Substance(_ramp(-fresh, -0.55, -0.25), "repeats itself")


def _measure_refusal(response: Text) -> Substance:
    if not _REFUSAL.search(response.raw) or len(response.words) > 60:
        return Substance(1.0, "")
    way_on = _WAY_ON.search(response.raw) is not None
    return Substance(0.8 if way_on else _REFUSED, "refuses")


def _measure_idleness(prompt: Prompt, response: Text) -> Substance:
    """Count the words of sentences that have no word of the subject; a greeting or an offer is no fault.

    The subject is what the conversation, the recorded reply and the right answer speak of, and what a
    sentence that takes that up speaks of besides.
    """
    if len(response.words) <= _COURTEOUS_WORDS or not prompt.is_english or prompt.wants_json:
        return Substance(1.0, "")
    said = [read_features(sentence) for sentence in response.sentences]
    linked = [bool(sentence.topics & prompt.subject) for sentence in said]
    chain = frozenset(word for one, held in zip(said, linked, strict=True) if held for word in one.topics)
    idle = sum(len(one.words) for one in said if not one.topics & (prompt.subject | (chain - GENERIC_WORDS)))
    excess = max(0, idle - _COURTEOUS_WORDS)
    return Substance(
        1 - (1 - _NOTHING) * excess / len(response.words), "is mostly words that fit any conversation"
    )


def _measure_novelty(prompt: Prompt, response: Text) -> Substance:
    """Look for content words that the person did not use; a summary of a long message needs none."""
    is_summary = len(prompt.last.words) > _SUMMARY_RATIO * len(response.words)
    if len(response.words) < _SHORTEST_NEWS or not prompt.is_english or is_summary:
        return Substance(1.0, "")
    fresh = len(response.topics - GENERIC_WORDS - prompt.said) / len(response.words)
    return Substance(_ramp(-fresh, -1 / _SHORTEST_NEWS, 0.0), "adds nothing to what the person said")


def _measure_form(prompt: Prompt, response: Text) -> Substance:
    """Look for JSON where the person expects a text."""
    is_document = not prompt.wants_json and isinstance(read_json(response.raw), dict | list)
    return Substance(_WRONG_FORM if is_document else 1.0, "is JSON, where text is expected")


def _measure_agreement(prompt: Prompt, response: Text) -> float:
    """Tell how sure it is that this is the expected answer: 0 up to F1 0.4, 1 from 0.8."""
    expected = [read_features(prompt.reference)] if prompt.reference else []
    expected += [prompt.reply] if prompt.reply else []
    best = max((compare_words(response, text) for text in expected), default=0.0)
    return min(1.0, max(0.0, (best - 0.4) / 0.4))
