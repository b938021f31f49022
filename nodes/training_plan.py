"""Plan a training: its split, its request, and what it takes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lucy.graph.state import FinetuneWorkflowState
from lucy.nodes.dry_run_work import trains_here
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import read_artefact, read_current_records
from lucy.nodes.step import get_workflow_id
from lucy.nodes.training_parameters import PARAMETERS
from lucy.nodes.uploading import upload_current
from lucy.tools.calls.prices import Price, find_price, load_prices
from lucy.tools.graders.config import parse_grader
from lucy.tools.graders.judge_answers import estimate_judge
from lucy.tools.records.tokens import estimate_text_tokens, estimate_tokens
from lucy.tools.registry import suggest_name
from lucy.tools.store.rollouts import Rollout, address_grade, read_rollouts
from lucy.tools.training.forecast import Forecast, Load, Prices, forecast
from lucy.tools.training.hosted.prices import TrainingPrice, find_training_price, load_training_prices
from lucy.tools.training.job import TrainingRequest, find_topics
from lucy.tools.training.outcome import select
from lucy.tools.training.speed import Speed, read_speed
from lucy.tools.training.split import Split, set_aside, split_records
from lucy.tools.vocabulary import Record
from lucy.tools.workbench import Workbench

REMEMBERED = 4
"""Splits that are kept in memory, so that a change of the epochs needs no new one."""
_DIVIDED: dict[tuple[str, str, str, int], tuple[Split, int]] = {}
MEASURED = 400
"""Answers of the dry run that lengths and judging are measured on."""


class Planned(NamedTuple):
    """A training that could be started."""

    request: TrainingRequest
    records: list[Record]
    split: Split
    aside: int
    """Training prompts that are set aside to find the best checkpoint."""


def plan_training(state: FinetuneWorkflowState, bench: Workbench, plan: dict[str, Any]) -> Planned:
    """Make the request of a training, with the split that it will use."""
    request, records = _make_request(state, bench, plan), read_current_records(state, bench)
    return Planned(request, records, *_divide(state, bench, request, records))


def _divide(
    state: FinetuneWorkflowState, bench: Workbench, request: TrainingRequest, records: list[Record]
) -> tuple[Split, int]:
    """Split the records as the job will, and count what is set aside; remembered, as it may take a minute."""
    workflow_id = get_workflow_id(state)
    content = request.model_dump_json(include={"dataset_id", "batches", "edits", "categories", "train_split"})
    key = (str(bench.store.home), workflow_id, content, request.seed)
    found = _DIVIDED.get(key)
    if found is None:
        open_progress(state, bench, "training")("Dividing the records", 0, 1)
        topics = find_topics(bench, workflow_id, request.categories, records)
        split = split_records(records, topics, train_share=request.train_split, seed=request.seed)
        found = split, len(set_aside(select(records, split.train_ids), request.seed))
        for oldest in list(_DIVIDED)[: 1 - REMEMBERED]:
            _DIVIDED.pop(oldest, None)
        _DIVIDED[key] = found
    return found


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


def read_price(bench: Workbench, base_model: str) -> TrainingPrice | None:
    """Read what the service asks for training a model; None where that is unknown, or it is trained here."""
    if trains_here(bench):
        return None
    prices = load_training_prices(bench.store.home, with_listed=not bench.settings.base_url)
    return find_training_price(prices, base_model)


def _read_prices(bench: Workbench, base_model: str) -> Prices:
    """Read what is known; the trained model's answers have a price of their own, listed as `ft:<base>`."""
    listed: dict[str, Price] = load_prices(bench.store.home, with_listed=not bench.settings.base_url)
    return Prices(
        training=read_price(bench, base_model),
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
