"""Compose the request to a language model for one attempt."""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lucy.tools.calls.door import Request
from lucy.tools.calls.prompts import render
from lucy.tools.generation.arguments import has_calls
from lucy.tools.generation.draft import Attempt
from lucy.tools.generation.ground import choose_records, make_rng, shuffle
from lucy.tools.generation.openings import keep_system
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.turns import Turn, choose_seed_turns, list_turns
from lucy.tools.vocabulary import Message, Record, Topic, read_last_user_text, read_text

PROMPTS = Path(__file__).with_name("prompts")
TEMPERATURE = 1.0
"""Variety is wanted, and it is the one value that every model accepts."""
_EXAMPLES = 4
_MOST_CHARACTERS = 1500
"""Of one quoted message."""
_MOST_TOOL_CHARACTERS = 6000
_MOST_MESSAGES = 16
"""Last messages of a conversation that are quoted."""
_ENTRY = re.compile(r"^- (.+)$", re.MULTILINE)


class Composed(NamedTuple):
    """A request, and what the record made from its answer is to keep."""

    request: Request
    persona: str
    parent: Record | None = None
    context: tuple[Message, ...] = ()
    donors: tuple[str, ...] = ()
    is_new: bool = False


@cache
def _read_entries(name: str) -> tuple[str, ...]:
    return tuple(_ENTRY.findall((PROMPTS / name).read_text(encoding="utf-8")))


