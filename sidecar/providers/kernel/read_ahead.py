"""A parser whose first chunks are looked at before they are read: they are parsed once."""

from __future__ import annotations

from collections import deque

from sidecar.errors import Failure
from sidecar.providers.kernel.events import Parser
from sidecar.providers.kernel.sse import SseEvent

_Found = list[SseEvent] | Failure


class ReadAhead:
    """An `events.Parser` that is given again, in the same order, the chunks that `look` was given."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._ahead: deque[_Found] = deque()
        self._end: _Found | None = None

    def look(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that this chunk completes, before it is fed. Raises Failure as the parser does."""
        try:
            found: _Found = self._parser.feed(chunk)
        except Failure as failure:
            found = failure
        self._ahead.append(found)
        return _given(found)

    def look_at_end(self) -> list[SseEvent]:
        """Return the last events, when the answer ended while it was looked at."""
        self._end = self._parser.finish()
        return self._end

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that this chunk completes. Raises Failure as the parser does."""
        return _given(self._ahead.popleft()) if self._ahead else self._parser.feed(chunk)

    def finish(self) -> list[SseEvent]:
        """Return the last events."""
        return self._parser.finish() if self._end is None else _given(self._end)


def _given(found: _Found) -> list[SseEvent]:
    if isinstance(found, Failure):
        raise found
    return found
