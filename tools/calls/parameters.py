"""Choose the optional parameters of a call, and learn which of them a server refuses."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from lucy.tools.calls.failures import Failure, is_too_long
from lucy.tools.calls.request import Request
from lucy.tools.calls.structure import Form

FORM = "response_format"
OPTIONAL = (FORM, "temperature", "seed", "top_p", "max_completion_tokens", "reasoning_effort")


@dataclass(slots=True)
class Parameters:
    """What calls of one server may carry; used by several threads at once.

    Older servers refuse `response_format`, some models refuse a temperature. What was refused once is not
    sent again; the instruction in the prompt asks for the same form.
    """

    refused: set[str] = field(default_factory=set[str])
    _lock: Lock = field(default_factory=Lock, repr=False)

    def choose(self, request: Request, form: Form[Any]) -> dict[str, Any]:
        """Give the optional parameters of a call, by OpenAI's names."""
        with self._lock:
            refused = set(self.refused)
        chosen = request.list_parameters()
        if form.response_format is not None:
            chosen[FORM] = form.response_format
        return {name: value for name, value in chosen.items() if name not in refused}

    def learn(self, sent: dict[str, Any], failure: Failure, *, has_answered: bool) -> bool:
        """Note what a server refused; tell whether the same request is worth another call.

        A server that names no parameter and has answered nothing yet may refuse the form. Once it has
        answered, a refusal is about the request itself.
        """
        if failure.outcome != "refused" or is_too_long(failure):
            return False
        # Only what can be left out: without its tools a request would be another one.
        named = set(failure.parameters) & set(OPTIONAL) or (set[str]() if has_answered else {FORM})
        with self._lock:
            self.refused |= named
        return bool(named & sent.keys())
