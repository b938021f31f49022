"""The command `lucy`: puts the commands together and turns every error into one sentence.

Nothing heavy is imported here, so that `lucy --help` answers at once.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from lucy.ui.cli import doctor, grading, jobs, models, records, run, serving, usage, workflows
from lucy.ui.cli.output import (
    BAD_INPUT,
    INTERRUPTED,
    explain,
    print_error,
    send_log_to_file,
    set_encoding,
)


class Commands(TyperGroup):
    """The group of commands; without one it is `lucy ui`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `ui` before arguments that name no command."""
        if not args or (args[0] not in self.commands and _looks_like_ui(args[0])):
            args = ["ui", *args]
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; an error becomes one line on standard error and an exit code."""
        run = partial(super().main, args, prog_name, complete_var, False, windows_expand_args, **extra)
        if not standalone_mode:
            return run()
        set_encoding()
        send_log_to_file()
        sys.exit(_guard(run))


def _guard(run: Callable[[], Any]) -> int:
    """Give the exit code of a command, whatever happens in it."""
    try:
        code = run()
    except TyperException as error:
        print_error(_explain_usage(error))
        return BAD_INPUT
    except (typer.Abort, KeyboardInterrupt):
        print_error("Stopped, as you asked.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  # the outermost handler of the program
        fault = explain(error)
        print_error(fault.sentence)
        return fault.code
    return code if isinstance(code, int) else 0


def _looks_like_ui(word: str) -> bool:
    """Tell whether the first argument is an option of `lucy ui` or names a file."""
    if word.startswith("-"):
        return word not in ("--help", "-h", "--version")
    return "/" in word or "." in word


def _explain_usage(error: TyperException) -> str:
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context else "lucy"
    return f"{error.format_message().rstrip('.')}; `{path} --help` shows what is expected."


app = typer.Typer(
    name="lucy",
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serving.ui)
app.command()(serving.serve)
app.command()(run.run)
app.command()(run.resume)
app.command()(records.validate)
app.command()(grading.grade)
app.command()(usage.usage)
app.command()(doctor.doctor)
app.add_typer(workflows.app)
app.add_typer(models.app)
app.add_typer(jobs.app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lucy {version('lucy-finetune')}")
        raise typer.Exit


@app.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take chat records and a training goal to a fine-tuned, deployed model, in conversation.

    Without a command: `lucy ui`.
    """


def main() -> None:
    """Run the command line; the entry point of the console script."""
    app(prog_name="lucy")
