"""Answer with a model of the transformers library, from a folder on this machine (extra [local])."""

from pathlib import Path

from lucy.tools.backends import RefusedError, Reply, Request, cut_text
from lucy.tools.responses import read_response
from lucy.tools.training.local.policy import load_policy


class TransformersBackend:
    """Answers with the policy that the local trainer made and measured.

    What it does not do: answer several requests at once (they wait for each other), stream while it thinks
    (its answers come whole), follow a response format or `tool_choice`, or know `top_p` and penalties. It
    calls tools when its chat template shows them and it writes the calls as templates do.
    """

    def __init__(self, folder: Path) -> None:
        """Load the model; takes seconds, and as much memory as the weights are large.

        Raises:
            StoreError: the packages of the extra are missing, or the folder cannot be used.
        """
        self._policy = load_policy(folder)

    def answer(self, request: Request) -> Reply:
        """Write an answer; token counts are the tokenizer's."""
        if request.response_format and request.response_format.get("type") != "text":
            raise RefusedError.make(
                "The request's 'response_format' cannot be used: this model follows no format, leave it out "
                "or give type 'text'.",
                status=400,
                param="response_format",
            )
        written = self._policy.respond(
            request.messages,
            seed=request.seed or 0,
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            tools=request.tools,
        )
        response = read_response(written.response)
        text, _ = cut_text(response.text, stop=request.stop)
        reason = "tool_calls" if response.tool_calls else "stop" if written.is_whole else "length"
        calls = tuple({"id": f"call_{at}", **call} for at, call in enumerate(response.tool_calls))
        return Reply(text, written.prompt_tokens, written.completion_tokens, reason, calls)
