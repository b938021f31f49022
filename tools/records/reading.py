"""Read entries from JSON lines, a JSON array, pretty-printed JSON or a Python list, as a stream.

A fault of the whole source (no file, not text) is an `InputError`; a fault of one entry is told in that
entry and costs no other. Nothing is kept: memory holds one chunk of the file and the entry at hand.
"""

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from lucy.errors import InputError
from lucy.tools.records.splitting import BLANKS, KEPT_BYTES, Framing, Piece, Splitter
from lucy.tools.records.validation import DEFAULT_LIMITS

Source = Path | str | Sequence[Any]
"""A file (its path, also as text) or a list of records."""

MAX_DEPTH = 200
"""Deepest nesting of objects and lists; deeper ones would overflow whatever walks them later."""

_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "compressed (gzip); unpack it first"),
    (b"PK\x03\x04", "a zip archive or an office document; unpack it or export it as JSON lines first"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd); unpack it first"),
    (b"BZh", "compressed (bzip2); unpack it first"),
    (b"\xfd7zXZ\x00", "compressed (xz); unpack it first"),
    (b"PAR1", "a Parquet file; export it as JSON lines first"),
    (b"SQLite format 3\x00", "a SQLite database; export it as JSON lines first"),
    (b"%PDF", "a PDF document; expected a text file of JSON records"),
)
"""How files begin that people give by mistake, and what to say."""


class Entry(NamedTuple):
    """One line of a file, or one element of an array or list."""

    line: int
    """Line in the file; the position in an array, in pretty-printed JSON or in a list. Counted from 1."""
    data: bytes
    """The text as it stood, without blanks around it."""
    value: Any = None
    """The parsed JSON value; None too when `error` says why there is none."""
    error: str = ""
    """One sentence why the text could not be parsed, else empty."""
    size: int = 0
    """Length in bytes; more than `data` has when the entry is too long to keep."""

    @property
    def raw(self) -> str:
        """Give the text; bytes that are no UTF-8 are escaped with a backslash."""
        return self.data.decode("utf-8", "backslashreplace")


def check_source(path: Path) -> None:
    """Raise when a file cannot hold records.

    Raises:
        InputError: It is missing, not a regular file, unreadable, empty, binary, or in UTF-16 or UTF-32.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(f"There is no file {str(path)!r}; give the path of a JSON lines file.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"The path {str(path)[:200]!r} cannot be used ({_reason(error)}).") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{str(path)!r} is a folder; give the path of one JSON lines file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{str(path)!r} is no regular file; save the records to a file first.")
    _check_head(path, _read_head(path), status.st_size)


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be read ({_reason(error)}); check its permissions and try again."
        ) from error


def _reason(error: Exception) -> str:
    return error.strerror or "unknown reason" if isinstance(error, OSError) else str(error)


def _check_head(path: Path, head: bytes, size: int) -> None:
    shown = repr(path.name)
    if not head.removeprefix(_BOM).strip(BLANKS) and size <= len(head):
        raise InputError(f"{shown} is empty; expected one JSON record per line.")
    wide = _name_wide_encoding(head)
    if wide:
        raise InputError(
            f"{shown} is encoded in {wide}, not in UTF-8; save it as UTF-8, for example with "
            f"`iconv -f {wide} -t UTF-8 OLD > NEW`."
        )
    for signature, remedy in _SIGNATURES:
        if head.startswith(signature):
            raise InputError(f"{shown} is {remedy}.")
    if b"\x00" in head:
        raise InputError(
            f"{shown} is a binary file (it has NUL bytes); expected a text file, one JSON record per line."
        )


def _name_wide_encoding(head: bytes) -> str:
    """Tell UTF-16 and UTF-32 by their mark, or by ASCII text having a NUL in every other byte."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "UTF-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    sample = head[:64]
    for offset, name in ((0, "UTF-16LE"), (1, "UTF-16BE")):
        if len(sample) >= 4 and not any(sample[1 - offset :: 2]) and all(sample[offset::2]):
            return name
    return ""


def read_entries(source: Source, *, max_bytes: int = DEFAULT_LIMITS.max_line_bytes) -> Iterator[Entry]:
    """Stream the entries of a file or list in order; blank lines are skipped.

    Args:
        source: A file of JSON lines, a JSON array or pretty-printed objects in UTF-8, or a list.
        max_bytes: An entry longer than this is not parsed and keeps only its first 64 KiB.

    Raises:
        InputError: The file cannot hold records; see `check_source`.
    """
    if isinstance(source, (str, Path)):
        return _read_file(Path(source), max_bytes)
    return _read_list(source, max_bytes)


