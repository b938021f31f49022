"""Deploy models under names: as a new endpoint, in place of another, or in an A/B test against it."""

import re
from typing import Literal, get_args

from sqlalchemy import Connection

from lucy.errors import InputError, NotFoundError
from lucy.tools.store import deployments, models
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment
from lucy.tools.store.encoding import hash_content
from lucy.tools.store.usage import Arm
from lucy.tools.traffic import require_test

Mode = Literal["new_endpoint", "replace_gateway", "ab_test"]
"""A name of its own, a new version under a name that is already served, or a share of such a name's calls."""
DEFAULT_SHARE = 0.1
"""Of the traffic, for the challenger of an A/B test."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def suggest_name(text: str) -> str:
    """Turn any text into a name that a model can be served under, such as `support-replies`."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:64].strip("-") or "lucy-model"


def deploy(
    store: Store,
    model_id: str,
    version: int,
    *,
    name: str,
    mode: str = "new_endpoint",
    share: float | None = None,
    key: str,
) -> Deployment:
    """Serve a version under a name from now on; once per `key`.

    `new_endpoint` takes a name that is free, a deleted model's, or the same model's; `replace_gateway` an
    existing one, whose old version is one step away (`undo_deployment`); `ab_test` an existing one, whose
    version goes on as the champion while this one, the challenger, gets `share` of the calls (0.1 if left
    out).

    Raises:
        InputError: the model is missing or deleted, or the name, mode or share cannot be used.
    """
    _check_words(name, mode, share)
    with store.write() as connection:
        done = deployments.find_deployment_key(connection, key)
        if done:
            return _check_same(done, name, model_id, version)
        wanted = Deployment(name, 0, mode, model_id, version, key, share=share)
        return deployments.add_deployment(connection, _plan(connection, wanted))


def check_deployment(
    store: Store, model_id: str, version: int, *, name: str, mode: str, share: float | None = None
) -> Deployment:
    """Give the deployment that `deploy` would make now, and make none; raises as `deploy`."""
    _check_words(name, mode, share)
    with store.read() as connection:
        return _plan(connection, Deployment(name, 0, mode, model_id, version, "", share=share))


def _plan(connection: Connection, wanted: Deployment) -> Deployment:
    """Check what is wanted against what there is, and give it as it will be written."""
    _check_servable(connection, wanted.model_id, wanted.version)
    served = deployments.newest_deployment(connection, wanted.name)
    _check_name_use(connection, served, wanted)
    return _plan_test(connection, served, wanted) if wanted.mode == "ab_test" and served else wanted


def _plan_test(connection: Connection, served: Deployment, wanted: Deployment) -> Deployment:
    """Make the version that is wanted the challenger of the one that is served."""
    if served.is_test:
        raise InputError(
            f"An A/B test runs under {served.name!r} already; end it with "
            f"`lucy models promote {served.name} champion` (or challenger), then start another."
        )
    if (served.model_id, served.version) == (wanted.model_id, wanted.version):
        raise InputError(
            f"The name {served.name!r} serves version {served.version} of {served.model_id!r} already; "
            "an A/B test needs another model or version."
        )
    _check_servable(connection, served.model_id, served.version)
    return wanted._replace(
        model_id=served.model_id, version=served.version, challenger_id=wanted.model_id,
        challenger_version=wanted.version, share=DEFAULT_SHARE if wanted.share is None else wanted.share,
    )  # fmt: skip


def _check_words(name: str, mode: str, share: float | None) -> None:
    if mode not in get_args(Mode):
        raise InputError(f"The mode {mode!r} is unknown; expected one of {', '.join(get_args(Mode))}.")
    if share is not None and mode != "ab_test":
        raise InputError(f"The mode {mode!r} takes no share of the traffic; 'ab_test' does.")
    if share is not None and not 0 < share < 1:
        raise InputError(
            f"The share {share} cannot be used; expected a part of the traffic above 0 and below 1, such as "
            f"{DEFAULT_SHARE} for 10%."
        )
    if not NAME.fullmatch(name):
        raise InputError(
            f"The name {name!r} cannot be served; expected 1 to 128 letters, digits, '.', '_', ':' or '-', "
            f"such as {suggest_name(name)!r}."
        )


