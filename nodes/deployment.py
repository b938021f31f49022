"""Step 7: serve the trained model.

Decides: under which name the model is served, and whether it replaces or is tested against what is served.
Reads: artefact `training`. Writes: a deployment in the registry; artefact `deployment`.
Asks: always; a model that is not better is not proposed. Costs: nothing.
"""

import re
from typing import Any

from lucy.errors import InputError
from lucy.graph.state import Choice, FinetuneWorkflowState, Intent, Update
from lucy.nodes.reading import has_artefact, read_artefact
from lucy.nodes.step import Step, approve_choice, ask, finish, get_plan, get_workflow_id, reply
from lucy.nodes.wording import show_percent, write
from lucy.tools.endpoints import DEFAULT_SHARE, check_deployment, deploy, suggest_name
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.store.deployments import Deployment, list_deployments
from lucy.tools.workbench import Workbench

TEST = re.compile(r"\ba\s*/?\s*b\b[ -]*test|\bsplit[ -]test|\btest (it )?against\b|\bas a challenger\b", re.I)
REPLACE = re.compile(r"\breplac(e|ing)\b|\btake over\b|\binstead of\b", re.I)
SEPARATE = re.compile(r"\b(new|own|separate) (endpoint|name)\b", re.I)
SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|per ?cent)", re.I)
NAMED = re.compile(
    r"\b(?:call it|name it|deploy (?:it )?as|under the name)\s+[\"'`]?([\w.:-]*\w)", re.IGNORECASE
)
AIMED = re.compile(r"\b(?:replace|against|instead of|take over)\s+[\"'`]?([\w.:-]*\w)", re.IGNORECASE)
NO_NAMES = ("it", "the", "what", "that", "this", "a", "an", "my", "our", "with")
"""Words that stand where a name could, and are none."""
ASKED = re.compile(r"^\W*(what|why|how|when|which|who|is|does|will)\b", re.IGNORECASE)


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Propose a name and what becomes of what is served; say plainly when the model is not better."""
    training = read_artefact(state, bench, "training")
    plan = _make_plan(state, bench, training)
    planned = _check_plan(bench, training, plan)
    comparison = training.get("comparison") or {}
    better = comparison.get("conclusion") == "better"
    how = {"name": plan["name"]}
    if planned.is_test:
        how["share"] = show_percent(planned.share or 0.0)
    go = approve_choice(
        write("deployment", f"{plan['mode']}_label", **how) + ("" if better else " anyway"), action="deploy"
    )
    leave = Choice(id="leave", label="Do not deploy", kind="approve", changes={"action": "leave"})
    question = write(
        "deployment",
        "proposal" if better else "not_better",
        model_id=training["model_id"],
        version=training["version"],
        sentence=comparison.get("sentence") or write("deployment", "unproven"),
        plan=write("deployment", plan["mode"], **how),
    )
    return ask(
        state,
        bench,
        step="deployment",
        question=question,
        choices=[go, leave] if better else [leave, go],
        plan=plan | {"action": "deploy" if better else "leave"},
    )


def _make_plan(state: FinetuneWorkflowState, bench: Workbench, training: dict[str, Any]) -> dict[str, Any]:
    """Give name, mode and share: as proposed before, with the person's changes laid over."""
    pending = state.get("pending")
    known = pending["plan"] if pending and pending["step"] == "deployment" else {}
    changes = (state.get("intent") or Intent(kind="edit", text="")).get("changes") or {}
    given = {**known, **changes}
    if "name" in changes and "mode" not in changes:
        given.pop("mode", None)
    name = str(given.get("name") or _find_free_name(state, bench, training))
    mode = str(given.get("mode") or _find_mode(bench, name, training["model_id"]))
    if mode == "new_endpoint" and "name" not in changes and known.get("mode", mode) != mode:
        name = _find_free_name(state, bench, training)
        mode = _find_mode(bench, name, training["model_id"])
    plan: dict[str, Any] = {"name": name, "mode": mode}
    return plan | {"share": given.get("share", DEFAULT_SHARE)} if mode == "ab_test" else plan


def _check_plan(bench: Workbench, training: dict[str, Any], plan: dict[str, Any]) -> Deployment:
    """Give what a plan would be deployed as; raises InputError if it could not be."""
    return check_deployment(
        bench.store,
        training["model_id"],
        training["version"],
        name=plan["name"],
        mode=plan["mode"],
        share=plan.get("share"),
    )


