"""Results of a batch that a gateway writes down as a table: lines of cells below their names, some in JSON (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sidecar.providers.kernel.charset import text_of
from sidecar.providers.kernel.json_values import read_lenient

_DELIMITERS = ",;\t"
# By its delimiter; the reader of the standard library takes no cell of more than 128 KiB.
_CELL = {
    each: re.compile(rf'(?:"((?:[^"]|"")*+)"|([^"{each}][^{each}]*+|))({each}|\Z)') for each in _DELIMITERS
}
_NO_LETTER = re.compile(r"[^a-z]")
# The columns that name a row of one of the vendors.
_NAMES_ROW = frozenset({"customid", "key", "batchrequestid"})
_MOST_NAMES = 100


class CsvResults:
    """Is fed lines. Once one of them has named columns, each later one is an object by these names."""

    def __init__(self) -> None:
        self._names: Sequence[str] = ()
        self._delimiter = ","

    def begins(self, line: bytes) -> bool:
        """Whether this line names the columns of such a table."""
        if self._names or line[:1] in (b"{", b"[", b"<") or len(line) > 10_000:
            return False
        text = text_of(line)
        for delimiter in _DELIMITERS:
            cells = _cells(text, delimiter)
            named = {_NO_LETTER.sub("", cell.lower()) for cell in cells}
            if 1 < len(cells) <= _MOST_NAMES and named & _NAMES_ROW:
                self._names, self._delimiter = [cell.strip().lstrip("\ufeff") for cell in cells], delimiter
                return True
        return False

    def row(self, line: bytes) -> Mapping[str, Any] | None:
        """Return the object of a line below the names; None for a line that has more cells than these."""
        if not self._names or line[:1] in (b"{", b"["):
            return None
        cells = _cells(text_of(line), self._delimiter)
        if not 1 < len(cells) <= len(self._names):
            return None
        # Empty cells at the end may be left out, as tabs are that end a line.
        return {name: _value(cell) for name, cell in zip(self._names, cells, strict=False)}


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a line; none where a quote stands where it cannot."""
    cells, at, cell = [], 0, _CELL[delimiter]
    while (found := cell.match(text, at)) is not None:
        quoted = found[1]
        cells.append(found[2] if quoted is None else quoted.replace('""', '"'))
        at = found.end()
        if not found[3]:
            return cells
    return []


def _value(cell: str) -> Any:
    if cell.lstrip()[:1] in ("{", "["):
        with suppress(ValueError):
            return read_lenient(cell)
    return cell or None
