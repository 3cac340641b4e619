"""The bytes of a body as they travelled -> what they are, in pieces of a size that somebody can hold (pure).

One layer of gzip or deflate, which is all that is asked for: what is packed twice can grow a million times.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
# The most that comes out at once, whatever went in: so much of nothing but line ends takes hundredths of a second.
PIECE_BYTES = 32 * 1024
_GZIP = b"\x1f\x8b"
# How JSON, an event stream and a web page begin, and nothing that is packed.
PLAIN_BEGINNINGS = (b"{", b"[", b"d", b":", b"e", b"<", b"\n", b"\r", b" ", b"\xef")


class CannotUnpack(Exception):
    """The body is packed in a way that is not read, or broken. The text says why, for developers."""


class Unpacker:
    """Takes a body in pieces. `encoding` is the header `content-encoding`, empty for a body as it is.

    What a body begins with counts for more than the header: servers name no packing, or a charset in its place.
    """

    def __init__(self, encoding: str) -> None:
        """Raise CannotUnpack for more than one layer."""
        layers = [
            layer for part in encoding.split(",") if (layer := part.strip().lower()) not in ("", "identity")
        ]
        if len(layers) > 1:
            raise CannotUnpack(f"the body is packed {len(layers)} times")
        self._kind = layers[0] if layers else ""
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32) if layers else None
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes of the body hold. Raise CannotUnpack."""
        if data and not self._begun:
            self._begun = True
            self._look(data)
        if self._stream is None or not data:
            for at in range(0, len(data), PIECE_BYTES):
                yield data[at : at + PIECE_BYTES]
            return
        try:
            while data:
                piece = self._stream.decompress(data, PIECE_BYTES)
                if piece:
                    yield piece
                data = self._behind() if self._stream.eof else self._stream.unconsumed_tail
        except zlib.error as error:
            raise CannotUnpack(f"the body is packed wrongly: {error}") from None

    def _behind(self) -> bytes:
        """What is still to unpack behind an end: a server that packs each piece by itself sends one after the other."""
        assert self._stream is not None
        rest = self._stream.unused_data
        if not rest.startswith(_GZIP[:1]) or not rest.startswith(_GZIP[: len(rest)]):
            return b""
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        return rest

    def _look(self, data: bytes) -> None:
        """Hold the header against the first bytes. Raise CannotUnpack for a packing that was not asked for."""
        if data[:2] == _GZIP:
            self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        elif self._kind == "deflate":
            if data[0] & 0x0F != 8:
                # Some servers leave out the head that the standard wants.
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        elif data[:1] in PLAIN_BEGINNINGS:
            # A proxy that unpacks may leave the header as it was.
            self._stream = None
        elif self._kind not in ("", "gzip", "x-gzip"):
            raise CannotUnpack(f"the body is packed as {self._kind[:100]!r}, which was not asked for")

    def finish(self) -> bytes:
        """Return what was still held back. Raise CannotUnpack where the end is missing."""
        if self._stream is None or not self._begun:
            return b""
        rest = self._stream.flush()
        if not self._stream.eof:
            raise CannotUnpack("the packed body has no end")
        return rest
