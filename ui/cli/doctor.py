"""`lucy doctor`: what is configured, what is reachable, what each step will use."""

import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lucy.errors import LucyError
from lucy.ui.cli.output import DONE, FAILED, print_json, print_line, print_table

if TYPE_CHECKING:
    from lucy.settings import Settings
    from lucy.tools.calls.connection import Connection
    from lucy.tools.calls.roles import Role

PACKAGES = ("lucy-finetune", "langgraph", "langchain-core", "gradio", "numpy", "scikit-learn", "SQLAlchemy")
ENOUGH_DISK = 500 * 2**20
"""Free bytes under which a dataset and a model may not fit."""
ENGINES: "dict[Role, str]" = {
    "chat": "understands replies by rules; a language model would understand any wording",
    "judge": "scores measurable features; a language model would understand meaning",
    "generator": "recombines what the records hold; a language model would write new text",
    "base_model": "retrieves and edits recorded answers, trained by GRPO on this CPU; "
    "a language model would write answers of its own",
    "embeddings": "TF-IDF, SVD and English word vectors; a model would measure whole texts, in any language",
}
"""Per role, what the offline engine does and what a language model would add."""
PROBE = """
import os, socket

TRIES = {
    "read files": lambda: open("/etc/passwd"),
    "write files": lambda: open("lucy-probe", "w"),
    "start processes": lambda: os.fork() or os._exit(0),
    "use the network": lambda: socket.socket(),
}

def grade(sample, item):
    try:
        TRIES[sample["output_text"]]()
    except OSError:
        return 1.0
    return 0.0
"""
"""A grader that tries what it should not be able to do: 1 is "could not"."""
TRIES = ("read files", "write files", "start processes", "use the network")
"""What the probe tries."""


