"""Answer with a model of the transformers library, from a folder on this machine (extra [local])."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread

from lucy.tools.backends import Piece, RefusedError, Reply, Request, cut_text
from lucy.tools.responses import Response, read_response
from lucy.tools.training.local.policy import Answer, LocalPolicy, load_policy
from lucy.tools.training.local.residents import RESIDENTS
from lucy.tools.vocabulary import Message

CALL = "<tool_call>"
"""What a tool call begins with, as Qwen, Hermes and many others write it."""
HALF = "\ufffd"
"""What the bytes of a letter are read as while some of them are missing."""


class TransformersBackend:
    """Answers with the policy that the local trainer made and measured.

    Without a temperature it draws as it was trained and measured, at 1; equal requests, seed included, get
    equal answers. What it does not do: answer several requests at once (they wait for each other), follow a
    response format, be made to call a tool (`tool_choice` can only forbid it), or know `top_p` and penalties.
    It calls tools when its chat template shows them and it writes the calls as templates do.
    """

    def __init__(self, folder: Path) -> None:
        """Load the model; takes seconds, and as much memory as the weights are large.

        Raises:
            StoreError: the packages of the extra are missing, or the folder cannot be used.
        """
        self._folder = folder.resolve()
        self._take()

    def answer(self, request: Request) -> Reply:
        """Write an answer; token counts are the tokenizer's."""
        _check_format(request)
        draft = _Draft(request)
        written = self._respond(request, draft.is_over if request.stop else None)
        return draft.finish(written)

    def stream(self, request: Request) -> Generator[Piece, None, Reply]:
        """Give the answer while it is written; who leaves in the middle ends the writing."""
        _check_format(request)
        draft, has_left = _Draft(request), Event()
        queue: SimpleQueue[str | Answer | Exception] = SimpleQueue()

        def watch(text: str) -> bool:
            queue.put(text)
            return has_left.is_set() or draft.is_over(text)

        def write() -> None:
            try:
                queue.put(self._respond(request, watch))
            except Exception as error:  # noqa: BLE001  # raised again by the thread that reads
                queue.put(error)

        # A thread of its own: the next piece may be asked for by another thread than the last.
        Thread(target=write, name="local-model", daemon=True).start()
        try:
            return (yield from _give(queue, draft))
        finally:
            has_left.set()

    def _respond(self, request: Request, watch: Callable[[str], bool] | None) -> Answer:
        return self._take().respond(
            request.messages,
            seed=request.seed or 0,
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            tools=_list_tools(request),
            watch=watch,
        )

    def _take(self) -> LocalPolicy:
        return RESIDENTS.take(self._folder, load_policy)


@dataclass(slots=True)
class _Draft:
    """What is being written for one request."""

    request: Request
    is_cut: bool = False
    """Whether a stop text ended it."""

    def is_over(self, text: str) -> bool:
        """Tell whether a stop text came; those inside a tool call do not count."""
        said = self._read_said(text)
        self.is_cut = any(word in said for word in self.request.stop if word)
        return self.is_cut

    def settle(self, text: str) -> str:
        """Give the beginning that stays as it is, whatever is still to come."""
        if _list_tools(self.request) and text.lstrip().startswith("{"):
            return ""  # perhaps calls as OpenAI's message
        said, _ = cut_text(self._read_said(text), stop=self.request.stop)
        ends = [*self.request.stop, CALL]
        return said[: len(said) - max(_count_begun(said, end) for end in ends)].rstrip().rstrip(HALF)

    def finish(self, written: Answer) -> Reply:
        """Give the whole answer, and say honestly how it ended."""
        has_tools = bool(_list_tools(self.request))
        response = read_response(written.response) if has_tools else Response(written.response)
        text, _ = cut_text(response.text, stop=self.request.stop)
        was_cut = self.is_cut or text != response.text
        reason = "tool_calls" if response.tool_calls else "stop" if written.is_whole or was_cut else "length"
        first = _count_calls(self.request.messages)
        calls = tuple({"id": f"call_{first + at}", **call} for at, call in enumerate(response.tool_calls))
        return Reply(text, written.prompt_tokens, written.completion_tokens, reason, calls)

    def _read_said(self, text: str) -> str:
        return text.lstrip().partition(CALL)[0] if _list_tools(self.request) else text.lstrip()


def _give(queue: "SimpleQueue[str | Answer | Exception]", draft: _Draft) -> Generator[Piece, None, Reply]:
    given = ""
    while True:
        found = queue.get()
        if isinstance(found, Exception):
            raise found
        if isinstance(found, Answer):
            break
        settled = draft.settle(found)
        if len(settled) > len(given):
            yield Piece(settled[len(given) :])
            given = settled
    reply = draft.finish(found)
    if len(reply.text) > len(given):
        yield Piece(reply.text[len(given) :])
    if reply.tool_calls:
        yield Piece(tool_calls=tuple({"index": at, **call} for at, call in enumerate(reply.tool_calls)))
    return reply


def _check_format(request: Request) -> None:
    if request.response_format and request.response_format.get("type") != "text":
        raise RefusedError.make(
            "The request's 'response_format' cannot be used: this model follows no format, leave it out "
            "or give type 'text'.",
            status=400,
            param="response_format",
        )


def _list_tools(request: Request) -> Sequence[dict[str, object]]:
    return () if request.tool_choice == "none" else request.tools


def _count_calls(messages: Sequence[Message]) -> int:
    """Count the calls so far: agents tell calls of one conversation apart by their ids."""
    return sum(len(message.get("tool_calls") or ()) for message in messages)


def _count_begun(text: str, end: str) -> int:
    """Count the letters at a text's end that an end text may begin with."""
    return next((size for size in range(min(len(end), len(text)), 0, -1) if text.endswith(end[:size])), 0)
