"""Ask a judge model about responses, and make grades of its answers; shared by all graders with a judge."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from sys import float_info
from typing import Any, TypeGuard

from lucy.errors import GraderError
from lucy.tools.calls.door import Answer, Door, Estimate, Request
from lucy.tools.graders.placeholders import RenderError
from lucy.tools.graders.resources import Resources
from lucy.tools.vocabulary import Grade, Record

LABEL = "Asking the judge"
LONGEST_REASON = 400
"""Characters of a judge's reason that are kept."""

FAULTS = {
    "malformed": "The judge's answer could not be read, also after it was asked to correct it",
    "refused": "The judge declined to answer",
    "rate_limited": "The judge's service took no more calls; try again later",
    "server_error": "The judge's service failed; try again later",
    "dropped": "The connection to the judge broke off; try again later",
    "timeout": "The judge did not answer in time; try again later, or raise LUCY_MODEL_TIMEOUT",
}
"""What each error class of a judge's answer means, for a person."""

_CONTROL = re.compile(r"<(?=[|\uff5c]|/?s>|(?:start|end)_of_)|\[(?=/?INST)")
"""Where the control words of chat templates begin, which some servers obey inside a message."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge model at work for one grader.

    It never gives a score for an answer that failed: that is an error with its class. A wrong key or an
    unknown model is no error of one answer: `score_many` raises it as `ProviderError`, and what was answered
    before stays stored. Its callers grade some hundred pairs at a time, so that a person can stop between.
    """

    door: Door
    schema: dict[str, Any]
    """JSON schema of an answer."""
    find_fault: Callable[[object], str | None]
    """Says what is wrong with an answer; None when it can be used."""
    write: Callable[[Record, str], Request]
    """Writes the question about a response; raises `RenderError` where the record lacks something."""
    read: Callable[[dict[str, Any]], Grade]
    """Makes the grade of an answer without fault."""
    answer_tokens: int
    """About how many tokens one answer has."""

    def score_many(self, pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
        """Grade (record, response) pairs, in order; what is stored is not asked again.

        Raises:
            ProviderError: no call can succeed, such as for a wrong key.
        """
        unasked: dict[int, Grade] = {}

        def write_all() -> Iterator[Request]:
            for place, (record, response) in enumerate(pairs):
                written = self._write(record, response)
                if isinstance(written, Request):
                    yield written
                else:
                    unasked[place] = written

        answers = iter(self.door.ask_json(write_all(), self.schema, self.find_fault, label=LABEL))
        return [unasked.get(place) or self._grade(next(answers)) for place in range(len(pairs))]

    def estimate(self, pairs: Sequence[tuple[Record, str]]) -> Estimate:
        """Estimate what grading would take when no answer is stored yet."""
        written = [self._write(record, response) for record, response in pairs]
        requests = [one for one in written if isinstance(one, Request)]
        return self.door.estimate(requests, completion_tokens=self.answer_tokens, schema=self.schema)

    def _write(self, record: Record, response: str) -> Request | Grade:
        try:
            return self.write(record, response)
        except RenderError as error:
            return Grade(None, error="invalid_variable", reason=str(error))

    def _grade(self, answer: Answer[dict[str, Any]]) -> Grade:
        if answer.value is None:
            error = answer.error or "malformed"
            return Grade(None, error=error, reason=f"{FAULTS.get(error, 'The judge failed')}.")
        return self.read(answer.value)


def require_door(resources: Resources, *, model: str, name: str) -> Door:
    """Give the way to a judge model.

    Args:
        resources: What the grader may use.
        model: The judge's name; empty for the one that is set.
        name: The grader's name, for the message.

    Raises:
        GraderError: no judge model is set.
    """
    door = resources.open_judge(model)
    if door is None:
        raise GraderError(
            f"The grader {name!r} needs a judge model and none is set; set LUCY_JUDGE_MODEL, or use weighted "
            "criteria, which also work offline."
        )
    return door


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value from JSON is a finite number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= float_info.max


def rescale(value: float, low: float, high: float) -> float:
    """Bring a score from its range to 0..1."""
    return round(min(1.0, max(0.0, (value - low) / (high - low))), 6)


def read_reason(value: object) -> str:
    """Give a judge's reason as one printable line; empty when it is no text."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text.isprintable():
        text = " ".join("".join(sign for sign in text if sign.isprintable()).split())
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}\u2026"


def quote(value: object) -> str:
    """Write untrusted values as JSON that stays data: no line of its own, no control word of a template."""
    text = json.dumps(value, ensure_ascii=False)
    return _CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
