"""Let a model write answers, each from draws of its own; imports torch.

What a row draws depends on its seed alone. The numbers that the draws decide between differ in their last
bits with the shape of the batch, so equal answers need batches of equal shape as well.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch  # pyright: ignore[reportMissingImports]  # extra [local]
from transformers import GenerationConfig  # pyright: ignore[reportMissingImports]  # extra [local]
from transformers.generation.stopping_criteria import (  # pyright: ignore[reportMissingImports]
    StoppingCriteria,
)

_SMALLEST = 1e-30


class Written(NamedTuple):
    """What a model wrote for one prompt."""

    tokens: list[int]
    """Without the token that ended it."""
    is_whole: bool
    """Whether the model ended by itself, not at the longest length."""


class _Draw:
    """Turn the scores of the next token so that the highest is a sample.

    The Gumbel-max trick: argmax(logits / T - log E) with E exponential is a draw from softmax(logits / T)
    (Maddison et al. 2014, "A* Sampling", arXiv:1411.0030, section 2).
    """

    def __init__(self, seeds: Sequence[int], temperature: float, device: Any) -> None:
        self._temperature = temperature
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        return scores.float() / self._temperature - noise.clamp_min(_SMALLEST).log()


class _Watch(StoppingCriteria):  # pyright: ignore[reportUntypedBaseClass]  # extra [local]
    """Show one answer to a watcher after every token, and end it when the watcher says so."""

    def __init__(self, watch: Callable[[list[int]], bool], width: int, ends: Sequence[int]) -> None:
        self._watch = watch
        self._width = width
        self._ends = ends

    def __call__(self, input_ids: Any, scores: Any, **given: Any) -> Any:
        is_over = self._watch(_cut(input_ids[0, self._width :].tolist(), self._ends).tokens)
        return torch.tensor([is_over], device=input_ids.device)


def derive_seed(seed: int, key: str, number: int) -> int:
    """Give a row's seed, which depends on nothing but the three arguments, in any process."""
    digest = hashlib.blake2b(
        f"{seed}\x1f{key}\x1f{number}".encode("utf-8", "replace"), digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") >> 1


def write_many(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    *,
    seeds: Sequence[int],
    longest: int,
    temperature: float = 1.0,
    watch: Callable[[list[int]], bool] | None = None,
) -> list[Written]:
    """Write one answer to each prompt, in one batch.

    Args:
        model: A causal language model, in evaluation mode.
        tokenizer: With a padding token.
        prompts: Tokens of each prompt.
        seeds: One a prompt.
        longest: Tokens of an answer at most.
        temperature: 0 takes the most probable token each time.
        watch: Of a single prompt: called with the answer's tokens so far after each; True ends it there.
    """
    width = max(map(len, prompts))
    pad = int(tokenizer.pad_token_id)
    ids = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    ends = find_ends(model, tokenizer)
    device = model.device
    with torch.no_grad():
        made: Any = model.generate(
            input_ids=torch.tensor(ids, device=device),
            attention_mask=torch.tensor(mask, device=device),
            generation_config=_configure(longest, ends, pad),
            logits_processor=[_Draw(seeds, temperature, device)] if temperature > 0 else [],
            stopping_criteria=[_Watch(watch, width, ends)] if watch else [],
        )
    return [_cut(row, ends) for row in made[:, width:].tolist()]


def find_ends(model: Any, tokenizer: Any) -> list[int]:
    """Give the tokens that end an answer: the tokenizer's, and those that the model names."""
    named: Any = model.generation_config.eos_token_id
    ends = named if isinstance(named, list) else [named]
    return sorted({int(end) for end in (*ends, tokenizer.eos_token_id) if end is not None})


def _configure(longest: int, ends: list[int], pad: int) -> Any:
    """Say all that a model's own settings could change: training samples without any of it, so do we."""
    return GenerationConfig(
        max_new_tokens=longest, do_sample=False, num_beams=1, repetition_penalty=1.0, no_repeat_ngram_size=0,
        temperature=1.0, top_p=1.0, top_k=50, eos_token_id=ends, pad_token_id=pad, use_cache=True,
        disable_compile=True,
    )  # fmt: skip


def _cut(tokens: list[int], ends: Sequence[int]) -> Written:
    at = next((at for at, token in enumerate(tokens) if token in ends), None)
    return Written(tokens, False) if at is None else Written(tokens[:at], True)
