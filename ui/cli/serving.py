"""`lucy ui` and `lucy serve`: the application for a browser, and the gateway for programs."""

import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lucy.ui.cli.opening import open_runs
from lucy.ui.cli.orders import check_file, check_goal, check_home, check_trainer, make_limits
from lucy.ui.cli.output import print_line, print_note

if TYPE_CHECKING:
    from lucy.settings import Settings

Host = Annotated[
    str | None, typer.Option("--host", metavar="H", help="Address to listen on; else LUCY_HOST.")
]
Port = Annotated[
    int | None, typer.Option("--port", metavar="P", help="Port, 0 takes a free one; else LUCY_PORT.")
]


class Wanted(NamedTuple):
    """What the application is opened for; checked, and nothing of it is opened yet."""

    source: str | None = None
    goal: str | None = None
    name: str | None = None


def ui(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="Chat records; without a file a sample dataset is opened."),
    ] = None,
    goal: Annotated[str | None, typer.Option(metavar="TEXT", help="What the model should do well.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset; by default the file's.")] = None,
    host: Host = None,
    port: Port = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Open the chat application (the same as `lucy` alone)."""
    settings = _check_settings(host, port)
    wanted = Wanted(
        source=str(check_file(file, make_limits(settings)).absolute()) if file is not None else None,
        goal=check_goal(goal) if goal is not None else None,
        name=name,
    )
    _serve(settings, wanted, open_browser=open_browser and sys.stdout.isatty())


def serve(host: Host = None, port: Port = None) -> None:
    """Serve the gateway, the REST API and the chat application, without a browser."""
    _serve(_check_settings(host, port), Wanted(), open_browser=False)


def _check_settings(host: str | None, port: int | None) -> "Settings":
    """Check the address and the data folder before anything is created."""
    from lucy.settings import load_settings
    from lucy.ui.ports import check_address, require_token

    given = {"host": host, "port": port}
    settings = load_settings(**{key: value for key, value in given.items() if value is not None})
    require_token(settings)
    check_address(settings.host, settings.port)
    check_trainer(settings)
    check_home(settings.home)
    return settings


def _serve(settings: "Settings", wanted: Wanted, *, open_browser: bool) -> None:
    # Gradio takes seconds to import; whoever waits should know for what.
    print_note("Starting Lucy …")
    from lucy.ui.chat import Opening, mount
    from lucy.ui.server import create_app
    from lucy.ui.server import serve as serve_app

    def tell(url: str) -> None:
        _announce(settings, url)
        if open_browser:
            threading.Thread(target=_open_browser, args=(url,), daemon=True).start()

    with open_runs(detach_jobs=True, host=settings.host, port=settings.port) as runs:
        runs.follow_jobs()
        app = create_app(runs.bench)
        mount(app, runs, Opening(**wanted._asdict()))
        serve_app(app, settings.host, settings.port, tell)
        print_note("Stopped; nothing is lost, `lucy` goes on where you left off.")
    _end_at_once()


def _announce(settings: "Settings", url: str) -> None:
    print_line(f"Lucy is at {url}")
    if settings.token is not None and settings.token.get_secret_value():
        print_line("A browser asks for a name and a password: any name, and LUCY_TOKEN as the password.")
    print_line(f"Models at {url}/v1, REST API at {url}/api/v1 (documentation: {url}/docs). Ctrl-C stops.")
    sys.stdout.flush()


def _open_browser(url: str) -> None:
    """Open the page, unless the only browser is one that would take over this terminal."""
    import webbrowser

    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if type(browser) is not webbrowser.GenericBrowser:
        browser.open(url)


def _end_at_once() -> None:
    """End without waiting for a run in progress, which would otherwise hold the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.is_alive() and thread.name.startswith("run-") for thread in threading.enumerate()):
        os._exit(0)
