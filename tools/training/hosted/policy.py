"""Let a model at a service answer prompts, as a policy; every call goes through the door."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lucy.errors import ProviderError
from lucy.tools.calls.door import Answer, Door, Estimate
from lucy.tools.calls.replies import ReplyRequest
from lucy.tools.calls.request import mend
from lucy.tools.records.tokens import estimate_tokens
from lucy.tools.store.encoding import hash_content
from lucy.tools.training.hosted.rows import clean_message
from lucy.tools.vocabulary import Message, Progress, Record, ignore_progress

ANSWER_TOKENS = 300
"""About how long an answer is, where no record has a reply to go by."""
REMEDIES = {
    "refused": "leave the record out, or change what it asks for",
    "timeout": "raise LUCY_MODEL_TIMEOUT, or go on later",
}
"""What a person can do about a call that gave no answer."""


@dataclass(frozen=True, slots=True)
class HostedPolicy:
    """A model behind chat completions.

    A service gives no equal answers to equal seeds; it is the stored answers that make a run repeatable.
    What the model declines in words is its answer. A call that failed, or that a filter stopped, is none:
    it ends the sampling with its reason, and what came is stored and not paid again.
    """

    model: str
    address: str
    """Of the service."""
    door: Door
    temperature: float = 1.0
    progress: Progress = ignore_progress
    """Told how many answers there are; raises when the person asked to stop."""

    @property
    def sha(self) -> str:
        """Content address of the model: its name, its service and the temperature."""
        return hash_content("hosted", self.address, self.model, self.temperature)

    def sample_many(self, records: Sequence[Record], n: int, *, seed: int) -> list[list[str]]:
        """Answer each record's prompt `n` times, several calls at once; each answer has a seed of its own.

        Raises:
            ProviderError: a call gave no answer after all tries; names the first record of those.
        """
        asked = list(self._ask(records, n, seed))
        for record, answers in asked:
            self._check(record, answers)
        return [[answer.value or "" for answer in answers] for _, answers in asked]

    def find_unanswered(self, records: Sequence[Record], n: int, *, seed: int) -> dict[str, str]:
        """Ask for all answers, and give the ids of records that did not get every one, each with the reason.

        Raises:
            ProviderError: no record got all its answers.
        """
        asked = list(self._ask(records, n, seed))
        failed = {
            record.id: _describe(one)
            for record, answers in asked
            if (one := _find_failure(answers)) is not None
        }
        if asked and len(failed) == len(asked):
            self._check(*asked[0])
        return failed

    def _ask(
        self, records: Sequence[Record], n: int, seed: int
    ) -> Iterator[tuple[Record, list[Answer[str]]]]:
        requests = list(self._list_requests(records, n, seed))
        label = f"Answers of {self.model}"
        answers = self.door.ask_replies(requests, progress=self.progress, label=label)
        for number, record in enumerate(records):
            yield record, answers[number * n : number * n + n]

    def estimate(self, wanted: Sequence[tuple[Record, int]]) -> Estimate:
        """Estimate what answers to records take, each so many times; what is stored comes off.

        Answers are taken to be as long as the recorded replies.
        """
        requests = [one for record, n in wanted for one in self._list_requests([record], n, 0)]
        lengths = [estimate_tokens(record.reply) for record, _ in wanted if record.reply]
        length = round(sum(lengths) / len(lengths)) if lengths else ANSWER_TOKENS
        return self.door.estimate(requests, completion_tokens=length)

    def _list_requests(self, records: Sequence[Record], n: int, seed: int) -> Iterator[ReplyRequest]:
        for record in records:
            messages = tuple(_mend(clean_message(one)) for one in record.prompt)
            tools = tuple(_mend(one) for one in record.tools)
            for number in range(n):
                yield ReplyRequest(
                    conversation=messages,
                    tools=tools,
                    place=self.address,
                    seed=_derive_seed(seed, number),
                    temperature=self.temperature,
                )

    def _check(self, record: Record, answers: Sequence[Answer[str]]) -> None:
        failure = _find_failure(answers)
        if failure is None:
            return
        remedy = REMEDIES.get(failure.error or "", "go on later")
        raise ProviderError(
            f"The model {self.model!r} gave no answer to the record {record.id!r} ({_describe(failure)}): "
            f"expected an answer to every prompt; {remedy}; what was answered is stored, not paid again."
        )


def _find_failure(answers: Sequence[Answer[str]]) -> Answer[str] | None:
    return next((one for one in answers if one.value is None), None)


def _describe(failure: Answer[str]) -> str:
    cause = (failure.error or "dropped").replace("_", " ")
    return f"{cause}: {failure.reason}" if failure.reason else cause


def _derive_seed(seed: int, number: int) -> int:
    """Give answer `number` a seed of its own, 31 bits, the most that all services take."""
    return int(hash_content("answer", seed, number)[:8], 16) & 0x7FFFFFFF


def _mend(message: Message) -> dict[str, Any]:
    """Replace lone surrogates anywhere in a message, which neither JSON over HTTP nor SQLite takes."""
    return json.loads(mend(json.dumps(message, ensure_ascii=False)))
