"""Reach a model: an OpenAI-compatible service over HTTP, or a chat model that was handed in."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from ssl import create_default_context
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from lucy.tools.calls.request import CUT_OFF, DECLINED, Completion
from lucy.tools.calls.wire import Received, Wire, needs_more
from lucy.tools.vocabulary import Message, read_text

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

AGENT = "lucy-finetune"
"""What services see as the program that asks."""
REDIRECTS = (301, 302, 303, 307, 308)
KEPT_HEADERS = ("retry-after", "retry-after-ms", "content-type")
"""Headers of a refusal that are read."""


class Model(Protocol):
    """A language model that answers; used by several threads at once."""

    def complete(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Completion:
        """Answer messages, once; raises whatever its library raises."""
        ...


class ServedModel:
    """A model behind an OpenAI-compatible service.

    Every call under way has a connection of its own, kept for the next. A proxy or a redirect is left to
    httpx, which knows these; for all other calls its work, and its pool that looks at all connections in
    every call, took more time than 64 calls under way leave.
    """

    def __init__(
        self, name: str, *, base_url: str, key: str, timeout: float, has_developer_role: bool = False
    ) -> None:
        """Make the model; nothing is opened or sent.

        Args:
            name: The model's name.
            base_url: Address of the service, without the final slash.
            key: Sent as the bearer token.
            timeout: Seconds without a sign of life from the server.
            has_developer_role: The service takes messages of the role `developer`; else they are sent as
                `system`, which means the same there.
        """
        self._name = name
        self._url = f"{base_url}/chat/completions"
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "User-Agent": AGENT,
        }
        self._timeout = timeout
        self._roles = {} if has_developer_role else {"developer": "system"}
        self._certificates = create_default_context()
        self._idle: deque[Wire] = deque()
        self._is_direct = not needs_more(self._url)

    def complete(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Completion:
        """Answer messages, once.

        Raises:
            httpx.HTTPError: no answer, or a status of 400 or more.
            OSError: the connection broke, or the service was silent for too long.
            ValueError: an answer that is no JSON, or none of OpenAI's form.
        """
        sent = [{**one, "role": self._roles.get(one["role"], one["role"])} for one in messages]
        body = json.dumps({"model": self._name, "messages": sent, **parameters}, ensure_ascii=False).encode()
        received = self._post(body) if self._is_direct else self._post_with_httpx(body)
        if received.status in REDIRECTS:
            received = self._post_with_httpx(body)
        if not 200 <= received.status < 300:
            _raise(self._url, received)
        return _read_completion(json.loads(received.body))

    def _post(self, body: bytes) -> Received:
        try:
            wire = self._idle.pop()
        except IndexError:
            wire = Wire(self._url, timeout=self._timeout, certificates=self._certificates)
        try:
            return wire.post(body, self._headers)
        finally:
            self._idle.append(wire)

    def _post_with_httpx(self, body: bytes) -> Received:
        import httpx

        with httpx.Client(timeout=self._timeout, follow_redirects=True) as client:
            answer = client.post(self._url, content=body, headers=self._headers)
        return Received(answer.status_code, dict(answer.headers), answer.content)

    def close(self) -> None:
        """Close the connections that no call uses."""
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        """Close the connections of a model that nobody uses any more."""
        self.close()


class GivenModel:
    """A LangChain chat model that the embedding application handed in; called with messages only."""

    def __init__(self, chat: "BaseChatModel") -> None:
        self._chat = chat

    def complete(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Completion:
        """Answer messages, once; raises whatever the chat model raises."""
        return _read_message(self._chat.invoke([_convert(one) for one in messages]))


def _raise(url: str, received: Received) -> NoReturn:
    import httpx

    answer = httpx.Response(
        received.status,
        headers={name: value for name, value in received.headers.items() if name in KEPT_HEADERS},
        content=received.body,
        request=httpx.Request("POST", url),
    )
    raise httpx.HTTPStatusError(f"status {received.status}", request=answer.request, response=answer)


def _read_completion(value: Any) -> Completion:
    """Read the body of a chat completion.

    Raises:
        ValueError: it has no choice, but perhaps an error.
    """
    if not isinstance(value, dict) or not value.get("choices"):
        said: Any = value.get("error") if isinstance(value, dict) else None
        raise ValueError(f"The service answered without a choice: {said or value!r:.200}")
    choice = value["choices"][0]
    message: Message = choice["message"]
    text = read_text([message])
    reason = choice.get("finish_reason")
    return Completion(
        text=text,
        tokens=_read_usage(value.get("usage")),
        is_cut_off=reason in CUT_OFF,
        is_refusal=bool(message.get("refusal") or reason in DECLINED) and not text.strip(),
        tool_calls=tuple(message.get("tool_calls") or ()),
        refusal=str(message.get("refusal") or ""),
    )


def _read_usage(usage: Any) -> tuple[int, int] | None:
    if not isinstance(usage, dict):
        return None
    return int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)


def _read_message(message: "AIMessage") -> Completion:
    metadata = message.response_metadata
    reason = metadata.get("finish_reason") or metadata.get("stop_reason")
    text = str(message.text)
    usage = message.usage_metadata
    return Completion(
        text=text,
        tokens=(usage["input_tokens"], usage["output_tokens"]) if usage else None,
        is_cut_off=reason in CUT_OFF,
        is_refusal=bool(message.additional_kwargs.get("refusal") or reason in DECLINED) and not text.strip(),
    )


def _convert(message: Message) -> "BaseMessage":
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds = {"system": SystemMessage, "developer": SystemMessage, "assistant": AIMessage}
    return kinds.get(message["role"], HumanMessage)(message["content"])
