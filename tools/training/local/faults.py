"""List what the local trainer cannot take, in sentences, before anything is begun."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lucy.errors import InputError, LucyError
from lucy.tools.training.local.loading import load_tokenizer
from lucy.tools.training.local.memory import ASK_FROM, estimate_need, find_memory
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.packages import describe_missing, find_missing_packages
from lucy.tools.training.local.plan import trains_adapter
from lucy.tools.training.local.preparation import count_replies, find_longest
from lucy.tools.training.local.prompts import (
    encode,
    make_examples,
    render_prompt,
    shows_tools,
    writes_readable_calls,
)
from lucy.tools.training.local.weights import count_parameters, find_base, find_window, read_config
from lucy.tools.training.trainer import Task
from lucy.tools.vocabulary import Record

_CAUSAL = ("ForCausalLM", "LMHeadModel")
"""How the transformers library ends the names of models that write on from a text."""


def list_faults(task: Task, options: LocalOptions) -> list[str]:
    """List what cannot be taken; no weights are loaded and nothing is downloaded."""
    missing = find_missing_packages()
    if missing:
        return [describe_missing(missing)]
    try:
        base = find_base(task.base_model)
        faults = [*_check_parameters(task, options), *_check_model(base), *_check_memory(base, options)]
        return faults or _check_records(task, options, base)
    except LucyError as error:
        return [str(error)]


def _check_parameters(task: Task, options: LocalOptions) -> list[str]:
    faults: list[str] = []
    parameters = task.parameters
    if not task.training:
        faults.append("There are no records to train on; the training side of the split is empty.")
    if parameters.reasoning_effort != "default":
        faults.append(
            f"The local trainer has no reasoning effort, and it is set to {parameters.reasoning_effort!r}; "
            "leave it at 'default'."
        )
    if parameters.learning_rate != "auto" and parameters.learning_rate >= 1:
        faults.append(
            f"learning_rate is {parameters.learning_rate:g}, expected below 1, such as 1e-6, or 'auto'."
        )
    if options.longest != "auto" and options.longest < 1:
        faults.append(f"The longest answer is set to {options.longest} tokens, expected at least 1.")
    return faults


def _check_model(base: Path) -> list[str]:
    config = read_config(base)
    kinds: Any = config.get("architectures") or ["unknown"]
    if config.get("auto_map"):
        return [
            f"The model in {str(base)!r} brings Python code of its own, which is not run here; take one that "
            "the transformers library knows."
        ]
    if not any(str(kind).endswith(_CAUSAL) for kind in kinds):
        return [
            f"The model in {str(base)!r} is a {kinds[0]}, expected a causal language model for text, such as "
            "LlamaForCausalLM; take another base model."
        ]
    return []


def _check_memory(base: Path, options: LocalOptions) -> list[str]:
    size = count_parameters(base)
    if size < ASK_FROM:
        return []
    lora, memory = trains_adapter(size, options), find_memory()
    need = estimate_need(size, lora=lora, is_gpu=memory.is_gpu)
    if need <= memory.size:
        return []
    what = "an adapter beside them" if lora else "all of them"
    where = "GPU" if memory.is_gpu else "machine"
    return [
        f"The base model has {size / 1e9:.1f} billion parameters; training {what} takes at least "
        f"{need / 2**30:.0f} GiB, and the {where} has {memory.size / 2**30:.0f} GiB; take a smaller one."
    ]


def _check_records(task: Task, options: LocalOptions, base: Path) -> list[str]:
    tokenizer = load_tokenizer(base)
    if tokenizer.eos_token is None:
        return [
            f"The tokenizer in {str(base)!r} has no token that ends a text (eos_token), so answers would "
            "never end; take another base model."
        ]
    records = [*task.training, *task.heldout]
    faults = [
        *_list_unwritable(task, records, tokenizer),
        *_list_without_reply(task),
        *_list_tools(records, tokenizer),
    ]
    return faults or _list_long(task, options, base, tokenizer)


def _list_unwritable(task: Task, records: Sequence[Record], tokenizer: Any) -> list[str]:
    refused: list[tuple[Record, InputError]] = []
    for record in records:
        try:
            render_prompt(tokenizer, record)
            if task.method == "sft":
                make_examples(tokenizer, record)
        except InputError as error:
            refused.append((record, error))
    if not refused:
        return []
    record, error = refused[0]
    return [f"{_count(refused, records)} cannot be written for this model, such as {record.id!r}: {error}"]


def _list_without_reply(task: Task) -> list[str]:
    if task.method != "sft":
        return []
    without = [record for record in task.training if not count_replies([record])]
    if not without:
        return []
    return [
        f"{_count(without, task.training)} have no recorded reply to learn from, such as {without[0].id!r}; "
        "leave them out, or choose the method rft, which needs none."
    ]


def _list_tools(records: Sequence[Record], tokenizer: Any) -> list[str]:
    with_tools = [record for record in records if record.tools]
    if not with_tools:
        return []
    first = with_tools[0]
    amount = _count(with_tools, records)
    try:
        if not shows_tools(tokenizer, first):
            return [
                f"{amount} offer tools, such as {first.id!r}, and the base model's chat template does not "
                "show them; take a base model that knows tools, or leave these records out."
            ]
    except InputError:
        return []
    if not writes_readable_calls(tokenizer, first):
        return [
            f"{amount} offer tools, such as {first.id!r}, and the base model writes tool calls in a form "
            "that cannot be read here; known are <tool_call>{JSON}</tool_call> (Qwen, Hermes) and OpenAI's "
            "message as JSON: take such a model, or leave these records out."
        ]
    return []


def _list_long(task: Task, options: LocalOptions, base: Path, tokenizer: Any) -> list[str]:
    window = find_window(base)
    if window is None:
        return []
    longest = find_longest(task, tokenizer, options)
    faults: list[str] = []
    records = [*task.training, *task.heldout]
    long = _find_longer(records, lambda record: _measure_prompt(tokenizer, record) + longest, window)
    if long:
        faults.append(
            f"{_count(long, records)} are too long, such as {long[0].id!r}: prompt and answer (at most "
            f"{longest} tokens) must fit into the model's {window} tokens; shorten them, leave them out, or "
            "take a base model with a longer window."
        )
    if task.method == "sft":
        long = _find_longer(task.training, lambda record: _measure_whole(tokenizer, record), window)
        if long:
            faults.append(
                f"{_count(long, task.training)} have prompt and reply of more than the model's {window} "
                f"tokens, such as {long[0].id!r}; leave them out."
            )
    return faults


def _find_longer(records: Sequence[Record], measure: Callable[[Record], int], window: int) -> list[Record]:
    return [record for record in records if measure(record) > window]


def _measure_prompt(tokenizer: Any, record: Record) -> int:
    return len(encode(tokenizer, render_prompt(tokenizer, record)))


def _measure_whole(tokenizer: Any, record: Record) -> int:
    return max((len(one.prompt) + len(one.reply) for one in make_examples(tokenizer, record)), default=0)


def _count(some: Sequence[object], everyone: Sequence[object]) -> str:
    return f"{len(some)} of {len(everyone)} records"
