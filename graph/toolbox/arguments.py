"""Define the arguments of the tools, as the design document names them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lucy.tools.generation.plan import Mode, StrategyName


class Arguments(BaseModel):
    """What every tool's arguments have in common."""

    model_config = ConfigDict(extra="forbid")


class OfWorkflow(Arguments):
    """A workflow alone."""

    workflow_id: str = Field(description="Id of the workflow, or its beginning.")


class ValidateRecords(Arguments):
    """Which records to validate: a workflow's, or ones that are handed in."""

    workflow_id: str = Field(default="", description="Id of a workflow whose records were validated.")
    records: list[dict[str, Any]] = Field(default=[], description="Records to validate, in any known format.")


class GenerateTopics(OfWorkflow):
    """How to find topics."""

    method: Literal["auto", "template", "manual"] = Field(
        default="auto", description="auto: from the records; template; manual: keep the person's tree."
    )
    max_depth: int = Field(default=3, ge=1, le=3, description="Most levels of the tree.")
    template_name: str = Field(default="", description="Which template, for method 'template'.")


class ApplyTopicHierarchy(OfWorkflow):
    """A whole tree."""

    hierarchy: list[Any] = Field(
        description="Topics with name, and where wanted id, description, keywords, children."
    )


class CategorizeRecords(OfWorkflow):
    """How to count what is sure."""

    confidence_threshold: float = Field(
        default=0.7, ge=0.0, le=1.0, description="Confidence from which a record needs no review."
    )


class GenerateSyntheticData(OfWorkflow):
    """What to generate."""

    strategy: StrategyName = Field(default="message_variation", description="Way to make the records.")
    generation_mode: Mode = Field(
        default="rft", description="rft: prompts with empty output; sft: complete conversations."
    )
    target_topics: list[str] = Field(
        default=[], description="Names or ids of topics; empty: those that have too few records."
    )
    count_per_topic: int = Field(default=50, description="Records per topic.")
    record_ids: list[str] = Field(default=[], description="Vary exactly these records.")
    variations_per_record: int = Field(default=3, description="Variations of each of `record_ids`.")


class GetDatasetRecords(OfWorkflow):
    """Which records to show."""

    topic: str = Field(default="", description="Name or id of a topic; empty: all.")
    synthetic: bool | None = Field(default=None, description="Only synthetic, or only imported, records.")
    limit: int = Field(default=10, ge=1, le=200, description="Most records.")
    offset: int = Field(default=0, ge=0, description="Records to leave out first.")


class UpdateRecord(OfWorkflow):
    """How to change one record."""

    record_id: str = Field(description="Id of the record.")
    changes: dict[str, Any] = Field(
        default={}, description="New messages, reply, tools or item fields of the record."
    )
    topic: str | None = Field(
        default=None, description="Name or id of the topic that the record belongs to; 'none' for no topic."
    )


class ConfigureGrader(OfWorkflow):
    """A grader."""

    grader_type: Literal[
        "llm_as_judge", "script", "preset", "rubric", "python", "javascript", "multi", "string_check",
        "text_similarity", "score_model", "label_model",
    ] = Field(description="Kind of grader.")  # fmt: skip
    config: dict[str, Any] = Field(
        description="For llm_as_judge: prompt_template, output_schema, model, temperature. For script: "
        "script_code, language (javascript or python). For preset: name. Else the fields of that type."
    )


class SampleSize(OfWorkflow):
    """How many records to try."""

    sample_size: int = Field(default=5, ge=1, le=100, description="Records to try the grader on.")


class UploadDataset(OfWorkflow):
    """Whether to upload again."""

    force_reupload: bool = Field(default=False, description="Upload although this content was uploaded.")


class RunDryRun(OfWorkflow):
    """How large the dry run is."""

    sample_percentage: float = Field(
        default=10, gt=0, le=100, description="Percentage of the records to try; at least 30 records."
    )


class StartTraining(OfWorkflow):
    """Parameters of a training."""

    train_split: float = Field(default=0.9, description="Share of the records that is trained on.")
    epochs: int = Field(default=2, description="Passes over the records, 1 to 50.")
    reasoning_effort: Literal["default", "low", "medium", "high"] = Field(
        default="medium", description="How long a hosted reasoning model thinks; others do not look at it."
    )


class CheckTrainingStatus(OfWorkflow):
    """Which training to look at."""

    job_id: str = Field(default="", description="Id of one of this workflow's trainings; empty: the newest.")


class DeployModel(OfWorkflow):
    """How to deploy."""

    deployment_mode: Literal["replace_gateway", "new_endpoint", "ab_test"] = Field(
        default="new_endpoint", description="A name of its own, in the place of one, or tested against one."
    )
    name: str = Field(default="", description="Name to serve under; empty: as Lucy proposes.")
    share: float = Field(default=0.1, gt=0, lt=1, description="Share of the traffic, for ab_test.")
