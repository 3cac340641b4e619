"""A JSON document of any size as it arrives: the elements of its arrays one by one, as bytes (pure).

[ {"a": 1} , {"b": [2]} ]        Elements are cut by counting brackets outside strings, and never decoded here:
  ^------^   ^--------^          whoever takes one decodes it. What one holds is at most one element and one chunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# One element, or what stands around the arrays.
MOST_BYTES = 16 * 1024 * 1024
MOST_DEPTH = 1_000

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SPACE = re.compile(rb"[ \t\r\n]*+")
_BETWEEN = rb'[^"\[\]{}]*+(?:(?:%b)[^"\[\]{}]*+)*+'
# From a place outside strings up to the next bracket, the beginning of a string without its end, or the end.
_TO_BRACKET = re.compile(_BETWEEN % _STRING, re.DOTALL)
# The inside of a string, up to its closing quote or as far as it has come.
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SCALAR = re.compile(rb'[^"\[\]{},: \t\r\n]*+')


def _nested(levels: int) -> bytes:
    inner = rb"|" + _nested(levels - 1) if levels else b""
    return rb'[\[{][^"\[\]{}]*+(?:(?:%b%b)[^"\[\]{}]*+)*+[\]}]' % (_STRING, inner)


_LEVELS = 3
# Likewise, with the whole values of few levels on the way in one step: a list may have millions of them.
_TO_DEEP_BRACKET = re.compile(_BETWEEN % (rb"%b|%b" % (_STRING, _nested(_LEVELS))), re.DOTALL)
# A whole element of few levels with the comma behind it: nearly all there are, in one step each.
_ELEMENT = re.compile(rb"[ \t\r\n]*+((?:%b|%b))[ \t\r\n]*+," % (_nested(_LEVELS), _STRING), re.DOTALL)
# Around arrays: a whole string, the beginning of one, or what a document is built with.
_TOKEN = re.compile(rb'%b|["\[\]{},:]' % _STRING, re.DOTALL)


class BrokenJson(ValueError):
    """What comes cannot be read any more; the message is a sentence that says why."""


class JsonTooLarge(BrokenJson):
    """One of the bounds is passed: the size of an element, of what stands around, its depth, or the number of them."""


class Cutter:
    """A window on the document, and how far its first value has been looked through."""

    def __init__(self, most_bytes: int, most_depth: int) -> None:
        self.data = bytearray()
        self.at = 0
        self._most_bytes = most_bytes
        self._most_depth = most_depth
        self._scanned = 0
        self._depth = 0
        self._in_string = False

    def add(self, chunk: bytes) -> None:
        """Take more of the document; what was passed over is let go of."""
        del self.data[: self.at]
        self._scanned = max(0, self._scanned - self.at)
        self.at = 0
        self.data += chunk

    def peek(self) -> bytes:
        """Return the next byte that is no space, b"" when it has not arrived."""
        found = _SPACE.match(self.data, self.at)
        self.at = found.end() if found else self.at
        return bytes(self.data[self.at : self.at + 1])

    def quick(self) -> bytes | None:
        """Return the next element and pass over its comma, where both can be had in one step."""
        found = None if self._scanned > self.at else _ELEMENT.match(self.data, self.at)
        if found is None:
            return None
        self.at = found.end()
        return self._sized(found[1])

    def value(self, *, ended: bool = False) -> bytes | None:
        """Return the next value; None when its end has not arrived. Raise JsonTooLarge.

        With `ended` nothing follows any more, and what there is of it is returned.
        """
        end = self._end()
        if end is None and not ended:
            self._sized(self.data, len(self.data) - self.at)
            return None
        whole = bytes(self.data[self.at : len(self.data) if end is None else end])
        self.at += len(whole)
        self._scanned, self._depth, self._in_string = self.at, 0, False
        return self._sized(whole)

    def _sized(self, value: bytes | bytearray, size: int | None = None) -> bytes:
        if (len(value) if size is None else size) > self._most_bytes:
            raise JsonTooLarge(f"One element is larger than {self._most_bytes:,} bytes.")
        return bytes(value) if size is None else b""

    def _end(self) -> int | None:
        """Where the value that begins at `at` ends. What was seen is not looked at again."""
        data, position = self.data, max(self._scanned, self.at)
        while position < len(data):
            if self._in_string:
                position = _end_of(_IN_STRING, data, position)
                if data[position : position + 1] != b'"':
                    break
                position += 1
                self._in_string = False
            elif self._depth:
                is_flat = self._depth + _LEVELS < self._most_depth
                position = _end_of(_TO_DEEP_BRACKET if is_flat else _TO_BRACKET, data, position)
                if position == len(data):
                    break
                position = self._step(data[position], position)
            elif data[position] in b'"[{':
                position = self._step(data[position], position)
                continue
            else:
                # A number or a word has ended when something else follows, be it a mistake.
                end = _end_of(_SCALAR, data, position)
                self._scanned = position
                return None if end == len(data) else max(end, position + 1)
            if not self._depth and not self._in_string:
                return position
        self._scanned = position
        return None

    def _step(self, character: int, position: int) -> int:
        if character == ord('"'):
            self._in_string = True
        elif character in b"[{":
            self._depth += 1
            if self._depth > self._most_depth:
                raise JsonTooLarge("From here on the file is nested too deep to be read.")
        else:
            self._depth -= 1
        return position + 1


def _end_of(pattern: re.Pattern[bytes], data: bytearray, position: int) -> int:
    found = pattern.match(data, position)
    return found.end() if found else position


class ArrayElements:
    """Takes a document cut anywhere. Every array that is the value of `member`, wherever it lies, is taken out.

    Nothing is checked here but what an array's end needs: `rest` is no JSON where the document was none.
    """

    def __init__(
        self,
        member: str,
        *,
        most_bytes: int = MOST_BYTES,
        most_depth: int = MOST_DEPTH,
        most_elements: int | None = None,
    ) -> None:
        self._name = b'"%b"' % member.encode("ascii")
        self._cutter = Cutter(most_bytes, most_depth)
        self._most_bytes = most_bytes
        self._left = most_elements
        self._rest = bytearray()
        self._inside = False
        self._named = False
        self._in_string = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the elements that this chunk completes. Raise JsonTooLarge when a bound is passed."""
        self._cutter.add(chunk)
        while True:
            if not self._inside and not self._around():
                return
            element = self._cutter.quick()
            if element is None:
                first = self._cutter.peek()
                if first in b"]}," and first:
                    # An end, or the comma behind an element.
                    self._inside = first == b","
                    self._cutter.at += self._inside
                    continue
                element = self._cutter.value() if first else None
                if element is None:
                    return
            yield self._counted(element)

    def rest(self) -> bytes:
        """Return the document with these arrays empty, as far as it has come."""
        return bytes(self._rest) + (b"" if self._inside else bytes(self._cutter.data[self._cutter.at :]))

    def _counted(self, element: bytes) -> bytes:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise JsonTooLarge("There are more elements than can be taken at once.")
        return element

    def _around(self) -> bool:
        """Pass over what is not inside such an array; whether one begins."""
        cutter, data = self._cutter, self._cutter.data
        position = cutter.at
        while not self._inside:
            if self._in_string:
                # Where it was looked through to, so that a long string in many pieces is seen once.
                end = _end_of(_IN_STRING, data, position + self._in_string)
                if data[end : end + 1] != b'"':
                    self._in_string = end - position
                    break
                self._named = data[position : end + 1] == self._name
                position, self._in_string = end + 1, 0
                continue
            found = _TOKEN.search(data, position)
            if found is None:
                position = len(data)
                break
            word, position = bytes(found[0]), found.end()
            del found
            if word == b'"':
                position, self._in_string = position - 1, 1
            elif word == b"[" and self._named:
                self._inside, self._named = True, False
            elif word != b":":
                self._named = word == self._name
        self._rest += data[cutter.at : position]
        cutter.at = position
        if len(self._rest) > self._most_bytes or len(data) - position > self._most_bytes:
            raise JsonTooLarge(
                f"What stands around the elements is too large: over {self._most_bytes:,} bytes."
            )
        return self._inside
