"""Step 4: agree on how answers are graded. The grader is the objective of the training.

Decides: the criteria and their weights, or a script.
Reads: the goal, the records. Writes: artefact `grader` (and `grader_draft`, one revision per proposal).
Asks: always; the person states what a good answer is. Costs: nothing with the offline engine.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from lucy.graph.state import FinetuneWorkflowState, Intent, Update
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.wording import draw_bullets, draw_table, quote, show_percent, write
from lucy.tools.datasets import find_source
from lucy.tools.graders.config import GraderConfig, RubricGrader, load_grader, parse_grader
from lucy.tools.graders.criteria import propose_criteria
from lucy.tools.graders.criteria_edits import edit_criteria
from lucy.tools.graders.scoring import hash_grader
from lucy.tools.graders.text import find_reference
from lucy.tools.graders.trial import TrialReport, try_grader
from lucy.tools.policy.retrieval import base_policy
from lucy.tools.store.artefacts import get_artefact, put_artefact
from lucy.tools.vocabulary import Record, read_reply_text
from lucy.tools.workbench import Workbench

TRIED = 5
"""Answers that a new grader is tried on."""


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Propose criteria from the goal, or the grader that was given; change them as the person asked."""
    intent = state.get("intent")
    if state.get("pending") and intent and intent["kind"] == "edit":
        return _revise(state, bench, intent)
    for kind in ("grader", "grader_draft"):
        if has_artefact(state, kind) and not (intent and intent["kind"] == "redo"):
            body = read_artefact(state, bench, kind)
            grader = parse_grader(body.get("config", body))
            return _ask(state, bench, grader, name="given", reason="given")
    grader = _propose_rubric(state, read_current_records(state, bench))
    return _ask(state, bench, grader, name="proposal", reason="proposed from the goal")


def _propose_rubric(state: FinetuneWorkflowState, records: list[Record]) -> GraderConfig:
    criteria = propose_criteria(
        state.get("goal") or "",
        has_reference=_most(record.item.get("reference_answer") is not None for record in records),
        has_replies=_most(bool(read_reply_text(record)) for record in records),
        has_tools=_most(bool(record.tools) for record in records),
    )
    return RubricGrader(name="Criteria", criteria=criteria)


def _most(claims: Iterable[bool]) -> bool:
    values = list(claims)
    return sum(values) * 2 > len(values)


def _revise(state: FinetuneWorkflowState, bench: Workbench, intent: Intent) -> Update:
    changes = intent.get("changes") or {}
    words = str(changes.get("words") or intent["text"])
    if "file" in changes:
        return _ask(state, bench, load_grader(find_source(str(changes["file"]))), name="given", reason=words)
    grader = _read_draft(state, bench)
    if not isinstance(grader, RubricGrader):
        return reply(state, bench, step="grader_config", text=write("grader_config", "script_is_fixed"))
    criteria = edit_criteria(words, grader.criteria)
    if criteria is None:
        return reply(state, bench, step="grader_config", text=write("grader_config", "what_to_change"))
    changed = grader.model_copy(update={"criteria": criteria})
    return _ask(state, bench, changed, name="updated", reason=words)


def _ask(
    state: FinetuneWorkflowState, bench: Workbench, grader: GraderConfig, *, name: str, reason: str
) -> Update:
    body = {"config": grader.model_dump(mode="json")}
    ref = put_artefact(bench.store, get_workflow_id(state), "grader_draft", body, reason=reason)
    label = "Use these criteria" if isinstance(grader, RubricGrader) else "Use this script"
    return ask(
        state,
        bench,
        step="grader_config",
        question=write("grader_config", name, grader=_describe(grader)),
        choices=[
            approve_choice(label),
            {
                "id": "promises",
                "label": "Add: no promises we can't keep",
                "kind": "edit",
                "changes": {"words": "add: no promises we can't keep"},
            },
            {"id": "what", "label": "What else can be measured?", "kind": "question"},
        ],
        plan={"draft": ref["revision"]},
    )


def _describe(grader: GraderConfig) -> str:
    if isinstance(grader, RubricGrader):
        return "\n".join(
            f"{number}. **{one.name}** ({show_percent(one.weight)}): {one.description}"
            for number, one in enumerate(grader.criteria, 1)
        )
    return f"```python\n{grader.source[:2000].strip()}\n```"


def _read_draft(state: FinetuneWorkflowState, bench: Workbench) -> GraderConfig:
    body = get_artefact(bench.store, get_workflow_id(state), "grader_draft", get_plan(state)["draft"])
    return parse_grader(body["config"])


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Say what can be measured and what cannot."""
    return reply(state, bench, step="grader_config", text=write("grader_config", "explained"))


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Try the grader on five records, show what it says, and keep it."""
    grader = _read_draft(state, bench)
    records = read_current_records(state, bench)
    trial = try_grader(
        grader, _find_answers(records, bench.settings.seed), size=TRIED, seed=bench.settings.seed
    )
    body = {
        "config": grader.model_dump(mode="json"),
        "sha": hash_grader(grader),
        "trial": trial.model_dump(mode="json"),
    }
    reason = (state.get("intent") or Intent(kind="approve", text=""))["text"]
    ref = put_artefact(bench.store, get_workflow_id(state), "grader", body, reason=reason)
    name = "tried" if has_answers(records) else "tried_on_base_model"
    text = write("grader_config", name, table=_draw_trial(trial), warnings=_draw_warnings(trial))
    return finish(state, bench, step="grader_config", text=text, refs={"grader": {**ref}})


def has_answers(records: list[Record]) -> bool:
    """Tell whether some record has a reply or a reference answer to try a grader on."""
    return any(read_reply_text(record) or find_reference(record.item) for record in records)


def _find_answers(records: list[Record], seed: int) -> list[Record]:
    """Give the records; if none has an answer to try the grader on, let the base model answer some."""
    if has_answers(records):
        return records
    chosen = records[:: max(1, len(records) // TRIED)][:TRIED]
    answers = base_policy(records).sample_many(chosen, 1, seed=seed)
    return [
        replace(record, reply=({"role": "assistant", "content": some[0]},))
        for record, some in zip(chosen, answers, strict=True)
    ]


def _draw_trial(trial: TrialReport) -> str:
    rows = [
        (
            f"#{number}",
            "failed" if one.score is None else f"{one.score:.2f}",
            quote(one.response, 90),
            quote(one.reason, 110),
        )
        for number, one in enumerate(trial.samples, 1)
    ]
    return draw_table(("Sample", "Score", "Answer", "Notes"), rows)


def _draw_warnings(trial: TrialReport) -> str:
    return draw_bullets(f"⚠️ {warning}" for warning in trial.warnings)


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read a grader file's name or a change of the criteria."""
    file = re.search(r"(\S+\.(?:py|json))\b", text)
    if file:
        return Intent(kind="edit", text=text, changes={"file": file.group(1)})
    grader = _read_draft(state, bench)
    if isinstance(grader, RubricGrader) and edit_criteria(text, grader.criteria) is not None:
        return Intent(kind="edit", text=text, changes={"words": text})
    return None


STEP = Step(
    id="grader_config",
    title="Grader",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=(
        "`add: no promises we can't keep`, `make helpfulness 40%`, `remove clarity`",
        "the path of a grader script (`my_grader.py` with `grade(sample, item)`)",
    ),
)
