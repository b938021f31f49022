"""Answer with a model in a folder on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lucy.errors import InputError, StoreError
from lucy.tools.store.encoding import hash_content
from lucy.tools.training.local.loading import load_model, load_tokenizer
from lucy.tools.training.local.prompts import encode, read_answer, render
from lucy.tools.training.local.weights import CARD, find_window, hash_folder
from lucy.tools.vocabulary import Message, Record

BLOCK = 8
"""Answers to one prompt that are always written together, whether all are wanted or not."""
LONGEST = 512
"""Tokens of an answer at most, for a folder that does not say."""


class Card(BaseModel):
    """What Lucy notes beside a model's weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = "lucy-local-model-1"
    longest: int = Field(ge=1)
    """Tokens of an answer at most: what it was trained and measured with."""
    base_model: str
    variant: str


class Answer(NamedTuple):
    """One answer and what it took."""

    response: str
    """A response as one text; with tool calls as `lucy.tools.responses` writes them."""
    prompt_tokens: int
    completion_tokens: int
    is_whole: bool
    """Whether the model ended by itself; else it was cut at the longest length."""


@dataclass(slots=True)
class LocalPolicy:
    """A language model in a folder, loaded when it first answers; threads wait for each other.

    Answers are drawn at temperature 1 without any cut of the tail, as training draws them. Equal answers come
    from equal weights on the same machine and package versions; another processor may round otherwise.
    """

    folder: Path
    longest: int = LONGEST
    """Tokens of an answer at most."""
    _lock: RLock = field(default_factory=RLock, repr=False)
    _model: Any = field(default=None, repr=False)
    _tokenizer: Any = field(default=None, repr=False)
    _sha: str = field(default="", repr=False)

    @property
    def sha(self) -> str:
        """Content address of weights, settings and tokenizer, and of how answers are drawn."""
        with self._lock:
            self._sha = self._sha or hash_content("local", hash_folder(self.folder), self.longest, BLOCK)
            return self._sha

    def sample_many(self, records: Sequence[Record], n: int, *, seed: int = 0) -> list[list[str]]:
        """Answer each record's prompt `n` times; answer i depends on neither `n` nor the other records.

        Raises:
            InputError: `n` is below 1, or the chat template cannot write a prompt, or it is too long.
            StoreError: the model cannot be loaded.
        """
        if n < 1:
            raise InputError(f"n is {n}, expected at least 1 answer per record.")
        return [self._sample(record, n, seed) for record in records]

    def respond(
        self,
        messages: Sequence[Message],
        *,
        seed: int = 0,
        temperature: float | None = None,
        max_tokens: int | None = None,
        tools: Sequence[dict[str, Any]] = (),
        watch: Callable[[str], bool] | None = None,
    ) -> Answer:
        """Answer a conversation, as a deployed model does.

        Args:
            messages: In OpenAI's form.
            seed: Equal messages, seed and temperature give the equal answer.
            temperature: 0 gives the most probable tokens; None is 1.
            max_tokens: Cuts the answer; None is as long as in training.
            tools: Definitions, for models whose chat template shows them. Without any, nothing that the model
                writes is read as a call.
            watch: Called with the text so far after every token; True ends the answer there, cut.
        """
        with self._lock:
            self.load()
            text = render(self._tokenizer, messages, tools)
            asked = encode(self._tokenizer, text)
            longest = self._find_room(asked, max_tokens or self.longest)
            warmth = 1.0 if temperature is None else temperature
            draws = [(seed, text, 0)]
            (written,) = self._write(asked, draws, longest=longest, temperature=warmth, watch=watch)
            said = self._decode(written.tokens)
        response = read_answer(said) if tools else said.strip()
        return Answer(response, len(asked), len(written.tokens), written.is_whole)

    def load(self) -> None:
        """Load the model, if it is not loaded; takes seconds and as much memory as the weights are large."""
        with self._lock:
            if self._model is not None:
                return
            self._tokenizer = load_tokenizer(self.folder)
            import torch  # pyright: ignore[reportMissingImports]  # extra [local]

            has_gpu = torch.cuda.is_available()
            model = load_model(self.folder, dtype="auto" if has_gpu else "float32")
            self._model = model.to("cuda" if has_gpu else "cpu").eval()

    def _sample(self, record: Record, n: int, seed: int) -> list[str]:
        with self._lock:
            self.load()
            text = render(self._tokenizer, record.prompt, record.tools)
            asked = encode(self._tokenizer, text)
            longest = self._find_room(asked, self.longest)
            answers: list[str] = []
            # Whole blocks of one prompt: a batch of another shape rounds otherwise, and answers would differ.
            for start in range(0, n, BLOCK):
                draws = [(seed, f"{record.id}\x1f{text}", number) for number in range(start, start + BLOCK)]
                written = self._write(asked, draws, longest=longest)
                answers.extend(read_answer(self._decode(one.tokens)) for one in written)
        return answers[:n]

    def _find_room(self, asked: list[int], longest: int) -> int:
        """Give how long an answer can be before the model's window ends."""
        window = find_window(self.folder)
        if window is None:
            return longest
        if len(asked) >= window:
            raise InputError(
                f"The conversation has {len(asked)} tokens, and the model reads at most {window - 1}; "
                "shorten it."
            )
        return min(longest, window - len(asked))

    def _write(
        self,
        asked: list[int],
        draws: Sequence[tuple[int, str, int]],
        *,
        longest: int,
        temperature: float = 1.0,
        watch: Callable[[str], bool] | None = None,
    ) -> list[Any]:
        from lucy.tools.training.local.sampling import derive_seed, write_many

        def see(tokens: list[int]) -> bool:
            return watch is not None and watch(self._decode(tokens))

        return write_many(
            self._model,
            self._tokenizer,
            [asked] * len(draws),
            seeds=[derive_seed(*draw) for draw in draws],
            longest=longest,
            temperature=temperature,
            watch=see if watch else None,
        )

    def _decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))


def load_policy(folder: Path) -> LocalPolicy:
    """Give a trained model as it was trained and measured, loaded.

    Any folder with a causal language model will do; one that Lucy did not make answers with at most 512
    tokens.

    Raises:
        StoreError: a package is missing, or the folder cannot be used.
    """
    policy = LocalPolicy(folder, _read_longest(folder))
    policy.load()
    return policy


def _read_longest(folder: Path) -> int:
    card = folder / CARD
    if not card.is_file():
        return LONGEST
    try:
        return Card.model_validate_json(card.read_text(encoding="utf-8")).longest
    except (OSError, ValidationError) as error:
        raise StoreError(
            f"The file {str(card)!r} cannot be used ({error}); deploy another version or train it again."
        ) from error
