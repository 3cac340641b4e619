"""The events of an answer as it arrives: its pieces, texts made whole, and its end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from sidecar.errors import Failure
from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, UsageSoFar
from sidecar.providers.kernel.doubled import Doubled
from sidecar.providers.kernel.errors import cut_off, unreadable
from sidecar.providers.kernel.json_values import (
    cut_before_half,
    glued_values,
    read_lenient,
    whole_text,
    written_out,
)
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.response_body import HttpResponse
from sidecar.providers.kernel.sse import MOST_STRAY, STRAY, SseEvent
from sidecar.providers.kernel.vendor import Asked

# How long an answer that is finished may keep its connection open in silence: with its usage told, without,
# and behind the mark of the end.
SILENCE_SECONDS = 3.0
SILENCE_BEFORE_USAGE_SECONDS = 20.0
SILENCE_AFTER_MARK_SECONDS = 1.0
# Asked of each piece: made once.
_SPOKEN = (TextDelta, ThinkingDelta)
_END_MARKS = frozenset({"[DONE]", '"[DONE]"', "[END]", "[EOS]", "[EOF]", "[FINISH]", "[STOP]"})
_BEFORE_OBJECT = re.compile(r"^[\w$.]{1,60}\s*[=(]\s*(?=\{)")
# An answer with all that is sent around its words. The longest that vendors sell takes a quarter of it.
MOST_STREAM_BYTES = 256 * 1024 * 1024
# Each of them is looked at. The longest answers have half a million letters, and three lines around a piece.
MOST_STREAM_LINES = 2_000_000

# How much of an answer is read before others have their turn, in bytes; a small chunk takes as long as one of so many.
# Most are waited for, and a turn of the loop for each of those would be one more than it takes.
BYTES_A_TURN = 4096
SMALL_CHUNK_BYTES = 512


def is_end_mark(data: str) -> bool:
    """Whether the data of an event is the mark behind the last one."""
    return len(data) < 16 and data.strip().upper() in _END_MARKS


class Parser(Protocol):
    """Finds the pieces of an answer in its bytes."""

    def feed(self, chunk: bytes) -> list[SseEvent]: ...

    def finish(self) -> list[SseEvent]: ...


class Reader(Protocol):
    """Turns the pieces of one answer into events. `ended` is set when nothing more is to come.

    `patience` is how many seconds of silence the end is waited for; None while the answer is not finished.
    """

    ended: bool

    @property
    def patience(self) -> float | None: ...

    def read(self, event: SseEvent) -> Iterator[Event]: ...

    def finish(self) -> Iterator[Event]: ...


class Pieces:
    """Reads the JSON objects of the pieces of one answer. What cannot be read is left out and counted."""

    def __init__(self) -> None:
        self._broken = 0
        self._nonsense = False
        self._stray = ""

    def objects(self, event: SseEvent) -> list[Mapping[str, Any]]:
        """Return the objects of a piece: none for a heart-beat, several where a server forgets the line between."""
        data = event.data.strip()
        if event.name == STRAY:
            self._stray = data
            return []
        if not data or is_end_mark(data):
            return []
        values = self._values(data)
        if values is None:
            if event.name == "error":
                return [{"error": data}]
            self._nonsense = True
            self._stray = self._stray or data[:MOST_STRAY]
            self._broken += data.startswith(("{", "["))
            return []
        return [_with_body(value) for value in values if isinstance(value, dict)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person is to know of an answer that is whole otherwise."""
        if not self._broken:
            return ()
        what = "A piece" if self._broken == 1 else f"{self._broken} pieces"
        return (f"{what} of this answer could not be read and may be missing in it.",)

    def cut(self, asked: Asked) -> Failure:
        """Return the failure of an answer without its end."""
        return unreadable(asked, self._stray) if self._nonsense or self._stray else cut_off(asked)

    @staticmethod
    def _values(data: str) -> list[Any] | None:
        try:
            value = read_lenient(data, keep_halves=True)
            if isinstance(value, str) and value.lstrip().startswith("{"):
                # Written down once too often.
                value = read_lenient(value, keep_halves=True)
            return value if isinstance(value, list) else [value]
        except ValueError:
            pass
        values: list[Any] = []
        lines = data.split("\n")
        for line in lines if len(lines) > 1 else ():
            with suppress(ValueError):
                values.append(read_lenient(line, keep_halves=True))
        return values or glued_values(data) or _inside_call(data)


