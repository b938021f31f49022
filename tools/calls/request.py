"""Define what a language model is asked and what comes back."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a language model."""

    prompt: str
    """The user's message, rendered from a prompt file."""
    system: str = ""
    seed: int = 0
    """Part of the content address: another seed is another answer."""
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of one request."""

    value: T | None
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
