"""Read from words how a topic tree is to change, and carry it out."""

from lucy.errors import InputError
from lucy.tools.topics.changes import (
    add_topic,
    add_up_shares,
    lock_topic,
    merge_topics,
    move_topic,
    remove_topic,
    rename_topic,
    split_topic,
)
from lucy.tools.topics.commands import parse_change
from lucy.tools.topics.edit_kinds import (
    AddTopic,
    Edit,
    EditSeries,
    LockTopic,
    MergeTopics,
    MoveTopic,
    RemoveTopic,
    RenameTopic,
    Reorganize,
    SplitTopic,
    TreeEdit,
    UseFewer,
    UseMore,
)
from lucy.tools.topics.locks import check_locks
from lucy.tools.topics.matching import list_clauses
from lucy.tools.topics.tree import TopicTree, check_tree, leaves
from lucy.tools.topics.wishes import parse_fewer, parse_more, parse_reorganize


def apply_edit(tree: TopicTree, edit: Edit) -> TopicTree:
    """Give the tree with an edit made; ids of the topics that stay are kept.

    Raises:
        InputError: The edit names an unknown topic, would leave the tree empty or too deep, or two
            neighbours with the same name; it changes a locked topic (a person unlocks it first); or it needs
            the records (`UseFewer`, `UseMore`, `Reorganize`; see `regeneration.regenerate`).
    """
    if isinstance(edit, EditSeries):
        for part in edit.edits:
            tree = apply_edit(tree, part)
        return tree
    if isinstance(edit, UseFewer | UseMore | Reorganize):
        raise InputError("This change needs the records; find the topics again instead.")
    changed = _change(tree, edit)
    if not changed.roots:
        raise InputError("That would leave no topic at all; keep at least one.")
    changed = changed.model_copy(update={"roots": add_up_shares(changed.roots)})
    check_tree(changed)
    check_locks(tree, changed, edit)
    return changed


def _change(tree: TopicTree, edit: TreeEdit) -> TopicTree:
    match edit:
        case AddTopic():
            return add_topic(tree, edit.name, edit.parent_id)
        case RenameTopic():
            return rename_topic(tree, edit.topic_id, edit.name)
        case MergeTopics():
            return merge_topics(tree, edit.topic_ids, edit.name)
        case MoveTopic():
            return move_topic(tree, edit.topic_id, edit.parent_id)
        case RemoveTopic():
            return remove_topic(tree, edit.topic_id)
        case SplitTopic():
            return split_topic(tree, edit.topic_id, edit.names)
        case LockTopic():
            return lock_topic(tree, edit.topic_id, locked=edit.locked)


def parse_edit(text: str, tree: TopicTree) -> Edit | None:
    """Read an edit from words by rules; None when the words ask for none.

    Several commands in one text become an `EditSeries`. Questions, approval and requests about records
    or graders are no edits.

    Raises:
        InputError: A command names an unknown topic (up to five near names are listed), or one of several
            commands cannot be carried out.
    """
    clauses = list_clauses(text)
    for clause in clauses:
        present = len(leaves(tree))
        wish = (
            parse_reorganize(clause)
            or parse_fewer(clause, present=present)
            or parse_more(clause, present=present)
        )
        if wish is not None:
            return wish
    edits: list[TreeEdit] = []
    for clause in clauses:
        found = parse_change(clause, tree)
        edits += found
        if found and clause != clauses[-1]:
            tree = apply_edit(tree, EditSeries(tuple(found)))
    if len(edits) > 1:
        return EditSeries(tuple(edits))
    return edits[0] if edits else None
