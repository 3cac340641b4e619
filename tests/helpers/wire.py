"""Frames by hand: written without the code under test, so that a mistake there cannot hide here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

Framing = Literal["newline", "headers"]

_LENGTH = re.compile(rb"Content-Length: (\d+)\r\n\r\n")


def frame(message: Any, framing: Framing = "newline") -> bytes:
    """A message (or a body that is already bytes) as one frame."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode("utf-8")
    if framing == "headers":
        return f"Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body
    return body + b"\n"


def request(method: str, params: Any = ..., id: Any = 1) -> dict[str, Any]:  # noqa: A002
    """A request; `...` leaves params away, and id `...` makes it a notification."""
    message = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    return {name: value for name, value in message.items() if value is not ...}


class Splitter:
    """Takes a stream apart into parsed messages. Raises ValueError for a byte that belongs to no frame."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> Iterator[Any]:
        self._buffer += chunk
        while (body := self._line() if self._framing == "newline" else self._block()) is not None:
            yield json.loads(body.decode("utf-8"), parse_constant=_not_json)

    @property
    def rest(self) -> bytes:
        """What has arrived of a frame that is not whole."""
        return bytes(self._buffer)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        self._searched = 0
        return self._cut(0, end, end + 1)

    def _block(self) -> bytes | None:
        found = _LENGTH.match(self._buffer)
        if found is None:
            if len(self._buffer) > 100:
                raise ValueError(f"not a header: {bytes(self._buffer[:100])!r}")
            return None
        end = found.end() + int(found[1])
        return self._cut(found.end(), end, end) if len(self._buffer) >= end else None

    def _cut(self, start: int, end: int, after: int) -> bytes:
        body = bytes(self._buffer[start:end])
        del self._buffer[:after]
        return body


def _not_json(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
