"""Keep artefacts: immutable results of steps, numbered by revision and addressed by content."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from sqlalchemy import func, insert, select

from lucy.errors import NotFoundError
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.encoding import decode, encode, hash_content
from lucy.tools.store.schema import artefacts, assignments
from lucy.tools.vocabulary import Assignment


class Ref(TypedDict):
    """A reference to an artefact: what the graph's state and a snapshot hold."""

    revision: int
    sha: str


def put_artefact(
    store: Store,
    workflow_id: str,
    kind: str,
    body: Mapping[str, Any],
    *,
    reason: str = "",
    found: Sequence[Assignment] = (),
) -> Ref:
    """Store a new revision and give its reference; equal content gets the reference it already has.

    Args:
        store: The store.
        workflow_id: The workflow that the artefact belongs to.
        kind: Such as `topics` or `grader`.
        body: The content, JSON.
        reason: Why this revision was made, in words.
        found: Assignments that belong to an artefact of kind `categories`; part of the content.
    """
    sha = hash_content(body, [list(one) for one in found])
    key = (artefacts.c.workflow_id == workflow_id, artefacts.c.kind == kind)
    with store.write() as connection:
        known = connection.execute(select(artefacts.c.revision).where(*key, artefacts.c.sha == sha)).scalar()
        if known is not None:
            return Ref(revision=known, sha=sha)
        last = connection.execute(select(func.max(artefacts.c.revision)).where(*key)).scalar()
        revision = (last or 0) + 1
        connection.execute(
            insert(artefacts).values(
                workflow_id=workflow_id,
                kind=kind,
                revision=revision,
                sha=sha,
                reason=reason,
                body=encode(body),
                created_at=tell_time(),
            )
        )
        if found:
            rows = [
                {"workflow_id": workflow_id, "revision": revision, **assignment._asdict()}
                for assignment in found
            ]
            connection.execute(insert(assignments), rows)
    return Ref(revision=revision, sha=sha)


def get_artefact(store: Store, workflow_id: str, kind: str, revision: int) -> dict[str, Any]:
    """Read one revision.

    Raises:
        NotFoundError: there is no such revision.
    """
    query = select(artefacts.c.body).where(
        artefacts.c.workflow_id == workflow_id, artefacts.c.kind == kind, artefacts.c.revision == revision
    )
    with store.read() as connection:
        body = connection.execute(query).scalar()
    if body is None:
        raise NotFoundError(f"Workflow {workflow_id!r} has no {kind} revision {revision}.")
    return decode(body)


def read_assignments(store: Store, workflow_id: str, revision: int) -> list[Assignment]:
    """Read the assignments of one revision of `categories`, by record id."""
    query = (
        select(
            assignments.c.record_id,
            assignments.c.topic_id,
            assignments.c.confidence,
            assignments.c.method,
        )
        .where(assignments.c.workflow_id == workflow_id, assignments.c.revision == revision)
        .order_by(assignments.c.record_id)
    )
    with store.read() as connection:
        return [Assignment(*row) for row in connection.execute(query)]


def list_artefacts(store: Store, workflow_id: str) -> list[dict[str, Any]]:
    """List every revision of every artefact of a workflow, oldest first, without the bodies."""
    query = (
        select(
            artefacts.c.kind,
            artefacts.c.revision,
            artefacts.c.sha,
            artefacts.c.reason,
            artefacts.c.created_at,
        )
        .where(artefacts.c.workflow_id == workflow_id)
        .order_by(artefacts.c.created_at)
    )
    with store.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
