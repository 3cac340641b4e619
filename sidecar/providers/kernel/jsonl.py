"""Bytes as they arrive -> the JSON objects of their lines (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sidecar.providers.kernel.charset import text_of
from sidecar.providers.kernel.json_values import glued_values, read_lenient

# In memory a line of nothing but brackets takes twenty times its size.
MAX_LINE_BYTES = 16 * 1024 * 1024
_OF_A_LIST = b"[], \t"


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


def read_objects(line: bytes) -> list[Mapping[str, Any]]:
    """Return the JSON objects of a line: one; several of a list, or where the ends between them are gone; or none.

    What makes a stream or a list of lines, `data:` before them or a comma behind, is no part of them.
    """
    line = line.removeprefix(b"data:").strip()
    value: Any = None
    for each in (line, line.strip(_OF_A_LIST)):
        with suppress(ValueError):
            value = read_lenient(each)
            break
    else:
        value = glued_values(text_of(line))
    if isinstance(value, dict) and value.get("object") == "list":
        value = value.get("data")
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def read_line(line: bytes) -> Mapping[str, Any] | None:
    """Return the one JSON object of a line; None for anything else."""
    found = read_objects(line)
    return found[0] if len(found) == 1 else None
