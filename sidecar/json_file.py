"""A JSON document of any size as it is read: the elements of its array, or values one by one, as bytes (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sidecar.json_stream import MOST_BYTES, MOST_DEPTH, BrokenJson, Cutter

_CHUNK_BYTES = 256 * 1024
# What may stand between values; the last is the record separator of RFC 7464.
SEPARATORS = b",\x1e"


def read_elements(
    read: Callable[[int], bytes],
    lists: tuple[str, ...] = ("rows",),
    *,
    most_bytes: int = MOST_BYTES,
    most_depth: int = MOST_DEPTH,
) -> Iterator[bytes]:
    """Yield the elements of the array that the document is, or that is the first such member of the object that it is.

    `read` returns up to so many bytes, b"" at the end. Raise BrokenJson where the document cannot be read any more,
    which includes JsonTooLarge.
    """
    reader = _Reader(read, Cutter(most_bytes, most_depth))
    whole = reader.peek() == b"["
    if reader.take(b"[{") == b"{" and not reader.find(lists):
        raise BrokenJson(f'The file is an object without a list of "{lists[0]}". Give an array of objects.')
    if reader.peek() == b"]":
        reader.take(b"]")
    else:
        while True:
            while (element := reader.quick()) is not None:
                yield element
            yield reader.value()
            if reader.take(b",]") == b"]":
                break
    if whole and reader.peek():
        raise BrokenJson(
            "Behind the end of the list there is more, which was not read. Put all rows into one list."
        )


def read_values(
    read: Callable[[int], bytes], *, most_bytes: int = MOST_BYTES, most_depth: int = MOST_DEPTH
) -> Iterator[bytes]:
    """Yield the values that stand one behind the other, with or without commas or lines between them.

    `read` returns up to so many bytes, b"" at the end. Raise BrokenJson where the document cannot be read any more.
    """
    reader = _Reader(read, Cutter(most_bytes, most_depth))
    while first := reader.peek():
        if first in SEPARATORS:
            reader.take(first)
        else:
            yield reader.value()


class _Reader:
    """Pulls a document in chunks and holds it against the grammar."""

    def __init__(self, read: Callable[[int], bytes], cutter: Cutter) -> None:
        self._read = read
        self._cutter = cutter
        self.quick = cutter.quick

    def peek(self) -> bytes:
        """Return the next byte that is no space; b"" at the end."""
        while not (found := self._cutter.peek()):
            if not self._more():
                return b""
        return found

    def take(self, wanted: bytes) -> bytes:
        """Pass over the next byte, which must be one of these. Raise BrokenJson."""
        found = self.peek()
        if not found or found not in wanted:
            names = " or ".join(f'"{chr(character)}"' for character in wanted)
            seen = f'"{_letter(self._cutter)}"' if found else "the end of the file"
            raise BrokenJson(f"Where {names} should stand there is {seen}.")
        self._cutter.at += 1
        return found

    def value(self) -> bytes:
        """Return the next value, which may be broken inside. Raise BrokenJson where there is none."""
        if (first := self.peek()) in b",:]}":
            seen = f'"{first.decode()}"' if first else "the end of the file"
            raise BrokenJson(f"From here on the file is not JSON (Expecting value, not {seen}).")
        while (found := self._cutter.value()) is None:
            if not self._more():
                found = self._cutter.value(ended=True)
                break
        return found or b""

    def find(self, lists: tuple[str, ...]) -> bool:
        """Pass over the members before the list, and over the beginning of its array."""
        if self.peek() == b"}":
            return False
        names = {b'"%b"' % name.encode("ascii") for name in lists}
        while True:
            name = self.value()
            self.take(b":")
            if name in names and self.peek() == b"[":
                self.take(b"[")
                return True
            self.value()
            if self.take(b",}") == b"}":
                return False

    def _more(self) -> bool:
        chunk = self._read(_CHUNK_BYTES)
        self._cutter.add(chunk)
        return bool(chunk)


def _letter(cutter: Cutter) -> str:
    return bytes(cutter.data[cutter.at : cutter.at + 4]).decode("utf-8", "ignore")[:1] or "?"
