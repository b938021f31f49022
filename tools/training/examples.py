"""Choose answers to show side by side, before and after training: people rather look than read figures."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.vocabulary import Record, read_last_user_text, read_text

SHOWN = 2
"""Examples of each kind."""
LONGEST = 700
"""Characters of a text that is shown."""


SHORT = 40
"""Characters below which a message is shown with the one before it."""


class Example(BaseModel):
    """A held-out prompt with a typical answer of each model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record_id: str
    kind: Literal["gain", "loss", "middle"]
    """Among the largest gains, among the largest losses, or the prompt whose change is the median."""
    prompt: str
    """Its last user message; before a short one, what it replies to."""
    before: str
    after: str
    reward_before: float
    """Mean of all answers of the base model to this prompt, not of the one shown."""
    reward_after: float


def choose_examples(
    before: Sequence[GradedRollout], after: Sequence[GradedRollout], records: Mapping[str, Record]
) -> list[Example]:
    """Choose the prompts with the largest gain, the median change, and the largest loss.

    Of each prompt the answer nearest to the mean of its answers is shown, so that none is a lucky one. A loss
    is a prompt whose mean reward fell; where none did, none is listed.
    """
    first, second = _group(before), _group(after)
    changes = {name: _mean(second[name]) - _mean(first[name]) for name in first.keys() & second.keys()}
    order = sorted(changes, key=lambda name: (-changes[name], name))
    gains = [name for name in order[:SHOWN] if changes[name] > 0]
    losses = [name for name in order[::-1][:SHOWN] if changes[name] < 0 and name not in gains]
    middle = [name for name in order[len(order) // 2 :][:1] if name not in (*gains, *losses)]
    kinds: list[tuple[Literal["gain", "loss", "middle"], list[str]]] = [
        ("gain", gains),
        ("middle", middle),
        ("loss", losses),
    ]
    return [
        Example(
            record_id=name,
            kind=kind,
            prompt=_cut(_show_prompt(records[name])),
            before=_cut(_find_typical(first[name])),
            after=_cut(_find_typical(second[name])),
            reward_before=round(_mean(first[name]), 6),
            reward_after=round(_mean(second[name]), 6),
        )
        for kind, names in kinds
        for name in names
    ]


def _show_prompt(record: Record) -> str:
    """Give the last user message; a short one says nothing without what stands before it."""
    last = read_last_user_text(record)
    before = read_text(record.prompt[-2:-1])
    return f"{before} / {last}" if before and len(last) < SHORT else last


def _group(rollouts: Sequence[GradedRollout]) -> dict[str, list[tuple[float, str]]]:
    found: dict[str, list[tuple[float, str]]] = {}
    for one in rollouts:
        if one.grade.score is not None:
            found.setdefault(one.record_id, []).append((one.grade.score, one.response))
    return found


def _mean(answers: Sequence[tuple[float, str]]) -> float:
    return sum(score for score, _ in answers) / len(answers)


def _find_typical(answers: Sequence[tuple[float, str]]) -> str:
    mean = _mean(answers)
    return min(answers, key=lambda one: abs(one[0] - mean))[1]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
