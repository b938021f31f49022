"""Write the report folder of a workflow: what was done, for a person and for programs.

Every file is written whole or not at all. What the workflow has not come to is left out, and
`report.json` says so under `missing`. Orders are those of the dataset, so equal work gives equal lines.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from lucy.errors import StoreError
from lucy.graph.runs import Runs
from lucy.graph.state import STEPS, FinetuneWorkflowState, find_stale
from lucy.nodes.reading import has_artefact, read_artefact, read_current_records, read_dataset, read_topics, read_tree
from lucy.tools.store.datasets import read_rejects
from lucy.tools.store.ledger import OFFLINE, sum_ledger
from lucy.tools.store.rollouts import address_grade, read_grades, read_rollouts
from lucy.tools.store.workflows import find_workflow, read_messages
from lucy.tools.topics.tree import path_of
from lucy.tools.vocabulary import Assignment, Record

FILES = (
    "report.json",
    "report.md",
    "records.jsonl",
    "rejects.jsonl",
    "rollouts.jsonl",
    "topics.json",
    "grader.json",
)
"""Everything that the folder can hold."""
