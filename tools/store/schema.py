"""Define the tables of the store.

Rows are added, not changed: records, rollouts, grades, artefacts and decisions are immutable; what moves
(a workflow's step, a job's progress) has `updated_at`. Times are ISO 8601 in UTC. JSON stands in text
columns, so that the same schema serves SQLite and PostgreSQL. Changes of the schema go through
`migrations/`; a test holds the two equal.
"""

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

HEAD = "0003"
"""Newest migration; a database at another revision is migrated when it is opened."""

metadata = MetaData()

datasets = Table(
    "datasets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("report", Text, nullable=False),  # HygieneReport as JSON
    Column("coverage_stats", Text),  # latest coverage, readable without a workflow
    Column("dry_run_stats", Text),  # latest dry run, readable without a workflow
    Column("created_at", String(32), nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("dataset_id", String(64), primary_key=True),
    Column("record_id", String(256), primary_key=True),
    Column("batch", String(64), nullable=False),  # "import", or the generation batch
    Column("position", Integer, nullable=False),  # order inside the batch
    Column("family", String(256), nullable=False),  # lineage root
    Column("body", Text, nullable=False),  # prompt, reply, tools, item, metadata, parents, origin
    Index("records_by_batch", "dataset_id", "batch", "position"),
)

rejects = Table(
    "rejects",
    metadata,
    Column("dataset_id", String(64), primary_key=True),
    Column("batch", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("error", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("raw", Text, nullable=False),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("dataset_id", String(64)),
    Column("name", Text, nullable=False),
    Column("goal", Text, nullable=False),
    Column("step", String(32), nullable=False),
    Column("status", Text, nullable=False),  # step -> status
    Column("question", Text, nullable=False),  # the open question, empty when none is open
    Column("run_owner", String(128)),  # who is running the graph now
    Column("run_until", Float),  # end of the owner's lease, seconds since the epoch
    Column("cancel_requested", Integer, nullable=False, default=0),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("workflow_id", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("id", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("step", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("workflow_id", "id", name="one_message_per_id"),
)

artefacts = Table(
    "artefacts",
    metadata,
    Column("workflow_id", String(64), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("sha", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
)

assignments = Table(
    "assignments",
    metadata,
    Column("workflow_id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True),  # of the artefact `categories`
    Column("record_id", String(256), primary_key=True),
    Column("topic_id", String(64)),
    Column("confidence", Float, nullable=False),
    Column("method", String(16), nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("workflow_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("step", String(32), nullable=False),  # the step that was about to begin
    Column("body", Text, nullable=False),  # references, statuses, inputs
    Column("created_at", String(32), nullable=False),
)

generation_history = Table(
    "generation_history",
    metadata,
    Column("workflow_id", String(64), primary_key=True),
    Column("batch", String(64), primary_key=True),
    Column("strategy", String(32), nullable=False),
    Column("topics", Text, nullable=False),
    Column("made", Integer, nullable=False),
    Column("valid", Integer, nullable=False),
    Column("rejected", Text, nullable=False),  # reason -> count
    Column("balance_before", Float, nullable=False),
    Column("balance_after", Float, nullable=False),
    Column("created_at", String(32), nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("key", String(64), primary_key=True),  # content address of policy, prompt, index, seed
    Column("policy", String(64), nullable=False),
    Column("record_id", String(256), nullable=False),
    Column("number", Integer, nullable=False),
    Column("response", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
)

grades = Table(
    "grades",
    metadata,
    Column("key", String(64), primary_key=True),  # content address of grader, prompt, response
    Column("grader", String(64), nullable=False),
    Column("record_id", String(256), nullable=False),
    Column("score", Float),
    Column("criteria", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("error", String(64)),
    Column("created_at", String(32), nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workflow_id", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("key", String(128), nullable=False, unique=True),  # the same work is submitted once
    Column("status", String(16), nullable=False),
    Column("payload", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("checkpoint", Text),
    Column("result", Text),
    Column("error", Text),
    Column("owner", String(128)),
    Column("lease_until", Float),
    Column("cancel_requested", Integer, nullable=False, default=0),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("base_model", Text, nullable=False),
    Column("provider", String(32), nullable=False),
    Column("status", String(16), nullable=False),  # training, ready, failed, deleted
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("model_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("workflow_id", String(64), nullable=False),
    Column("job_id", String(64), nullable=False, unique=True),
    Column("path", Text, nullable=False),  # weights relative to the home, or the model's name at a service
    Column("lineage", Text, nullable=False),  # dataset, grader and dry run revisions
    Column("parameters", Text, nullable=False),
    Column("training_examples", Integer, nullable=False),
    Column("validation_examples", Integer, nullable=False),
    Column("cost", Float),  # null: unknown
    Column("notes", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("kind", String(16), nullable=False, server_default="retrieval"),  # what answers with it
)

deployments = Table(
    "deployments",
    metadata,
    Column("name", String(128), primary_key=True),  # what clients call as `model`
    Column("number", Integer, primary_key=True),  # the highest number is served
    Column("mode", String(16), nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("key", String(128), nullable=False, unique=True),  # the same deployment is made once
    Column("created_at", String(32), nullable=False),
    Column("challenger_id", String(64)),  # the second arm of an A/B test; null: there is no test
    Column("challenger_version", Integer),
    Column("share", Float),  # of the traffic that the challenger gets, above 0 and below 1
)

usage = Table(
    "usage",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("model_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("deployment", String(128), nullable=False),
    Column("surface", String(32), nullable=False),  # chat_completions, langchain
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost", Float),  # null: unknown
    Column("latency_ms", Float, nullable=False),
    Column("error", Text),
    Column("used_at", String(32), nullable=False),
    Column("completion_id", String(64)),  # what the caller knows the answer by
    Column("number", Integer),  # of the deployment; null: called by the model's id
    Column("arm", String(16)),  # champion or challenger of an A/B test
    Column("session", String(32)),  # hash of user or session, never the name itself
    Column("rating", Float),  # feedback, -1 to 1
    Column("comment", Text),
    Index("usage_by_model", "model_id", "used_at"),
    Index("usage_by_deployment", "deployment", "number"),
    Index("usage_by_completion", "completion_id", unique=True),
)

ledger = Table(
    "ledger",
    metadata,
    Column("key", String(128), primary_key=True),  # idempotent: work repeated after a crash counts once
    Column("workflow_id", String(64), nullable=False),
    Column("step", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("engine", Text, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost", Float),  # null: unknown
    Column("created_at", String(32), nullable=False),
    Column("outcome", String(16), nullable=False, server_default="answered"),  # else why there is no answer
    Index("ledger_by_workflow", "workflow_id"),
)

answers = Table(
    "answers",
    metadata,
    Column("key", String(64), primary_key=True),  # content address of a request to a language model
    Column("model", Text, nullable=False),
    Column("body", Text, nullable=False),  # the model's text, tokens and cost: the same request is paid once
    Column("created_at", String(32), nullable=False),
)

record_edits = Table(
    "record_edits",
    metadata,
    Column("dataset_id", String(64), primary_key=True),
    Column("edit", String(64), primary_key=True),  # id of a set of edits; a view lists those that hold
    Column("record_id", String(256), primary_key=True),
    Column("body", Text),  # the whole record as edited; null: left out
    Column("reason", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("workflow_id", String(64), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("step", String(32), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("question", Text, nullable=False),
    Column("text", Text, nullable=False),  # the person's own words
    Column("created_at", String(32), nullable=False),
)
