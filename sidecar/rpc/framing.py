"""Bytes to frames and back, in both framings; pure, incremental, and linear in the number of bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Framing = Literal["newline", "headers"]

# Enough of a frame that is not kept to find its id in.
KEPT_HEAD = 4096
KEPT_TAIL = 256
MAX_HEADER_BYTES = 8192
MAX_LENGTH_DIGITS = 15

_BOM = b"\xef\xbb\xbf"
_RESYNC = re.compile(rb"content-length", re.IGNORECASE)
# The header as nearly every client writes it.
_USUAL_HEADER = re.compile(rb"Content-Length: ([0-9]{1,9})\r\n\r\n")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Oversized:
    """A frame beyond the limit that was passed over: `size` in bytes, its first and its last bytes."""

    size: int
    head: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Bytes between frames that are no header, or a stream that ended within a frame."""

    reason: str


Frame = bytes | Oversized | BadFrame


def encode(body: bytes, framing: Framing) -> bytes:
    """One frame around one JSON text."""
    if framing == "headers":
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    # A line break outside a string is only white space in JSON, but it would end the frame.
    if b"\n" in body:
        body = body.replace(b"\n", b" ")
    return body + b"\n"


class FrameReader:
    """Cuts a byte stream into frames. `framing` is None until the first byte has decided it."""

    def __init__(self, max_bytes: int) -> None:
        self.framing: Framing | None = None
        self._start = b""
        self._max_bytes = max_bytes
        self._lines = _Lines(max_bytes)
        self._blocks = _Blocks(max_bytes)

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that this chunk completes, in order."""
        if self.framing is None:
            chunk = self._start + chunk
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._start = chunk
                return []
            chunk = chunk.removeprefix(_BOM)
            if not chunk:
                self._start = _BOM
                return []
            self._start = b""
            self.framing = "headers" if chunk[:1] in b"Cc" else "newline"
        return list(self._lines.feed(chunk) if self.framing == "newline" else self._blocks.feed(chunk))

    def finish(self) -> list[Frame]:
        """What the end of the stream completes: a last line without its line break, or a frame cut short."""
        if self.framing == "headers":
            return list(self._blocks.finish())
        if self.framing is None and self._start and self._start != _BOM:
            return [self._start]
        return list(self._lines.finish())


class _Skipped:
    """Counts a frame that is too large to keep, and keeps its two ends."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail = b""

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self._head += data[: KEPT_HEAD - len(self._head)]
        self._tail = (self._tail + data[-KEPT_TAIL:])[-KEPT_TAIL:]

    def done(self) -> Oversized:
        return Oversized(self.size, bytes(self._head), self._tail)


class _Lines:
    """One frame a line; LF or CRLF; blank lines mean nothing."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._partial = bytearray()
        self._skipped: _Skipped | None = None

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield from self._end_line(line)
        self._add(rest)

    def finish(self) -> Iterator[Frame]:
        yield from self._end_line(b"")

    def _end_line(self, line: bytes) -> Iterator[Frame]:
        if self._partial or self._skipped:
            self._add(line)
            line = bytes(self._partial)
            self._partial.clear()
        if self._skipped:
            yield self._skipped.done()
            self._skipped = None
            return
        line = line.removesuffix(b"\r")
        if len(line) > self._max_bytes:
            skipped = _Skipped()
            skipped.add(line)
            yield skipped.done()
        elif line and not line.isspace():
            yield line

    def _add(self, data: bytes) -> None:
        if self._skipped is None:
            self._partial += data
            # One more byte than the limit may be the CR that does not count.
            if len(self._partial) <= self._max_bytes + 1:
                return
            self._skipped = _Skipped()
            data = bytes(self._partial)
            self._partial = bytearray()
        self._skipped.add(data)


class _Blocks:
    """`Content-Length` headers, a blank line, a body: as in the Language Server Protocol."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._header_bytes = 0
        self._length: int | None = None
        self._body: int | None = None
        self._skipped: _Skipped | None = None
        self._lost = False

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        # Whole frames with the usual header are cut out of what has come; all else takes the long way.
        start = 0
        if not (self._buffer or self._lost or self._header_bytes) and self._length is self._body is None:
            while (header := _USUAL_HEADER.match(chunk, start)) is not None:
                end = header.end() + int(header[1])
                if end > len(chunk) or end - header.end() > self._max_bytes:
                    break
                start = end
                yield chunk[header.end() : end]
            if start == len(chunk):
                return
        self._buffer += chunk[start:]
        while True:
            if self._lost:
                if not self._resync():
                    return
            elif self._body is None:
                line = self._take_line()
                if line is None:
                    if self._header_bytes + len(self._buffer) > MAX_HEADER_BYTES:
                        # Without its first byte the same line cannot be found again.
                        del self._buffer[:1]
                        yield self._lose("the header block is too long")
                        continue
                    return
                problem = self._header(line)
                if problem:
                    if _RESYNC.search(line, 1):
                        self._buffer[:0] = line[1:] + b"\n"
                    yield self._lose(problem)
            else:
                frame = self._take_body(self._body)
                if frame is None:
                    return
                yield frame

    def finish(self) -> Iterator[Frame]:
        if self._skipped:
            yield self._skipped.done()
        elif self._body is not None or (not self._lost and (self._header_bytes or self._buffer.strip())):
            yield BadFrame("the stream ended within a frame")

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def _header(self, line: bytes) -> str | None:
        """Takes one header line into account; what is wrong with it, if anything."""
        line = line.removesuffix(b"\r")
        if not line:
            if self._header_bytes and self._length is None:
                return "there is no Content-Length"
            if self._length is not None:
                self._body, self._length = self._length, None
                self._skipped = _Skipped() if self._body > self._max_bytes else None
            self._header_bytes = 0
            return None
        self._header_bytes += len(line)
        name, colon, value = line.partition(b":")
        value = value.strip()
        if not colon or not _HEADER_NAME.fullmatch(name.strip()):
            return "a line is not a header"
        if self._header_bytes > MAX_HEADER_BYTES:
            return "the header block is too long"
        if name.strip().lower() == b"content-length":
            if (
                not value.isdigit()
                or len(value) > MAX_LENGTH_DIGITS
                or self._length not in (None, int(value))
            ):
                return "the Content-Length is not a length"
            self._length = int(value)
        return None

    def _take_body(self, size: int) -> Frame | None:
        if self._skipped:
            part = bytes(self._buffer[: size - self._skipped.size])
            del self._buffer[: len(part)]
            self._skipped.add(part)
            if self._skipped.size < size:
                return None
            frame: Frame = self._skipped.done()
            self._skipped = None
        elif len(self._buffer) < size:
            return None
        else:
            with memoryview(self._buffer) as view:
                frame = bytes(view[:size])
            del self._buffer[:size]
        self._body = None
        return frame

    def _lose(self, reason: str) -> BadFrame:
        self._lost, self._length, self._header_bytes, self._searched = True, None, 0, 0
        return BadFrame(reason)

    def _resync(self) -> bool:
        """Drops everything up to the next header that could begin a frame."""
        found = _RESYNC.search(self._buffer)
        if found is None:
            del self._buffer[: max(0, len(self._buffer) - len(b"content-length") + 1)]
            return False
        del self._buffer[: found.start()]
        self._lost = False
        return True
