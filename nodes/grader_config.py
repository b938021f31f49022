"""Step 4: agree on how answers are graded. The grader is the objective of the training.

Decides: the criteria and their weights, a script, or any other type of grader.
Reads: the goal, the records. Writes: artefact `grader` (and `grader_draft`, one revision per proposal;
`grader_trial`, what came of trying one).
Asks: always; the person states what a good answer is; once more when a cheap trick beats honest answers.
Costs: nothing with the offline judge; with a judge model the calls of trying and probing, said before.
"""

import re

from lucy.errors import GraderError
from lucy.graph.state import FinetuneWorkflowState, Intent, Ref, Update
from lucy.nodes.grader_drafts import (
    Draft,
    describe_grader,
    draw_versions,
    find_given,
    keep_draft,
    propose_draft,
    read_draft,
    read_reason,
    revise_draft,
)
from lucy.nodes.grader_trials import Tried, announce_trial, describe_trial, keep_trial, try_draft
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply, say, stay
from lucy.nodes.wording import draw_bullets, write
from lucy.tools.graders.criteria_edits import edit_criteria
from lucy.tools.graders.kinds import RubricGrader
from lucy.tools.graders.presets import find_preset
from lucy.tools.graders.scoring import hash_grader
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.workbench import Workbench

USE = "use"
USE_ANYWAY = "use_anyway"


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Propose criteria from the goal, or the grader that was given; change them as the person asked."""
    intent = state.get("intent")
    if state.get("pending") and intent and intent["kind"] == "edit":
        draft = revise_draft(state, bench, intent)
        if draft is not None:
            return _ask(state, bench, draft)
        name = "what_to_change" if isinstance(read_draft(state, bench), RubricGrader) else "script_is_fixed"
        return reply(state, bench, step="grader_config", text=write("grader_config", name))
    given = None if intent and intent["kind"] == "redo" else find_given(state, bench)
    try:
        return _ask(state, bench, given or propose_draft(state, bench))
    except GraderError as error:
        # A grader that was given cannot be used here now: say so and propose one that can.
        update = _ask(state, bench, propose_draft(state, bench))
        said = say(state, bench, step="grader_config", slot="refused", text=str(error))
        return update | {"messages": [said, *update["messages"]]}


def _ask(state: FinetuneWorkflowState, bench: Workbench, draft: Draft) -> Update:
    announced = announce_trial(state, bench, draft.grader)
    question = write(
        "grader_config", draft.name, grader=describe_grader(draft.grader), judge=announced.sentence
    )
    is_rubric = isinstance(draft.grader, RubricGrader)
    return ask(
        state,
        bench,
        step="grader_config",
        question=question,
        choices=[
            approve_choice("Use these criteria" if is_rubric else "Use this grader"),
            {
                "id": "promises",
                "label": "Add: no promises we can't keep",
                "kind": "edit",
                "changes": {"words": "add: no promises we can't keep"},
            },
            {"id": "what", "label": "What else can be measured?", "kind": "question"},
        ],
        plan={
            "action": USE,
            "draft": keep_draft(state, bench, draft)["revision"],
            "is_free": announced.is_free,
        },
    )


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Say what can be measured and what cannot, or list the versions."""
    intent = state.get("intent")
    if intent and (intent.get("changes") or {}).get("about") == "versions":
        table = draw_versions(state, bench)
        some = {"table": table} if table else {}
        text = write("grader_config", "versions" if table else "no_versions", **some)
    else:
        text = write("grader_config", "explained")
    return reply(state, bench, step="grader_config", text=text)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Try the grader on five records and with cheap tricks; keep it, or ask once more when a trick wins."""
    tried = try_draft(state, bench, read_draft(state, bench))
    trial: dict[str, Ref] = {"grader_trial": {**keep_trial(state, bench, tried)}}
    if tried.trial.must_not_be_used:
        text = write(
            "grader_config", "unusable", reason=tried.trial.must_not_be_used, trial=describe_trial(tried)
        )
        return stay(state, bench, step="grader_config", text=text, artefacts=trial)
    if tried.probe.winners and get_plan(state).get("action") != USE_ANYWAY:
        return _ask_about_tricks(state, bench, tried) | {"artefacts": trial}
    return _use(state, bench, tried, trial)


def _ask_about_tricks(state: FinetuneWorkflowState, bench: Workbench, tried: Tried) -> Update:
    question = write(
        "grader_config",
        "tricked",
        trial=describe_trial(tried),
        warnings=draw_bullets(tried.probe.warnings),
    )
    return ask(
        state,
        bench,
        step="grader_config",
        question=question,
        choices=[
            approve_choice("Use it all the same", action=USE_ANYWAY),
            {"id": "what", "label": "What else can be measured?", "kind": "question"},
        ],
        plan={**get_plan(state), "action": USE_ANYWAY, "is_free": False},
    )


def _use(state: FinetuneWorkflowState, bench: Workbench, tried: Tried, trial: dict[str, Ref]) -> Update:
    body = {"config": tried.grader.model_dump(mode="json"), "sha": hash_grader(tried.grader)}
    reason = read_reason(state, bench)
    ref = put_artefact(bench.store, get_workflow_id(state), "grader", body, reason=reason)
    is_known = get_plan(state).get("action") == USE_ANYWAY
    text = write("grader_config", "set_anyway") if is_known else describe_trial(tried)
    text = write("grader_config", "set", trial=text, version=ref["revision"])
    return finish(state, bench, step="grader_config", text=text, refs={"grader": {**ref}, **trial})


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read a grader file's name, a preset, a version, or a change of the criteria."""
    file = re.search(r"(\S+\.(?:py|js|json))\b", text)
    if file:
        return Intent(kind="edit", text=text, changes={"file": file.group(1)})
    version = re.search(r"\bversion\s+(\d{1,4})\b", text, re.IGNORECASE)
    if version:
        return Intent(kind="edit", text=text, changes={"version": int(version.group(1))})
    if re.search(r"\bversions\b|\bhistory\b", text, re.IGNORECASE):
        return Intent(kind="question", text=text, changes={"about": "versions"})
    preset = find_preset(text)
    if preset:
        return Intent(kind="edit", text=text, changes={"preset": preset})
    grader = read_draft(state, bench)
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
        "`use the conciseness preset`, `show the versions`, `use version 1`",
        "the path of a grader: `my_grader.py`, `my_grader.js`, or the `.json` of any type",
    ),
)
