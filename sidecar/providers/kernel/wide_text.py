"""Bytes in UTF-16, as some Windows servers and proxies send them, made UTF-8 as they arrive (pure)."""

from __future__ import annotations

import codecs

# An answer begins with a mark or with a letter of ASCII, of which one of two bytes is 0.
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def wide_encoding(beginning: bytes) -> str | None:
    """Return the encoding that these first two bytes show, None where they are not of UTF-16."""
    if len(beginning) < 2:
        return None
    found = _MARKS.get(beginning[:2])
    if found is None and (beginning[0] == 0) != (beginning[1] == 0):
        found = "utf-16-be" if beginning[0] == 0 else "utf-16-le"
    return found


class Narrowed:
    """Gives the bytes of an answer in UTF-8, whatever they are in. Waits for the first two of them."""

    def __init__(self) -> None:
        self._begun = False
        self._kept = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Return what these bytes complete."""
        if not self._begun:
            chunk, self._kept = self._kept + chunk, b""
            if len(chunk) < 2:
                self._kept = chunk
                return b""
            self._begun = True
            encoding = wide_encoding(chunk)
            if encoding is not None:
                self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        if self._decoder is None:
            return chunk
        return self._decoder.decode(chunk).removeprefix("\ufeff").encode("utf-8", "replace")

    def finish(self) -> bytes:
        """Return what was waited with."""
        kept, self._kept = self._kept, b""
        return kept
