"""What the XML of a sheet tells and its cells do not: merged cells, hidden rows, formulas without a result."""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_PIECE_BYTES = 256 * 1024
# The longest row that is looked at as a whole; of a longer one nothing is told.
_LONGEST_ROW = 16 * 1024 * 1024
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_NUMBER = re.compile(rb'\br="(\d+)"')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
# A formula behind which no value stands. An empty one of a text is the result.
_UNCOMPUTED = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_TEXT_RESULT = re.compile(rb'\bt="str"')
_HAS_VALUE = re.compile(rb"<(?:\w+:)?v\b")
_PLACE = re.compile(rb'\br="([A-Z]{1,3})\d+"')
# A zero is what libraries write where a formula was never computed.
_ZERO = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)>\s*<(?:\w+:)?f\b[^>]*>([^<]*)</(?:\w+:)?f>\s*<(?:\w+:)?v>0(?:\.0)?</(?:\w+:)?v>"
)
_TEXTS = re.compile(
    r"=?(?:_xlfn\.)?(?:CONCAT|CONCATENATE|TEXTJOIN|TEXT|LEFT|RIGHT|MID|SUBSTITUTE|TRIM|UPPER|LOWER|PROPER|REPT)\(",
    re.IGNORECASE,
)
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*\bref="\$?([A-Z]{1,3})\$?(\d+):\$?[A-Z]{1,3}\$?(\d+)"')
# What stands before the rows: how far the cells go, and what is said of columns.
_HEAD_BYTES = 256 * 1024
_EXTENT = re.compile(rb'<(?:\w+:)?dimension\b[^>]*\bref="[A-Z]{1,3}\d+:([A-Z]{1,3})\d+"')
_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^>]*)>")
_SPAN = re.compile(rb'\b(min|max)="(\d{1,5})"')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True, slots=True)
class SheetFacts:
    """Rows count from 1, columns from 0. `merged` has by its first row the column and the last row of each range.

    `empty_results` has by its row the columns in which a formula gave an empty text, or was not computed.
    """

    uncomputed_rows: frozenset[int] = frozenset()
    empty_results: Mapping[int, list[int]] = field(default_factory=dict)
    hidden_rows: int = 0
    hidden_columns: tuple[int, ...] = ()
    merged: Mapping[int, list[tuple[int, int]]] = field(default_factory=dict)


NOTHING = SheetFacts()


def sheet_paths(packed: zipfile.ZipFile) -> dict[str, str]:
    """Return where each sheet stands in the file, by its title; nothing for a file that does not say so."""
    try:
        book = packed.read("xl/workbook.xml").decode("utf-8", "replace")
        relations = packed.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    except KeyError:
        return {}
    targets = {told.get("Id"): told.get("Target", "") for told in _elements(relations, "Relationship")}
    found = {}
    for sheet in _elements(book, "sheet"):
        target = targets.get(next((sheet[name] for name in sheet if name.endswith(":id")), None))
        if target:
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            found[sheet.get("name", "")] = path
    return found


def _elements(text: str, name: str) -> Iterator[dict[str, str]]:
    """Yield the attributes of each element of this name."""
    for element in re.finditer(rf"<(?:\w+:)?{name}\b([^>]*)>", text):
        yield {key: html.unescape(one or other) for key, one, other in _ATTRIBUTE.findall(element[1])}


def facts_of(packed: zipfile.ZipFile, path: str) -> SheetFacts:
    """Return what the sheet at this path of the file tells of its rows."""
    if path not in packed.namelist():
        return NOTHING
    uncomputed, hidden, merged = set[int](), 0, dict[int, list[tuple[int, int]]]()
    empty: dict[int, list[int]] = {}
    number = 0
    for part in _rows(packed, path):
        row = _ROW.search(part)
        if row is not None:
            told = _NUMBER.search(row[1])
            number = int(told[1]) if told else number + 1
            # A row without cells hides nothing.
            hidden += _HIDDEN.search(row[1]) is not None and b"<" in part[row.end() :]
            for cell in _UNCOMPUTED.finditer(part):
                if not _TEXT_RESULT.search(cell[1]) or not _HAS_VALUE.search(cell[0]):
                    uncomputed.add(number)
                elif place := _PLACE.search(cell[1]):
                    empty.setdefault(number, []).append(_column(place[1]))
            if any(b" t=" not in cell[1] and _gives_text(cell[2]) for cell in _ZERO.finditer(part)):
                uncomputed.add(number)
        for column, first, last in _MERGED.findall(part):
            if int(last) > int(first):
                merged.setdefault(int(first), []).append((_column(column), int(last)))
    return SheetFacts(frozenset(uncomputed), empty, hidden, _hidden_columns(packed, path), merged)


def _hidden_columns(packed: zipfile.ZipFile, path: str) -> tuple[int, ...]:
    """Which columns with cells the sheet hides; none where it does not say how far its cells go."""
    with packed.open(path) as sheet:
        head = sheet.read(_HEAD_BYTES)
    extent = _EXTENT.search(head)
    last = -1 if extent is None else _column(extent[1])
    found: list[int] = []
    for column in _COLUMN.finditer(head):
        span = {name: int(number) - 1 for name, number in _SPAN.findall(column[1])}
        if _HIDDEN.search(column[1]) and b"min" in span:
            found += range(span[b"min"], min(span.get(b"max", span[b"min"]), last) + 1)
    return tuple(found)


def _gives_text(formula: bytes) -> bool:
    """Whether the result of a formula can only be a text: it joins texts, or a function of texts is all around it."""
    plain = re.sub(r'"[^"]*"', '""', html.unescape(formula.decode("utf-8", "replace")).strip())
    depth, closed = 0, False
    for place, letter in enumerate(plain):
        depth += (letter == "(") - (letter == ")")
        if letter == "&" and not depth:
            return True
        closed = closed or (letter == ")" and not depth and place < len(plain) - 1)
    return _TEXTS.match(plain) is not None and not closed


def unescaped(text: str) -> str:
    """Return a text with the characters that its XML could not hold, as `_x000D_`, in place of how they are written."""
    if "_x" not in text:
        return text
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    # An emoji is written as its two halves.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _rows(packed: zipfile.ZipFile, path: str) -> Iterator[bytes]:
    """Yield the sheet row by row, and last what stands behind them."""
    rest = b""
    with packed.open(path) as sheet:
        while piece := sheet.read(_PIECE_BYTES):
            start = max(0, len(rest) - 16)
            rest += piece
            done = 0
            for end in _ROW_END.finditer(rest, start):
                # An empty row has no end of its own, and stands before the one that has.
                *empty, last = _split(rest[done : end.start()])
                yield from (*empty, last)
                done = end.end()
            rest = rest[done:]
            if len(rest) > _LONGEST_ROW:
                rest = b""
    yield rest


def _split(part: bytes) -> list[bytes]:
    starts = [row.start() for row in _ROW.finditer(part)]
    return [part[start:end] for start, end in zip(starts, [*starts[1:], len(part)], strict=True)] or [part]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def letters_of(column: int) -> str:
    """Return how a spreadsheet calls a column, counted from 0."""
    letters, number = "", column + 1
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(65 + place) + letters
    return letters
