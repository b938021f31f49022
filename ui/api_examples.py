"""Show what is sent to the API and what comes back, an example an operation; a test holds them true."""

from typing import Any, NamedTuple


class Example(NamedTuple):
    """One call: what is sent, if anything, and what comes back."""

    answer: Any
    """JSON; a text where server-sent events come."""
    body: dict[str, Any] | None = None
    path: str = ""
    """With its variables filled in and its query; the operation's own if it has none."""


NOW = "2026-11-21T10:00:00.000000+00:00"
MODEL_ID = "model-6c88867c905b"
JOB_ID = "job-0f1e2d3c4b5a"
WORKFLOW_ID = "4648b87e-a6e5-4422-b387-22f1c7dd61ea"
USED: dict[str, Any] = {
    "calls": 42, "errors": 1, "error_rate": 0.024, "prompt_tokens": 3150, "completion_tokens": 1890,
    "cost": 0.0, "mean_ms": 21.5, "p50_ms": 18.2, "p90_ms": 35.0, "p95_ms": 40.1, "p99_ms": 61.7,
    "ratings": 12, "mean_rating": 0.67,
}  # fmt: skip
USAGE = USED | {"period": "day", "periods": [{"start": "2026-11-21", **USED}], "models": [], "arms": []}
MODEL = {
    "id": MODEL_ID, "name": "support-replies", "description": "Answer politely", "tags": ["support"],
    "base_model": "offline-base", "provider": "offline", "status": "ready", "created_at": NOW,
    "updated_at": NOW, "versions": 1, "calls": 42, "cost": 0.0,
}  # fmt: skip
VERSION = {
    "model_id": MODEL_ID, "version": 1, "workflow_id": WORKFLOW_ID, "job_id": JOB_ID,
    "path": f"models/{MODEL_ID}/1.json", "lineage": {"dataset": {"revision": 1}, "grader": {"revision": 2}},
    "parameters": {"epochs": 2, "train_split": 0.9}, "training_examples": 112, "validation_examples": 12,
    "cost": 0.0, "notes": "It is better.", "created_at": NOW, "kind": "retrieval",
}  # fmt: skip
DEPLOYMENT = {
    "name": "support-replies", "number": 1, "mode": "new_endpoint", "model_id": MODEL_ID, "version": 1,
    "key": "cli:1", "created_at": NOW, "challenger_id": None, "challenger_version": None, "share": None,
}  # fmt: skip
WHOLE_MODEL = MODEL | {"version_history": [VERSION], "deployments": [DEPLOYMENT], "usage": USAGE}
WORKFLOW = {
    "id": WORKFLOW_ID, "dataset_id": "dataset-1", "name": "support", "goal": "Answer politely",
    "step": "training", "status": {"dry_run": "completed"}, "question": "Shall I start?", "created_at": NOW,
    "updated_at": NOW,
}  # fmt: skip
MESSAGE = {"id": "1", "role": "lucy", "step": "training", "text": "Shall I start?", "created_at": NOW}
DATASET = {
    "id": "dataset-1", "name": "support", "source": "chats.jsonl", "created_at": NOW, "records": 120,
    "generated": 9, "rejects": 2, "coverage_stats": None, "dry_run_stats": None,
}  # fmt: skip
JOB = {
    "job_id": JOB_ID, "workflow_id": WORKFLOW_ID, "kind": "training", "status": "running",
    "label": "Training", "percent": 45.0, "seconds_left": 12.5, "cost": None,
    "metrics": {"reward": 0.61}, "error": None, "created_at": NOW, "updated_at": NOW,
}  # fmt: skip
SERVED = {"id": "support-replies", "object": "model", "created": 1795255200, "owned_by": "lucy"}
ASKED = [{"role": "user", "content": "My invoice shows a charge twice, why is that?"}]
COMPLETION_ID = "chatcmpl-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
COMPLETION = {
    "id": COMPLETION_ID, "object": "chat.completion", "created": 1795255200, "model": "support-replies",
    "system_fingerprint": f"{MODEL_ID}:1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Thank you, I will look into it.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20},
}  # fmt: skip
INTERVAL = {"value": 0.4, "low": 0.1, "high": 0.7}


