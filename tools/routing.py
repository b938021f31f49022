"""Say which version of which model a call goes to."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from lucy.errors import NotFoundError
from lucy.tools.answers import Caller
from lucy.tools.backends import Request
from lucy.tools.store import deployments, models
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment
from lucy.tools.store.models import Version
from lucy.tools.store.usage import Arm
from lucy.tools.traffic import choose_arm, hash_session


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer that is wanted."""

    name: str
    """What was deployed, or a model's id for its newest version."""
    request: Request
    caller: Caller = field(default_factory=Caller)
    started: float = field(default_factory=time.perf_counter)
    """When it was asked for, in seconds of `time.perf_counter`."""


class _Place(NamedTuple):
    """What is served under a name now."""

    deployment: Deployment | None
    """None when the name is a model's id."""
    version: Version | None
    """None when nothing answers."""
    challenger: Version | None = None


class Routed(NamedTuple):
    """A call with the version that it goes to, and all that its row needs."""

    request: Request
    version: Version
    name: str
    number: int | None
    arm: Arm | None
    session: str | None
    completion_id: str
    surface: str
    started: float


def route(store: Store, asked: Sequence[Asked]) -> list[Routed | NotFoundError]:
    """Say for each call where it goes, or that nothing answers; looks at each name once."""
    with store.read() as connection:
        places = {name: _find_place(connection, name) for name in {one.name for one in asked}}
    return [_choose_version(one, places[one.name]) for one in asked]


def _find_place(connection: Connection, name: str) -> _Place:
    deployed = deployments.newest_deployment(connection, name)
    if deployed is None:
        return _Place(None, models.find_ready_version(connection, name))
    version = models.find_ready_version(connection, deployed.model_id, deployed.version)
    if deployed.challenger_id is None:
        return _Place(deployed, version)
    other = models.find_ready_version(connection, deployed.challenger_id, deployed.challenger_version)
    return _Place(deployed, version, other)


def _choose_version(asked: Asked, found: _Place) -> Routed | NotFoundError:
    completion_id = f"chatcmpl-{uuid.uuid4().hex}"
    session = hash_session(asked.name, asked.caller.user) if asked.caller.user else None
    arm: Arm | None = None
    if found.deployment and found.deployment.is_test:
        arm = choose_arm(found.deployment, session or completion_id)
        # A challenger that was deleted in the middle of the test leaves all to the champion; without a
        # champion nobody is answered: to serve the challenger to all is the person's decision.
        arm = arm if found.challenger and found.version else "champion"
    version = found.challenger if arm == "challenger" else found.version
    if version is None:
        return NotFoundError(
            f"The model {asked.name!r} does not exist or was deleted; /v1/models lists those that are served."
        )
    number = found.deployment.number if found.deployment else None
    return Routed(
        asked.request, version, asked.name, number, arm, session, completion_id, asked.caller.surface,
        asked.started,
    )  # fmt: skip