def _read_list(source: Sequence[Any], max_bytes: int) -> Iterator[Entry]:
    # Encoding and parsing again leaves the caller's objects alone and lets a list fail as a file does.
    for position, value in enumerate(source, 1):
        try:
            data = msgspec.json.encode(value)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError) as error:
            text = ascii(value)[:1000] if not isinstance(error, RecursionError) else "..."
            yield Entry(position, text.encode(), error=f"The entry cannot be written as JSON ({error}).")
        else:
            yield _parse(position, Piece(data, len(data)), max_bytes)


def _read_file(path: Path, max_bytes: int) -> Iterator[Entry]:
    check_source(path)
    try:
        with path.open("rb") as file:
            yield from _read_stream(file, max_bytes)
    except OSError as error:
        raise InputError(
            f"Reading {path.name!r} stopped ({_reason(error)}); check the disk and try again."
        ) from error


def _read_stream(file: BinaryIO, max_bytes: int) -> Iterator[Entry]:
    framing, start = _recognise(file.read(_HEAD_BYTES))
    file.seek(start)
    if framing is None:
        yield from _read_lines(file, 0, max_bytes)
        return
    splitter = Splitter(framing, max_bytes)
    position = 0
    for position, piece in enumerate(splitter.split(_read_chunks(file)), 1):
        yield _parse(position, piece, max_bytes)
    if splitter.is_closed:
        file.seek(-len(splitter.remainder), 1)
        yield from _read_lines(file, position, max_bytes)


def _recognise(head: bytes) -> tuple[Framing | None, int]:
    """Tell how a file is framed (None: by lines) and where its first value begins."""
    text = head.removeprefix(_BOM).lstrip(BLANKS)
    start = len(head) - len(text)
    if text.startswith(b"["):
        return "array", start
    first, _, rest = text.partition(b"\n")
    # Only pretty-printed objects go on like this after a line that is no JSON by itself.
    if first.startswith(b"{") and rest.lstrip(BLANKS).startswith((b'"', b"}")) and not _is_json(first):
        return "values", start
    return None, 0


def _is_json(data: bytes) -> bool:
    return not _parse(0, Piece(data, len(data)), len(data)).error


def _read_chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _read_lines(file: BinaryIO, line: int, max_bytes: int) -> Iterator[Entry]:
    while data := file.readline(max_bytes + 2):
        line += 1
        skipped = 0 if data.endswith(b"\n") else _skip_line(file)
        text = data.removeprefix(_BOM).strip(BLANKS)
        if text or skipped:
            yield _parse(line, Piece(text, len(text) + skipped), max_bytes)


def _skip_line(file: BinaryIO) -> int:
    """Read to the end of the line without keeping it; give the bytes skipped, its ending left out."""
    skipped = 0
    while data := file.readline(_CHUNK_BYTES):
        skipped += len(data.rstrip(b"\r\n"))
        if data.endswith(b"\n"):
            break
    return skipped


def _parse(line: int, piece: Piece, max_bytes: int) -> Entry:
    data, size, problem = piece
    if size > max_bytes:
        return Entry(line, data[:KEPT_BYTES], error=_explain_length(size, max_bytes), size=size)
    if problem:
        return Entry(line, data, error=f"{problem}; expected one JSON object.", size=size)
    try:
        value: Any = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Entry(line, data, error=_explain(error, data), size=size)
    # Counting brackets is cheap and proves nearly every record shallow.
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _measure_depth(value) > MAX_DEPTH:
        return Entry(line, data, error=_explain(RecursionError(), data), size=size)
    return Entry(line, data, value, size=size)


def _explain_length(size: int, max_bytes: int) -> str:
    return (
        f"The entry is {size:,} bytes long; expected at most {max_bytes:,} "
        f"(of what follows only the first {KEPT_BYTES:,} bytes are kept here)."
    )


def _explain(error: Exception, data: bytes) -> str:
    if isinstance(error, RecursionError):
        return f"The JSON is nested deeper than {MAX_DEPTH} levels; expected a flat chat record."
    if isinstance(error, UnicodeDecodeError):
        return "The text is not valid UTF-8; save the file as UTF-8."
    if not data.startswith((b"{", b"[")):
        return "This is no JSON; expected one JSON object per line."
    return (
        f"This is no valid JSON ({str(error).removeprefix('JSON is malformed: ')}); expected one JSON object."
    )


def _measure_depth(value: object) -> int:
    """Count the levels of lists and objects, without recursion."""
    depth, level = 0, [value]
    while below := [child for entry in level for child in _list_children(entry)]:
        depth, level = depth + 1, below
    return depth


def _list_children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(cast(dict[str, object], value).values())
    return cast(list[object], value) if isinstance(value, list) else []
