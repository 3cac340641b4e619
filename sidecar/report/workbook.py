"""A table as a workbook of Excel: a ZIP file of a little XML, written as it comes, with no library (pure).

Text stands in its own cell as text, so that nothing in it is ever a formula. Written after ECMA-376, part 1, 18.3.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from sidecar.batch.files.excel_limits import MOST_COLUMNS, MOST_LETTERS, MOST_ROWS

# What XML cannot say, and halves of surrogate pairs.
_UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# Excel reads _x0041_ in a text as the letter of that number.
_LETTER_NUMBER = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    # The second form of cells is that of the first row: bold, and wrapped as all text is.
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf><alignment vertical="top" wrapText="1"/></xf>'
        '<xf fontId="1" applyFont="1"><alignment vertical="top" wrapText="1"/></xf></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}


def write(file: BinaryIO, sheet: str, heads: Sequence[str], lines: Iterable[Sequence[Any]]) -> int:
    """Write a workbook of one sheet whose first row stays in sight; return how many lines did not fit into it."""
    left_out = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, _DECLARATION + content)
        archive.writestr("xl/workbook.xml", _workbook(sheet))
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(_begin(len(heads)).encode())
            part.write(_row(1, heads, style=1).encode("utf-8"))
            for number, cells in enumerate(lines, start=2):
                if number > MOST_ROWS:
                    left_out += 1
                else:
                    part.write(_row(number, cells).encode("utf-8"))
            part.write(b"</sheetData></worksheet>")
    return left_out


def column_name(number: int) -> str:
    """Return A for 0, Z for 25, AA for 26."""
    name = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _workbook(sheet: str) -> str:
    name = escape(re.sub(r"[\[\]:*?/\\]", " ", _said(sheet))[:31].strip(" '") or "Sheet", {'"': "&quot;"})
    return (
        f'{_DECLARATION}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _begin(columns: int) -> str:
    return (
        f'{_DECLARATION}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols><col min="1" max="{min(MOST_COLUMNS, max(1, columns))}" width="24" customWidth="1"/></cols><sheetData>'
    )


def _row(number: int, cells: Sequence[Any], style: int = 0) -> str:
    made = "".join(
        _cell(f"{column_name(place)}{number}", value, style)
        for place, value in enumerate(cells[:MOST_COLUMNS])
        if value is not None
    )
    return f'<row r="{number}">{made}</row>'


def _cell(at: str, value: Any, style: int) -> str:
    if isinstance(value, bool):
        return f'<c r="{at}" s="{style}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{at}" s="{style}"><v>{value!r}</v></c>'
    text = escape(_said(str(value)))
    return f'<c r="{at}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _said(text: str) -> str:
    cut = text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
    return _LETTER_NUMBER.sub("_x005F_", _UNSAYABLE.sub("\ufffd", cut))[:MOST_LETTERS]
