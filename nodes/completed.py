"""After the steps: say what was made and stay open for questions and for going back.

Decides: nothing. Reads: the statuses and references. Writes: nothing. Asks: what next. Costs: nothing.
"""

from lucy.graph.state import STEPS, Choice, FinetuneWorkflowState, Intent, Update
from lucy.nodes.reading import has_artefact, read_artefact
from lucy.nodes.step import Step, ask, reply
from lucy.nodes.wording import write
from lucy.tools.workbench import Workbench


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Sum up and leave the conversation open."""
    name = "finished" if has_artefact(state, "deployment") else "finished_undeployed"
    training = read_artefact(state, bench, "training")
    question = write("completed", name, model_id=training["model_id"])
    data = Choice(id="data", label="Improve the data", kind="jump", step="coverage_generation")
    grader = Choice(id="grader", label="Change the grader", kind="jump", step="grader_config")
    return ask(
        state, bench, step="completed", question=question, choices=[data, grader], plan={}, kind="input"
    )


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Repeat what the training changed."""
    training = read_artefact(state, bench, "training")
    text = write("completed", "summary", sentence=training["comparison"]["sentence"], steps=len(STEPS))
    return reply(state, bench, step="completed", text=text)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Do nothing: there is nothing left to approve."""
    return reply(state, bench, step="completed", text=write("completed", "nothing_left"))


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Take thanks as the end of the conversation."""
    thanks = text.casefold().strip(" !.").startswith(("thank", "great", "perfect", "nice", "yes", "ok"))
    return Intent(kind="approve", text=text) if thanks else None


STEP = Step(
    id="completed",
    title="Completed",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
    hints=("`go back to the grader`",),
)
