"""Spreadsheets of LibreOffice and other programs (OpenDocument, `.ods`): their sheets and the cells in them.

Members as in OpenDocument 1.3, part 3, 9.1: https://docs.oasis-open.org/office/OpenDocument/v1.3/
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO
from xml.etree.ElementTree import Element, iterparse

from sidecar.batch.files.csv_text import BrokenRecord
from sidecar.batch.files.excel_cells import UNCOMPUTED, Record
from sidecar.batch.files.sheet_rows import rows_of

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_MIME = b"application/vnd.oasis.opendocument.spreadsheet"
# Programs fill a sheet up to its edge with one cell that is there so often.
_MOST_REPEATED = 1_000
_MOST_SPACES = 1_000
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def is_spreadsheet(packed: zipfile.ZipFile) -> bool:
    """Whether a packed document is a spreadsheet."""
    return packed.read("mimetype")[: len(_MIME)] == _MIME


def sheets(stream: BinaryIO) -> list[tuple[str, bool]]:
    """Return the name of each sheet, and whether it is shown. Raise what the libraries do for a damaged file."""
    hidden: set[str] = set()
    found: list[tuple[str, str]] = []
    for event, element in _elements(stream):
        if event == "start" and element.tag == f"{_TABLE}table":
            found.append((element.get(f"{_TABLE}name", ""), element.get(f"{_TABLE}style-name", "")))
        elif event == "end" and element.tag == f"{_STYLE}style":
            for each in element:
                if each.get(f"{_TABLE}display") == "false":
                    hidden.add(element.get(f"{_STYLE}name", ""))
        elif event == "end" and element.tag in (f"{_TABLE}table-row", f"{_TABLE}table"):
            element.clear()
    return [(name, style not in hidden) for name, style in found]


def rows(stream: BinaryIO, number: int) -> Iterator[Record]:
    """Yield the cells of each row of the sheet of that number, from 0. Raise as `sheets` does.

    A row with a formula that nobody has computed is a broken one.
    """
    empty = 0
    for row in rows_of(_elements(stream), f"{_TABLE}table", f"{_TABLE}table-row", number):
        cells, times = _cells(row), _times(row, "rows")
        if _is_uncomputed(row):
            yield from ([] for _ in range(empty))
            yield BrokenRecord(UNCOMPUTED)
            empty = 0
        elif any(cells):
            # Blank rows count only where something follows them.
            yield from ([] for _ in range(empty))
            yield from (list(cells) for _ in range(times))
            empty = 0
        else:
            empty = min(empty + times, _MOST_REPEATED)


def _is_uncomputed(row: Element) -> bool:
    """Whether a cell of the row has a formula and neither a value nor a text."""
    return any(
        cell.get(f"{_TABLE}formula") and not cell.get(f"{_OFFICE}value-type") and not len(cell)
        for cell in row
    )


def _elements(stream: BinaryIO) -> Iterator[tuple[str, Element]]:
    stream.seek(0)
    with zipfile.ZipFile(stream) as packed, packed.open("content.xml") as content:
        yield from iterparse(content, events=("start", "end"))  # noqa: S314 - expat bounds what entities become


def _cells(row: Element) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if cell.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            cells += [_shown(cell)] * _times(cell, "columns")
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _shown(cell: Element) -> str:
    """A cell as other tables give it: numbers and dates as they are kept, texts a paragraph a line."""
    kind = cell.get(f"{_OFFICE}value-type", "")
    shown = "\n".join(_paragraph(each) for each in cell if each.tag == f"{_TEXT}p")
    if kind in ("float", "percentage", "currency"):
        return _number(cell.get(f"{_OFFICE}value", ""), shown.strip(), percent=kind == "percentage")
    if kind == "date":
        return cell.get(f"{_OFFICE}date-value", "").removesuffix("T00:00:00")
    if kind == "boolean":
        return cell.get(f"{_OFFICE}boolean-value", "").upper()
    return shown


def _number(value: str, shown: str, *, percent: bool) -> str:
    """The number that is kept, spelled as it is shown where that is the same number."""
    if not _PLAIN_NUMBER.fullmatch(value):
        return value
    kept = Decimal(value) * (100 if percent else 1)
    said = shown.removesuffix("%").strip() if percent else shown
    if not _PLAIN_NUMBER.fullmatch(said) or Decimal(said) != kept:
        said = format(kept, "f")
        said = said.rstrip("0").rstrip(".") if "." in said else said
    return f"{said}%" if percent else said


def _paragraph(element: Element) -> str:
    parts = [element.text or ""]
    for each in element:
        if each.tag == f"{_TEXT}s":
            parts.append(" " * min(int(each.get(f"{_TEXT}c", "1")), _MOST_SPACES))
        elif each.tag == f"{_TEXT}tab":
            parts.append("\t")
        elif each.tag == f"{_TEXT}line-break":
            parts.append("\n")
        elif not each.tag.startswith(_OFFICE):
            # A link or a piece in bold; a remark of a reader's is no part of the cell.
            parts.append(_paragraph(each))
        parts.append(each.tail or "")
    return "".join(parts)


def _times(element: Element, what: str) -> int:
    told = element.get(f"{_TABLE}number-{what}-repeated", "1")
    return max(1, min(int(told), _MOST_REPEATED)) if told.isdigit() else 1
