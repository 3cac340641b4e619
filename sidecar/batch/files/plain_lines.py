"""A text without columns as rows: a line each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sidecar.batch.files import csv_text
from sidecar.batch.files.options import ImportOptions

_LOOKED_AT = 20


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


def records(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield each line as the only cell of a record."""
    return ([line.rstrip("\r\n")] for line in lines)