def _find_free_name(state: FinetuneWorkflowState, bench: Workbench, training: dict[str, Any]) -> str:
    """Suggest the dataset's name, numbered when another model is served under it."""
    wanted = suggest_name(state.get("name") or training["name"])
    served = {one.name: one.model_id for one in list_deployments(bench.store)}
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(served) + 3))]
    return next(name for name in names if served.get(name, training["model_id"]) == training["model_id"])


def _find_mode(bench: Workbench, name: str, model_id: str) -> str:
    """Say what a name alone means: an earlier version of the same model is replaced."""
    served = {one.name: one.model_id for one in list_deployments(bench.store)}
    return "replace_gateway" if served.get(name) == model_id else "new_endpoint"


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
    deployed = deploy(
        bench.store,
        training["model_id"],
        training["version"],
        name=str(plan["name"]),
        mode=str(plan.get("mode") or "new_endpoint"),
        share=plan.get("share"),
        key=f"{get_workflow_id(state)}:{state.get('turn', 0)}",  # one per reply, also when run again
    )
    endpoint = f"http://{bench.settings.host}:{bench.settings.port}/v1"
    body = {name: value for name, value in deployed._asdict().items() if value is not None}
    body = {**body, "endpoint": endpoint}
    body.pop("created_at", None)
    ref = put_artefact(bench.store, get_workflow_id(state), "deployment", body, reason="deployed")
    after = write("deployment", f"after_{deployed.mode}", name=deployed.name)
    text = write("deployment", "deployed", name=deployed.name, endpoint=endpoint, after=after)
    return finish(state, bench, step="deployment", text=text, refs={"deployment": {**ref}})


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Read "call it my-model", "replace support-replies", "A/B test against it with 10%", "do not deploy"."""
    if ASKED.search(text):
        return None
    if re.search(r"\b(do not|don'?t|not)\b.*\bdeploy\b", text, re.IGNORECASE):
        return Intent(kind="approve", text=text, changes={"action": "leave"})
    changes = _read_changes(text, state, bench)
    if not changes:
        return None
    intent = Intent(kind="edit", text=text, changes=changes)
    _refuse_unusable({**state, "intent": intent}, bench)
    return intent


def _refuse_unusable(state: FinetuneWorkflowState, bench: Workbench) -> None:
    """Refuse words that cannot be carried out here, before they are kept as a decision."""
    if has_artefact(state, "training"):
        training = read_artefact(state, bench, "training")
        _check_plan(bench, training, _make_plan(state, bench, training))


def _read_changes(text: str, state: FinetuneWorkflowState, bench: Workbench) -> dict[str, Any]:
    if TEST.search(text):
        return {"mode": "ab_test", "name": find_served(text, bench), **_read_share(text)}
    if REPLACE.search(text):
        return {"mode": "replace_gateway", "name": find_served(text, bench)}
    named = NAMED.search(text)
    separate = {"mode": "new_endpoint"} if SEPARATE.search(text) else {}
    if named or separate:
        return separate | ({"name": named.group(1)} if named else {})
    pending = state.get("pending")
    return _read_share(text) if pending and pending["plan"].get("mode") == "ab_test" else {}


def _read_share(text: str) -> dict[str, Any]:
    found = SHARE.search(text)
    return {"share": float(found.group(1)) / 100} if found else {}


def find_served(text: str, bench: Workbench) -> str:
    """Find the served name that a text speaks of; the only one, if it names none.

    Raises:
        InputError: nothing is served, or it is unclear which name is meant.
    """
    served = sorted((one.name for one in list_deployments(bench.store)), key=len, reverse=True)
    for name in served:
        if re.search(rf"(?<![\w.:-]){re.escape(name)}(?![\w:-]|\.\w)", text, re.IGNORECASE):
            return name
    aimed = AIMED.search(text)
    if aimed and aimed.group(1).casefold() not in NO_NAMES:
        return aimed.group(1)
    if len(served) == 1:
        return served[0]
    if not served:
        raise InputError(
            "Nothing is served yet that could be replaced or tested against; deploy it as a new endpoint."
        )
    raise InputError(f"It is unclear which name is meant; say one of: {', '.join(sorted(served))}.")


STEP = Step(
    id="deployment",
    title="Deployment",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=(
        "`call it support-replies`",
        "`replace support-replies`",
        "`A/B test against support-replies with 10% of the traffic`",
        "`do not deploy`",
    ),
)
