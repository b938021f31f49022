"""Name the files of a report folder, and write files whole or not at all."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lucy.errors import StoreError

FILES = (
    "report.json",
    "report.md",
    "records.jsonl",
    "rejects.jsonl",
    "rollouts.jsonl",
    "topics.json",
    "grader.json",
)
"""Everything that a report folder can hold."""


def find_folder(home: Path, workflow_id: str) -> Path:
    """Give the folder that a workflow's report has when no other was named."""
    return home / "reports" / workflow_id


def is_report(folder: Path) -> bool:
    """Tell whether a folder holds a report of Lucy's, which may be replaced by a newer one."""
    try:
        value = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(value, dict) and "workflow_id" in value


def write_file(path: Path, text: str) -> None:
    """Write a file beside its place and move it there.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The file {str(path)!r} cannot be written ({error.strerror}); "
            "make room or name another folder, then try again."
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value, to be read by people too."""
    write_file(path, f"{_encode(value, indent=2)}\n")


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write JSON lines."""
    write_file(path, "".join(f"{_encode(row)}\n" for row in rows))


def _encode(value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    # Half of a surrogate pair is valid JSON only as an escape.
    return text if text.isascii() or _is_writable(text) else json.dumps(value, indent=indent)


def _is_writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
