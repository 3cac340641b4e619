"""Objects of JSON in a file: an array, a list in an object, or lines, in UTF-8, one at a time off the open file."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from sidecar.batch.files import json_tables
from sidecar.batch.files.encodings import TextEncoding, bad_byte, unreadable
from sidecar.batch.files.numbers import read_json, read_spelled
from sidecar.json_file import SEPARATORS, read_elements, read_values
from sidecar.json_stream import MOST_BYTES, BrokenJson

Kind = Literal["table", "array", "object", "lines", "values"]

# What programs call the list of rows in an object.
LISTS = (
    "rows",
    "data",
    "items",
    "records",
    "prompts",
    "examples",
    "requests",
    "batch_requests",
    "tests",
    "results",
)
# Above the header of a table there may be a title.
_TOP_LINES = 5
_LOOKED_AT = 64 * 1024
# Programs that glue files together leave a mark of UTF-8 before any line.
_AROUND_LINE = b" \t\r\n\xef\xbb\xbf" + SEPARATORS
# A bad byte of another encoding as bytes of UTF-8, and how it is shown.
_NO_LETTER = b"\xed\xb3\xbf", "\N{REPLACEMENT CHARACTER}".encode()
_DECODER = json.JSONDecoder()
_BEGINS_ARRAY = re.compile(r'\[\s*(?:[\]\[{"\d-]|true|false|null)')
_WRAPS = re.compile(r'\{\s*"(?:' + "|".join(LISTS) + r')"\s*:\s*\[')
# What holds its rows as objects or texts is read as it comes, without looking at all of it first.
_LISTS_ROWS = re.compile(r'"(?:' + "|".join(LISTS) + r')"\s*:\s*\[\s*[{"]')
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
    text = head.lstrip("\ufeff\x1e \t\r\n")
    first = text.partition("\n")[0]
    if text.startswith("["):
        if said == "lines" and _is_list(first) and text[len(first) :].lstrip().startswith("["):
            return "lines"
        return "array" if said != "table" or _BEGINS_ARRAY.match(text) else "table"
    if text.startswith("{"):
        return (
            _kind_of_object(text, first, whole) if said != "table" or _BEGINS_OBJECT.match(text) else "table"
        )
    return "table" if any(map(names_prompt, text.splitlines()[:_TOP_LINES])) else said


def _is_list(line: str) -> bool:
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(line), list)
    return False


def _kind_of_object(text: str, first: str, whole: bool) -> Kind:
    if _stands_alone(text):
        return "values"
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
    if json_tables.unfolded(value) is not None:
        return "object"
    wrapped = any(isinstance(value.get(name), list) for name in LISTS) and "messages" not in value
    return "object" if wrapped or not value or "rows" in value else "lines"


def _stands_alone(text: str) -> bool:
    """Whether a first object that is printed over many lines, or ends within one, has another behind it."""
    try:
        end = _DECODER.raw_decode(text)[1]
    except (ValueError, RecursionError):
        return False
    behind = text[end:].lstrip(" \t\r\n,\x1e")
    return behind.startswith("{") and (
        "\n" in text[:end].strip() or "\n" not in text[end : text.index(behind, end)]
    )


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
            yield from _lines(source, encoding)
        elif kind == "values":
            yield from _numbered(read_values(source.read), encoding)
        else:
            yield from _document(source, encoding, may_be_table=kind == "object")
    finally:
        if text is not None:
            text.detach()


def _document(source: Any, encoding: TextEncoding, *, may_be_table: bool) -> Iterator[tuple[int, Any]]:
    """The elements of an array or of the list in an object; or the rows of a table in one of the ways of programs."""
    begin = source.read(MOST_BYTES) if may_be_table else b""
    if (
        begin
        and len(begin) < MOST_BYTES
        and (len(begin) < _LOOKED_AT or not _LISTS_ROWS.search(begin[:_LOOKED_AT].decode("utf-8", "replace")))
    ):
        rows = json_tables.unfolded(_value(begin, encoding))
        if rows is not None:
            yield from enumerate(rows, start=1)
            return
    held = io.BytesIO(begin)
    yield from _numbered(read_elements(lambda size: held.read(size) or source.read(size), LISTS), encoding)


def _numbered(elements: Iterator[bytes], encoding: TextEncoding) -> Iterator[tuple[int, Any]]:
    for number, element in enumerate(elements, start=1):
        value = _value(element, encoding)
        if isinstance(value, Unreadable) and not value.message.startswith("This row"):
            raise BrokenJson(value.message)
        yield number, value


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


def _lines(source: Any, encoding: TextEncoding) -> Iterator[tuple[int, Any]]:
    """Only a line feed ends a line of JSON; a CR before it is white space."""
    number = 0
    while line := source.readline(MOST_BYTES + 1):
        number += 1
        if len(line) > MOST_BYTES and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(MOST_BYTES)
            yield (
                number,
                Unreadable(
                    f"This line is larger than {MOST_BYTES // 1024**2} MB, more than a row may be. Shorten it."
                ),
            )
        elif line.strip():
            bare = line.strip(_AROUND_LINE)
            # What a stream of events was saved as.
            bare = bare[5:].lstrip() if bare.startswith((b"data:{", b"data: {")) else bare
            yield from ((number, value) for value in _values_of(bare, encoding))


def _values_of(line: bytes, encoding: TextEncoding) -> list[Any]:
    """The value of a line, or its values where it has several, with commas around them or not."""
    value = _value(line, encoding)
    if not isinstance(value, Unreadable) or value.message.startswith("This row"):
        return [value]
    with suppress(BrokenJson):
        values = [_value(each, encoding) for each in read_values(io.BytesIO(line).read)]
        if not any(isinstance(each, Unreadable) or not isinstance(each, dict) for each in values):
            return values
    if line.startswith((b"//", b"#", b"/*")):
        return [Unreadable("This line is a comment, which is not read.")]
    return [Unreadable(value.message.replace("From here on the file", "This line"))]


def _value(element: bytes, encoding: TextEncoding) -> Any:
    try:
        return read_spelled(element.decode("utf-8"))
    except UnicodeDecodeError as error:
        bad = element[max(0, error.start - 12) : error.start + 12].replace(*_NO_LETTER)
        return Unreadable(bad_byte(encoding, bad.decode("utf-8", "backslashreplace")))
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return Unreadable(f"From here on the file is not JSON ({reason}).")
