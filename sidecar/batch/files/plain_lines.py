"""A text without columns as rows: a line each (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from sidecar.batch.files import csv_text
from sidecar.batch.files.options import ImportOptions

_LOOKED_AT = 20
_LONGEST_NAME = 40
_RULE = re.compile(r"[-=_*~#+| \t]{3,}|`{3,}[\w+.-]*|\{\||\|\}|\|-")
_MARKS = re.compile(r"[ \t]{2,}|[ \t]*(?:[|&]+|!!|^!|\\\\$)[ \t]*")
_PARTS = "This line only parts others, and is not read as a question."
DRAWN = (
    "The file is a table whose columns are told apart by blanks or by marks, which is not read. Save it as CSV, and "
    "import that."
)


def is_list(head: str, options: ImportOptions, is_field: Callable[[str], bool]) -> bool:
    """Whether a text that begins so is no table: nobody says how it is one, and no delimiter cuts its lines evenly."""
    if options.columns or options.delimiter or not options.header:
        return False
    lines = [line for line in head.splitlines()[:_LOOKED_AT] if line.strip()]
    if not lines or is_field(lines[0].strip()):
        return False
    if len(lines) == 1:
        return not any(delimiter in lines[0] for delimiter in csv_text.DELIMITERS.replace(",", ""))
    counts = ({line.count(delimiter) for line in lines} for delimiter in csv_text.DELIMITERS)
    return not any(len(found) == 1 and found != {0} for found in counts)


def is_drawn_table(head: str, is_field: Callable[[str], bool]) -> bool:
    """Whether a text begins with the header of a table whose cells are told apart by blanks, or by marks of a wiki."""
    lines = [
        line.strip() for line in head.splitlines()[:_LOOKED_AT] if line.strip() and not _RULE.fullmatch(line)
    ]
    cells = [cell.strip() for cell in _MARKS.split(lines[0]) if cell.strip()] if lines else []
    return len(cells) > 1 and all(len(cell) <= _LONGEST_NAME for cell in cells) and any(map(is_field, cells))


def records(lines: Iterable[str]) -> Iterator[list[str] | csv_text.BrokenRecord]:
    """Yield each line as the only cell of a record; what only parts others is a broken one."""
    for line in lines:
        text = line.rstrip("\r\n")
        yield csv_text.BrokenRecord(_PARTS) if _RULE.fullmatch(text.strip()) else [text]
