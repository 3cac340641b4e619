"""CSV as spreadsheets write it: encodings, delimiters, records, and cells that would run as formulas. Pure."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from sidecar.batch.files.columns import field_of

# One cell; the standard library's own limit of 128 KiB is less than some prompts.
MAX_CELL_CHARS = 16 * 1024 * 1024
DELIMITERS = ",;\t|"
_CHUNK = 1024 * 1024
_SAMPLE_CHARS = 64 * 1024

# Excel and LibreOffice run a cell that begins with one of these, the wide forms included.
_RUNS = "=+\\-@\t\r\n＝＋－＠"
_TO_DEFUSE = re.compile(rf"'*[{_RUNS}]")
_DEFUSED = re.compile(rf"'+[{_RUNS}]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")

_BOMS = (
    # The longer one first: UTF-32 LE begins as UTF-16 LE does.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class BrokenTable(ValueError):
    """What comes cannot be cut into records any more; the message says why."""


def encoding_of(stream: BinaryIO, pulse: Callable[[], None] = lambda: None) -> str | None:
    """The encoding of the whole stream by its mark or its bytes; None when it is no Unicode. Leaves it at its start."""
    stream.seek(0)
    head = stream.read(4096)
    found = next((name for mark, name in _BOMS if head.startswith(mark)), None) or _unmarked_utf16(head)
    if found is None:
        found = "utf-8" if _is_utf8(stream, pulse) else None
    stream.seek(0)
    return found


def _unmarked_utf16(head: bytes) -> str | None:
    """A header in Latin letters has a zero in every second byte."""
    even, odd = head[0:200:2], head[1:200:2]
    if len(odd) < 4:
        return None
    if odd.count(0) > 0.8 * len(odd) and not even.count(0):
        return "utf-16-le"
    return "utf-16-be" if even.count(0) > 0.8 * len(even) and not odd.count(0) else None


def _is_utf8(stream: BinaryIO, pulse: Callable[[], None]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK):
            pulse()
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def delimiter_of(sample: str) -> str:
    """The delimiter with which the first record names the most of our columns, then gives the most cells.

    A first line `sep=;`, which Excel writes and obeys, decides.
    """
    said = declared_delimiter(sample)
    if said is not None:
        return said

    def score(delimiter: str) -> tuple[bool, int, int]:
        fields = [field_of(cell) for cell in _first_record(sample, delimiter)]
        return "prompt" in fields, sum(field is not None for field in fields), len(fields)

    return max(DELIMITERS, key=score)


def declared_delimiter(text: str) -> str | None:
    found = re.match(r"sep=(.)[\r\n]", text, re.IGNORECASE | re.DOTALL)
    return found[1] if found and found[1] in DELIMITERS else None


def _first_record(sample: str, delimiter: str) -> list[str]:
    try:
        for record in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter):
            if any(record):
                return record
    except csv.Error:
        pass
    return []


def sample_of(text: Iterable[str]) -> str:
    """Enough of the beginning to tell the delimiter by, in whole lines."""
    lines, size = [], 0
    for line in text:
        lines.append(line)
        size += len(line)
        if size >= _SAMPLE_CHARS:
            break
    return "".join(lines)


def records(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The cells of each record; an empty line is an empty record. `lines` keep their ends.

    Raises BrokenTable where a cell is larger than MAX_CELL_CHARS or its quote is never closed.
    """
    # The limit is one for the whole process, and nothing else in it reads CSV.
    csv.field_size_limit(MAX_CELL_CHARS)
    pulled, ended = 0, False

    def counted() -> Iterator[str]:
        nonlocal pulled, ended
        for line in lines:
            pulled += 1
            yield line
        ended = True

    reader = csv.reader(counted(), delimiter=delimiter)
    while True:
        pulled = 0
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BrokenTable(
                f"From here on the file cannot be read as a table ({error}). Check the quotes in this row."
            ) from None
        if ended and pulled:
            # The reader asked for more after the last line: it stood inside quotes.
            raise BrokenTable(
                "A quote that is opened here is never closed, so the rest of the file was not read. "
                "Close it, or write two quotes where one is meant."
            )
        yield record


def defused(text: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would run as a formula. Numbers stay numbers."""
    return "'" + text if _TO_DEFUSE.match(text) and not _NUMBER.fullmatch(text) else text


def undefused(text: str) -> str:
    """What `defused` was given."""
    return text[1:] if _DEFUSED.match(text) else text
