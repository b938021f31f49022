"""Ask a model to answer a conversation in its own words, as a person's application would."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lucy.tools.calls.request import Completion, Request
from lucy.tools.calls.structure import Form, Reading
from lucy.tools.records.tokens import estimate_text_tokens, estimate_tokens
from lucy.tools.responses import write_response
from lucy.tools.store.encoding import hash_content
from lucy.tools.vocabulary import Message


@dataclass(frozen=True, slots=True)
class ReplyRequest(Request):
    """A conversation to be answered, sent as it stands, with the tools that may be called."""

    conversation: tuple[Message, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    place: str = ""
    """Address of the service: a model of the same name elsewhere is another one."""

    def write_messages(self, instruction: str) -> list[Message]:
        """Give the conversation; nothing is added to it."""
        return [dict(one) for one in self.conversation]

    def count_tokens(self, instruction: str) -> int:
        """Estimate the tokens of the conversation and of the tools."""
        described = json.dumps(self.tools, ensure_ascii=False) if self.tools else ""
        return estimate_tokens(self.conversation) + round(estimate_text_tokens(described))

    def list_parameters(self) -> dict[str, Any]:
        """Give the parameters that are set, by OpenAI's names."""
        # Not `super()`: a dataclass with slots is made anew, and is not the class that this names.
        found = Request.list_parameters(self)
        return {**found, "tools": list(self.tools)} if self.tools else found

    def address(self, model: str, schema: dict[str, Any]) -> str:
        """Give the content address of this request to a model of its service."""
        return hash_content("reply", self.place, model, self.conversation, self.list_parameters())


class ReplyForm(Form[str]):
    """Any answer: the words, with the tool calls where there are some, as `write_response` writes them."""

    def __init__(self) -> None:
        self.json_schema: dict[str, Any] = {}

    @cached_property
    def instruction(self) -> str:
        """Say nothing: the conversation stands for itself."""
        return ""

    @cached_property
    def response_format(self) -> dict[str, Any] | None:
        """Ask for no form."""
        return None

    def _describe_form(self) -> dict[str, Any]:
        return {}

    def compose(self, completion: Completion) -> str:
        """Give the words of an answer; those that the model declines with are its answer too."""
        return write_response(completion.text or completion.refusal, completion.tool_calls)

    def read(self, text: str, *, is_cut_off: bool = False) -> Reading[str]:
        """Take whatever was said."""
        return Reading(text, "")

    def parse(self, candidate: str) -> Reading[str]:
        """Take whatever was said."""
        return Reading(candidate, "")
