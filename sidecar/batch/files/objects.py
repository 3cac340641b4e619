"""Objects of JSON in a file: an array, a list in an object, or lines, in UTF-8, one at a time off the open file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from sidecar.batch.files.encodings import TextEncoding, unreadable
from sidecar.batch.files.numbers import read_json, read_spelled
from sidecar.json_stream import MOST_BYTES, BrokenJson, read_elements

Kind = Literal["table", "array", "object", "lines"]

# What programs call the list of rows in an object.
LISTS = ("rows", "data", "items", "records", "prompts", "examples", "requests", "tests", "results")
# Above the header of a table there may be a title.
_TOP_LINES = 5
_BEGINS_ARRAY = re.compile(r'\[\s*(?:[\]\[{"\d-]|true|false|null)')
_WRAPS = re.compile(r'\{\s*"(?:' + "|".join(LISTS) + r')"\s*:\s*\[')
_BEGINS_OBJECT = re.compile(r'\{\s*["}]')


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An element or a line that is not JSON, among others that may be. `data` is not known."""

    message: str


def kind_of(head: str, said: Kind, names_prompt: Callable[[str], bool], *, whole: bool = True) -> Kind:
    """Return what a text is by its first character that is no space; `said` is what its name says.

    `whole` is whether `head` is all of it.

    `names_prompt` tells of a line whether it is the header of a table.
    """
    text = head.lstrip("\ufeff \t\r\n")
    first = text.partition("\n")[0]
    if text.startswith("["):
        return "array" if said != "table" or _BEGINS_ARRAY.match(text) else "table"
    if text.startswith("{"):
        return (
            _kind_of_object(text, first, whole) if said != "table" or _BEGINS_OBJECT.match(text) else "table"
        )
    return "table" if any(map(names_prompt, text.splitlines()[:_TOP_LINES])) else said


def _kind_of_object(text: str, first: str, whole: bool) -> Kind:
    try:
        value = read_json(first)
    except ValueError:
        if first == text:
            return "object" if whole or _WRAPS.match(text) else "lines"
        # A line that ends inside an object is the first of one that is printed over many.
        return "object" if _is_open(first) else "lines"
    more = text[len(first) :].strip()
    if more or not isinstance(value, dict):
        return "lines"
    wrapped = any(isinstance(value.get(name), list) for name in LISTS) and "messages" not in value
    return "object" if wrapped or not value or "rows" in value else "lines"


def _is_open(line: str) -> bool:
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
    return bare.count("{") + bare.count("[") > bare.count("}") + bare.count("]")


def values(stream: BinaryIO, encoding: TextEncoding, kind: Kind) -> Iterator[tuple[int, Any]]:
    """Yield each element or line with its number from 1. Raise BrokenJson, and Failure where an encoding is wrong."""
    text = (
        None if encoding.is_utf8 else io.TextIOWrapper(stream, encoding.name, encoding.errors, newline="\n")
    )
    source: Any = stream if text is None else _Recoded(text, encoding)
    if encoding.name == "utf-8-sig" and stream.read(3) != b"\xef\xbb\xbf":
        stream.seek(0)
    try:
        if text is not None and not _begins_with_mark(text, encoding):
            text.seek(0)
        if kind == "lines":
            yield from _lines(source)
        else:
            for number, element in enumerate(read_elements(source.read, LISTS), start=1):
                value = _value(element, encoding)
                if isinstance(value, Unreadable) and not value.message.startswith("This row"):
                    raise BrokenJson(value.message)
                yield number, value
    finally:
        if text is not None:
            text.detach()


def _begins_with_mark(text: io.TextIOWrapper, encoding: TextEncoding) -> bool:
    try:
        return text.read(1) == "\ufeff"
    except UnicodeError:
        raise unreadable(encoding) from None


class _Recoded:
    """A text of another encoding as bytes of UTF-8. Bad bytes stay bad."""

    def __init__(self, text: io.TextIOWrapper, encoding: TextEncoding) -> None:
        self._text = text
        self._encoding = encoding

    def read(self, size: int) -> bytes:
        return self._bytes(self._text.read, size)

    def readline(self, size: int) -> bytes:
        return self._bytes(self._text.readline, size)

    def _bytes(self, take: Callable[[int], str], size: int) -> bytes:
        try:
            return take(size).encode("utf-8", "surrogatepass")
        except UnicodeError:
            raise unreadable(self._encoding) from None


def _lines(source: Any) -> Iterator[tuple[int, Any]]:
    """Only a line feed ends a line of JSON; a CR before it is white space."""
    number = 0
    while line := source.readline(MOST_BYTES + 1):
        number += 1
        if len(line) > MOST_BYTES and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(MOST_BYTES)
            yield (
                number,
                Unreadable(f"This line is larger than {MOST_BYTES // 1024**2} MB, more than a row may be."),
            )
        elif line.strip():
            value = _value(line)
            if isinstance(value, Unreadable) and not value.message.startswith("This row"):
                value = Unreadable(value.message.replace("From here on the file", "This line"))
            yield number, value


def _value(element: bytes, encoding: TextEncoding | None = None) -> Any:
    try:
        return read_spelled(element.decode("utf-8"))
    except UnicodeDecodeError as error:
        bad = element[max(0, error.start - 12) : error.start + 12].decode("utf-8", "backslashreplace")
        return Unreadable(
            f"This row holds a byte that is not {'UTF-8' if encoding is None or encoding.is_utf8 else encoding.name} "
            f"(in “{bad}”). Save it in the encoding of the others, or say the file's encoding."
        )
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return Unreadable(f"From here on the file is not JSON ({reason}).")