class Finding(NamedTuple):
    """One line of the report."""

    name: str
    ok: bool
    detail: str


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check this installation; exit status 1 when something would keep Lucy from working."""
    findings = list(examine())
    ok = all(one.ok for one in findings)
    if as_json:
        print_json({"ok": ok, "findings": [one._asdict() for one in findings]})
    else:
        print_table(
            ("", "what", "found"), [("ok" if one.ok else "!!", one.name, one.detail) for one in findings]
        )
        print_line()
        print_line("Everything is ready." if ok else "Something needs attention: see the lines with !!.")
    raise typer.Exit(DONE if ok else FAILED)


def examine() -> Iterator[Finding]:
    """Give every finding; nothing is created or changed."""
    from lucy.settings import load_settings

    yield Finding("versions", True, _list_versions())
    try:
        settings = load_settings()
    except LucyError as error:
        yield Finding("settings", False, str(error))
        return
    yield Finding("settings", True, describe_settings(settings))
    for name, check in CHECKS.items():
        yield _try(name, check, settings)
    yield from _examine_engines(settings)


def _examine_engines(settings: "Settings") -> "Iterator[Finding]":
    """Give a finding per role: which engine is at work, and whether its service knows the model.

    No model is called: the list of a service's models is free.
    """
    from lucy.tools.calls.connection import find_connection
    from lucy.tools.calls.endpoint import has_model

    found = {role: find_connection(settings, role) for role in ENGINES}
    used = next((one for one in found.values() if one), None)
    names: list[str] = []
    if used:
        reached, names = _reach(used)
        yield reached
    for role, words in ENGINES.items():
        one = found[role]
        detail = _describe_model(role, one, names) if one else _describe_offline(settings, role, words)
        is_known = one is None or not names or has_model(names, one.model)
        yield Finding(role.replace("_", " "), is_known, detail)


def _reach(connection: "Connection") -> tuple[Finding, list[str]]:
    from lucy.tools.calls.endpoint import list_models

    name = "language models"
    try:
        names = list_models(connection)
    except LucyError as error:
        return Finding(name, False, str(error)), []
    if not names:
        return Finding(name, True, f"{connection.place} answers, but does not list its models"), []
    accepted = "and accepts the key" if connection.key else "and asks for no key"
    return Finding(name, True, f"{connection.place} answers {accepted}; no model was called"), names


def _describe_model(role: "Role", connection: "Connection", names: list[str]) -> str:
    from lucy.tools.calls.endpoint import has_model
    from lucy.tools.calls.roles import USES

    if names and not has_model(names, connection.model):
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        return (
            f"{connection.place} does not list the model {connection.model!r} (it lists {listed}); "
            f"correct {connection.variable}"
        )
    return f"{connection.model} at {connection.place}: {USES[role]}; the texts it works on are sent there"


def _describe_offline(settings: "Settings", role: "Role", words: str) -> str:
    from lucy.tools.calls.roles import FIELDS, name_variable

    text = f"offline: {words}"
    model = getattr(settings, FIELDS[role])
    if role == "base_model" and settings.trainer != "offline":
        return f"{model or 'no model is named'}, trained by {settings.trainer!r}"
    return f"{text}; {name_variable(role)} is set to {model!r}, but is not used yet" if model else text


def _list_versions() -> str:
    found = [f"Python {sys.version.split()[0]}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} is missing")
    return ", ".join(found)


def describe_settings(settings: "Settings") -> str:
    """List every setting with its value; of a secret only whether it is set."""
    from lucy.settings import SECRETS

    shown: list[str] = []
    for name, value in settings:
        if name in SECRETS:
            value = "set" if value is not None and value.get_secret_value() else "not set"
        shown.append(f"{name}={value}")
    return ", ".join(shown)


def _try(name: str, check: "Callable[[Settings], str]", settings: "Settings") -> Finding:
    try:
        return Finding(name, True, check(settings))
    except LucyError as error:
        return Finding(name, False, str(error))


def _check_home(settings: "Settings") -> str:
    from lucy.ui.cli.orders import check_home

    check_home(settings.home)
    return f"{settings.home} {'can be written' if settings.home.exists() else 'will be made when needed'}"


def _check_database(settings: "Settings") -> str:
    from lucy.errors import StoreError
    from lucy.tools.store.activity import read_revision
    from lucy.tools.store.schema import HEAD

    revision = read_revision(settings.home)
    if revision is None:
        return "there is none yet; it is made when needed"
    if revision > HEAD:
        raise StoreError(
            f"The database is at revision {revision}, but this version knows only {HEAD}; update Lucy."
        )
    return f"revision {revision}" + (
        "" if revision == HEAD else f", brought to {HEAD} when it is next opened"
    )


def _check_disk(settings: "Settings") -> str:
    from lucy.errors import StoreError

    place = next(
        path for path in (settings.home.absolute(), *settings.home.absolute().parents) if path.exists()
    )
    free = shutil.disk_usage(place).free
    if free < ENOUGH_DISK:
        raise StoreError(
            f"Only {free / 2**20:.0f} MiB are free at {place}; "
            f"make room, {ENOUGH_DISK / 2**20:.0f} MiB are wanted."
        )
    return f"{free / 2**30:.1f} GiB free at {place}"


def _check_grader(_settings: "Settings") -> str:
    """Say what confines scripts here, and let one try what it should not be able to do."""
    from lucy.errors import GraderError
    from lucy.tools.graders.config import PythonGrader
    from lucy.tools.graders.host import find_missing
    from lucy.tools.graders.scoring import open_grader
    from lucy.tools.graders.script_host import find_layers
    from lucy.tools.vocabulary import Record

    layers = find_layers()
    held = ", ".join(layers) or "nothing"
    missing = find_missing(layers)
    if missing:
        return (
            f"nothing confines scripts here ({missing}; what holds: {held}): script graders are refused, "
            "unless they are trusted by name (LUCY_TRUSTED_SCRIPTS)"
        )
    record = Record("doctor", ({"role": "user", "content": "Is the grader worker well?"},))
    with open_grader(PythonGrader(name="doctor", source=PROBE)) as score_many:
        grades = score_many([(record, name) for name in TRIES])
    failed = [name for name, grade in zip(TRIES, grades, strict=True) if grade.score != 1.0]
    if failed:
        raise GraderError(
            f"A confined script could {' and '.join(failed)}, or failed to run; use no script graders here."
        )
    return (
        f"scripts run confined by {held}; tried: they cannot {', '.join(TRIES[:-1])} or {TRIES[-1]}; "
        "what is late or too large is ended"
    )


def _check_port(settings: "Settings") -> str:
    from lucy.ui.ports import check_address, require_token

    require_token(settings)
    check_address(settings.host, settings.port)
    return f"{settings.host}:{settings.port} is free"


def _check_sample(_settings: "Settings") -> str:
    from lucy.errors import StoreError
    from lucy.tools.datasets import SAMPLE_FILE

    if not SAMPLE_FILE.is_file():
        raise StoreError(f"The sample dataset {SAMPLE_FILE.name!r} is missing; install Lucy again.")
    return "a sample dataset is there; a browser on this machine is only needed for `lucy ui`"


CHECKS: "dict[str, Callable[[Settings], str]]" = {
    "data folder": _check_home,
    "database": _check_database,
    "disk": _check_disk,
    "grader worker": _check_grader,
    "port": _check_port,
    "sample": _check_sample,
}
"""What is tried, in order."""
