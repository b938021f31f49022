"""Do steps 4 and 5 for a tool call: the grader, the upload, the dry run."""

from typing import Any

from lucy.errors import GateError, InputError
from lucy.graph.runs import Runs
from lucy.graph.state import FinetuneWorkflowState
from lucy.graph.toolbox.arguments import (
    ConfigureGrader,
    OfWorkflow,
    RunDryRun,
    SampleSize,
    UploadDataset,
)
from lucy.graph.toolbox.calls import Called, approve, change, describe_question, find_id, open_step
from lucy.nodes.grader_drafts import find_given, read_draft
from lucy.nodes.grader_trials import answered_records, runs_code
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records
from lucy.nodes.uploading import sync_current, upload_current
from lucy.tools.dry_run.report import DryRunReport
from lucy.tools.graders.config import GraderConfig
from lucy.tools.graders.resources import Resources
from lucy.tools.graders.scoring import list_judges
from lucy.tools.graders.trial import try_grader
from lucy.tools.uploads import Upload


def configure_grader(runs: Runs, given: ConfigureGrader) -> dict[str, Any]:
    """Propose a grader; it is tried and used at once where that costs nothing."""
    workflow_id = find_id(runs, given.workflow_id)
    if given.grader_type == "preset":
        changes: dict[str, Any] = {"preset": given.config.get("name", "")}
    else:
        changes = {"config": {"type": given.grader_type, **given.config}}
    called = change(runs, workflow_id, "grader_config", "configure_grader", **changes)
    called = _approve_if_free(runs, workflow_id, called, "grader_config", "configure_grader")
    return {
        "grader_type": given.grader_type,
        "is_in_use": (called.state.get("status") or {}).get("grader_config") == "completed",
        "said": called.said,
        **describe_question(called),
    }


def _approve_if_free(runs: Runs, workflow_id: str, called: Called, step: Any, tool: str) -> Called:
    pending = called.state.get("pending")
    is_free = pending is not None and pending["step"] == step and pending["plan"].get("is_free")
    return approve(runs, workflow_id, step, tool) if is_free else called


def try_sample(runs: Runs, given: SampleSize) -> dict[str, Any]:
    """Grade a few recorded answers with the grader that is proposed, or in use; nothing is changed."""
    workflow_id = find_id(runs, given.workflow_id)
    state = runs.read_state(workflow_id)
    grader, resources = _find_grader(state, runs), runs.bench.make_resources(workflow_id, "grader_config")
    _refuse_what_the_person_decides(grader, resources)
    seed = runs.bench.settings.seed
    records = answered_records(read_current_records(state, runs.bench), seed)
    report = try_grader(grader, records, resources, size=given.sample_size, seed=seed)
    samples = [
        {"prompt": one.prompt, "response": one.response, "score": one.score, "reasoning": one.reason}
        | {"error": one.error}
        for one in report.samples
    ]
    return {"samples": samples, **report.model_dump(mode="json", exclude={"samples"})}


def _refuse_what_the_person_decides(grader: GraderConfig, resources: Resources) -> None:
    """Spend nothing and run no code that the person has not seen."""
    judges = list_judges(grader, resources)
    what = (
        f"pays for calls of {', '.join(judges)}" if judges else "runs its script" if runs_code(grader) else ""
    )
    if what:
        raise GateError(
            f"Testing this grader {what}, which only the person confirms: approving the grader at its open "
            "question tries it."
        )


def _find_grader(state: FinetuneWorkflowState, runs: Runs) -> GraderConfig:
    pending = state.get("pending")
    if pending and pending["step"] == "grader_config" and "draft" in pending["plan"]:
        return read_draft(state, runs.bench)
    given = find_given(state, runs.bench)
    if given is None:
        raise InputError("There is no grader to test yet; call configure_grader first.")
    return given.grader


def upload_dataset(runs: Runs, given: UploadDataset) -> dict[str, Any]:
    """Freeze the records as they are now, with their grader, for dry run and training."""
    state = runs.read_state(find_id(runs, given.workflow_id))
    made = upload_current(state, runs.bench, again=given.force_reupload)
    return {
        "backend_dataset_id": made.backend_dataset_id,
        "record_count": made.dataset.record_count,
        "has_evaluator": bool(made.grader),
        "has_topic_hierarchy": made.dataset.has_topic_hierarchy,
    }


def sync_evaluator(runs: Runs, given: OfWorkflow) -> dict[str, Any]:
    """Replace the grader of the uploaded dataset; the records are not touched."""
    state = runs.read_state(find_id(runs, given.workflow_id))
    made: Upload = sync_current(state, runs.bench)
    return {"backend_dataset_id": made.backend_dataset_id, "evaluator_type": made.grader["type"]}


def run_dry_run(runs: Runs, given: RunDryRun) -> dict[str, Any]:
    """Run the dry run where it costs nothing; else it waits for the person."""
    workflow_id = find_id(runs, given.workflow_id)
    open_step(runs, workflow_id, "dry_run", "run_dry_run")
    share = {"percentage": given.sample_percentage}
    called = change(runs, workflow_id, "dry_run", "run_dry_run", **share)
    called = _approve_if_free(runs, workflow_id, called, "dry_run", "run_dry_run")
    if not has_artefact(called.state, "dry_run"):
        return describe_question(called)
    return _describe_report(called, runs, given.sample_percentage) | describe_question(called)


def _describe_report(called: Called, runs: Runs, percentage: float) -> dict[str, Any]:
    body = read_artefact(called.state, runs.bench, "dry_run")
    report = DryRunReport.model_validate(body["report"])
    figures, verdict = report.statistics, report.verdict
    return {
        "evaluation_run_id": (called.state.get("artefacts") or {})["dry_run"]["sha"][:12],
        "backend_dataset_id": body.get("upload"),
        "sample_size": figures.prompts,
        "sample_percentage": percentage,
        "mean": figures.mean.value,
        "std": figures.std.value,
        "median": figures.median,
        "min": figures.min,
        "max": figures.max,
        "percentiles": figures.percentiles.model_dump(),
        "percent_above_zero": 100 * figures.above_zero.value,
        "percent_perfect": 100 * figures.at_one.value,
        "distribution": {one.label: 100 * one.share for one in figures.distribution},
        "verdict": verdict.verdict,
        "dataset_quality": verdict.dataset_quality,
        "grader_quality": verdict.grader_quality,
        "warnings": list(verdict.warnings),
        "recommendations": list(verdict.recommendations),
        "issues": list(verdict.reasons),
        "by_topic": {
            one.topic_id: {
                "mean": one.mean.value, "std": one.std, "count": one.count, "status": one.status
            }
            for one in figures.by_topic
        },
        "ready_for_training": report.ready_for_training,
        "report": body["report"],
    }  # fmt: skip