def _show_arm(arm: str) -> dict[str, Any]:
    return {
        "arm": arm, "model_id": MODEL_ID, "version": 1, "figures": USED, "cost_per_call": 0.0, "rated": 12,
        "rating": INTERVAL,
    }  # fmt: skip


def _page(rows: list[Any], **more: Any) -> dict[str, Any]:
    return {"data": rows, **more, "limit": 50, "offset": 0}


EXAMPLES: dict[str, Example] = {
    "GET /v1/models": Example({"object": "list", "data": [SERVED]}),
    "GET /v1/models/{name}": Example(SERVED, path="/v1/models/support-replies"),
    "POST /v1/chat/completions": Example(
        COMPLETION, {"model": "support-replies", "messages": ASKED, "user": "customer-7"}
    ),
    "POST /v1/feedback": Example(
        {"object": "feedback", "id": COMPLETION_ID, "rating": 1},
        {"id": COMPLETION_ID, "rating": 1, "comment": "That helped."},
    ),
    "GET /api/v1/workflows": Example(_page([WORKFLOW], total=1), path="/api/v1/workflows?limit=50"),
    "GET /api/v1/workflows/{workflow_id}": Example(
        WORKFLOW | {"messages": [MESSAGE]}, path="/api/v1/workflows/4648b87e"
    ),
    "GET /api/v1/datasets": Example(_page([DATASET])),
    "GET /api/v1/models": Example(
        _page([MODEL], total=1), path="/api/v1/models?search=support&sort=calls&limit=50"
    ),
    "GET /api/v1/models/{model_id}": Example(WHOLE_MODEL, path="/api/v1/models/support-replies"),
    "PATCH /api/v1/models/{model_id}": Example(
        WHOLE_MODEL, {"description": "Answer politely", "tags": ["support"]}, "/api/v1/models/support-replies"
    ),
    "DELETE /api/v1/models/{model_id}": Example(
        {"id": MODEL_ID, "deleted": True, "no_longer_served": ["support-replies"]},
        path=f"/api/v1/models/{MODEL_ID}",
    ),
    "GET /api/v1/models/{model_id}/usage": Example(
        USAGE, path="/api/v1/models/support-replies/usage?period=day"
    ),
    "GET /api/v1/usage": Example(
        USAGE | {"models": [{"model_id": MODEL_ID, **USED}]}, path="/api/v1/usage?period=day"
    ),
    "GET /api/v1/deployments": Example({"data": [DEPLOYMENT]}),
    "GET /api/v1/deployments/{name}/comparison": Example(
        {
            "name": "support-replies", "number": 2, "share": 0.1, "level": 0.95,
            "arms": [_show_arm("champion"), _show_arm("challenger")], "rating": INTERVAL,
            "error_rate": INTERVAL, "latency_ms": INTERVAL, "verdict": "challenger",
            "sentence": "The challenger's answers are rated better than the champion's.",
        },
        path="/api/v1/deployments/support-replies/comparison?level=0.95",
    ),
    "GET /api/v1/finetune": Example(_page([JOB], total=1)),
    "GET /api/v1/finetune/{job_id}/status": Example(
        JOB | {"model_id": None, "version": None}, path=f"/api/v1/finetune/{JOB_ID}/status"
    ),
    "GET /api/v1/finetune/{job_id}/events": Example(
        'event: finetune_job_progress\ndata: {"job_id": "' + JOB_ID + '", "percent": 45.0}\n\n',
        path=f"/api/v1/finetune/{JOB_ID}/events",
    ),
    "POST /api/v1/finetune/{job_id}/cancel": Example(
        {"job_id": JOB_ID, "cancel_requested": True}, path=f"/api/v1/finetune/{JOB_ID}/cancel"
    ),
    "GET /healthz": Example({"status": "ok"}),
}  # fmt: skip
"""By method and path."""
FAULT: dict[str, Any] = {
    "error": {
        "message": "There is no model 'x'; `lucy models list` shows those that there are.",
        "type": "invalid_request_error",
        "param": None,
        "code": "not_found",
    }
}
"""Every failure; `message` is one sentence."""