class Composer:
    """Composes the requests of one plan."""

    def __init__(self, sources: Sources) -> None:
        """Remember the material; a topic is read when it is first needed."""
        self._sources = sources
        self._plan = sources.plan
        self._system = render(PROMPTS / "system.md")
        self._seeds: dict[str, list[Turn]] = {}

    def explain_lack(self, topic_id: str) -> str:
        """Say what a topic lacks; empty when requests can be composed."""
        if self._plan.strategy == "topic_description":
            known = topic_id in self._sources.topics
            return (
                ""
                if known
                else "Nothing is known of this topic but its id; use a strategy that reads its records."
            )
        if self._find_seeds(topic_id):
            return ""
        if self._plan.strategy == "tool_chain":
            return "No record of this topic has tools; choose another strategy."
        return (
            "No record of this topic has a message to start from; choose the strategy topic_description, "
            "or write two or three by hand."
        )

    def compose(self, attempt: Attempt) -> Composed:
        """Compose the request of an attempt; equal attempts give equal requests."""
        compose = {
            "message_variation": self._vary,
            "few_shot": self._imitate,
            "topic_description": self._describe,
            "scenario_expansion": self._expand,
            "tool_chain": self._chain,
        }[self._plan.strategy]
        return compose(attempt)

    def _find_seeds(self, topic_id: str) -> list[Turn]:
        """List the messages to start from, one per record, in the order of the plan's seed."""
        if topic_id not in self._seeds:
            records = choose_records(self._sources, topic_id)
            found = [self._choose_turn(record) for record in records]
            self._seeds[topic_id] = shuffle([turn for turn in found if turn is not None], self._plan)
        return self._seeds[topic_id]

    def _choose_turn(self, record: Record) -> Turn | None:
        if self._plan.strategy == "tool_chain":
            turns = list_turns(record)
            called = [turn for turn in turns if has_calls(turn.reply)] or turns[-1:]
            return called[0] if called and record.tools else None
        turns = choose_seed_turns(record, needs_reply=False)
        if not turns:
            return None
        return turns[0] if self._plan.strategy == "message_variation" else turns[-1]

    def _vary(self, attempt: Attempt) -> Composed:
        turn = self._take(attempt)
        # On later visits of a record another of its messages is varied.
        turns = choose_seed_turns(turn.record, needs_reply=False)
        visit = attempt.number // len(self._find_seeds(attempt.topic_id))
        turn = turns[visit % len(turns)]
        request = self._ask(
            attempt,
            topic=self._name(attempt.topic_id),
            conversation=_quote_all(turn.context) or "| (nothing was said before)",
            message=_quote(turn.text),
        )
        return self._finish(request, attempt, parent=turn.record, context=turn.context)

    def _imitate(self, attempt: Attempt) -> Composed:
        shown = self._show(attempt, _EXAMPLES)
        request = self._ask(
            attempt,
            topic=self._name(attempt.topic_id),
            examples="\n\n".join(self._quote_example(turn) for turn in shown),
        )
        return self._finish(
            request,
            attempt,
            parent=shown[0].record,
            context=keep_system(shown[0].record),
            donors=tuple(turn.record.id for turn in shown[1:]),
            is_new=True,
        )

    def _describe(self, attempt: Attempt) -> Composed:
        topic = self._sources.topics[attempt.topic_id]
        real, rng = self._sources.real, make_rng(self._plan.seed, attempt.topic_id, attempt.number)
        sample = _quote(read_last_user_text(rng.choice(real))) if real else "| (there is none)"
        request = self._ask(attempt, topic=_quote_topic(topic, self._sources.paths[topic.id]), sample=sample)
        return self._finish(request, attempt)

    def _expand(self, attempt: Attempt) -> Composed:
        turn = self._take(attempt)
        others = [other for other in self._show(attempt, _EXAMPLES) if other is not turn][: _EXAMPLES - 1]
        request = self._ask(
            attempt,
            topic=self._name(attempt.topic_id),
            message=self._quote_example(turn),
            examples="\n\n".join(_quote(other.text) for other in others) or "| (there are none)",
        )
        return self._finish(
            request,
            attempt,
            parent=turn.record,
            context=keep_system(turn.record),
            donors=tuple(other.record.id for other in others),
        )

    def _chain(self, attempt: Attempt) -> Composed:
        turn = self._take(attempt)
        tools = json.dumps([tool.get("function", tool) for tool in turn.record.tools], ensure_ascii=False)
        shown = _quote_all((*turn.context, {"role": "user", "content": turn.text}, *turn.reply))
        request = self._ask(
            attempt,
            topic=self._name(attempt.topic_id),
            tools=_quote(tools, _MOST_TOOL_CHARACTERS),
            example=shown,
        )
        return self._finish(
            request, attempt, parent=turn.record, context=keep_system(turn.record), is_new=True
        )

    def _take(self, attempt: Attempt) -> Turn:
        seeds = self._find_seeds(attempt.topic_id)
        return seeds[attempt.number % len(seeds)]

    def _show(self, attempt: Attempt, count: int) -> list[Turn]:
        """Choose the messages to show: the attempt's own first, others drawn."""
        seeds = self._find_seeds(attempt.topic_id)
        own = attempt.number % len(seeds)
        others = [*seeds[:own], *seeds[own + 1 :]]
        rng = make_rng(self._plan.seed, attempt.topic_id, attempt.number)
        return [seeds[own], *rng.sample(others, min(count - 1, len(others)))]

    def _name(self, topic_id: str) -> str:
        topic = self._sources.topics.get(topic_id)
        if topic is None:
            return "(not named)"
        return f"{self._sources.paths[topic_id]}. {topic.description}".strip()

    def _quote_example(self, turn: Turn) -> str:
        """Quote a message; in mode `sft` with its answer, whose manner is to be kept."""
        answered = read_text(turn.reply, "assistant").strip() if self._plan.mode == "sft" else ""
        return f"{_quote(turn.text)}\n{_quote(f'(assistant:) {answered}')}" if answered else _quote(turn.text)

    def _ask(self, attempt: Attempt, **values: str) -> Request:
        persona, angle = self._draw_manner(attempt)
        is_chain = self._plan.strategy == "tool_chain" and self._plan.mode == "sft"
        prompt = render(
            PROMPTS / f"{self._plan.strategy}.md",
            goal=" ".join(self._plan.goal.split()) or "to help its users well",
            persona=persona.partition(": ")[2],
            angle=angle,
            answer=render(PROMPTS / f"reply_{'tools' if is_chain else self._plan.mode}.md"),
            **values,
        )
        return Request(
            prompt=prompt,
            system=self._system,
            seed=make_rng(self._plan.seed, attempt.topic_id, attempt.number).getrandbits(31),
            temperature=TEMPERATURE,
        )

    def _draw_manner(self, attempt: Attempt) -> tuple[str, str]:
        """Go through all pairs of person and angle, from a place that differs by topic."""
        personas, angles = _read_entries("personas.md"), _read_entries("angles.md")
        start = int.from_bytes(
            hashlib.sha256(f"{self._plan.seed}\x00{attempt.topic_id}".encode()).digest()[:4], "big"
        )
        place = start + attempt.number
        # 13 persons and 11 angles have no common factor: this meets each of the 143 pairs once.
        return personas[place % len(personas)], angles[place % len(angles)]

    def _finish(
        self,
        request: Request,
        attempt: Attempt,
        *,
        parent: Record | None = None,
        context: tuple[Message, ...] = (),
        donors: tuple[str, ...] = (),
        is_new: bool = False,
    ) -> Composed:
        persona = self._draw_manner(attempt)[0].partition(": ")[0]
        return Composed(request, persona, parent, context, donors, is_new)


def _quote(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Mark every line of a text as data."""
    cut = text if len(text) <= most else f"{text[:most]} ..."
    return "\n".join(f"| {line}" for line in cut.splitlines()) or "| "


def _quote_all(messages: Sequence[Message]) -> str:
    """Quote the last messages of a conversation, tool calls and results included."""
    lines: list[str] = []
    for message in messages[-_MOST_MESSAGES:]:
        text = read_text([message])
        calls = json.dumps(message["tool_calls"], ensure_ascii=False) if message.get("tool_calls") else ""
        lines.append(_quote(f"{message.get('role')}: {text}{f' calls {calls}' if calls else ''}"))
    return "\n".join(lines)


def _quote_topic(topic: Topic, path: str) -> str:
    parts = [path, topic.description, f"Words used: {', '.join(topic.keywords)}" if topic.keywords else ""]
    return _quote("\n".join(part for part in parts if part))
