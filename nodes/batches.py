"""Look over generated records: show a batch, leave records out, take a batch back, put it back."""

from typing import Any

from lucy.graph.state import FinetuneWorkflowState, Ref
from lucy.nodes.generating import find_round, put_dataset
from lucy.nodes.reading import read_batches, read_current_records, read_edits, read_tree
from lucy.nodes.step import get_workflow_id
from lucy.nodes.wording import draw_table, quote, write
from lucy.tools.record_edits import edit_record, leave_out
from lucy.tools.store.edits import add_edits
from lucy.tools.store.generation import read_generations
from lucy.tools.topics.tree import iterate
from lucy.tools.vocabulary import Record, read_last_user_text, read_reply_text
from lucy.tools.workbench import Workbench

ROWS = 10
"""Records shown at a time."""


def describe_batch(state: FinetuneWorkflowState, bench: Workbench, *, skip: int = 0) -> tuple[str, list[str]]:
    """Show records of the last round, numbered, and give their ids in the same order."""
    last = _list_last(read_batches(state, bench))
    made = [one for one in read_current_records(state, bench) if one.origin.get("batch") in last]
    shown = made[skip : skip + ROWS]
    if not shown:
        return write("coverage_generation", "nothing_generated"), []
    names = {topic.id: topic.name for topic in iterate(read_tree(state, bench))}
    rows = [
        (number, _show(one), names.get(str(one.origin.get("topic_id")), "none"), _name_way(one))
        for number, one in enumerate(shown, 1)
    ]
    text = write(
        "coverage_generation",
        "batch",
        count=len(made),
        left=max(0, len(made) - skip - len(shown)),
        table=draw_table(("#", "The person says", "Topic", "Way"), rows),
    )
    return text, [one.id for one in shown]


def describe_history(state: FinetuneWorkflowState, bench: Workbench) -> str:
    """Show every generation: how, how many, the balance before and after, and whether it is in use."""
    kept = read_batches(state, bench)
    rows = [
        (
            row["batch"],
            row["strategy"].replace("_", " "),
            row["made"],
            row["valid"],
            f"{row['balance_before']:.2f} → {row['balance_after']:.2f}",
            "yes" if row["batch"] in kept else "taken back",
        )
        for row in read_generations(bench.store, get_workflow_id(state))
    ]
    if not rows:
        return write("coverage_generation", "no_history")
    header = ("Batch", "Way", "Tried", "Kept", "Balance of the round", "In use")
    return write("coverage_generation", "history", table=draw_table(header, rows))


def _list_last(batches: list[str]) -> list[str]:
    """Give the batches of the last round among some batches."""
    return [batch for batch in batches if find_round(batch) == find_round(batches[-1])]


def _show(record: Record) -> str:
    reply = read_reply_text(record)
    return quote(read_last_user_text(record), 160) + (f" → *{quote(reply, 100)}*" if reply else "")


def _name_way(record: Record) -> str:
    return str(record.origin.get("strategy", "")).replace("_", " ")


def leave_out_records(state: FinetuneWorkflowState, bench: Workbench, ids: list[str]) -> tuple[str, Ref]:
    """Leave records out of the dataset from now on; they stay stored.

    Raises:
        InputError: there is no such record.
    """
    edits = leave_out(read_current_records(state, bench), ids)
    ref = _put_edits(state, bench, edits, reason=f"left out {len(ids)}")
    return write("coverage_generation", "left_out", count=len(ids)), ref


def edit_records(
    state: FinetuneWorkflowState, bench: Workbench, changes: dict[str, dict[str, Any]]
) -> tuple[str, Ref]:
    """Change records; the earlier versions stay stored.

    Raises:
        InputError: there is no such record, or what comes out is no usable record.
    """
    records = read_current_records(state, bench)
    edits: dict[str, Record | None] = {
        record_id: edit_record(records, record_id, given) for record_id, given in changes.items()
    }
    ref = _put_edits(state, bench, edits, reason=f"edited {len(edits)}")
    return write("coverage_generation", "edited", count=len(edits)), ref


def _put_edits(
    state: FinetuneWorkflowState, bench: Workbench, edits: dict[str, Record | None], *, reason: str
) -> Ref:
    edit = add_edits(bench.store, state.get("dataset_id") or "", edits, reason=reason)
    return put_dataset(state, bench, edits=[*read_edits(state, bench), edit], reason=reason)


def undo_batch(state: FinetuneWorkflowState, bench: Workbench) -> tuple[str, Ref | None]:
    """Take the last round out of the dataset; it stays stored and can be put back."""
    batches = read_batches(state, bench)
    if not batches:
        return write("coverage_generation", "nothing_generated"), None
    last = _list_last(batches)
    kept = [batch for batch in batches if batch not in last]
    ref = put_dataset(state, bench, batches=kept, reason=f"took back {', '.join(last)}")
    return write("coverage_generation", "taken_back"), ref


def restore_batch(state: FinetuneWorkflowState, bench: Workbench) -> tuple[str, Ref | None]:
    """Put the round back that was taken out last."""
    kept = read_batches(state, bench)
    made = [row["batch"] for row in read_generations(bench.store, get_workflow_id(state)) if row["valid"]]
    out = [batch for batch in made if batch not in kept]
    if not out:
        return write("coverage_generation", "nothing_taken_back"), None
    back = _list_last(out)
    ref = put_dataset(state, bench, batches=[*kept, *back], reason=f"put back {', '.join(back)}")
    return write("coverage_generation", "put_back"), ref
