"""Say what a training service cannot take, before anything is uploaded; nothing is sent for this."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lucy.errors import GraderError
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.grading import list_fields, write_grader
from lucy.tools.training.hosted.rows import build_row, select_validation
from lucy.tools.training.hosted.spending import Meter
from lucy.tools.training.hosted.submission import SUFFIX, write_suffix
from lucy.tools.training.trainer import Method, Task
from lucy.tools.vocabulary import Record, read_text

MOST_TRAINING = 50_000
"""Rows of a file for reinforcement (OpenAI's guide); so with the next."""
MOST_VALIDATION = 1_000
FEWEST_SFT = 10
"""Rows of a file for supervised training."""
RATES = (0.001, 100.0)
"""Multipliers that make sense; the service asks only for more than 0, but a plain rate such as 1e-5 would
train nothing and cost as much."""
RFT_ROLES = ("system", "developer", "user", "assistant")
SFT_ROLES = (*RFT_ROLES, "tool")
SHOWN = 3
"""Records that a sentence names."""
RESERVED = ("messages", "tools")
"""Fields of a row that no item field may take."""


def find_grader_faults(task: Task, judge_model: str) -> list[str]:
    """Say why the service cannot take the grader; empty for supervised training, which has none."""
    try:
        form = write_grader(task, judge_model)
    except GraderError as error:
        return [str(error)]
    return _find_missing_fields(task, form or {})


def find_record_faults(task: Task, roles: Sequence[str]) -> list[str]:
    """Say which records the service cannot take, one sentence a reason.

    Args:
        task: The training.
        roles: Roles that the service takes in prompts for reinforcement.
    """
    found: dict[str, list[str]] = {}
    for record in (*task.training, *task.heldout):
        for reason in _find_reasons(record, task.method, roles):
            found.setdefault(reason, []).append(record.id)
    return [_name_records(reason, ids) for reason, ids in found.items()] + _find_count_faults(task)


def find_parameter_faults(task: Task, meter: Meter) -> list[str]:
    """Say which parameters the service cannot take."""
    parameters, faults = task.parameters, list[str]()
    if not task.base_model.strip():
        faults.append(
            "No base model is named; a hosted training needs the name of one that the service can fine-tune."
        )
    if not 1 <= parameters.epochs <= 50:
        faults.append(f"The number of epochs is {parameters.epochs}; expected 1 to 50, such as 2.")
    rate = parameters.learning_rate
    if rate != "auto" and not RATES[0] <= rate <= RATES[1]:
        faults.append(
            f"The learning rate is {rate:g}; a service takes a multiplier of its own rate, from 0.001 to "
            "100; give one such as 1, or auto."
        )
    if len(write_suffix(task.name)) > SUFFIX:
        faults.append(
            f"The name {task.name!r} is too long for the model's suffix at the service; expected at most "
            f"{SUFFIX} characters; give a shorter name."
        )
    return [*faults, *_find_limit_faults(meter)]


def find_key_faults(client: Client) -> list[str]:
    """Say that a key is missing."""
    return [] if client.has_key else [client.ask_for_key()]


def _find_limit_faults(meter: Meter) -> list[str]:
    if meter.limit is None or not meter.is_blind:
        return []
    what = "the grader's model" if meter.price and meter.has_judge and not meter.judge_price else "training"
    return [
        f"The cost limit of ${meter.limit:g} cannot be kept, since the price of {what} at this service is "
        "not known; add the price, or start without a limit and watch the cost at the service."
    ]


def _find_reasons(record: Record, method: Method, roles: Sequence[str]) -> Iterator[str]:
    if not record.prompt or record.prompt[-1].get("role") != "user":
        yield "{have} a prompt that does not end with a message of the user; leave {them} out"
    allowed = tuple(roles) if method == "rft" else SFT_ROLES
    messages = record.prompt if method == "rft" else (*record.prompt, *record.reply)
    unknown = sorted({str(one.get("role")) for one in messages} - {*allowed, "tool"})
    if unknown:
        yield (
            "{have} messages of the role " + ", ".join(unknown) + ", which it does not take; leave {them} out"
        )
    if "tool" not in allowed and any(one.get("role") == "tool" or one.get("tool_calls") for one in messages):
        yield "{have} tool calls in the prompt, which no service takes for reinforcement; leave {them} out"
    if method == "sft" and not _has_reply(record):
        yield "{have} no recorded reply at the end to learn from; add one or leave {them} out"
    taken = [name for name in RESERVED if name in record.item]
    if method == "rft" and taken:
        yield (
            "{have} an item field named " + taken[0] + ", which a training row has already; rename that field"
        )


def _has_reply(record: Record) -> bool:
    if not record.reply or record.reply[-1].get("role") != "assistant":
        return False
    last = record.reply[-1]
    return bool(last.get("tool_calls") or read_text([last]).strip())


def _name_records(reason: str, ids: Sequence[str]) -> str:
    named = ", ".join(ids[:SHOWN]) + (", ..." if len(ids) > SHOWN else "")
    words = ("records have", "them") if len(ids) > 1 else ("record has", "it")
    said = reason.replace("{have}", words[0]).replace("{them}", words[1])
    return f"{len(ids)} {said} ({named})."


def _find_count_faults(task: Task) -> list[str]:
    training, validation = len(task.training), len(select_validation(task))
    faults: list[str] = []
    if not training:
        faults.append("There are no records to train on; add some.")
    if task.method == "sft":
        if 0 < training < FEWEST_SFT:
            faults.append(
                f"There are {training} records to train on; a service takes supervised training from "
                f"{FEWEST_SFT} on; add some."
            )
        return faults
    if training > MOST_TRAINING:
        faults.append(
            f"There are {training:,} records to train on; a service takes at most {MOST_TRAINING:,} for "
            "reinforcement; leave some out."
        )
    if validation > MOST_VALIDATION:
        faults.append(
            f"There are {validation:,} held-out records; a service takes at most {MOST_VALIDATION:,} for "
            "validation; put a larger share of the records into the training."
        )
    if training and not validation:
        faults.append(
            "There are no held-out records that are not also trained on; reinforcement at a service needs a "
            "validation file; lower the share for training."
        )
    return faults


def _find_missing_fields(task: Task, form: Mapping[str, Any]) -> list[str]:
    """Say which fields of a record the grader's templates name although some rows have none."""
    names = list_fields(form)
    missing: Counter[str] = Counter()
    total = 0
    for record in (*task.training, *task.heldout) if names else ():
        total += 1
        row = build_row(record, "rft")
        missing.update(name for name in names if name not in row)
    return [
        f"The grader reads `item.{name}`, which {missing[name]} of {total} records do not have; add the "
        "field to them, leave them out, or change the grader."
        for name in names
        if missing[name]
    ]
