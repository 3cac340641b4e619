"""Bytes as they arrive -> the JSON objects of their lines, or of several lines each (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sidecar.providers.kernel.charset import text_of
from sidecar.providers.kernel.json_values import glued_values, read_lenient, written_out

# In memory a line of nothing but brackets takes twenty times its size.
MAX_LINE_BYTES = 16 * 1024 * 1024
_OF_A_LIST = b"[], \t"
_MARK = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)
# What stands before an object, in a script (`data = {…};`) or behind a number: no brace, no quote, and not much.
_BEFORE_OBJECT = re.compile(rb'^[^{}"]{1,60}(?=\{)')


class LineReader:
    """Takes lines cut anywhere, which LF, CRLF or CR end, the last one or not; blank ones are no lines.

    A line of more than `most_bytes` is not kept, and comes as an empty one.
    """

    def __init__(self, most_bytes: int = MAX_LINE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._begun: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes."""
        # Inside JSON a bare CR is no part of a text.
        *ended, rest = chunk.replace(b"\r", b"\n").split(b"\n")
        for end in ended:
            self._add(end)
            yield from self.finish()
        self._add(rest)

    def finish(self) -> Iterator[bytes]:
        """The line that had no end."""
        line = b"".join(self._begun).strip()
        too_long = self._size > self._most_bytes
        self._begun.clear()
        self._size = 0
        if line or too_long:
            yield line

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._most_bytes:
            self._begun.clear()
        elif part:
            self._begun.append(part)


class SpreadObjects:
    """Holds an object that has begun on one line and ends on a later one.

    One that outgrows `most_bytes` is not kept: it comes as an empty one where it ends.
    """

    def __init__(self, most_bytes: int = MAX_LINE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lines: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_text = False

    @property
    def begun(self) -> bool:
        """Whether an object waits for its end."""
        return self._depth > 0

    def begin(self, line: bytes) -> bool:
        """Take the line if an object begins in it that does not end there, and say whether one does."""
        start = line.find(b"{")
        if start < 0 or self.begun:
            return False
        for _ in self.feed(line[start:]):
            self.drop()
            return False
        return self.begun

    def feed(self, line: bytes) -> Iterator[bytes]:
        """Take the next line, and yield the objects that end in it."""
        first = 0
        for mark in _MARK.finditer(line):
            sign = mark[0]
            if sign == b'"':
                self._in_text = self._depth > 0 and not self._in_text
            elif self._in_text or len(sign) > 1:
                continue
            elif sign in (b"{", b"["):
                # A list around the objects is none of theirs.
                if self._depth == 0:
                    if sign == b"[":
                        continue
                    first = mark.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if self._depth == 0:
                    self._keep(line[first : mark.end()])
                    yield self._taken()
        if self._depth:
            self._keep(line[first:])

    def drop(self) -> None:
        """Forget what has begun."""
        self._taken()
        self._depth, self._in_text = 0, False

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece) + 1
        if self._size > self._most_bytes:
            self._lines.clear()
        else:
            self._lines.append(piece)

    def _taken(self) -> bytes:
        whole = b"" if self._size > self._most_bytes else b"\n".join(self._lines)
        self._lines, self._size = [], 0
        return whole


def read_objects(line: bytes) -> list[Mapping[str, Any]]:
    """Return the JSON objects of a line: one; several of a list, or where the ends between them are gone; or none.

    What makes a stream, a list or a script of lines, `data:` before them or a comma behind, is no part of them. One
    may be written down as a text of JSON.
    """
    line = line.removeprefix(b"data:").strip()
    value: Any = None
    for each in (line, line.strip(_OF_A_LIST), _BEFORE_OBJECT.sub(b"", line).rstrip(b"); \t")):
        with suppress(ValueError):
            value = written_out(read_lenient(each))
            break
    else:
        value = glued_values(text_of(line))
    if isinstance(value, dict) and value.get("object") == "list":
        value = value.get("data")
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def is_between(line: bytes) -> bool:
    """Return whether nothing but what stands around or between objects is in the line."""
    return not line.strip(_OF_A_LIST) or line == b"data: [DONE]"


def read_line(line: bytes) -> Mapping[str, Any] | None:
    """Return the one JSON object of a line; None for anything else."""
    found = read_objects(line)
    return found[0] if len(found) == 1 else None
