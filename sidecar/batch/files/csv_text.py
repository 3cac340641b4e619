"""CSV as spreadsheets write it: delimiters, records, and cells that would run as formulas (pure)."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

# One cell; the standard library's own limit of 128 KiB is less than some prompts.
MAX_CELL_CHARS = 16 * 1024 * 1024
DELIMITERS = ",;\t|"
# Those of keyboards and programs elsewhere: they count where none of the others finds a name that is known.
_RARE_DELIMITERS = "\uff0c\uff1b\u060c\u061b^~\u00a6\x01\x1f"
_TOP_RECORDS = 10
_END_OF_FILE = "\x1a"
_SAMPLE_CHARS = 64 * 1024

# Excel and LibreOffice run a cell that begins with one of these, the wide forms included.
_RUNS = "=+\\-@\t\r\n＝＋－＠"
_TO_DEFUSE = re.compile(rf"'*[{_RUNS}]")
_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"\s*')
_DEFUSED = re.compile(rf"'+[{_RUNS}]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")


def delimiter_of(sample: str, is_field: Callable[[str], bool]) -> str:
    """The delimiter with which a record near the top names the most of our columns, then gives the most even records.

    A first line `sep=;`, which Excel writes and obeys, decides.
    """
    said = declared_delimiter(sample)
    if said is not None:
        return said

    def score(delimiter: str) -> tuple[int, bool, int]:
        top = first_records(sample, delimiter)
        fields = max((sum(map(is_field, record)) for record in top), default=0)
        widths = [len(record) for record in top]
        even = len(widths) > 1 and len(set(widths)) == 1 and widths[0] > 1
        return fields, even, max(widths, default=0)

    found = max(DELIMITERS, key=score)
    if score(found)[0]:
        return found
    rare = max(_RARE_DELIMITERS, key=score)
    return rare if score(rare)[0] else found


def declared_delimiter(text: str) -> str | None:
    found = re.match(r"sep=(.)[\r\n]", text, re.IGNORECASE | re.DOTALL)
    return found[1] if found and found[1] in DELIMITERS else None


def has_backslash_quotes(sample: str, delimiter: str) -> bool:
    """Whether quotes inside quoted cells are written with a backslash before them, as some databases export."""
    return (
        '\\"' in sample
        and _is_broken(sample, delimiter)
        and not _is_broken(doubled_quotes(sample), delimiter)
    )


def doubled_quotes(text: str) -> str:
    return text.replace('\\"', '""')


def has_spaced_quotes(sample: str, delimiter: str) -> bool:
    """Whether there are blanks between the delimiters and the quotes that belong to them."""
    spaced = _spaced_quotes(delimiter)
    return (
        spaced.search(sample) is not None
        and _has_quote_behind_blanks(sample, delimiter)
        and not _is_broken(spaced.sub(delimiter, sample), delimiter)
    )


def _has_quote_behind_blanks(sample: str, delimiter: str) -> bool:
    """Whether some cell begins so as it stands: `, "` may be the end of a cell as well."""
    with suppress(csv.Error):
        for record in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter):
            if any(cell[:1] == " " and cell.lstrip(" ")[:1] == '"' for cell in record):
                return True
    return False


def without_spaces(delimiter: str) -> Callable[[str], str]:
    """Return what takes the blanks before quotes out of a line."""
    spaced = _spaced_quotes(delimiter)
    return lambda line: spaced.sub(delimiter, line)


def _spaced_quotes(delimiter: str) -> re.Pattern[str]:
    # Within a cell a quote is doubled.
    return re.compile(rf'{re.escape(delimiter)} +(?="[^"])')


def _is_broken(sample: str, delimiter: str) -> bool:
    try:
        for _ in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        # A sample may end within a cell.
        return "unexpected end" not in str(error)
    return False


def first_records(sample: str, delimiter: str) -> list[list[str]]:
    """Return the first few records that are not empty, as far as they can be told."""
    found: list[list[str]] = []
    try:
        for record in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter):
            if any(record):
                found.append(record)
            if len(found) == _TOP_RECORDS:
                break
    except csv.Error:
        pass
    return found


def sample_of(text: Iterable[str]) -> str:
    """Enough of the beginning to tell the delimiter by, in whole lines."""
    lines, size = [], 0
    for line in text:
        lines.append(line)
        size += len(line)
        if size >= _SAMPLE_CHARS:
            break
    return "".join(lines)


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """Lines that are no record, and why. The next record is read from the next line that looks like one."""

    message: str


class Records:
    """The cells of each record; an empty line is an empty record. Lines keep their ends.

        2,"open,m          A quote that is never meant to close swallows what follows. The record is given up,
        3,b,m              and reading goes on with the first line behind its first that is a record by itself.
        4,"c",m

    `width` and `model_at`, once they are set, tell a line that is a record from one that is a part of some cell.
    """

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        # The limit is one for the whole process, and nothing else in it reads CSV.
        csv.field_size_limit(MAX_CELL_CHARS)
        self._lines = iter(lines)
        self._delimiter = delimiter
        self._again: deque[str] = deque()
        self._pulled: list[str] = []
        self._open = re.compile(rf'(?:^|{re.escape(delimiter)})"(?:[^"]|"")*$')
        self._cell = re.compile(
            rf'("(?:[^"]|"")*"|(?!")[^{re.escape(delimiter)}]*)({re.escape(delimiter)}|$)', re.DOTALL
        )
        self.width: int | None = None
        self.model_at: int | None = None

    def __iter__(self) -> Iterator[list[str] | BrokenRecord]:
        while True:
            try:
                for record in csv.reader(self._source(), delimiter=self._delimiter, strict=True):
                    if len(self._pulled) > 1 and self._swallowed(record):
                        yield BrokenRecord(
                            "A quote that is opened here is not closed before the next row begins. "
                            "Close it, or write two quotes where one is meant."
                        )
                        break
                    yield list(map(_plain, record)) if any(map(_is_formula, record)) else record
                    self._pulled.clear()
                else:
                    return
            except csv.Error as error:
                yield BrokenRecord(_sentence(error))
            self._go_on()

    def _source(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else next(self._lines, None)
            if line is None:
                return
            if line.startswith(_END_OF_FILE) and not line.strip(_END_OF_FILE + "\r\n"):
                # Old programs of Windows end a file so.
                continue
            self._pulled.append(line)
            yield line

    def _go_on(self) -> None:
        """Put back what lies behind the first line that was pulled, from the next on that is a record by itself."""
        self._again.extendleft(reversed(self._pulled[1:]))
        self._pulled.clear()
        if self.width is None or self.width < 2:
            return
        for line in self._source():
            if self._is_record(line):
                self._again.appendleft(line)
                break
        self._pulled.clear()

    def _is_record(self, line: str) -> bool:
        text = line.rstrip("\r\n")
        cells = next(csv.reader([text], delimiter=self._delimiter), [])
        if self._open.search(text):
            return 1 < len(cells) <= (self.width or 0)
        # A lone quote inside a bare cell is the end of a cell that began lines before.
        return len(cells) == self.width and not any(cell.count('"') % 2 for cell in cells)

    def _swallowed(self, record: list[str]) -> bool:
        """Whether the lines of one record are each as much of a record as it is.

        What stands before the quote that is open is no sign of it: a text of several lines begins like that too.
        """
        if self.width is None or len(record) > self.width:
            return False
        before, behind = self._at_open_quote(self._pulled[0].rstrip("\r\n"))
        first = [*before, *behind]
        others = [line.rstrip("\r\n").split(self._delimiter) for line in self._pulled[1:-1]]
        lines = [first, *others]
        whole = [cells for cells in lines if len(cells) == self.width]
        if self.model_at is not None and self.model_at < len(record) and record[self.model_at].strip():
            signs = [cells for cells in whole if cells is not first or self.model_at > len(before)]
            return any(cells[self.model_at].strip() == record[self.model_at].strip() for cells in signs)
        return len(lines) > 1 and self.width > 2 and len(whole) == len(lines) and _counts_on(whole)

    def _at_open_quote(self, line: str) -> tuple[list[str], list[str]]:
        """Return the whole cells of a line, and what its other cells would be if the first of them were bare."""
        found, position = [], 0
        while cell := self._cell.match(line, position):
            found.append(cell[1])
            position = cell.end()
            if not cell[2]:
                return found, []
        return found, line[position:].split(self._delimiter)


def _counts_on(lines: list[list[str]]) -> bool:
    """Whether the first cells are numbers, each one more than the one before."""
    first = [cells[0] for cells in lines]
    return all(text.isdigit() and len(text) < 16 for text in first) and all(
        int(after) == int(before) + 1 for before, after in pairwise(first)
    )


def _sentence(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end" in said:
        return (
            "A quote that is opened here is never closed. Close it, or write two quotes where one is meant; "
            "the rows below it were read where they could be told from it."
        )
    if "expected after" in said:
        return "In this row there is text after a closing quote. Write two quotes where one is meant."
    return f"This row cannot be read as a part of a table ({said}). Check its quotes."


def _is_formula(cell: str) -> bool:
    return cell.startswith('="')


def _plain(cell: str) -> str:
    """The text of a cell that programs write as a formula, `="0012"`, lest Excel takes it for a number."""
    found = _TEXT_FORMULA.fullmatch(cell)
    return cell if found is None else found[1].replace('""', '"')


def defused(text: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would run as a formula. Numbers stay numbers."""
    return "'" + text if _TO_DEFUSE.match(text) and not _NUMBER.fullmatch(text) else text


def undefused(text: str) -> str:
    """What `defused` was given."""
    return text[1:] if _DEFUSED.match(text) else text
