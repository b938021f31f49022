"""Make, change, keep and describe the grader that the person is asked about."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from lucy.errors import InputError
from lucy.graph.state import FinetuneWorkflowState, Intent
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records
from lucy.nodes.step import get_plan, get_workflow_id
from lucy.nodes.wording import draw_table, quote, show_percent
from lucy.tools.datasets import find_source
from lucy.tools.graders.config import GraderConfig, load_grader, parse_grader
from lucy.tools.graders.criteria import propose_criteria
from lucy.tools.graders.criteria_edits import edit_criteria
from lucy.tools.graders.kinds import JavascriptGrader, MultiGrader, PythonGrader, RubricGrader
from lucy.tools.graders.presets import make_preset
from lucy.tools.graders.scoring import hash_grader
from lucy.tools.store.artefacts import Ref, get_artefact, list_artefacts, put_artefact
from lucy.tools.vocabulary import Record, read_reply_text
from lucy.tools.workbench import Workbench

SHOWN_SOURCE = 2000
"""Characters of a script that a message shows."""


class Draft(NamedTuple):
    """A grader that is proposed, and why it is as it is."""

    grader: GraderConfig
    name: str
    """Of the message that proposes it."""
    reason: str


class About(NamedTuple):
    """What the records offer to a grader."""

    has_reference: bool
    has_replies: bool
    has_tools: bool


def propose_draft(state: FinetuneWorkflowState, bench: Workbench) -> Draft:
    """Propose weighted criteria from the goal and what the records offer."""
    about = read_about(read_current_records(state, bench))
    criteria = propose_criteria(state.get("goal") or "", **about._asdict())
    return Draft(RubricGrader(name="Criteria", criteria=criteria), "proposal", "proposed from the goal")


def read_about(records: list[Record]) -> About:
    """Look at what most of the records have."""
    return About(
        has_reference=_most(record.item.get("reference_answer") is not None for record in records),
        has_replies=_most(bool(read_reply_text(record)) for record in records),
        has_tools=_most(bool(record.tools) for record in records),
    )


def _most(claims: Iterable[bool]) -> bool:
    values = list(claims)
    return sum(values) * 2 > len(values)


def revise_draft(state: FinetuneWorkflowState, bench: Workbench, intent: Intent) -> Draft | None:
    """Change the draft as the person asked; None when the words change nothing.

    Raises:
        InputError: a file, preset, version or configuration cannot be used.
    """
    changes = intent.get("changes") or {}
    words = str(changes.get("words") or intent["text"])
    if "file" in changes:
        return Draft(load_grader(find_source(str(changes["file"]))), "given", words)
    if "config" in changes:
        return Draft(parse_grader(changes["config"]), "given", words or "configured")
    if "preset" in changes:
        about = read_about(read_current_records(state, bench))
        return Draft(make_preset(str(changes["preset"]), **about._asdict()), "updated", words)
    if "version" in changes:
        return Draft(_read_version(state, bench, int(changes["version"])), "given", words)
    grader = read_draft(state, bench)
    if not isinstance(grader, RubricGrader):
        return None
    criteria = edit_criteria(words, grader.criteria)
    return Draft(grader.model_copy(update={"criteria": criteria}), "updated", words) if criteria else None


def find_given(state: FinetuneWorkflowState, bench: Workbench) -> Draft | None:
    """Give the grader that the workflow has, or was started with."""
    for kind in ("grader", "grader_draft"):
        if has_artefact(state, kind):
            body = read_artefact(state, bench, kind)
            return Draft(parse_grader(body.get("config", body)), "given", body.get("reason") or "given")
    return None


def keep_draft(state: FinetuneWorkflowState, bench: Workbench, draft: Draft) -> Ref:
    """Store a draft as a revision of its own, with the reason."""
    body = {
        "config": draft.grader.model_dump(mode="json"),
        "sha": hash_grader(draft.grader),
        "reason": draft.reason,
    }
    return put_artefact(bench.store, get_workflow_id(state), "grader_draft", body, reason=draft.reason)


def read_draft(state: FinetuneWorkflowState, bench: Workbench) -> GraderConfig:
    """Read the draft that the open question is about."""
    return parse_grader(_read_body(state, bench)["config"])


def read_reason(state: FinetuneWorkflowState, bench: Workbench) -> str:
    """Read why the draft is as it is."""
    return str(_read_body(state, bench).get("reason") or "")


def _read_body(state: FinetuneWorkflowState, bench: Workbench) -> dict[str, Any]:
    return get_artefact(bench.store, get_workflow_id(state), "grader_draft", get_plan(state)["draft"])


def _read_version(state: FinetuneWorkflowState, bench: Workbench, revision: int) -> GraderConfig:
    known = [row["revision"] for row in _list_revisions(state, bench)]
    if revision not in known:
        there = ", ".join(map(str, known)) or "none yet"
        raise InputError(f"There is no version {revision} of the grader; there are: {there}.")
    body = get_artefact(bench.store, get_workflow_id(state), "grader", revision)
    return parse_grader(body["config"])


def _list_revisions(state: FinetuneWorkflowState, bench: Workbench) -> list[dict[str, Any]]:
    return [row for row in list_artefacts(bench.store, get_workflow_id(state)) if row["kind"] == "grader"]


def draw_versions(state: FinetuneWorkflowState, bench: Workbench) -> str:
    """Draw the versions that were in use, with the reason of each; empty when there are none."""
    current = (state.get("artefacts") or {}).get("grader")
    in_use = current["revision"] if current else None
    rows = [
        (
            f"{row['revision']} (in use)" if row["revision"] == in_use else row["revision"],
            quote(row["reason"], 120),
            row["created_at"][:16].replace("T", " "),
        )
        for row in _list_revisions(state, bench)
    ]
    return draw_table(("Version", "Why", "When (UTC)"), rows) if rows else ""


def describe_grader(grader: GraderConfig) -> str:
    """Show a grader: its criteria, its members, its script, or its fields."""
    if isinstance(grader, RubricGrader):
        return "\n".join(
            f"{number}. **{one.name}** ({show_percent(one.weight)}): {one.description}"
            for number, one in enumerate(grader.criteria, 1)
        )
    if isinstance(grader, PythonGrader | JavascriptGrader):
        shown = f"```{grader.type}\n{_shorten(grader.source)}\n```"
        return f"{shown}\nScript `{grader.name}`, SHA-256 `{hash_grader(grader)[:12]}`."
    if isinstance(grader, MultiGrader):
        how = grader.calculate_output or "the weighted mean"
        return f"Several graders in one ({how}):\n" + "\n".join(
            f"- **{name}**{_show_weight(grader, name)}: `{one.type}`" for name, one in grader.graders.items()
        )
    fields = json.dumps(grader.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return f"```json\n{_shorten(fields)}\n```"


def _show_weight(grader: MultiGrader, name: str) -> str:
    weight = (grader.weights or {}).get(name)
    return f" ({show_percent(weight)})" if weight is not None else ""


def _shorten(text: str) -> str:
    """Cut a long source; a fence inside it would end the block early."""
    cut = text.strip().replace("```", "'''")
    left = len(cut) - SHOWN_SOURCE
    return f"{cut[:SHOWN_SOURCE]}\n[{left} more characters]" if left > 0 else cut
