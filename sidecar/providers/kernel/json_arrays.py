"""A JSON document of any size as it arrives: the elements of one array one by one, and the small rest (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

MAX_REST_BYTES = 16 * 1024 * 1024

# A whole string, the beginning of one whose end has not arrived, or what a document is built with.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|"|[\[\]{},:]', re.DOTALL)


class JsonArrays:
    """Takes a document cut anywhere. Every array that is the value of `member`, wherever it lies, is taken out.

    Nothing is checked here but what an array's end needs: `rest` is no JSON where the document was none.
    """

    def __init__(self, member: str) -> None:
        self._name = orjson.dumps(member)
        self._data = bytearray()
        self._at = 0
        self._rest = bytearray()
        self._inside = False
        self._named = False
        self._depth = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The elements that this chunk completes. Raises ValueError when the rest is too much to hold."""
        self._data += chunk
        while (token := _TOKEN.search(self._data, self._at)) is not None:
            word, start, self._at = bytes(token[0]), token.start(), token.end()
            del token
            if word == b'"':
                self._at = start
                break
            if self._inside:
                yield from self._within(word, start)
            else:
                self._around(word)
        else:
            self._at = len(self._data)
        if not self._inside:
            self._keep(self._at)

    def rest(self) -> bytes:
        """The document with these arrays empty, as far as it has come."""
        return bytes(self._rest) + (b"" if self._inside else bytes(self._data))

    def _within(self, word: bytes, start: int) -> Iterator[bytes]:
        if word in b"[{":
            self._depth += 1
        elif word in b"]}" and self._depth:
            self._depth -= 1
        elif word in b",]}" and not self._depth:
            element = bytes(self._data[:start]).strip()
            self._inside = word == b","
            del self._data[: self._at if self._inside else start]
            self._at = 0 if self._inside else 1
            if element:
                yield element

    def _around(self, word: bytes) -> None:
        if self._named and word == b"[":
            self._keep(self._at)
            self._inside, self._named, self._depth = True, False, 0
        elif word != b":":
            self._named = word == self._name

    def _keep(self, size: int) -> None:
        self._rest += self._data[:size]
        del self._data[:size]
        self._at = 0
        if len(self._rest) > MAX_REST_BYTES:
            raise ValueError("the document is too large")
