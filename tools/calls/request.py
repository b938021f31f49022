"""Define what a language model is asked and what comes back."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.store.answers import address_answer
from lucy.tools.store.encoding import hash_content
from lucy.tools.vocabulary import Message

V = TypeVar("V")

Role = Literal["system", "developer", "user", "assistant"]
DIRECTORS = ("system", "developer")
"""Roles whose messages direct the model."""


class Turn(NamedTuple):
    """One message of a request."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a language model.

    A parameter that is None is not sent. Whatever is set is part of the content address.
    """

    prompt: str = ""
    """The user's message, rendered from a prompt file."""
    system: str = ""
    seed: int = 0
    """Part of the content address: another seed is another answer."""
    temperature: float | None = 0.0
    messages: tuple[Turn, ...] = ()
    """A whole conversation, between `system` and `prompt` where these are set."""
    top_p: float | None = None
    max_completion_tokens: int | None = None
    reasoning_effort: str | None = None

    def list_turns(self) -> list[Turn]:
        """Give the messages in order; lone surrogates are replaced."""
        first = [Turn("system", self.system)] if self.system else []
        last = [Turn("user", self.prompt)] if self.prompt or not self.messages else []
        return [Turn(role, mend(content)) for role, content in (*first, *self.messages, *last)]

    def list_parameters(self) -> dict[str, Any]:
        """Give the parameters that are set, by OpenAI's names."""
        values = {
            "temperature": self.temperature,
            "seed": self.seed,
            "top_p": self.top_p,
            "max_completion_tokens": self.max_completion_tokens,
            "reasoning_effort": self.reasoning_effort,
        }
        return {name: value for name, value in values.items() if value is not None}

    def write_messages(self, instruction: str) -> list[Message]:
        """Write the messages that are sent; the instruction says which form the answer has."""
        return write_messages(self.list_turns(), instruction)

    def count_tokens(self, instruction: str) -> int:
        """Estimate the tokens of what is sent."""
        return estimate_tokens(self.write_messages(instruction))

    def address(self, model: str, schema: dict[str, Any]) -> str:
        """Give the content address of this request to a model, whose answer must fit a JSON schema.

        A request of a system message and a prompt keeps the address that it had before there were others,
        so that stored answers stay found.
        """
        named = (self.messages, self.top_p, self.max_completion_tokens, self.reasoning_effort)
        if any(named) or self.temperature is None:
            return hash_content("answer", model, self.list_turns(), schema, self.list_parameters())
        return address_answer(
            model,
            system=mend(self.system),
            prompt=mend(self.prompt),
            schema=schema,
            seed=self.seed,
            temperature=self.temperature,
        )


@dataclass(frozen=True, slots=True)
class Answer(Generic[V]):
    """What came of one request."""

    value: V | None
    """The structured output; None when `error` is set."""
    error: str | None
    """Why there is none after all tries: malformed, rate_limited, server_error, dropped, timeout, refused."""
    prompt_tokens: int
    """Of all tries together, as the server reported them; when cached, of the tries then."""
    completion_tokens: int
    cost: float | None
    """US dollars, of all tries together; None is unknown. When cached, what was paid then."""
    is_cached: bool
    """Found in the store: nothing was paid now."""
    reason: str = ""
    """The provider's own words for the error, where it had some."""


class Completion(NamedTuple):
    """What a model said to some messages."""

    text: str
    tokens: tuple[int, int] | None
    """Of the messages and of the text, as the server reported them."""
    is_cut_off: bool
    """The text ends too early, for its length."""
    is_refusal: bool
    """The model or its filter declined; there is no text."""
    tool_calls: tuple[dict[str, Any], ...] = ()
    """As in OpenAI's messages."""
    refusal: str = ""
    """The words that the model declined with."""


CUT_OFF = ("length", "max_tokens")
"""What providers call the end of an answer that became too long."""
DECLINED = ("content_filter", "refusal")


def write_messages(turns: list[Turn], instruction: str) -> list[Message]:
    """Write a request's messages; the instruction joins the first one where that directs the model."""
    directs = bool(turns) and turns[0].role in DIRECTORS
    first = turns[0] if directs else Turn("system", "")
    content = f"{first.content}\n\n{instruction}".strip()
    rest = turns[1:] if directs else turns
    return [{"role": role, "content": text} for role, text in (Turn(first.role, content), *rest)]


def mend(text: str) -> str:
    """Replace lone surrogates, which neither JSON over HTTP nor SQLite takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
