"""Bytes of an event stream to its events (pure).

A server that answers with one JSON document instead of a stream gives one event that holds the document. Bare JSON
between the events, as an error that breaks a stream off may come, is an event too, over one line or several.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson

from sidecar.errors import Failure
from sidecar.providers.kernel.charset import Letters, Narrowed, text_of

# In memory a piece of nothing but brackets takes twenty times its size.
MAX_EVENT_BYTES = 16 * 1024 * 1024

# The name of the last event of a stream that holds lines of no stream: a proxy's or a crash's last words.
STRAY = "stray"
MOST_STRAY = 300
# Of a document over several lines without their field: it is looked at with each of them.
MOST_HALF_SAID = 64 * 1024
# The name of an event behind the last one, as servers call it that write their own streams.
END_NAMES = frozenset({"done", "end", "complete", "completed", "finish", "finished", "close", "eos"})
# A line of data as a script has it; and what stands before one in JSON text sequences (RFC 7464), or fills up.
_SCRIPT_LINE = re.compile(rb"(?:data\s*=\s*|[\w$.]{1,60}\()(?=[{\[])")
_FILLING = b"\x00\x1e"
_FIELDS = frozenset({b"data", b"event", b"id", b"retry", b""})

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class SseEvent(NamedTuple):
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
        self._narrowed = Narrowed()
        self._letters = Letters()
        self._started = False
        self._document = False
        self._after_cr = False
        self._pieces: list[bytes] = []
        self._pieces_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name: str | None = None
        self._bare: list[bytes] = []
        self._stray = b""

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that this chunk completes."""
        return self._feed(self._narrowed.feed(chunk))

    def _feed(self, chunk: bytes) -> list[SseEvent]:
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
        if lines and self._pieces:
            lines[0] = self._take() + lines[0]
        events: list[SseEvent] = []
        for line in lines:
            if line.startswith(b"data: {") and not self._bare:
                # What most lines are, by the shortest way.
                self._data.append(line[6:])
                self._data_bytes += len(line) - 5
                self._check_size()
            elif line:
                events += self._line(line)
            else:
                events += self._dispatch()
        self._keep(rest)
        return events

    def finish(self) -> list[SseEvent]:
        """The last event, when the stream ended without the blank line that closes it."""
        before = self._feed(self._narrowed.finish())
        if not self._started:
            return before
        rest = self._take()
        if self._document:
            return [*before, *_documents(text_of(rest))]
        ended = [*self._line(rest), *self._dispatch(), *self._document_ended()]
        stray = [SseEvent(self._letters.read(self._stray), STRAY)] if self._stray else []
        return [*before, *ended, *stray]

    def _start(self, chunk: bytes) -> bytes:
        """Waits for the first byte that says what this is; no line of a stream can begin with a bracket."""
        seen = self._take() + chunk
        if _BOM.startswith(seen):
            self._keep(seen)
            return b""
        # Some servers fill up with NULs what they promised to send at once.
        seen = seen.removeprefix(_BOM).lstrip(_FILLING)
        content = seen.lstrip()
        if not content:
            # Blank lines mean nothing; what follows the last one could still become a line.
            self._keep(_LINE_END.split(seen)[-1])
            return b""
        self._started = True
        # Some gateways write their answer down once more, as a text of JSON.
        self._document = content.removeprefix(b'"')[:1] in (b"{", b"[")
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

    def _line(self, line: bytes) -> list[SseEvent]:
        line = line.removeprefix(_BOM).lstrip(_FILLING)
        if not line:
            return self._dispatch()
        if self._bare and line[:1] not in b'\t "{}[],':
            # What began like a document was none.
            self._bare.clear()
        if line.strip() == b"[DONE]":
            return [*self._dispatch(), SseEvent("[DONE]")]
        if self._bare or line[:1] in (b"{", b"["):
            return self._bare_line(line)
        line = _SCRIPT_LINE.sub(b"data: ", line, count=1) if _SCRIPT_LINE.match(line) else line
        field, _, value = line.partition(b":")
        # Servers that write their own streams indent them, and put one stream into another.
        field, value = field.strip().lower(), value.removeprefix(b" ")
        while field == b"data" and value.startswith(b"data:"):
            value = value.removeprefix(b"data:").removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
            self._check_size()
        elif field == b"event":
            self._name = value.decode("utf-8", "replace") or None
        elif field == b"error":
            # llama.cpp's way to end a stream.
            self._data.append(value)
            self._data_bytes += len(value) + 1
            self._check_size()
            self._name = "error"
        elif field not in _FIELDS and self._is_half_said():
            # A document over several lines, of which only the first says that it is data.
            self._data.append(line)
            self._data_bytes += len(line) + 1
            self._check_size()
        elif field not in _FIELDS:
            # The last one is the likeliest to say what happened.
            self._stray = line.strip()[:MOST_STRAY]
        return []

    def _is_half_said(self) -> bool:
        """Whether the data so far begin a document and do not end it."""
        if not self._data or self._data[0][:1] not in (b"{", b"[") or self._data_bytes > MOST_HALF_SAID:
            return False
        return self._data[-1].rstrip()[-1:] not in (b"}", b"]") or not _is_json(b"\n".join(self._data))

    def _bare_line(self, line: bytes) -> list[SseEvent]:
        """A document that stands between events begins and ends with the brackets of the first column."""
        before = self._dispatch()
        self._bare.append(line)
        self._data_bytes += len(line)
        self._check_size()
        whole = line.rstrip()[-1:] in (b"}", b"]") and line[:1] in b"{}[]"
        return before + (self._document_ended() if whole else [])

    def _document_ended(self) -> list[SseEvent]:
        document = self._letters.read(b"\n".join(self._bare))
        if not _is_json(document):
            return []
        self._bare.clear()
        self._data_bytes = 0
        return [SseEvent(document)]

    def _dispatch(self) -> list[SseEvent]:
        name, self._name = self._name, None
        if not self._data:
            return [SseEvent("", name)] if name in END_NAMES else []
        event = SseEvent(self._letters.read(b"\n".join(self._data)), name)
        self._data.clear()
        self._data_bytes = 0
        return [event]

    def _check_size(self) -> None:
        if self._pieces_bytes + self._data_bytes > self._max:
            raise Failure(
                "provider_unavailable",
                "The API sent a single piece of an answer that is too large to read. Ask for a shorter answer.",
            )


def _is_json(data: bytes | str) -> bool:
    try:
        orjson.loads(data)
    except ValueError:
        return False
    return True


def _documents(text: str) -> list[SseEvent]:
    """The document; where it is several, one to a line, each of them: a line of a stream has its field before it."""
    whole = [SseEvent(text)]
    try:
        orjson.loads(text)
    except ValueError:
        lines = [line.strip() for line in text.splitlines()]
        found = [line.removeprefix("data:").strip() for line in lines if line.startswith(("{", "[", "data:"))]
        return [SseEvent(line) for line in found] if len(found) == len([*filter(None, lines)]) > 1 else whole
    return whole
