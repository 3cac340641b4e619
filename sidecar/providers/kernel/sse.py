"""Bytes of an event stream to its events (pure).

A server that answers with one JSON document instead of a stream gives one event that holds the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sidecar.errors import Failure

MAX_EVENT_BYTES = 32 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event. `name` is None when the stream named none."""

    data: str
    name: str | None = None


class SseParser:
    """Feed it chunks as they come, cut anywhere; it gives the events that are whole.

    Takes time in proportion to the bytes, however they are cut. Raises Failure when one event grows
    beyond `max_event_bytes`.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._started = False
        self._document = False
        self._after_cr = False
        self._pieces: list[bytes] = []
        self._pieces_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name: str | None = None

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that this chunk completes."""
        if not self._started:
            chunk = self._start(chunk)
        if self._document:
            self._keep(chunk)
            return []
        if not chunk:
            return []
        # A line end that was cut in two would count as two lines, and so end an event too early.
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        *lines, rest = _LINE_END.split(chunk)
        events = []
        for line in lines:
            event = self._line(self._take() + line)
            if event is not None:
                events.append(event)
        self._keep(rest)
        return events

    def finish(self) -> list[SseEvent]:
        """The last event, when the stream ended without the blank line that closes it."""
        if not self._started:
            return []
        rest = self._take()
        if self._document:
            return [SseEvent(rest.decode("utf-8", "replace"))]
        event = self._line(rest) or self._dispatch()
        return [event] if event is not None else []

    def _start(self, chunk: bytes) -> bytes:
        """Waits for the first byte that says what this is; no line of a stream can begin with a bracket."""
        seen = self._take() + chunk
        if _BOM.startswith(seen):
            self._keep(seen)
            return b""
        seen = seen.removeprefix(_BOM)
        content = seen.lstrip()
        if not content:
            # Blank lines mean nothing; what follows the last one could still become a line.
            self._keep(_LINE_END.split(seen)[-1])
            return b""
        self._started = True
        self._document = content[:1] in (b"{", b"[")
        return seen

    def _take(self) -> bytes:
        kept = b"".join(self._pieces)
        self._pieces.clear()
        self._pieces_bytes = 0
        return kept

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._pieces_bytes += len(piece)
            self._check_size()

    def _line(self, line: bytes) -> SseEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
            self._check_size()
        elif field == b"event":
            self._name = value.decode("utf-8", "replace") or None
        return None

    def _dispatch(self) -> SseEvent | None:
        event = None
        if self._data:
            event = SseEvent(b"\n".join(self._data).decode("utf-8", "replace"), self._name)
        self._data.clear()
        self._data_bytes = 0
        self._name = None
        return event

    def _check_size(self) -> None:
        if self._pieces_bytes + self._data_bytes > self._max:
            raise Failure(
                "provider_unavailable",
                "The API sent a single piece of an answer that is too large to read. Ask for a shorter answer.",
            )
