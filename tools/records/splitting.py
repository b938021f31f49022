"""Cut a JSON array, or JSON values written one after another, into its elements without parsing them.

A file of any size is cut chunk by chunk; what lies in memory is one chunk and the element at hand.
Elements are found by counting brackets outside strings and are parsed by the caller, so that one broken
element costs no other. What this does not do: judge JSON, or find its way back after a bracket or quote
that is never closed (the rest of the file is then one broken element).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

KEPT_BYTES = 64 * 1024
"""How much is kept of a piece that is too long to parse."""

BLANKS = b" \t\r\n"
"""The blanks of JSON."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},]', re.DOTALL)
_REST_OF_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)

Framing = Literal["array", "values"]
"""`array`: one array whose elements are wanted. `values`: objects or arrays one after another."""


class Piece(NamedTuple):
    """One element as bytes."""

    data: bytes
    """The element without blanks around it; only its beginning when it is too long."""
    size: int
    """Its length in the file, in bytes."""
    problem: str = ""
    """Why it cannot be an element; empty when it may be one."""


@dataclass(slots=True)
class Splitter:
    """Takes chunks of a file and gives the elements that they complete."""

    framing: Framing
    max_bytes: int
    remainder: bytes = b""
    """What followed the closing bracket of the array in the chunk that held it."""
    is_closed: bool = False
    """The array has ended; the splitter takes no more."""
    _parts: list[bytes] = field(default_factory=list[bytes])
    _size: int = 0
    _depth: int = 0
    _is_in_string: bool = False
    _is_escaped: bool = False
    _has_comma: bool = False

    def split(self, chunks: Iterable[bytes]) -> Iterator[Piece]:
        """Give the elements of a whole file, whose first byte is its opening bracket."""
        is_first = self.framing == "array"
        for chunk in chunks:
            if is_first and chunk:
                chunk, is_first = chunk[1:], False
            yield from self._feed(chunk)
            if self.is_closed:
                return
        yield from self._finish()

    def _feed(self, chunk: bytes) -> Iterator[Piece]:
        start = 0
        position = self._leave_string(chunk)
        while (found := _TOKEN.search(chunk, position)) is not None:
            token, position = found[0], found.end()
            if token == b'"':
                self._is_in_string = True
                self._is_escaped = _ends_in_escape(chunk[position:])
                break
            if token in b"[{":
                self._depth += 1
            elif token in b"]}":
                self._depth -= 1
                if self.framing == "values" and self._depth <= 0:
                    self._keep(chunk[start:position])
                    start, self._depth = position, 0
                    yield from self._emit("")
                elif self._depth < 0 and token == b"]":
                    self._keep(chunk[start : found.start()])
                    self.remainder, self.is_closed = chunk[position:], True
                    yield from self._end_array()
                    return
                self._depth = max(self._depth, 0)
            elif token == b"," and self._depth == 0 and self.framing == "array":
                self._keep(chunk[start : found.start()])
                start, self._has_comma = position, True
                yield from self._emit("Nothing stands before a comma of the array")
        self._keep(chunk[start:])

    def _leave_string(self, chunk: bytes) -> int:
        """Give the position after the string that an earlier chunk began."""
        if not self._is_in_string or not chunk:
            return 0
        begin = 1 if self._is_escaped else 0
        rest = _REST_OF_STRING.match(chunk, begin)
        if rest is None:
            self._is_escaped = _ends_in_escape(chunk[begin:])
            return len(chunk)
        self._is_in_string = self._is_escaped = False
        return rest.end()

    def _keep(self, data: bytes) -> None:
        if not self._parts:
            data = data.lstrip(BLANKS)
        self._size += len(data)
        if data and self._size - len(data) <= self.max_bytes:
            self._parts.append(data)

    def _emit(self, problem_if_empty: str) -> Iterator[Piece]:
        data, size = b"".join(self._parts).rstrip(BLANKS), self._size
        self._parts, self._size = [], 0
        if size > self.max_bytes:
            yield Piece(data[:KEPT_BYTES], size)
        elif data:
            yield Piece(data, len(data))
        elif problem_if_empty:
            yield Piece(b"", 0, problem_if_empty)

    def _end_array(self) -> Iterator[Piece]:
        yield from self._emit("Nothing stands after the last comma of the array" if self._has_comma else "")

    def _finish(self) -> Iterator[Piece]:
        """Give what the end of the file left open."""
        unclosed = self.framing == "array"
        for piece in self._emit("The array is not closed" if unclosed else ""):
            problem = piece.problem or ("The array ends in the middle of this element" if unclosed else "")
            yield piece._replace(problem=problem)


def _ends_in_escape(data: bytes) -> bool:
    return (len(data) - len(data.rstrip(b"\\"))) % 2 == 1