def _check_same(done: Deployment, name: str, model_id: str, version: int) -> Deployment:
    made = (done.challenger_id or done.model_id, done.challenger_version or done.version)
    if (done.name, *made) != (name, model_id, version):
        raise InputError(
            f"The key {done.key!r} already deployed version {made[1]} of {made[0]!r} as "
            f"{done.name!r}; use a new key for another deployment."
        )
    return done


def _check_servable(connection: Connection, model_id: str, version: int) -> None:
    status = models.find_status(connection, model_id, version)
    if status is None:
        raise InputError(
            f"There is no version {version} of model {model_id!r}; `lucy models list` shows what there is."
        )
    if status != "ready":
        raise InputError(f"Model {model_id!r} is {status} and cannot be deployed; choose one that is ready.")


def _check_name_use(connection: Connection, served: Deployment | None, wanted: Deployment) -> None:
    name, mode = wanted.name, wanted.mode
    answers = served is not None and models.find_status(connection, served.model_id) == "ready"
    is_own = served is not None and served.model_id == wanted.model_id and not served.is_test
    if mode == "new_endpoint" and served and answers and not is_own:
        raise InputError(
            f"The name {name!r} already serves model {served.model_id!r}; choose another name, "
            "or the mode 'replace_gateway' to replace it."
        )
    if (mode == "replace_gateway" and not served) or (mode == "ab_test" and not answers):
        verb = "replaced" if mode == "replace_gateway" else "tested against"
        raise InputError(f"Nothing is served as {name!r} that could be {verb}; deploy it as a new endpoint.")
    if models.find_status(connection, name):
        raise InputError(f"The name {name!r} is the id of a model; choose another name.")


def promote_arm(store: Store, name: str, arm: str) -> Deployment:
    """End the A/B test that runs under a name: from now on one arm gets all calls.

    The champion comes back first, and a promoted challenger replaces it, so that one step back
    (`undo_deployment`) serves the champion.

    Raises:
        NotFoundError: nothing is deployed under the name.
        InputError: no test runs under it, there is no such arm, or its model was deleted.
    """
    if arm not in get_args(Arm):
        raise InputError(f"There is no arm {arm!r}; expected champion or challenger.")
    with store.write() as connection:
        test = require_test(_find_served(connection, name))
        champion = Deployment(
            name, 0, "replace_gateway", test.model_id, test.version, hash_content("end", name, test.number)
        )
        challenger = champion._replace(
            model_id=test.challenger_id or "", version=test.challenger_version or 0,
            key=hash_content("promote", name, test.number),
        )  # fmt: skip
        wanted = champion if arm == "champion" else challenger
        _check_servable(connection, wanted.model_id, wanted.version)
        ended = deployments.add_deployment(connection, champion)
        return ended if arm == "champion" else deployments.add_deployment(connection, challenger)


def undo_deployment(store: Store, name: str) -> Deployment:
    """Serve again what the name served before, by a new row; undone twice, the newer one is back.

    An A/B test that is taken back leaves its champion; one that is taken up again counts anew.

    Raises:
        NotFoundError: nothing was ever deployed under the name.
        InputError: there is no earlier deployment, or its model was deleted.
    """
    with store.write() as connection:
        now = _find_served(connection, name)
        before = deployments.newest_deployment(connection, name, back=1)
        if before is None:
            raise InputError(f"The name {name!r} has served one version only; there is none to go back to.")
        _check_servable(connection, before.model_id, before.version)
        mode = "ab_test" if before.is_test else "replace_gateway"
        back = before._replace(mode=mode, key=hash_content("undo", name, now.number))
        return deployments.add_deployment(connection, back)


def _find_served(connection: Connection, name: str) -> Deployment:
    found = deployments.newest_deployment(connection, name)
    if found is None:
        raise NotFoundError(f"Nothing is deployed as {name!r}; `lucy models list` shows what is.")
    return found
