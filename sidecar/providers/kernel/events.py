"""The events of an answer as it arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Protocol

import orjson

from sidecar.providers.base import Event
from sidecar.providers.kernel.errors import unreadable
from sidecar.providers.kernel.http import HttpResponse
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.vendor import Asked


class Parser(Protocol):
    """Finds the pieces of an answer in its bytes."""

    def feed(self, chunk: bytes) -> list[SseEvent]: ...

    def finish(self) -> list[SseEvent]: ...


class Reader(Protocol):
    """Turns the pieces of one answer into events. `ended` is set when nothing more is to come."""

    ended: bool

    def read(self, event: SseEvent) -> Iterator[Event]: ...

    def finish(self) -> Iterator[Event]: ...


async def events_of(answer: HttpResponse, parser: Parser, reader: Reader) -> AsyncGenerator[Event, None]:
    """Yield what `reader` makes of the answer, until it has ended or the connection has.

    What `reader.finish` says of the end is the caller's to ask: one answer may take several requests.
    """
    async for chunk in answer.chunks:
        for piece in parser.feed(chunk):
            for event in reader.read(piece):
                yield event
        if reader.ended:
            return
    for piece in parser.finish():
        for event in reader.read(piece):
            yield event


def read_json(event: SseEvent) -> Any:
    """Return the JSON of a piece, None for what is none."""
    try:
        return orjson.loads(event.data)
    except ValueError:
        return None


def read_object(event: SseEvent, asked: Asked) -> Mapping[str, Any]:
    """Return the JSON object of a piece. Raises OutcomeUnknown when there is none."""
    value = read_json(event)
    if isinstance(value, Mapping):
        return value
    raise unreadable(asked)