def _with_body(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object with its `body` as an object where it is a text, as functions of clouds write their answers down."""
    return {**value, "body": written_out(value["body"])} if isinstance(value.get("body"), str) else value


def _inside_call(data: str) -> list[Any] | None:
    """The object in a piece of a script, `data = {…};` or `callback({…})`; None where there is none."""
    with suppress(ValueError):
        value = read_lenient(_BEFORE_OBJECT.sub("", data).rstrip("); \t\n"), keep_halves=True)
        return [value] if isinstance(value, Mapping) else None
    return None


class Joiner:
    """Makes texts whole whose emoji were cut between two pieces, and every other text one that can be stored."""

    def __init__(self) -> None:
        self._kept = ""
        self._kind: type[TextDelta | ThinkingDelta] = TextDelta

    def take(self, event: Event) -> Iterator[Event]:
        """Yield the event, after what was kept back of an earlier one of another kind."""
        if not isinstance(event, _SPOKEN):
            yield from self.rest()
            yield _storable(event)
            return
        if not isinstance(event, self._kind):
            yield from self.rest()
            self._kind = type(event)
        text, self._kept = cut_before_half(self._kept + event.text)
        if text:
            yield self._kind(whole_text(text))

    def rest(self) -> Iterator[Event]:
        """Yield what was kept back and found no other half."""
        kept, self._kept = self._kept, ""
        if kept:
            yield self._kind(whole_text(kept))


async def events_of(answer: HttpResponse, parser: Parser, reader: Reader) -> AsyncGenerator[Event, None]:
    """Yield what `reader` makes of the answer, until it has ended or the connection has.

    What the end says is the caller's to ask (`ending`): one answer may take several requests. A finished answer whose
    server does not close is waited for a few seconds.
    """
    joiner, doubled = Joiner(), Doubled()
    left, lines, read = MOST_STREAM_BYTES, MOST_STREAM_LINES, 0
    broken: Failure | None = None
    while True:
        try:
            chunk = await _next_chunk(answer, reader.patience)
        except Failure as failure:
            # A document is only read when nothing more comes, and may be whole behind a length that was told too large.
            chunk, broken = None, failure
        if chunk is None:
            for event in _joined([*doubled.take(parser.finish()), *doubled.finish()], reader, joiner):
                yield event
            break
        left -= len(chunk)
        lines -= chunk.count(b"\n") + chunk.count(b"\r")
        if left < 0 or lines < 0:
            raise OutcomeUnknown(
                "provider_unavailable", "The API sent an answer that has no end. It may have charged for it."
            )
        for event in _joined(doubled.take(parser.feed(chunk)), reader, joiner):
            yield event
        if reader.ended:
            break
        # What has come already is given piece by piece without a wait.
        read += max(len(chunk), SMALL_CHUNK_BYTES)
        if read >= BYTES_A_TURN:
            read = 0
            await asyncio.sleep(0)
    for event in joiner.rest():
        yield event
    if broken is not None and reader.patience is None and not reader.ended:
        raise broken


def ending(reader: Reader) -> Iterator[Event]:
    """Yield the end of an answer: Done, or raise what was wrong with it."""
    joiner = Joiner()
    for event in reader.finish():
        yield from joiner.take(event)


def _joined(pieces: list[SseEvent], reader: Reader, joiner: Joiner) -> Iterator[Event]:
    """What the pieces say. Words that arrived together are one event: each is handed on by many hands."""
    kind: type[TextDelta | ThinkingDelta] = TextDelta
    texts: list[str] = []
    problem: Exception | None = None
    try:
        for piece in pieces:
            if reader.ended:
                # Nothing is read behind the end, however the bytes were cut.
                break
            for event in reader.read(piece):
                if texts and type(event) is not kind:
                    yield from joiner.take(kind("".join(texts)))
                    texts.clear()
                if isinstance(event, _SPOKEN):
                    kind = type(event)
                    texts.append(event.text)
                else:
                    yield from joiner.take(event)
    except Exception as found:
        # What was said before it is handed on first.
        problem = found
    if texts:
        yield from joiner.take(kind("".join(texts)))
    if problem is not None:
        raise problem


async def _next_chunk(answer: HttpResponse, patience: float | None) -> bytes | None:
    if patience is None:
        return await anext(answer.chunks, None)
    try:
        async with asyncio.timeout(patience):
            return await anext(answer.chunks, None)
    except TimeoutError:
        return None
    except Failure:
        # A finished answer is whole, however its connection ends.
        return None


def _storable(event: Event) -> Event:
    """The event with every text of it one that UTF-8 can hold."""
    match event:
        case Citation(url, title):
            return Citation(whole_text(url), whole_text(title))
        case Done() | UsageSoFar():
            model = event.served_model and whole_text(event.served_model)
            response_id = event.response_id and whole_text(event.response_id)
            if (model, response_id) != (event.served_model, event.response_id):
                event = replace(event, served_model=model, response_id=response_id)
            if isinstance(event, Done) and event.citations:
                return replace(event, citations=tuple(map(_cited, event.citations)))
    return event


def _cited(page: Citation) -> Citation:
    return Citation(whole_text(page.url), whole_text(page.title))
