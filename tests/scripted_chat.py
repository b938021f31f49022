"""A LangChain chat model that answers from a script and records its calls; no network."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

Reply = Callable[[str], str | Exception]


class ScriptedChat(BaseChatModel):
    """Answers with `reply(prompt)`, the prompt being the last message's text; an exception is raised.

    `Workbench(settings, {"generator": ScriptedChat.of(lambda prompt: '{"text": "hello"}')})`
    """

    model: str = "scripted"
    _reply: Reply = PrivateAttr()
    _calls: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=Lock)

    @classmethod
    def of(cls, reply: Reply | Sequence[str | Exception], model: str = "scripted") -> "ScriptedChat":
        """Make one from a function of the prompt, or from answers in order."""
        made = cls(model=model)
        if callable(reply):
            made._reply = reply
        else:
            rest = iter(reply)
            made._reply = lambda _prompt: next(rest)
        return made

    @property
    def calls(self) -> list[list[BaseMessage]]:
        """The messages of each call, in order."""
        return self._calls

    @property
    def prompts(self) -> list[str]:
        """The last message of each call."""
        return [str(call[-1].text) for call in self._calls]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._lock:
            self._calls.append(messages)
            reply = self._reply(str(messages[-1].text))
        if isinstance(reply, Exception):
            raise reply
        words = sum(len(str(one.text).split()) for one in messages), len(reply.split())
        usage = {"input_tokens": words[0], "output_tokens": words[1], "total_tokens": sum(words)}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(reply, usage_metadata=usage))])
