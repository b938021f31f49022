"""Use deployed models in other LangChain and LangGraph programs, in this process, counted as any call.

model = lucy.deployed_model("support-replies")
model.invoke("My invoice shows a charge twice, why is that?")
lucy.deployed_embeddings().embed_query("a charge that I did not make")
"""

import atexit
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers.openai_tools import make_invalid_tool_call, parse_tool_call
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from lucy.errors import InputError
from lucy.settings import load_settings
from lucy.tools.backends import Reply, Request
from lucy.tools.deployed_embeddings import SURFACE, WORDS, DeployedEmbeddings, find_served_version
from lucy.tools.serving import Answer, Caller, ModelServer
from lucy.tools.workbench import Workbench


def deployed_model(
    name: str,
    *,
    bench: Workbench | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    user: str = "",
) -> "DeployedModel":
    """Give a deployed model as a LangChain chat model, which answers in this process.

    Args:
        name: What was deployed, or a model's id.
        bench: Settings and store; those of the environment if left out, open until the program ends.
        temperature: 0 gives the most probable answer; None the model's own.
        max_tokens: Longest answer.
        seed: Chooses the sample, where the model knows it.
        user: Whom an A/B test sticks to.

    Raises:
        NotFoundError: nothing is served under the name.
        InputError: what is served gives vectors, not answers.
    """
    bench = bench or _open_bench()
    server = _open_server(bench)
    server.check(name)
    found = find_served_version(bench.store, name)
    if found and found.kind == "embedding":
        raise InputError(
            f"The model {name!r} turns texts into vectors and cannot answer; use "
            f"lucy.deployed_embeddings({name!r})."
        )
    return DeployedModel(
        server, name=name, temperature=temperature, max_tokens=max_tokens, seed=seed, user=user
    )


def deployed_embeddings(name: str = WORDS, *, bench: Workbench | None = None) -> "DeployedEmbeddings":
    """Give an embedding model of the registry as a LangChain embedding model; its use is counted.

    Args:
        name: What was deployed, or a model's id; the word vectors that come with Lucy if left out, which
            stand in the registry as `lucy-words` from their first use on.
        bench: Settings and store; those of the environment if left out, open until the program ends.

    Raises:
        NotFoundError: there is no such model, or it was deleted.
        InputError: it answers, and gives no vectors.
    """
    return DeployedEmbeddings((bench or _open_bench()).store, name)


class DeployedModel(BaseChatModel):
    """A deployed model as a LangChain chat model.

    Every call reads which version is served under the name, and is counted with the surface `langchain`.
    Tools that are bound reach models that know tools; a retrieval policy passes over them.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    user: str = ""
    _server: ModelServer = PrivateAttr()
    _served: str = PrivateAttr()

    def __init__(self, server: ModelServer, *, name: str, **values: Any) -> None:
        super().__init__(**values)
        self._server = server
        self._served = name

    @property
    def _llm_type(self) -> str:
        return "lucy"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self._served, "temperature": self.temperature, "seed": self.seed}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools with every call."""
        written = [convert_to_openai_tool(tool) for tool in tools]
        given = {} if tool_choice is None else {"tool_choice": tool_choice}
        return self.bind(tools=written, **given, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = self._server.answer(self._served, self._write(messages, stop, kwargs), self._caller)
        return ChatResult(generations=[ChatGeneration(message=_write_message(answer))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        pieces = self._server.stream(self._served, self._write(messages, stop, kwargs), self._caller).pieces
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                yield ChatGenerationChunk(message=_write_end(end.value))
                return
            if piece.text:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece.text))
                if run_manager:
                    run_manager.on_llm_new_token(piece.text, chunk=chunk)
                yield chunk

    @property
    def _caller(self) -> Caller:
        return Caller(SURFACE, self.user)

    def _write(self, messages: list[BaseMessage], stop: list[str] | None, given: dict[str, Any]) -> Request:
        written = convert_to_openai_messages(messages)
        return Request(
            tuple(written),
            seed=given.get("seed", self.seed),
            temperature=given.get("temperature", self.temperature),
            max_tokens=given.get("max_tokens", self.max_tokens),
            stop=tuple(stop or ()),
            tools=tuple(given.get("tools") or ()),
            tool_choice=given.get("tool_choice"),
            response_format=given.get("response_format"),
        )


def _write_message(answer: Answer) -> AIMessage:
    valid: list[Any] = []
    invalid: list[Any] = []
    for call in answer.reply.tool_calls:
        try:
            valid.append(parse_tool_call(call, return_id=True))
        except OutputParserException as error:
            invalid.append(make_invalid_tool_call(call, str(error)))
    return AIMessage(
        answer.text,
        tool_calls=valid,
        invalid_tool_calls=invalid,
        id=answer.id,
        usage_metadata=_write_usage(answer.reply),
        response_metadata=_describe(answer),
    )


def _write_end(answer: Answer) -> AIMessageChunk:
    """Write the last chunk of a stream: tool calls, counts, and where the answer came from."""
    calls = [
        tool_call_chunk(
            name=call["function"]["name"], args=call["function"]["arguments"], id=call.get("id"), index=at
        )
        for at, call in enumerate(answer.reply.tool_calls)
    ]
    return AIMessageChunk(
        content="",
        tool_call_chunks=calls,
        usage_metadata=_write_usage(answer.reply),
        response_metadata=_describe(answer),
        chunk_position="last",
    )


def _write_usage(reply: Reply) -> UsageMetadata:
    asked, answered = reply.prompt_tokens, reply.completion_tokens
    return UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)


def _describe(answer: Answer) -> dict[str, Any]:
    return {
        "finish_reason": answer.reply.finish_reason,
        "model_name": f"{answer.model_id}:{answer.version}",
        "completion_id": answer.id,
    }


def _open_bench() -> Workbench:
    """Open the settings of the environment; the same home is opened once."""
    settings = load_settings()
    return _keep_bench(settings.home)


@cache
def _keep_bench(home: Path) -> Workbench:
    bench = Workbench(load_settings(home=home))
    atexit.register(bench.close)
    return bench


@cache
def _open_server(bench: Workbench) -> ModelServer:
    """Open the server of a workbench, once, so that weights are loaded once."""
    return ModelServer(bench.store, bench.settings)
