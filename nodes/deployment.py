"""Step 7: serve the trained model.

Decides: under which name the model is served. Reads: artefact `training`.
Writes: a deployment in the registry; artefact `deployment`.
Asks: always; a model that is not better is not proposed. Costs: nothing.
"""

import re
from typing import Any

from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Update
from lucy.nodes.reading import read_artefact
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.wording import write
from lucy.tools.registry import deploy, suggest_name
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.deployments import list_deployments
from lucy.tools.workbench import Workbench


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Propose a name; say plainly when the model is not better."""
    training = read_artefact(state, bench, "training")
    changes = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    name = str(changes.get("name") or _find_free_name(state, bench, training))
    better = training["comparison"]["conclusion"] == "better"
    label = f"Deploy as {name}" if better else f"Deploy as {name} anyway"
    go = approve_choice(label, action="deploy")
    leave = Choice(id="leave", label="Do not deploy", kind="approve", changes={"action": "leave"})
    question = write(
        "deployment",
        "proposal" if better else "not_better",
        name=name,
        model_id=training["model_id"],
        version=training["version"],
        sentence=training["comparison"]["sentence"],
    )
    choices = [go, leave] if better else [leave, go]
    return ask(
        state,
        bench,
        step="deployment",
        question=question,
        choices=choices,
        plan={"name": name, "action": "deploy" if better else "leave"},
    )


def _find_free_name(state: FinetuneWorkflowState, bench: Workbench, training: dict[str, Any]) -> str:
    """Suggest the dataset's name, numbered when another model is served under it."""
    wanted = suggest_name(state.get("name") or training["name"])
    served = {one.name: one.model_id for one in list_deployments(bench.store)}
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(served) + 3))]
    return next(name for name in names if served.get(name, training["model_id"]) == training["model_id"])


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Explain what deploying means here."""
    return reply(state, bench, step="deployment", text=write("deployment", "explained"))


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Put the version under the name, or leave it in the registry."""
    plan = get_plan(state)
    training = read_artefact(state, bench, "training")
    if plan.get("action") != "deploy":
        text = write("deployment", "left", model_id=training["model_id"])
        return finish(state, bench, step="deployment", text=text, status="skipped")
    name = str(plan["name"])
    deployed = deploy(
        bench.store,
        training["model_id"],
        training["version"],
        name=name,
        mode="new_endpoint",
        key=f"{get_workflow_id(state)}:{state.get('turn', 0)}",  # one per reply, also when run again
    )
    endpoint = f"http://{bench.settings.host}:{bench.settings.port}/v1"
    body = {**deployed._asdict(), "endpoint": endpoint}
    body.pop("created_at", None)
    ref = put_artefact(bench.store, get_workflow_id(state), "deployment", body, reason="deployed")
    text = write("deployment", "deployed", name=deployed.name, endpoint=endpoint)
    return finish(state, bench, step="deployment", text=text, refs={"deployment": {**ref}})


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read "call it my-model", "do not deploy"."""
    if re.search(r"\b(do not|don'?t|not)\b.*\bdeploy\b", text, re.IGNORECASE):
        return Intent(kind="approve", text=text, changes={"action": "leave"})
    named = re.search(
        r"\b(?:call it|name it|deploy (?:it )?as|under the name)\s+[\"'`]?([\w.:-]+)", text, re.IGNORECASE
    )
    return Intent(kind="edit", text=text, changes={"name": named.group(1)}) if named else None


STEP = Step(
    id="deployment",
    title="Deployment",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=("`call it support-replies`", "`do not deploy`"),
)
