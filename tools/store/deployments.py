"""Keep deployments: which version of which model answers under a name."""

from typing import NamedTuple

from sqlalchemy import Connection, func, insert, or_, select

from lucy.errors import NotFoundError
from lucy.tools.store.database import Store, tell_time
from lucy.tools.store.schema import deployments, models

_outer = deployments.alias()
"""The deployments themselves, beside the query for the newest number of each name."""


class Deployment(NamedTuple):
    """Which version answers under a name; of several rows the one with the highest number counts.

    With a challenger it is an A/B test: `model_id` and `version` are the champion, and the challenger gets
    `share` of the traffic.
    """

    name: str
    number: int
    mode: str
    model_id: str
    version: int
    key: str
    created_at: str = ""
    challenger_id: str | None = None
    challenger_version: int | None = None
    share: float | None = None
    """Of the traffic that the challenger gets, above 0 and below 1."""

    @property
    def is_test(self) -> bool:
        """Tell whether two versions are compared under the name."""
        return self.challenger_id is not None


def add_deployment(connection: Connection, deployment: Deployment) -> Deployment:
    """Insert a deployment with the name's next number; one with the same key is given back instead."""
    found = find_deployment_key(connection, deployment.key)
    if found:
        return found
    last = newest_deployment(connection, deployment.name)
    made = deployment._replace(number=last.number + 1 if last else 1, created_at=tell_time())
    connection.execute(insert(deployments).values(made._asdict()))
    return made


def find_deployment_key(connection: Connection, key: str) -> Deployment | None:
    """Give the deployment that was made under an idempotency key, if it is there."""
    row = connection.execute(select(deployments).where(deployments.c.key == key)).first()
    return Deployment(*row) if row else None


def newest_deployment(connection: Connection, name: str, *, back: int = 0) -> Deployment | None:
    """Give what is served under a name, or was so many steps back; None when there is none."""
    query = select(deployments).where(deployments.c.name == name).order_by(deployments.c.number.desc())
    row = connection.execute(query.limit(1).offset(back)).first()
    return Deployment(*row) if row else None


def find_deployment(store: Store, name: str) -> Deployment:
    """Read what is served under a name.

    Raises:
        NotFoundError: nothing was ever deployed under it.
    """
    with store.read() as connection:
        found = newest_deployment(connection, name)
    if found is None:
        raise NotFoundError(f"Nothing is deployed as {name!r}; `lucy models list` shows what is.")
    return found


def list_deployments(store: Store, model_id: str | None = None) -> list[Deployment]:
    """List what each name serves now, by name; of deleted models nothing is served.

    With a model's id only the names under which it answers, be it as the challenger of an A/B test.
    """
    newest = select(func.max(deployments.c.number)).where(deployments.c.name == _outer.c.name)
    query = (
        select(_outer)
        .join(models, models.c.id == _outer.c.model_id)
        .where(models.c.status == "ready", _outer.c.number == newest.scalar_subquery())
        .order_by(_outer.c.name)
    )
    if model_id is not None:
        query = query.where(or_(_outer.c.model_id == model_id, _outer.c.challenger_id == model_id))
    with store.read() as connection:
        return [Deployment(*row) for row in connection.execute(query)]
