"""Bytes as they arrive -> the JSON objects of their lines (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.kernel.lenient_json import read_lenient


class LineReader:
    """Takes lines cut anywhere, LF or CRLF, the last one with or without its end; blank ones are no lines."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes."""
        *ended, rest = chunk.split(b"\n")
        for end in ended:
            line = b"".join([*self._begun, end]).strip()
            self._begun.clear()
            if line:
                yield line
        if rest:
            self._begun.append(rest)

    def finish(self) -> Iterator[bytes]:
        """The line that had no end."""
        line = b"".join(self._begun).strip()
        self._begun.clear()
        if line:
            yield line


def read_line(line: bytes) -> Mapping[str, Any] | None:
    """The JSON object of a line; None for anything else."""
    try:
        value = read_lenient(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
