"""Step 2: sort the records into the topics.

Decides: the topic of each record, and which ones a person should look at.
Reads: artefact `topics`, the records. Writes: artefact `categories` with one assignment a record.
Asks: nothing with the offline engine; results are shown, and can be asked about later.
Costs: nothing with the offline engine.
"""

from lucy.graph.state import FinetuneWorkflowState, Intent, Update
from lucy.nodes.progress import open_progress
from lucy.nodes.reading import read_current_records, read_tree
from lucy.nodes.step import Step, finish, get_workflow_id, reply
from lucy.nodes.wording import draw_table, show_percent, write
from lucy.tools.categories.sorting import categorize
from lucy.tools.categories.summary import CategorySummary, summarize_categories
from lucy.tools.store.artefacts import put_artefact
from lucy.tools.vocabulary import read_user_text
from lucy.tools.workbench import Workbench


def propose(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Go on at once: sorting costs nothing and changes nothing that exists."""
    return execute(state, bench)


def answer(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Explain what the confidence means."""
    text = write("categorize", "explained", threshold=bench.settings.confidence_threshold)
    return reply(state, bench, step="categorize", text=text)


def execute(state: FinetuneWorkflowState, bench: Workbench) -> Update:
    """Give every record a topic and a confidence."""
    records = read_current_records(state, bench)
    tree = read_tree(state, bench)
    threshold = bench.settings.confidence_threshold
    found = categorize(
        [record.id for record in records],
        [read_user_text(record) for record in records],
        tree,
        threshold=threshold,
        seed=bench.settings.seed,
        progress=open_progress(state, bench, "categorize"),
    )
    summary = summarize_categories(found, tree, threshold)
    body = {"summary": summary.model_dump(mode="json"), "threshold": threshold}
    ref = put_artefact(bench.store, get_workflow_id(state), "categories", body, found=found)
    text = _describe(summary, threshold, len(records))
    return finish(state, bench, step="categorize", text=text, refs={"categories": {**ref}})


def _describe(summary: CategorySummary, threshold: float, total: int) -> str:
    rows = [(row.name, row.count, f"{show_percent(row.mean_confidence)} avg") for row in summary.topics]
    return write(
        "categorize",
        "results",
        total=f"{total:,}",
        table=draw_table(("Topic", "Count", "Confidence"), rows),
        high=f"{summary.assigned - summary.low_confidence:,}",
        low=f"{summary.low_confidence:,}",
        uncategorized=f"{summary.uncategorized:,}",
        threshold=threshold,
    )


def read_words(text: str, state: FinetuneWorkflowState, bench: Workbench) -> Intent | None:
    """Know no words of its own: the step asks nothing."""
    return None


STEP = Step(
    id="categorize",
    title="Categorize",
    propose=propose,
    answer=answer,
    execute=execute,
    read_words=read_words,
)
