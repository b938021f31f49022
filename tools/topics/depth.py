"""Cut a tree to fewer levels: what stands below the last level becomes part of the topic above it."""

from lucy.errors import InputError
from lucy.tools.topics.tree import DEEPEST, TopicTree, iterate
from lucy.tools.vocabulary import Topic

KEYWORDS = 12
"""Most keywords that a topic takes over from those below it."""


def cut_tree(tree: TopicTree, levels: int) -> TopicTree:
    """Give the tree with at most `levels` levels; ids of the topics that go are kept in `absorbed`.

    Raises:
        InputError: `levels` is not 1 to `DEEPEST`.
    """
    if not 1 <= levels <= DEEPEST:
        raise InputError(f"A tree of {levels} levels was asked for; expected 1 to {DEEPEST}.")
    return tree.model_copy(update={"roots": tuple(_cut(topic, levels - 1) for topic in tree.roots)})


def _cut(topic: Topic, left: int) -> Topic:
    if topic.locked or not topic.children:
        return topic
    if left > 0:
        children = tuple(_cut(child, left - 1) for child in topic.children)
        return topic.model_copy(update={"children": children})
    below = [one for one in iterate(TopicTree(roots=(topic,))) if one.id != topic.id]
    words = dict.fromkeys((*topic.keywords, *(word for one in below for word in one.keywords)))
    gone = [gone for one in below for gone in (one.id, *one.absorbed)]
    return topic.model_copy(
        update={
            "children": (),
            "keywords": tuple(words)[:KEYWORDS],
            "examples": tuple(example for one in below for example in one.examples)[:KEYWORDS],
            "absorbed": (*topic.absorbed, *gone),
        }
    )
