"""Make drafts with a language model: one request per attempt, many of them at a time.

A request is a pure function of the plan, the records, the topic and the number of the attempt, so that a
resumed run asks the same and the door finds the answers it has. Variety comes from what changes with the
attempt: the record or the examples shown, the kind of person, and what that person is to do differently. The
texts of the records are quoted line by line and the model is told that they are data.

What this does not do: check a reply for truth, or run tools: in `tool_chain` a model invents the results.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from lucy.tools.calls.door import Answer, Door, Request
from lucy.tools.generation.answers import SCHEMAS, build_reply
from lucy.tools.generation.asking import Composed, Composer
from lucy.tools.generation.draft import Attempt, Draft, Failure, Outcome, Usage
from lucy.tools.generation.sources import Sources
from lucy.tools.vocabulary import Progress, ignore_progress


class ModelStrategy:
    """A plan's strategy, carried out by a language model."""

    def __init__(self, sources: Sources, door: Door) -> None:
        """Prepare to ask."""
        self._plan = sources.plan
        self._composer = Composer(sources)
        self._door = door
        is_chain = self._plan.strategy == "tool_chain" and self._plan.mode == "sft"
        self.schema: type[BaseModel] = SCHEMAS["tools" if is_chain else self._plan.mode]
        """What an answer must fit."""

    def explain_lack(self, topic_id: str) -> str:
        """Say what a topic lacks to be asked for."""
        return self._composer.explain_lack(topic_id)

    def draft_many(self, attempts: Sequence[Attempt], progress: Progress = ignore_progress) -> list[Outcome]:
        """Ask for a draft per attempt, all at once."""
        composed = [self._composer.compose(attempt) for attempt in attempts]
        requests = [one.request for one in composed]
        answers = self._door.ask_many(requests, self.schema, progress=progress, label="Asking for drafts")
        return [self._read(one, answer) for one, answer in zip(composed, answers, strict=True)]

    def list_requests(self, attempts: Sequence[Attempt]) -> list[Request]:
        """Give the requests of attempts without asking."""
        return [self._composer.compose(attempt).request for attempt in attempts]

    def _read(self, composed: Composed, answer: Answer[BaseModel]) -> Outcome:
        usage = Usage(1, answer.prompt_tokens, answer.completion_tokens, answer.cost)
        if answer.value is None:
            return Failure(answer.error or "malformed", usage)
        message = str(getattr(answer.value, "message", "")).strip()
        reply = build_reply(answer.value, composed.parent)
        if not message or reply is None:
            return Failure("malformed", usage)
        return Draft(
            parent=composed.parent,
            context=composed.context,
            message=message,
            reply=reply,
            donors=composed.donors,
            persona=composed.persona,
            is_new=composed.is_new,
            model=self._door.model,
            usage=usage,
            source=f"{composed.request.system}\n{composed.request.prompt}",
        )
