"""Read the metrics of a step under one set of names, whichever names a service gives them.

Two styles occur, nested (`scores.train_reward_mean`) and flat (`train_mean_reward`); result files write
slashes for dots. Units are the service's own: rewards 0 to 1, tokens for each sample, seconds.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lucy.tools.training.hosted.wire import RemoteCheckpoint

NAMES: dict[str, tuple[str, ...]] = {
    "mean_reward": ("scores.train_reward_mean", "train_reward_mean", "train_mean_reward"),
    "valid_mean_reward": (
        "scores.valid_reward_mean",
        "valid_reward_mean",
        "full_valid_mean_reward",
        "valid_mean_reward",
    ),
    "valid_parse_errors": ("full_valid_mean_parse_error", "valid_mean_parse_error"),
    "unresponsive": ("mean_unresponsive_rewards",),
    "completion_tokens": ("completion_tokens_mean", "usage.samples.train_completion_tokens_mean"),
    "reasoning_tokens": ("reasoning_tokens_mean", "usage.samples.train_reasoning_tokens_mean"),
    "valid_reasoning_tokens": (
        "valid_reasoning_tokens_mean",
        "usage.samples.valid_reasoning_tokens_mean",
    ),
    "train_loss": ("train_loss",),
    "valid_loss": ("full_valid_loss", "valid_loss"),
    "train_accuracy": ("train_mean_token_accuracy",),
    "valid_accuracy": ("full_valid_mean_token_accuracy", "valid_mean_token_accuracy"),
    "step_seconds": ("timing.step.full_iteration",),
}
"""Our names, and those that services use, the most telling first."""
_GRADER_SCORE = re.compile(r"^scores\.(?:graders\.)?(?P<name>.+)\.(?:train_reward_mean|train_mean_reward)$")
_GRADER_ERROR = re.compile(r"^errors\..*error_count$")
_GRADER_TOKENS = re.compile(
    r"^usage\.graders\.(?P<name>.+)\.(?P<use>train|valid)_(?P<kind>prompt|completion)_tokens_mean$"
)


class Best(NamedTuple):
    """The model of a training that did best on the validation file."""

    model: str
    step: int


def read_metrics(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give the metrics of one step: `step` and those of `NAMES` that are there; empty when there is no step.

    Besides: `graders` (mean reward by grader's name), `grader_errors` (gradings that failed), and
    `judge_prompt_tokens` and `judge_completion_tokens` (of all graders' models, in this step).
    """
    flat = dict(_flatten(data))
    step = flat.get("step", flat.get("step_number"))
    if step is None:
        return {}
    found: dict[str, Any] = {"step": int(step)}
    for name, theirs in NAMES.items():
        value = next((flat[one] for one in theirs if one in flat), None)
        if value is not None:
            found[name] = value
    graders = {match["name"]: value for key, value in flat.items() if (match := _GRADER_SCORE.match(key))}
    if graders:
        found["graders"] = graders
    errors = [value for key, value in flat.items() if _GRADER_ERROR.match(key)]
    if errors:
        found["grader_errors"] = round(sum(errors))
    return found | _sum_judge_tokens(flat)


def read_total_steps(data: Mapping[str, Any]) -> int:
    """Give how many steps there will be, 0 where the service does not say."""
    return int(dict(_flatten(data)).get("total_steps", 0))


def merge_metrics(history: Sequence[dict[str, Any]], fresh: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a step's metrics into the history, in order; those of a step may come in several parts."""
    by_step = {one["step"]: one for one in history}
    by_step[fresh["step"]] = {**by_step.get(fresh["step"], {}), **fresh}
    return [by_step[step] for step in sorted(by_step)]


def find_best(
    history: Sequence[dict[str, Any]], checkpoints: Sequence[RemoteCheckpoint], *, final: str, steps: int
) -> Best:
    """Choose the checkpoint with the highest validation reward, else the lowest validation loss.

    Args:
        history: Metrics of each step.
        checkpoints: Models saved on the way; their own metrics count before the history's.
        final: The model at the end, which wins a draw, and where nothing was validated.
        steps: Its step.
    """
    saved = _rate_saved(history, checkpoints)
    found = {name: (merit, step) for name, (merit, step) in saved.items() if merit is not None}
    last = next((_rate(one) for one in history if int(one["step"]) == steps), None)
    if final not in found and last is not None:
        found[final] = (last, steps)
    if not found:
        return Best(final, steps)
    model = max(found, key=lambda name: (found[name][0], name == final, found[name][1]))
    return Best(model, found[model][1])


def find_saved(history: Sequence[dict[str, Any]], checkpoints: Sequence[RemoteCheckpoint]) -> Best | None:
    """Choose among the checkpoints of a job that did not end, as `find_best`; else the last of them."""
    found = _rate_saved(history, checkpoints)
    if not found:
        return None
    model = max(found, key=lambda name: (found[name][0] is not None, found[name][0] or 0.0, found[name][1]))
    return Best(model, found[model][1])


def _rate_saved(
    history: Sequence[dict[str, Any]], checkpoints: Sequence[RemoteCheckpoint]
) -> dict[str, tuple[float | None, int]]:
    """Give merit and step of each checkpoint, by its model's name."""
    by_step = {int(one["step"]): one for one in history}
    found: dict[str, tuple[float | None, int]] = {}
    for one in checkpoints:
        if one.fine_tuned_model_checkpoint and one.step_number is not None:
            step = int(one.step_number)
            merit = _rate(by_step.get(step, {}) | read_metrics({**one.metrics, "step": step}))
            found[one.fine_tuned_model_checkpoint] = (merit, step)
    return found


def _rate(metrics: Mapping[str, Any]) -> float | None:
    """Give what a checkpoint is chosen by: higher is better."""
    reward: float | None = metrics.get("valid_mean_reward")
    if reward is not None:
        return reward
    loss: float | None = metrics.get("valid_loss")
    return None if loss is None else -loss


def _sum_judge_tokens(flat: Mapping[str, float]) -> dict[str, int]:
    totals: dict[str, float] = {}
    for key, mean in flat.items():
        match = _GRADER_TOKENS.match(key)
        if match:
            count = flat.get(key.removesuffix("_mean") + "_count", 0.0)
            name = f"judge_{match['kind']}_tokens"
            totals[name] = totals.get(name, 0.0) + mean * count
    return {name: round(total) for name, total in totals.items()}


def _flatten(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Give the numbers in nested objects and lists, with their paths; elements of lists by their `name`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = str(key).replace("/", ".")
            yield from _flatten(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            name = item.get("name", number) if isinstance(item, Mapping) else number
            yield from _flatten(item, f"{path}.{name}")
    elif isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        yield path, float(value)
