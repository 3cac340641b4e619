"""The cells of a sheet of Excel as it shows them, in records."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from sidecar.batch.files.csv_text import BrokenRecord
from sidecar.batch.files.sheet_xml import SheetFacts, unescaped
from sidecar.batch.files.shown_numbers import shown

UNCOMPUTED = (
    "A cell of this row is a formula whose result is not in the file. Open the file in a spreadsheet, save it there, "
    "and import it again."
)

EMPTY_PROMPT = (
    "The prompt is a formula whose result is empty, or was never computed. Open the file in a spreadsheet, save it "
    "there, and import it again."
)

Record = list[str] | BrokenRecord


class EmptyResult(str):
    """The empty text of a cell whose formula gave it, as the file says."""


EMPTY_RESULT = EmptyResult()


def excel_records(sheet: Any, facts: SheetFacts) -> Iterator[Record]:
    """Yield each row of a sheet of openpyxl's; a row whose formulas nobody has computed is a broken one."""
    # What stands in the first cell of a merged range is shown beside all of its rows.
    merged: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells = [_cell(cell) for cell in row]
        for column, (until, value) in list(merged.items()):
            if number > until:
                del merged[column]
            elif column < len(cells) and not cells[column]:
                cells[column] = value
        for column, until in facts.merged.get(number, ()):
            if column < len(cells) and cells[column]:
                merged[column] = (until, cells[column])
        for column in facts.empty_results.get(number, ()):
            if column < len(cells) and not cells[column]:
                cells[column] = EMPTY_RESULT
        yield BrokenRecord(UNCOMPUTED) if number in facts.uncomputed_rows else cells


def _cell(cell: Any) -> str:
    """Whole numbers without a point, truths in capitals, dates as ISO 8601 has them."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return shown(value, cell.number_format or "")
    if isinstance(value, datetime.timedelta):
        return _duration(value, "s" in (cell.number_format or "").lower())
    return date_text(value) if isinstance(value, datetime.date | datetime.time) else unescaped(str(value))


def _duration(value: datetime.timedelta, seconds: bool) -> str:
    """Hours, which may be more than a day has, minutes, and seconds where the sheet shows them."""
    whole = round(abs(value.total_seconds()))
    shown = f"{whole // 3600}:{whole // 60 % 60:02}" + (f":{whole % 60:02}" if seconds else "")
    return f"-{shown}" if value < datetime.timedelta() else shown


def date_text(value: datetime.date | datetime.time) -> str:
    """Return a day without a time that nobody gave it."""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat()
