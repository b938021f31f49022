"""Plan a training: its parameters in words and numbers, what it takes, and what its trainer cannot take."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from lucy.errors import InputError
from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.dry_run_work import trains_here
from lucy.nodes.reading import read_artefact, read_current_records, read_topics
from lucy.nodes.step import get_workflow_id
from lucy.nodes.uploading import upload_current
from lucy.tools.calls.prices import Price, find_price, load_prices
from lucy.tools.graders.config import parse_grader
from lucy.tools.graders.judge_answers import estimate_judge
from lucy.tools.records.tokens import estimate_text_tokens, estimate_tokens
from lucy.tools.registry import suggest_name
from lucy.tools.store.rollouts import Rollout, address_grade, read_rollouts
from lucy.tools.training.forecast import Forecast, Load, Prices, forecast
from lucy.tools.training.hosted.spending import load_training_prices
from lucy.tools.training.job import TrainingRequest
from lucy.tools.training.speed import Speed, read_speed
from lucy.tools.training.split import Split, set_aside, split_records
from lucy.tools.training.trainer import Parameters
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench

DEFAULTS: dict[str, Any] = {
    "train_split": 0.9,
    "epochs": 2,
    "method": "rft",
    "batch_size": "auto",
    "learning_rate": "auto",
    "reasoning_effort": "default",
    "cost_limit": None,
}
"""Parameters that are proposed."""
PARAMETERS = ("epochs", "group_size", "batch_size", "learning_rate", "reasoning_effort", "cost_limit")
MEASURED = 400
"""Answers of the dry run that lengths and judging are measured on."""


class Planned(NamedTuple):
    """A training that could be started."""

    request: TrainingRequest
    records: list[Record]
    split: Split
    aside: int
    """Training prompts that are set aside to find the best checkpoint."""


def check_parameters(plan: dict[str, Any]) -> None:
    """Check the parameters of a plan.

    Raises:
        InputError: names the first that is out of range.
    """
    epochs, share, group = (plan[name] for name in ("epochs", "train_split", "group_size"))
    if not all(isinstance(value, int | float) for value in (epochs, share, group)):
        raise InputError("Epochs, train split and group size must be numbers, such as 2, 0.9 and 8.")
    if not 1 <= epochs <= 50:
        raise InputError(f"The epochs must be 1 to 50, not {epochs}; 2 is the usual number.")
    if not 0 < share < 1:
        raise InputError(f"The train split must lie between 0 and 1, not {share}; 0.9 is usual.")
    if not 2 <= group <= 64:
        raise InputError(f"The group size must be 2 to 64, not {group}; 8 is usual.")
    if plan.get("method", "rft") not in ("rft", "sft"):
        raise InputError(f"The method must be rft or sft, not {plan['method']!r}.")
    try:
        Parameters(**{name: plan[name] for name in PARAMETERS if plan.get(name) is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]).replace("_", " ")
        raise InputError(f"The {name} cannot be {plan[str(first['loc'][0])]!r}: {first['msg']}.") from error


def plan_training(state: FinetuneWorkflowState, bench: Workbench, plan: dict[str, Any]) -> Planned:
    """Make the request of a training, with the split that it will use."""
    records = read_current_records(state, bench)
    topics = {one.record_id: one.topic_id for one in read_topics(state, bench, records)}
    split = split_records(records, topics, train_share=plan["train_split"], seed=bench.settings.seed)
    ids = set(split.train_ids)
    aside = set_aside([record for record in records if record.id in ids], bench.settings.seed)
    return Planned(_make_request(state, bench, plan), records, split, len(aside))


def _make_request(state: FinetuneWorkflowState, bench: Workbench, plan: dict[str, Any]) -> TrainingRequest:
    artefacts = state.get("artefacts") or {}
    frozen, settings = upload_current(state, bench), bench.settings
    return TrainingRequest(
        dataset_id=frozen.dataset.dataset_id,
        batches=frozen.dataset.batches,
        edits=frozen.dataset.edits,
        categories=frozen.dataset.categories,
        grader=frozen.grader,
        name=suggest_name(state.get("name") or "model"),
        goal=state.get("goal") or "",
        train_split=float(plan["train_split"]),
        seed=settings.seed,
        attempt=int(plan["attempt"]),
        trainer=settings.trainer,
        method=plan["method"],
        forecast=plan.get("forecast"),
        base_model="" if settings.trainer == "offline" else settings.base_model,
        lineage={
            "upload": frozen.backend_dataset_id,
            **{kind: dict(artefacts[kind]) for kind in ("dataset", "grader", "dry_run")},
        },
        **{name: plan[name] for name in PARAMETERS},
    )


def forecast_training(state: FinetuneWorkflowState, bench: Workbench, planned: Planned) -> Forecast:
    """Forecast what a training takes, from the dry run's answers."""
    request, by_id = planned.request, {record.id: record for record in planned.records}
    body = read_artefact(state, bench, "dry_run")
    found = read_rollouts(bench.store, body["rollouts"][:MEASURED])
    made = [one for one in found.values() if one.record_id in by_id]
    resources = bench.make_resources(get_workflow_id(state), "training")
    pairs = [(by_id[one.record_id], one.response) for one in made]
    return forecast(
        _measure_load(planned, made),
        prices=_read_prices(bench, request.base_model),
        is_local=trains_here(bench),
        judging=estimate_judge(parse_grader(request.grader), resources, pairs),
        judged=len(pairs),
        speed=_read_speed(bench, body, by_id),
    )


