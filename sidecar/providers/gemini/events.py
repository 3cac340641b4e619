"""Bytes of a Gemini stream to its events, with the error that Google may write behind the last one."""

from __future__ import annotations

import re

import orjson

from sidecar.providers.kernel.sse import SseEvent, SseParser

LONGEST_TAIL_BYTES = 64 * 1024

# An error that breaks a stream off may come as plain JSON over several lines, which to an event stream is nothing.
_LINE_OF_JSON = re.compile(rb"(?:^|[\r\n])([{\[])")


class GeminiEvents:
    """An SseParser that also gives a bare JSON document at the end of the stream as an event."""

    def __init__(self) -> None:
        self._parser = SseParser()
        self._recent = b""

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that this chunk completes. Raises Failure as SseParser does."""
        self._recent = (self._recent + chunk)[-LONGEST_TAIL_BYTES:]
        return self._parser.feed(chunk)

    def finish(self) -> list[SseEvent]:
        """What is left when the connection ends: an event without its blank line, then the bare JSON."""
        events = self._parser.finish()
        tail = _bare_json(self._recent)
        # A stream that was one document from the start has been given as a whole already.
        if tail is not None and not (events and events[-1].data.rstrip().endswith(tail)):
            events.append(SseEvent(tail))
        return events


def _bare_json(recent: bytes) -> str | None:
    starts = [found.start(1) for found in _LINE_OF_JSON.finditer(recent)]
    if not starts:
        return None
    tail = recent[starts[-1] :].strip()
    try:
        orjson.loads(tail)
    except ValueError:
        return None
    return tail.decode("utf-8")
