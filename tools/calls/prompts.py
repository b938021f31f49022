"""Render prompt files: `string.Template`, so that braces of JSON stand as they are."""

from pathlib import Path
from string import Template

from lucy.errors import InputError


def render(path: Path, **values: object) -> str:
    """Fill in a prompt file; `$name` is a variable and `$$` a dollar sign.

    Values are put in as they are and not rendered again, so a `$` in a record's text is harmless.

    Raises:
        InputError: the file cannot be read, or a variable is missing, unused or written wrongly.
    """
    template = Template(_read(path))
    if not template.is_valid():
        raise InputError(f"The prompt {path.name!r} has a lone '$'; write '$$' for a dollar sign.")
    wanted = set(template.get_identifiers())
    missing, unused = sorted(wanted - values.keys()), sorted(values.keys() - wanted)
    if missing:
        raise InputError(f"The prompt {path.name!r} needs {', '.join(missing)}; give every variable a value.")
    if unused:
        raise InputError(
            f"The prompt {path.name!r} does not use {', '.join(unused)}; take it out of the call."
        )
    return template.substitute(values).strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"The prompt {str(path)!r} cannot be read ({error.strerror}); install Lucy again."
        ) from error