def find_hourly(bench: Workbench, request: TrainingRequest) -> float | None:
    """Give what the service asks for an hour of training, US dollars; None where that is not its price."""
    price = load_training_prices(bench.store.home).get(request.base_model)
    return None if price is None or trains_here(bench) else price.per_hour


def _read_prices(bench: Workbench, base_model: str) -> Prices:
    """Read what is known; the trained model's answers have a price of their own, listed as `ft:<base>`."""
    listed: dict[str, Price] = load_prices(bench.store.home, with_listed=not bench.settings.base_url)
    return Prices(
        training=load_training_prices(bench.store.home).get(base_model),
        before=find_price(listed, base_model),
        after=find_price(listed, f"ft:{base_model}"),
    )


def _read_speed(bench: Workbench, body: dict[str, Any], records: dict[str, Record]) -> Speed | None:
    """Measure how fast this machine was in the dry run."""
    made = read_rollouts(bench.store, body["rollouts"])
    known = [one for one in made.values() if one.record_id in records]
    keys = [address_grade(body["grader"], records[one.record_id], one.response) for one in known]
    return read_speed(bench.store, [one.key for one in known], list(dict.fromkeys(keys)))


def _measure_load(planned: Planned, made: Sequence[Rollout]) -> Load:
    request, ids = planned.request, set(planned.split.train_ids)
    training = [record for record in planned.records if record.id in ids]
    asked = [estimate_tokens(record.prompt) for record in training]
    replies = [estimate_tokens(record.reply) for record in training if record.reply]
    is_supervised = request.method == "sft"
    return Load(
        prompts=len(training),
        heldout=len(planned.split.heldout_ids),
        epochs=request.epochs,
        group_size=1 if is_supervised else request.group_size,
        prompt_tokens=sum(asked) / max(1, len(asked)),
        answer_tokens=[estimate_text_tokens(one.response) for one in made],
        validation=planned.aside,
        reply_tokens=sum(replies) / max(1, len(replies)) if is_supervised else None,
        distinct=len({(one.record_id, one.response) for one in made}) / len(made) if made else 1.0,
    )


def read_changes(text: str) -> dict[str, Any]:
    """Read parameters in words, such as "3 epochs", "80/20", "groups of 16", "limit $20", "supervised"."""
    said, changes = text.casefold(), dict[str, Any]()
    if epochs := re.search(r"\b(\d+)\s*epochs?\b|\bepochs?\s*(?:=|to|:)?\s*(\d+)\b", said):
        changes["epochs"] = int(epochs.group(1) or epochs.group(2))
    if split := re.search(r"\bsplit\s*(?:=|to|of|:)?\s*([01]?\.\d+|[01])\b", said):
        changes["train_split"] = float(split.group(1))
    elif parts := re.search(r"\b(\d{2})\s*/\s*(\d{2})\b", said):
        changes["train_split"] = int(parts.group(1)) / 100
    if group := re.search(r"\bgroups?\s*(?:size)?\s*(?:of|=|to|:)?\s*(\d{1,3})\b", said):
        changes["group_size"] = int(group.group(1))
    if batch := re.search(r"\bbatch(?:es)?\s*(?:size)?\s*(?:of|=|to|:)?\s*(\d{1,4}|auto)\b", said):
        changes["batch_size"] = "auto" if batch.group(1) == "auto" else int(batch.group(1))
    if rate := re.search(r"\blearning rate\s*(?:of|=|to|:)?\s*(\d*\.?\d+(?:e-?\d+)?|auto)\b", said):
        changes["learning_rate"] = "auto" if rate.group(1) == "auto" else float(rate.group(1))
    changes |= _read_limit(said)
    if re.search(r"\bsupervised\b|\bsft\b", said):
        changes["method"] = "sft"
    elif re.search(r"\breinforce\w*\b|\brft\b|\bgrpo\b", said):
        changes["method"] = "rft"
    return changes


def _read_limit(said: str) -> dict[str, Any]:
    """Read a limit on money; "at most 3 epochs" is none."""
    if re.search(r"\b(?:no|without an?y?|remove the|lift the) (?:cost |money |spending )?limit\b", said):
        return {"cost_limit": None}
    amount = r"(\d[\d,]*(?:\.\d+)?)"
    named = re.search(rf"\b(?:limit|budget)\b[^\d]{{0,16}}{amount}", said)
    most = r"\b(?:at most|no more than|up to|not over|below)\s*"
    unit = r"\s*(?:\$|dollars?\b|usd\b)"
    dollars = re.search(rf"{most}(?:\$\s*{amount}|{amount}{unit})", said)
    found = next((one for hit in (named, dollars) if hit for one in hit.groups() if one), None)
    return {"cost_limit": float(found.replace(",", ""))} if found else {}
