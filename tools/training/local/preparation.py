"""Put together what a training starts from: tokenizer, records, their texts, the sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucy.tools.responses import read_recorded_response
from lucy.tools.store.encoding import hash_content
from lucy.tools.training.local.loading import load_tokenizer
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.plan import Plan, choose_longest, make_plan
from lucy.tools.training.local.weights import count_parameters, find_base, list_sizes
from lucy.tools.training.split import set_aside
from lucy.tools.training.trainer import Task
from lucy.tools.vocabulary import Record


@dataclass(frozen=True, slots=True)
class Setup:
    """What a training starts from."""

    base: Path
    tokenizer: Any
    longest: int
    """Tokens of an answer at most."""
    training: Sequence[Record]
    validation: Sequence[Record]
    """Set aside from the training records, to find the best checkpoint; may be empty."""
    plan: Plan
    size: int
    """Parameters of the model."""
    run: str
    """Content address of all that decides the training's course."""


def make_setup(task: Task, options: LocalOptions, *, devices: int = 1, has_gpu: bool = False) -> Setup:
    """Put together what a training starts from.

    Raises:
        InputError: the base model or a record cannot be used; `find_faults` says more.
        NotFoundError: the base model is not on this machine.
        StoreError: a package is missing.
    """
    base = find_base(task.base_model)
    tokenizer = load_tokenizer(base)
    aside = set_aside(task.training, task.parameters.seed)
    training = [record for record in task.training if record.id not in aside]
    count = len(training) if task.method == "rft" else count_replies(training)
    size = count_parameters(base)
    plan = make_plan(
        task.method, task.parameters, options, count=count, size=size, devices=devices, has_gpu=has_gpu
    )
    return Setup(
        base=base,
        tokenizer=tokenizer,
        longest=find_longest(task, tokenizer, options),
        training=training,
        validation=[record for record in task.training if record.id in aside],
        plan=plan,
        size=size,
        run=_address(task, options, base, devices),
    )


def find_longest(task: Task, tokenizer: Any, options: LocalOptions) -> int:
    """Find how many tokens an answer may have, from the training records' replies."""
    if options.longest != "auto":
        return options.longest
    replies = [read_recorded_response(record) for record in task.training if record.reply]
    # One more each, for the token that ends it.
    lengths = [len(tokenizer(reply, add_special_tokens=False)["input_ids"]) + 1 for reply in replies]
    return choose_longest(lengths, options.longest)


def count_replies(records: Sequence[Record]) -> int:
    """Count the assistant's messages in the recorded replies."""
    return sum(message.get("role") == "assistant" for record in records for message in record.reply)


def _address(task: Task, options: LocalOptions, base: Path, devices: int) -> str:
    records = [[record.id, record.prompt, record.reply, record.tools] for record in task.training]
    parameters = task.parameters.model_dump(mode="json")
    choices = [options.longest, options.lora, devices]
    return hash_content("local", task.method, str(base), list_sizes(base), records, parameters, choices)
