"""List the tools and bind them to the running graphs: `make_tools(runs)` gives them for any agent."""

from collections.abc import Callable
from typing import Any, NamedTuple

from langchain_core.tools import BaseTool, ToolException
from pydantic import ValidationError
from pydantic.v1 import ValidationError as OldValidationError

from lucy.errors import LucyError
from lucy.graph.runs import Runs
from lucy.graph.toolbox import arguments, grading, records, steps, training


class _Entry(NamedTuple):
    """One tool as the documents have it."""

    call: Callable[..., dict[str, Any]]
    takes: type[arguments.Arguments]
    says: str


TOOLS: dict[str, _Entry] = {
    "validate_records": _Entry(
        records.validate_records,
        arguments.ValidateRecords,
        "Check the format of records: how many can be used, and what is wrong with the others.",
    ),
    "generate_topics": _Entry(
        steps.generate_topics,
        arguments.GenerateTopics,
        "Propose a topic hierarchy, found in the records or from a template; the person decides on it.",
    ),
    "apply_topic_hierarchy": _Entry(
        steps.apply_topic_hierarchy,
        arguments.ApplyTopicHierarchy,
        "Use this topic hierarchy and sort the records into it; an earlier one can be put back.",
    ),
    "categorize_records": _Entry(
        steps.categorize_records,
        arguments.CategorizeRecords,
        "Sort the records into the topics and count how many are sure.",
    ),
    "analyze_coverage": _Entry(
        steps.analyze_coverage,
        arguments.OfWorkflow,
        "Measure how evenly the records cover the topics: balance score, counts, recommendations.",
    ),
    "get_coverage_recommendations": _Entry(
        steps.get_coverage_recommendations,
        arguments.OfWorkflow,
        "Say what to generate for which topic, why, and in how many rounds.",
    ),
    "generate_synthetic_data": _Entry(
        steps.generate_synthetic_data,
        arguments.GenerateSyntheticData,
        "Propose to generate records, for topics with gaps or from seed records. Nothing is generated "
        "before the person has confirmed it; afterwards get_dataset_stats has the result.",
    ),
    "get_dataset_records": _Entry(
        records.get_dataset_records,
        arguments.GetDatasetRecords,
        "Show records with their topics, a page at a time.",
    ),
    "get_dataset_stats": _Entry(
        records.get_dataset_stats,
        arguments.OfWorkflow,
        "Give the dataset's figures: validation, topics, coverage, and what was generated.",
    ),
    "update_record": _Entry(
        records.update_record,
        arguments.UpdateRecord,
        "Correct a record or its topic; the earlier version is kept.",
    ),
    "configure_grader": _Entry(
        grading.configure_grader,
        arguments.ConfigureGrader,
        "Say how answers are graded: a judge with a template, a script, a preset, or another type. It is "
        "tried on recorded answers and on cheap tricks before it is used. A script or a paid judge waits for "
        "the person.",
    ),
    "test_grader_sample": _Entry(
        grading.try_sample,
        arguments.SampleSize,
        "Grade a few recorded answers with the grader, with reasons; nothing is changed.",
    ),
    "upload_dataset": _Entry(
        grading.upload_dataset,
        arguments.UploadDataset,
        "Freeze this revision of the records, with its grader, for the dry run and the training.",
    ),
    "sync_evaluator": _Entry(
        grading.sync_evaluator,
        arguments.OfWorkflow,
        "Replace the grader of the uploaded dataset without uploading the records again.",
    ),
    "run_dry_run": _Entry(
        grading.run_dry_run,
        arguments.RunDryRun,
        "Let the base model answer a sample and grade it: statistics, diagnosis and a verdict on intervals. "
        "With a paid judge the person confirms first; a WARNING is accepted by the person only.",
    ),
    "start_training": _Entry(
        training.start_training,
        arguments.StartTraining,
        "Propose a training, with its cost. Nothing starts before the person has confirmed it.",
    ),
    "check_training_status": _Entry(
        training.check_training_status,
        arguments.CheckTrainingStatus,
        "Say how far the training is, with its newest metrics.",
    ),
    "deploy_model": _Entry(
        training.deploy_model,
        arguments.DeployModel,
        "Propose to serve the trained model: under a name of its own, in the place of one, or in an A/B "
        "test. Only the person deploys.",
    ),
}
"""The tools of the seven steps by name."""


def make_tools(runs: Runs) -> list[BaseTool]:
    """Give the tools, bound to the workflows of one application.

    A tool gives JSON values. What fails comes back as one sentence, for the agent to act on; a tool never
    confirms what costs money or cannot be put back: its result then has the status `needs_confirmation`.
    """
    return [_bind(name, entry, runs) for name, entry in TOOLS.items()]


class _Tool(BaseTool):
    """A documented tool. Not LangChain's StructuredTool: that keeps an argument named `config` for itself."""

    call: Callable[..., dict[str, Any]]

    def _run(self, **given: Any) -> dict[str, Any]:
        try:
            return self.call(**given)
        except LucyError as error:
            raise ToolException(str(error)) from error


def _bind(name: str, entry: _Entry, runs: Runs) -> BaseTool:
    def call(**given: Any) -> dict[str, Any]:
        return entry.call(runs, entry.takes(**given))

    return _Tool(
        name=name,
        description=entry.says,
        args_schema=entry.takes,
        call=call,
        handle_tool_error=True,
        handle_validation_error=_explain,
    )


def _explain(error: ValidationError | OldValidationError) -> str:
    """Say the first thing that is wrong with a tool's arguments, in one sentence."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the arguments"
    return f"The tool cannot use {place!r}: {first['msg']}; correct it and call again."
