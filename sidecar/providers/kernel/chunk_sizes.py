"""The sizes between the chunks of a body, written as the HTTP library reads them (pure).

Servers and proxies of one's own end these lines with a newline alone, or write the size as their language does.
"""

from __future__ import annotations

import re

from sidecar.providers.kernel.unpack import PLAIN_BEGINNINGS

_MOST_LINE = 4096
_USUAL = re.compile(rb"[0-9A-Fa-f]{1,16}(?:;[^\r\n]*)?\r\n")
_SIZE = re.compile(rb"[ \t]*(?:0[xX])?([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)


def _is_plain(data: bytes) -> bool:
    """Whether a body that was to come in chunks begins with its words."""
    line = data.partition(b"\n")[0].rstrip(b"\r")
    return data.startswith(PLAIN_BEGINNINGS) and bool(line.strip()) and _SIZE.fullmatch(line) is None


class ChunkSizes:
    """Is fed a body that comes in chunks, from its first byte on, and gives it as it should have been written.

    The first size decides, and `usual` is None until it has come: a server writes all of them alike. A line that is no
    size is handed on as it is, and what comes behind it too: what to say of it is the library's. A body that has no
    sizes at all is one chunk after the other.
    """

    def __init__(self) -> None:
        self.usual: bool | None = None
        self._given_up = self._over = self._plain = False
        self._line = b""
        self._left = 0  # of the chunk, and then of the line end behind it
        self._behind = False

    def feed(self, data: bytes) -> bytes:
        """Return what these bytes complete."""
        if self.usual is None:
            data, self._line = self._line + data, b""
            end = data.find(b"\n")
            if end < 0 and len(data) < _MOST_LINE:
                self._line = data
                return b""
            self.usual = _USUAL.match(data) is not None
            self._plain = not self.usual and _is_plain(data)
        if self._plain:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        return data if self.usual or self._given_up else self._mended(data)

    def finish(self) -> bytes:
        """Return what ends the body where the connection does."""
        return b"0\r\n\r\n" if self._plain else b""

    def _mended(self, data: bytes) -> bytes:
        mended, position = bytearray(), 0
        while position < len(data) and not self._given_up and not self._over:
            if self._left:
                piece = data[position : position + self._left]
                mended += piece
                self._left -= len(piece)
                position += len(piece)
                self._behind = not self._left
                continue
            end = data.find(b"\n", position)
            self._line += data[position : len(data) if end < 0 else end + 1]
            position = len(data) if end < 0 else end + 1
            if end < 0 and len(self._line) < _MOST_LINE:
                break
            line, self._line = self._line, b""
            mended += self._ended(line)
        # What follows the end, trailers and a blank line, is for nobody.
        return bytes(mended) + (b"" if self._over else data[position:])

    def _ended(self, line: bytes) -> bytes:
        """A whole line outside of a chunk."""
        if self._behind and not line.strip():
            self._behind = False
            return b"\r\n"
        size = _SIZE.fullmatch(line.rstrip(b"\r\n"))
        if size is None or self._behind:
            self._given_up = True
            return line
        self._left = int(size[1], 16)
        self._over = not self._left
        return b"0\r\n\r\n" if self._over else b"%x\r\n" % self._left
