"""Workbooks as one file of XML, as Excel wrote them in 2003 and many programs still do, mostly called `.xls`.

<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name><Table><Row ss:Index><Cell ss:Index>
<Data ss:Type>text</Data></Cell></Row></Table><WorksheetOptions><Visible>SheetHidden</Visible>…: "XML Spreadsheet
Reference", Microsoft. A formula (`ss:Formula`) has its result in `Data`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element, iterparse

from sidecar.batch.files.sheet_rows import rows_of

_SHEET = "{urn:schemas-microsoft-com:office:spreadsheet}"
_EXCEL = "{urn:schemas-microsoft-com:office:excel}"
_MARK = b"urn:schemas-microsoft-com:office:spreadsheet"
_HEAD_BYTES = 4096
# Rows and cells that are left out, because nothing stands in them.
_MOST_SKIPPED = 1_000


def is_workbook(stream: BinaryIO) -> bool:
    """Whether a file is such a workbook. The stream is left at its start."""
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    # Some are saved in UTF-16.
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return plain.startswith(b"<?xml") and _MARK in plain


def sheets(stream: BinaryIO) -> list[tuple[str, bool]]:
    """Return the name of each sheet, and whether it is shown. Raise what the library does for a damaged file."""
    found: list[tuple[str, bool]] = []
    hidden = False
    for event, element in _elements(stream):
        if event == "start" and element.tag == f"{_SHEET}Worksheet":
            found.append((element.get(f"{_SHEET}Name", ""), True))
            hidden = False
        elif event == "end" and element.tag == f"{_EXCEL}Visible":
            hidden = (element.text or "").strip() in ("SheetHidden", "SheetVeryHidden")
        elif event == "end" and element.tag == f"{_SHEET}Worksheet":
            found[-1] = found[-1][0], not hidden
        if event == "end" and element.tag in (f"{_SHEET}Row", f"{_SHEET}Table"):
            element.clear()
    return found


def rows(stream: BinaryIO, number: int) -> Iterator[list[str]]:
    """Yield the cells of each row of the sheet of that number, from 0. Raise as `sheets` does."""
    done = 0
    for row in rows_of(_elements(stream), f"{_SHEET}Worksheet", f"{_SHEET}Row", number):
        place = _index(row, done)
        yield from ([] for _ in range(min(place - done, _MOST_SKIPPED)))
        done = place + 1
        yield _cells(row)


def _elements(stream: BinaryIO) -> Iterator[tuple[str, Element]]:
    stream.seek(0)
    yield from iterparse(stream, events=("start", "end"))  # noqa: S314 - expat bounds what entities become


def _index(element: Element, otherwise: int) -> int:
    told = element.get(f"{_SHEET}Index", "")
    return int(told) - 1 if told.isdigit() and int(told) > otherwise else otherwise


def _cells(row: Element) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if cell.tag == f"{_SHEET}Cell":
            place = _index(cell, len(cells))
            cells += [""] * min(place - len(cells), _MOST_SKIPPED)
            cells.append(_shown(cell.find(f"{_SHEET}Data")))
            across = cell.get(f"{_SHEET}MergeAcross", "")
            cells += [""] * (min(int(across), _MOST_SKIPPED) if across.isdigit() else 0)
    return cells


def _shown(data: Element | None) -> str:
    """A cell as other tables give it; what is bold in it is text too."""
    if data is None:
        return ""
    text, kind = "".join(data.itertext()), data.get(f"{_SHEET}Type", "")
    if kind == "Boolean":
        return "TRUE" if text.strip() == "1" else "FALSE"
    if kind == "DateTime":
        return text.strip().removesuffix(".000").removesuffix("T00:00:00")
    return text
