"""JSON and JSON lines, one element at a time: a file never stands in memory as a whole. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import orjson

from sidecar.batch.files.columns import DECODER, read_json
from sidecar.store.columns import storable, to_json

# One element, or one member before the rows.
MAX_ELEMENT_CHARS = 16 * 1024 * 1024
_CHUNK_CHARS = 256 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")


class BrokenJson(ValueError):
    """What comes cannot be read any more; the message says why."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is not JSON, among others that may be."""

    message: str


def encode(value: Mapping[str, Any]) -> bytes:
    """One line of JSON. Halves of surrogate pairs are replaced; integers keep all their digits."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return to_json(_clean(value)).encode("ascii")


def lines(text: Iterable[str]) -> Iterator[Any]:
    """The value of each line; None for an empty one."""
    for line in text:
        if not line.strip():
            yield None
            continue
        try:
            yield read_json(line)
        except ValueError as error:
            yield Unreadable(f"This line is not JSON ({_reason(error)}).")


def elements(text: TextIO) -> Iterator[Any]:
    """The elements of an array, or of the array `rows` of an object. Raises BrokenJson."""
    scanner = _Scanner(text)
    opening = scanner.take("[{")
    if opening == "{" and not _find_rows(scanner):
        raise BrokenJson('The file is an object without a list of "rows". Give an array of objects.')
    if scanner.peek() == "]":
        return
    while True:
        yield scanner.value()
        if scanner.take(",]") == "]":
            return


def _find_rows(scanner: _Scanner) -> bool:
    """Passes over the members before `rows`, and over the beginning of its array."""
    if scanner.peek() == "}":
        return False
    while True:
        name = scanner.value()
        scanner.take(":")
        if name == "rows":
            scanner.take("[")
            return True
        scanner.value()
        if scanner.take(",}") == "}":
            return False


class _Scanner:
    """A window on the text that holds one element and what was read along with it."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._window = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            found = _SPACE.match(self._window, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._read(_CHUNK_CHARS):
                return ""

    def take(self, wanted: str) -> str:
        """Passes over the next character, which must be one of these. Raises BrokenJson."""
        found = self.peek()
        if not found or found not in wanted:
            names = " or ".join(f'"{character}"' for character in wanted)
            seen = f'"{found}"' if found else "the end of the file"
            raise BrokenJson(f"Where {names} should stand there is {seen}.")
        self._at += 1
        return found

    def value(self) -> Any:
        """The next JSON value. Raises BrokenJson."""
        self.peek()
        step = _CHUNK_CHARS
        while True:
            try:
                value, end = DECODER.raw_decode(self._window, self._at)
                # A number may go on behind the window, as `1` does in `1e+5`.
                if end + 2 < len(self._window) or not self._read(step):
                    self._at = end
                    return value
            except RecursionError:
                raise BrokenJson("From here on the file is nested too deep to be read.") from None
            except ValueError as error:
                if len(self._window) - self._at > MAX_ELEMENT_CHARS or not self._read(step):
                    raise BrokenJson(f"From here on the file is not JSON ({_reason(error)}).") from None
            # Doubling keeps the cost of beginning anew within that of reading twice.
            step *= 2

    def _read(self, characters: int) -> bool:
        if self._ended:
            return False
        more = self._text.read(characters)
        if not more:
            self._ended = True
            return False
        self._window = self._window[self._at :] + more
        self._at = 0
        return True


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(name): _clean(item) for name, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value


def _reason(error: ValueError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
