"""Say in plain words what the counts of a hygiene report mean and what to do."""

from collections.abc import Mapping

from lucy.tools.records.validation import ErrorCode, Limits

HIGH_REJECTION_RATE = 0.2
"""Share of rejected entries above which the export itself is to be looked at."""

FEW_RECORDS = 50
"""Below this many records training rarely shows an effect (OpenAI's guide: several dozen to a few
hundred)."""

HIGH_NEAR_DUPLICATE_SHARE = 0.1
"""Share of near-duplicates among the valid records above which they are worth thinning out."""

_REASONS: dict[ErrorCode, tuple[str, str]] = {
    "invalid_data_structure": ("is no usable JSON record", "are no usable JSON records"),
    "missing_input": ("has no input", "have no input"),
    "missing_messages": ("has no messages", "have no messages"),
    "empty_messages": ("has an empty list of messages", "have an empty list of messages"),
    "invalid_role": ("has a message with an unknown role", "have a message with an unknown role"),
    "no_user_message": ("has no user message", "have no user message"),
    "empty_user_message": ("ends in an empty user message", "end in an empty user message"),
    "user_message_too_short": ("says too little", "say too little"),
    "orphan_tool_result": ("has a tool result without its call", "have a tool result without its call"),
    "missing_tool_call_id": (
        "has a tool call or result without an id",
        "have a tool call or result without an id",
    ),
    "exceeds_max_tokens": ("is too long", "are too long"),
    "duplicate": ("repeats an earlier one", "repeat an earlier one"),
}
"""How one entry and several entries with an error are spoken of."""

_REMEDIES: dict[ErrorCode, str] = {
    "invalid_data_structure": "check how the file was exported: one JSON object per line, in UTF-8",
    "missing_input": "expected `data.input`, or a `prompt`",
    "missing_messages": "expected `messages`, `data.input.messages`, or `prompt` and `completion`",
    "empty_messages": "leave them out or export their messages too",
    "invalid_role": "name the roles system, developer, user, assistant and tool",
    "no_user_message": "without a question there is nothing to answer; leave them out",
    "empty_user_message": "without a question there is nothing to answer; leave them out",
    "user_message_too_short": "expected at least {min_user_chars} characters from the user; "
    "lower that limit if such short messages are usual for you",
    "orphan_tool_result": "export the assistant's tool calls together with their results",
    "missing_tool_call_id": "each tool call needs an `id`, and its result the same `tool_call_id`",
    "exceeds_max_tokens": "shorten them below {max_tokens} tokens or raise that limit",
    "duplicate": "nothing needs to be done: the first of each is kept",
}


def count(number: int, one: str, many: str) -> str:
    """Write a number with the word that fits it."""
    return f"{number:,} {one if number == 1 else many}"


def format_share(share: float) -> str:
    """Write a share above 0 in percent, so that a small one does not read as none."""
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def summarise_errors(errors_by_type: Mapping[ErrorCode, int]) -> str:
    """List the errors with their counts, the most frequent first."""
    ranked = sorted(errors_by_type.items(), key=lambda entry: -entry[1])
    return ", ".join(count(number, *_REASONS[error]) for error, number in ranked)


def recommend(
    *,
    errors_by_type: Mapping[ErrorCode, int],
    total: int,
    near_duplicates: int,
    with_reply: int,
    limits: Limits,
) -> tuple[str, ...]:
    """Give one sentence for each thing worth doing, the weightiest first."""
    valid = total - sum(errors_by_type.values())
    if not total:
        return ("The source holds no records; give a file with one JSON record per line.",)
    return (
        *_advise_on_rejects(errors_by_type, total, limits),
        *_advise_on_amount(valid),
        *_advise_on_content(valid, near_duplicates, with_reply),
    )


def _advise_on_rejects(errors_by_type: Mapping[ErrorCode, int], total: int, limits: Limits) -> list[str]:
    rejected = sum(errors_by_type.values())
    sentences: list[str] = []
    if rejected > HIGH_REJECTION_RATE * total:
        sentences.append(
            f"{rejected:,} of {total:,} entries cannot be used ({rejected / total:.0%}); "
            "look at the rejected ones before going on."
        )
    for error, number in sorted(errors_by_type.items(), key=lambda entry: -entry[1]):
        remedy = _REMEDIES[error].format(min_user_chars=limits.min_user_chars, max_tokens=limits.max_tokens)
        sentences.append(f"{count(number, *_REASONS[error])}: {remedy}.")
    return sentences


def _advise_on_amount(valid: int) -> list[str]:
    if not 0 < valid < FEW_RECORDS:
        return []
    return [
        f"{count(valid, 'usable record is', 'usable records are')} few for training; "
        f"bring at least {FEW_RECORDS}, or let Lucy generate more from them."
    ]


def _advise_on_content(valid: int, near_duplicates: int, with_reply: int) -> list[str]:
    sentences: list[str] = []
    if near_duplicates:
        share = near_duplicates / valid
        thinning = "; consider thinning them out" if share > HIGH_NEAR_DUPLICATE_SHARE else ""
        sentences.append(
            f"{count(near_duplicates, 'record nearly repeats', 'records nearly repeat')} an earlier one "
            f"({format_share(share)}): kept, and never split between training and evaluation{thinning}."
        )
    if valid and not with_reply:
        sentences.append(
            "No record has a reply: that suits reinforcement training (rft); "
            "supervised training (sft) needs replies."
        )
    return sentences
