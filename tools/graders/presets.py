"""Give the five ready-made graders, and recognise their names in what a person writes."""

import re
from typing import Literal, NamedTuple, get_args

from lucy.errors import InputError
from lucy.tools.graders.config import RubricGrader
from lucy.tools.graders.criterion import Measure, find_kind, make_criterion
from lucy.tools.graders.weights import share_out

PresetName = Literal["quality", "correctness", "tool_usage", "format_compliance", "conciseness"]
PRESET_NAMES: tuple[PresetName, ...] = get_args(PresetName)


class Preset(NamedTuple):
    """A ready-made rubric."""

    title: str
    description: str
    """One line in plain words."""
    percents: dict[Measure, int]
    """Weight of each criterion in percent, where the records have all that these compare with."""
    cues: re.Pattern[str]
    """Words that name it, with `preset` or `grader` beside them."""


def _phrase(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


PRESETS: dict[PresetName, Preset] = {
    "quality": Preset(
        "Quality",
        "Helpful, on the subject, complete and clear answers",
        {"helpfulness": 30, "grounding": 25, "relevance": 15, "completeness": 15, "clarity": 15},
        _phrase(r"(?:overall |general |answer |response )?quality"),
    ),
    "correctness": Preset(
        "Correctness",
        "The final answer equals the reference answer, or the recorded one",
        {"correctness": 70, "completeness": 15, "clarity": 15},
        _phrase(r"correct(?:ness)?|right answers?"),
    ),
    "tool_usage": Preset(
        "Tool usage",
        "The right tools are called with the right arguments",
        {"tool_usage": 100},
        _phrase(r"tool[ _-]?(?:usage|use|calls?|calling)|tools|function[ _-]?call(?:s|ing)?"),
    ),
    "format_compliance": Preset(
        "Format compliance",
        "Answers have the expected form, such as valid JSON, and still answer",
        {"format": 60, "correctness": 20, "relevance": 20},
        _phrase(r"format(?:[ _-]?compliance|ting)?|json|schema"),
    ),
    "conciseness": Preset(
        "Conciseness",
        "Answers as short as the question allows, and still answers",
        {"conciseness": 40, "helpfulness": 30, "grounding": 30},
        _phrase(r"concise(?:ness)?|brevity|brief(?:ness)?|short(?: answers?)?"),
    ),
}
"""The presets by name, in the order in which they are shown."""

_WORD = re.compile(r"\b(?:pre-?sets?|ready-?made)\b", re.IGNORECASE)
_CALLS_PERCENT = 60


def make_preset(name: str, *, has_reference: bool, has_replies: bool, has_tools: bool) -> RubricGrader:
    """Make a preset's grader; what the records have nothing to compare with is left out.

    Offline it is judged by what can be measured; a judge model judges it where one is set. Correctness
    needs a reference answer or a recorded reply; without either only a model can judge it. Tool usage
    without expected calls looks at their form only.

    Args:
        name: A preset's name, such as `tool_usage`, or its title.
        has_reference: Most records have a right answer.
        has_replies: Most have a recorded reply with a text.
        has_tools: Most offer tools; without texts as replies, these are taken to be tool calls.

    Raises:
        InputError: there is no preset of that name; the message lists them.
    """
    known = read_preset_name(name)
    if known is None:
        raise InputError(f"There is no preset {name!r}; expected one of: {', '.join(PRESET_NAMES)}.")
    percents = dict(PRESETS[known].percents)
    if known != "tool_usage" and has_tools and not has_replies:
        percents["tool_usage"] = _CALLS_PERCENT
    if not has_replies:
        percents.pop("grounding", None)
    if known != "correctness" and not (has_reference or has_replies):
        percents.pop("correctness", None)
    shares = share_out(list(percents.values()))
    return RubricGrader(
        name=PRESETS[known].title,
        criteria=tuple(
            make_criterion(find_kind(measure), share) for measure, share in zip(percents, shares, strict=True)
        ),
    )


def read_preset_name(text: str) -> PresetName | None:
    """Give the preset whose name or title a text is, nothing else; None when it is none."""
    plain = re.sub(r"[\s_-]+", "_", text.strip().lower())
    return next((name for name in PRESET_NAMES if name == plain), None)


def find_preset(text: str) -> PresetName | None:
    """Find the preset that a person asks for, such as "use the conciseness preset"; None when none.

    Either the whole text is a preset's name, or it has the word preset: then the mention nearest to that
    word counts.
    """
    word = _WORD.search(text)
    if word is None:
        return read_preset_name(text.strip(" .!"))
    mentions: list[tuple[int, int, PresetName]] = [
        (min(abs(word.start() - found.end()), abs(found.start() - word.end())), place, name)
        for place, (name, preset) in enumerate(PRESETS.items())
        for found in preset.cues.finditer(text)
    ]
    return min(mentions)[2] if mentions else None
