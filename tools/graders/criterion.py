"""Define a criterion, and the kinds of criteria that the offline judge can measure."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Measure = Literal[
    "helpfulness",
    "relevance",
    "completeness",
    "grounding",
    "correctness",
    "politeness",
    "empathy",
    "commitments",
    "next_step",
    "conciseness",
    "format",
    "clarity",
    "plain_words",
    "tool_usage",
]
"""What the offline judge can measure; each is documented in `measures` and `correctness`."""

MEASURE_NAMES: tuple[Measure, ...] = get_args(Measure)


class Criterion(BaseModel):
    """One thing a response is judged by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    """Stable key of the score in `Grade.criteria`."""
    name: str = Field(min_length=1)
    weight: float = Field(ge=0, le=1)
    """Share of the whole score, 0 to 1."""
    description: str
    """One line in plain words."""
    measure: Measure


@dataclass(frozen=True, slots=True)
class Kind:
    """A criterion that Lucy knows how to propose, and the words that people use for it."""

    measure: Measure
    name: str
    description: str
    points: int
    """Usual weight in percent, before the weights are made to sum to 100."""
    cues: re.Pattern[str]
    """Words that name this criterion, or a fault it watches for."""
    faults: re.Pattern[str] | None = None
    """Words for the fault itself: `less <fault>` asks for more of the criterion."""


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})", re.IGNORECASE)


_PROMISE = r"over-?\s?promis|promis|guarantee|commit(?:ment|ting)?s?\b|unrealistic|delivery (?:date|time)s?"
_JARGON = r"jargon|technical (?:term|word)s?|buzz-?\s?words?|acronyms?|big words|complicated words"
_LENGTH = r"long-?winded|wordy|wordiness|verbos\w*|rambl\w*|filler|waffl\w*"

KINDS: tuple[Kind, ...] = (
    Kind(
        "helpfulness",
        "Helpfulness",
        "Addresses the person's actual issue",
        40,
        _words(r"helpful\w*|useful\w*|address(?:es|ing)? the (?:issue|question|customer)|help\w* customers"),
    ),
    Kind(
        "grounding",
        "Accuracy",
        "Facts agree with the recorded answer and the conversation",
        25,
        _words(
            r"accura(?:cy|te(?!\s+(?:calc|math|arith|number)))|factual\w*|facts?\b|grounded|grounding|"
            r"truth\w*|"
            r"hallucinat\w*|mak\w+ (?:things|stuff) up|invent\w*|made.up"
        ),
        _words(r"hallucinat\w*|mak\w+ (?:things|stuff) up|invent\w*|made.up"),
    ),
    Kind(
        "politeness",
        "Brand Voice",
        "Professional and friendly tone",
        20,
        _words(
            r"brand|voice|tone\b|polite\w*|friendl\w*|professional\w*|courte\w+|respectful\w*|warm\b|"
            r"warmth|manners|"
            r"kind(?:ly|ness)?\b(?! of)|rude\w*|shout\w*"
        ),
        _words(r"rude\w*|shout\w*"),
    ),
    Kind(
        "next_step",
        "Resolution",
        "Moves toward solving it: names or offers a next step",
        15,
        _words(
            r"resolution|resolv\w*|solution|solv(?:es?|ing) (?:the|their|customer|user)|next.steps?|"
            r"follow.?ups?|"
            r"actionable|call to action|what to do next|move\w* (?:things )?forward"
        ),
    ),
    Kind(
        "commitments",
        "No Over-promising",
        "Avoids commitments we may not keep, such as delivery dates or guaranteed outcomes",
        10,
        _words(_PROMISE),
        _words(_PROMISE),
    ),
    Kind(
        "correctness",
        "Correctness",
        "The final answer equals the reference",
        70,
        _words(
            r"correct\w*|calculat\w*|maths?\b|mathemat\w*|arithmetic\w*|right answers?|exact\b|exact(?:ly|"
            r"ness)|"
            r"final answers?|numbers? right|accurate (?:calc|math|arith|number)\w*|extract\w*|classif\w+|"
            r"sql\b|quer(?:y|ies)\b|wrong answers?|mistakes?\b|errors?\b"
        ),
        _words(r"wrong answers?|mistakes?\b|errors?\b"),
    ),
    Kind(
        "tool_usage",
        "Tool Usage",
        "Calls the right tools with the right arguments",
        60,
        _words(
            r"tools?\b|function.?call\w*|(?:right|correct|wrong) (?:tool|function|api)s?|"
            r"(?:call|use|invoke)\w* (?:the )?(?:functions?|apis?)|api.?calls?"
        ),
    ),
    Kind(
        "conciseness",
        "Conciseness",
        "As short as the question allows",
        15,
        _words(
            rf"concis\w*|short(?:er|ness)?\b|brief\w*|brevity|succinct\w*|to the point|length\b|{_LENGTH}"
        ),
        _words(_LENGTH),
    ),
    Kind(
        "format",
        "Format",
        "Has the expected form, such as valid JSON",
        30,
        _words(r"json\b|format(?!ion)\w*|valid structure|structured|schema"),
    ),
    Kind(
        "empathy",
        "Empathy",
        "Acknowledges how the person feels about the problem",
        15,
        _words(r"empath\w*|compassion\w*|sympath\w*|caring|understanding\b|apologi\w*|apology|feelings?\b"),
    ),
    Kind(
        "plain_words",
        "Plain Words",
        "Uses everyday words, no jargon",
        10,
        _words(rf"plain|simple\b|simply|simple words|everyday words|{_JARGON}"),
        _words(_JARGON),
    ),
    Kind(
        "clarity",
        "Clarity",
        "Easy to read: whole sentences, not too long, nothing repeated",
        15,
        _words(
            r"clear\w*|clarity|readab\w*|easy to (?:read|follow|understand)|understandable|grammar|"
            r"repetiti\w*|repeat\w*|gibberish|well.written"
        ),
        _words(r"repetiti\w*|repeat\w*|gibberish"),
    ),
    Kind(
        "completeness",
        "Completeness",
        "Covers everything that was asked, at a fitting length",
        20,
        _words(
            r"complete(?:ness|ly)?\b|thorough\w*|comprehensive\w*|detail\w*|cover\w* (?:all|every)\w*|"
            r"answers? (?:all|every)\w*|all questions|show\w* (?:the|its|your) work\w*|explain\w*"
        ),
    ),
    Kind(
        "relevance",
        "Relevance",
        "Stays on the subject of the conversation",
        20,
        _words(r"relevan\w*|on.topic|off.topic|on the subject|stay\w* on(?!\W+brand)"),
        _words(r"off.topic|irrelevan\w*"),
    ),
)
"""Every kind of criterion, in the order in which they are proposed and shown."""


def find_kind(measure: Measure) -> Kind:
    """Give the kind of criterion that a measure belongs to."""
    return next(kind for kind in KINDS if kind.measure == measure)


def find_cued_kinds(text: str) -> tuple[Kind, ...]:
    """Find the kinds of criteria that a text speaks of, in the order of `KINDS`."""
    return tuple(kind for kind in KINDS if kind.cues.search(text))


def make_criterion(kind: Kind, percent: int, description: str | None = None) -> Criterion:
    """Make a criterion of a kind with a weight in whole percent."""
    return Criterion(
        id=kind.measure,
        name=kind.name,
        weight=percent / 100,
        description=description or kind.description,
        measure=kind.measure,
    )
