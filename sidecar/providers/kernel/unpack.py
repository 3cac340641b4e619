"""A body that was packed for its way, unpacked in pieces of a size that somebody can hold (pure).

One layer of gzip or deflate, which is all that is asked for: what is packed twice can grow a million times.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
# The most that comes out at once, whatever went in.
PIECE_BYTES = 256 * 1024
# How JSON, an event stream and a web page begin, and nothing that is packed.
PLAIN_BEGINNINGS = (b"{", b"[", b"d", b":", b"e", b"<", b"\n", b"\r", b" ")


class CannotUnpack(Exception):
    """The body is packed in a way that is not read, or broken. The text says why, for developers."""


class Unpacker:
    """Takes a body in pieces. `encoding` is the header `content-encoding`, empty for a body as it is."""

    def __init__(self, encoding: str) -> None:
        """Raise CannotUnpack for more than one layer, and for what was not asked for."""
        layers = [
            layer for part in encoding.split(",") if (layer := part.strip().lower()) not in ("", "identity")
        ]
        if len(layers) > 1:
            raise CannotUnpack(f"the body is packed {len(layers)} times")
        if layers and layers[0] not in ("gzip", "x-gzip", "deflate"):
            raise CannotUnpack(f"the body is packed as {layers[0][:100]!r}, which was not asked for")
        self._kind = layers[0] if layers else ""
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32) if layers else None
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes of the body hold. Raise CannotUnpack."""
        if self._stream is None or not data:
            if data:
                yield data
            return
        if not self._begun and self._kind != "deflate" and data[:1] in PLAIN_BEGINNINGS:
            # A proxy that unpacks may leave the header as it was.
            self._stream = None
            yield data
            return
        if not self._begun and self._kind == "deflate" and data[0] & 0x0F != 8:
            # Some servers leave out the head that the standard wants.
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._begun = True
        try:
            while data:
                piece = self._stream.decompress(data, PIECE_BYTES)
                if piece:
                    yield piece
                data = b"" if self._stream.eof else self._stream.unconsumed_tail
        except zlib.error as error:
            raise CannotUnpack(f"the body is packed wrongly: {error}") from None

    def finish(self) -> bytes:
        """Return what was still held back. Raise CannotUnpack where the end is missing."""
        if self._stream is None or not self._begun:
            return b""
        rest = self._stream.flush()
        if not self._stream.eof:
            raise CannotUnpack("the packed body has no end")
        return rest
