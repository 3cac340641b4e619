"""The pages of an SQLite file as trees, also where some are damaged: a page's kind, children and rows (pure).

Read in SQLite's "Database File Format", sections 1.6 and 2.1: a page of a tree begins with its kind, the number of its
cells and where they lie; page 1 has the file's header before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

HEADER_BYTES: Final = 100
INTERIOR, LEAF = 5, 13
_INDEX_INTERIOR, _INDEX_LEAF = 2, 10
_KINDS = {INTERIOR: 12, LEAF: 8, _INDEX_INTERIOR: 12, _INDEX_LEAF: 8}
_WIDE = 9  # a number takes at most so many bytes


@dataclass(slots=True)
class Tree:
    """What can be reached from a root. Not `whole`: a page below it is no page of a tree."""

    pages: set[int] = field(default_factory=set)
    leaves: list[int] = field(default_factory=list)
    whole: bool = True


class TreePages:
    """`data` is the whole file; pages are counted from 1. Only of a page that has a `kind` may more be asked."""

    def __init__(self, data: bytes, page_bytes: int) -> None:
        self._data = data
        self._page_bytes = page_bytes
        self.count = len(data) // page_bytes

    def kind(self, page: int) -> int | None:
        """The kind of a page of a tree whose cells all lie in it; None for any other."""
        if not 1 <= page <= self.count:
            return None
        start = self._start(page)
        kind = self._data[start]
        if kind not in _KINDS:
            return None
        end = page * self._page_bytes
        first = start + _KINDS[kind] + 2 * self._two(start + 3)
        sound = first <= end and all(first <= cell < end for cell in self.cells(page))
        return kind if sound else None

    def content(self, page: int) -> bytes:
        """All of a page. To be asked of no page 1."""
        return self._data[(page - 1) * self._page_bytes : page * self._page_bytes]

    def cells(self, page: int) -> Iterator[int]:
        """Where the cells of a page lie in the file, in their order."""
        start = self._start(page)
        pointers = start + _KINDS[self._data[start]]
        for number in range(self._two(start + 3)):
            yield (page - 1) * self._page_bytes + self._two(pointers + 2 * number)

    def children(self, page: int) -> list[int]:
        """The pages below one that is not a leaf, in their order."""
        last = self._four(self._start(page) + 8)
        return [*(self._four(cell) for cell in self.cells(page)), last]

    def tree(self, root: int) -> Tree:
        """What can be reached from a root, of a table or an index; leaves of tables alone are listed."""
        found, waiting = Tree(), [root]
        while waiting:
            page = waiting.pop()
            kind = self.kind(page)
            if kind is None or page in found.pages:
                found.whole = False
                continue
            found.pages.add(page)
            if kind == LEAF:
                found.leaves.append(page)
            elif kind in (INTERIOR, _INDEX_INTERIOR):
                waiting.extend(reversed(self.children(page)))
        return found

    def free(self, trunk: int) -> set[int]:
        """The pages that are not in use, by the list that begins with `trunk`: they still hold what was deleted."""
        found: set[int] = set()
        while 1 <= trunk <= self.count and trunk not in found:
            found.add(trunk)
            start = (trunk - 1) * self._page_bytes
            number = min(self._four(start + 4), self._page_bytes // 4 - 2)
            found.update(self._four(start + 8 + 4 * each) for each in range(number))
            trunk = self._four(start)
        return found

    def last_row(self, leaf: int) -> int | None:
        """The number of the last row in a leaf of a table; None for one without rows."""
        cells = list(self.cells(leaf))
        if not cells:
            return None
        _, at = self._number(cells[-1])
        return self._number(at)[0]

    def record(self, leaf: int) -> tuple[int, bytes]:
        """Of the first row of a leaf: how many columns it has, and the first of them where that is a text."""
        cell = next(self.cells(leaf))
        _, at = self._number(cell)
        _, start = self._number(at)
        length, at = self._number(start)
        types = []
        while at < min(start + length, len(self._data)):
            each, at = self._number(at)
            types.append(each)
        text = types and types[0] >= 13 and types[0] % 2
        first = self._data[start + length : start + length + (types[0] - 13) // 2] if text else b""
        return len(types), first

    def _start(self, page: int) -> int:
        return HEADER_BYTES if page == 1 else (page - 1) * self._page_bytes

    def _two(self, at: int) -> int:
        return int.from_bytes(self._data[at : at + 2], "big")

    def _four(self, at: int) -> int:
        return int.from_bytes(self._data[at : at + 4], "big")

    def _number(self, at: int) -> tuple[int, int]:
        """A number of SQLite's own form, and where the next one begins."""
        found = 0
        for place, byte in enumerate(self._data[at : at + _WIDE]):
            if place == _WIDE - 1:
                return found << 8 | byte, at + _WIDE
            found = found << 7 | byte & 127
            if byte < 128:
                return found, at + place + 1
        return found, at + _WIDE


def number_bytes(number: int) -> bytes:
    """A number below 2^56 in SQLite's own form."""
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127 | 128)
    return bytes(reversed(groups))


def interior_page(children: list[tuple[int, int]], page_bytes: int, header: bytes = b"") -> bytes:
    """A page of a table's tree above these pages, each with the number of its last row, in their order.

    `header` is the file's, for page 1.
    """
    *before, (last, _) = children
    pointers, content, end = b"", b"", page_bytes
    for page, row in before:
        cell = page.to_bytes(4, "big") + number_bytes(row)
        content = cell + content
        end -= len(cell)
        pointers += end.to_bytes(2, "big")
    head = (
        bytes([INTERIOR, 0, 0]) + len(before).to_bytes(2, "big") + (end % 65_536).to_bytes(2, "big") + b"\0"
    )
    top = header + head + last.to_bytes(4, "big") + pointers
    return top + bytes(page_bytes - len(top) - len(content)) + content
