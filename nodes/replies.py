"""Turn whatever a host sends back through the interrupt into one `Reply`.

Accepted: a text (Gradio, Studio, a terminal), `{"choice": id}` (a button), `{"decisions": [...]}` (Agent
Chat UI), `[{"type": ..., "args": ...}]` (Agent Inbox), `{"kind": "job_done", "job_id": ...}` (jobs),
`{"kind": "tool", "tool": ..., "step": ...}` (Lucy's own tools, called by an agent).
Nothing here raises: an unreadable reply becomes an empty text, which Lucy says she did not understand.
"""

from typing import Any, cast

from lucy.graph.state import STEPS, Proposal, Reply

APPROVING = ("approve", "accept")
DECLINING = ("reject", "ignore")


def read_reply(value: Any) -> Reply:
    """Read the value that an interrupt was resumed with."""
    if isinstance(value, str):
        return Reply(kind="text", text=value.strip())
    if isinstance(value, list) and value:
        return _read_decision(cast(Any, value)[0])
    if isinstance(value, dict):
        return _read_mapping(cast(dict[str, Any], value))
    return Reply(kind="text", text="")


def _read_mapping(value: dict[str, Any]) -> Reply:
    decisions = value.get("decisions")
    if isinstance(decisions, list) and decisions:
        return _read_decision(cast(Any, decisions)[0])
    if value.get("kind") == "job_done":
        return Reply(kind="job_done", text="", job_id=str(value.get("job_id", "")))
    if value.get("kind") == "tool" and value.get("step") in STEPS:
        changes = value.get("changes")
        return Reply(
            kind="tool",
            text="",
            tool=str(value.get("tool", "")),
            step=value["step"],
            approve=value.get("approve") is True,
            changes=cast(dict[str, Any], changes) if isinstance(changes, dict) else {},
        )
    if "choice" in value:
        return Reply(kind="choice", text="", choice=str(value["choice"]))
    if "type" in value:
        return _read_decision(value)
    return Reply(kind="text", text=str(value.get("text", "")).strip())


def _read_decision(decision: Any) -> Reply:
    """Read one decision of Agent Chat UI (`edited_action`, `message`) or of Agent Inbox (`args`)."""
    if not isinstance(decision, dict):
        return Reply(kind="text", text=str(decision).strip())
    given = cast(dict[str, Any], decision)
    kind, args = given.get("type"), given.get("edited_action") or given.get("args")
    changes = cast(dict[str, Any], args).get("args", args) if isinstance(args, dict) else None
    if kind in APPROVING:
        return Reply(kind="choice", text="", choice="approve")
    if kind == "edit" and isinstance(changes, dict):
        return Reply(kind="changes", text="", changes=cast(dict[str, Any], changes))
    text = given.get("message") or (args if isinstance(args, str) else "")
    if kind in DECLINING and not text:
        return Reply(kind="text", text="stop")
    return Reply(kind="text", text=str(text).strip())


def show_reply(reply: Reply, pending: Proposal | None) -> str:
    """Say a reply as the person's message in the conversation: a button's label, or the words."""
    if reply["kind"] == "choice":
        choices = pending["choices"] if pending else []
        labels = [choice["label"] for choice in choices if choice["id"] == reply.get("choice")]
        first = choices[0]["label"] if choices else "Yes"
        return labels[0] if labels else first
    if reply["kind"] in ("job_done", "tool"):
        return ""
    if reply["kind"] == "changes":
        return ", ".join(f"{key}: {value}" for key, value in reply.get("changes", {}).items())
    return reply["text"]


def make_payload(pending: Proposal) -> dict[str, Any]:
    """Give the interrupt's payload: a HITL request that generic hosts render, and Lucy's own part."""
    return {
        "action_requests": [
            {"name": pending["step"], "args": pending["plan"], "description": pending["question"]}
        ],
        "review_configs": [
            {"action_name": pending["step"], "allowed_decisions": ["approve", "edit", "reject"]}
        ],
        "lucy": {"schema": 1, **pending},
    }
