"""The bytes of a body as they travelled -> what they are, in pieces of a size that somebody can hold (pure).

One layer of gzip or deflate, which is all that is asked for: what is packed twice can grow a million times. Then
UTF-16, as some Windows servers and proxies send it, and the charset that the header names made UTF-8.
"""

from __future__ import annotations

import codecs
import re
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
        self._looked = self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes of the body hold. Raise CannotUnpack."""
        if data and not self._looked:
            self._looked = True
            self._look(data)
        if self._stream is None or not data:
            for at in range(0, len(data), PIECE_BYTES):
                yield data[at : at + PIECE_BYTES]
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
            self._kind = "gzip"
            self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        elif self._kind != "deflate" and data[:1] in PLAIN_BEGINNINGS:
            # A proxy that unpacks may leave the header as it was.
            self._stream = None
        elif self._kind not in ("", "gzip", "x-gzip", "deflate"):
            raise CannotUnpack(f"the body is packed as {self._kind[:100]!r}, which was not asked for")

    def finish(self) -> bytes:
        """Return what was still held back. Raise CannotUnpack where the end is missing."""
        if self._stream is None or not self._begun:
            return b""
        rest = self._stream.flush()
        if not self._stream.eof:
            raise CannotUnpack("the packed body has no end")
        return rest


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


_NAMED = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]{1,40})", re.IGNORECASE)
# What the web calls so is Windows' code page, which has more letters: https://encoding.spec.whatwg.org/#names-and-labels
_WIDENED = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}


def named_charset(content_type: str) -> str | None:
    """Return the codec for the charset of a `content-type`; None for UTF-8, UTF-16, none, and what is no charset."""
    found = _NAMED.search(content_type)
    if found is None:
        return None
    try:
        name = codecs.lookup(found[1]).name
        # Codecs that take no text are no charsets.
        b"".decode(name)
    except (LookupError, ValueError):
        return None
    # Those of Unicode are told by their bytes.
    return None if name.startswith("utf") else _WIDENED.get(name, name)


class Charset:
    """Makes UTF-8 of a body that is in the codec `name`, or in UTF-8 all the same, as many are: the bytes decide.

    The header counts from the first letter on that is no UTF-8.
    """

    def __init__(self, name: str) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._named = codecs.getincrementaldecoder(name)("replace")
        self._decided = False
        self._trusts_header = False

    def feed(self, data: bytes, final: bool = False) -> Iterator[bytes]:
        """Yield the same letters in UTF-8: nothing while a letter is not whole."""
        if not self._decided:
            kept = self._utf8.getstate()[0]
            try:
                text = self._utf8.decode(data, final)
            except UnicodeDecodeError:
                self._decided = self._trusts_header = True
                data = kept + data
            else:
                # One letter of several bytes is a chance of one in many that it is another charset's.
                self._decided = not text.isascii()
                if text:
                    yield text.encode()
                return
        if self._trusts_header:
            text = self._named.decode(data, final)
            if text:
                yield text.encode("utf-8", "replace")
        elif kept := self._utf8.getstate()[0]:
            self._utf8.reset()
            yield kept + data
        elif data:
            yield data
