"""Tables whose upper pages are damaged, put together again from the pages of rows that nothing leads to any more.

One damaged page at the root of a table would hide every row of it, and one of the schema every table. The pages of rows
below are whole all the same, and a new page above them makes them a table again:

    page 1, or a page of the schema     the pages that hold definitions are found by what is in them
    a root, or a page between           all pages of rows that no other tree has, and that are not free, are the table's
"""

from __future__ import annotations

import mmap
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sidecar.store.tree_pages import HEADER_BYTES, LEAF, TreePages, interior_page

# Of the schema's table: type, name, tbl_name, rootpage, sql.
_DEFINITION_COLUMNS = 5
_DEFINITIONS = (b"table", b"index", b"trigger", b"view")
# The header and so many children fit into a page of 512 bytes, the smallest that there is.
_MOST_CHILDREN = 20


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    root: int
    columns: int


def mend(file: Path, page_bytes: int, trunk: int | None) -> None:
    """Put new pages above what hangs loose in a file that nothing has open, as far as it is clear whose it is.

    `trunk` is the first page of the list of free ones, None where nobody knows it: then rows that were deleted could
    come back, and loose pages stay where they are. Blocking. Raise sqlite3.Error and OSError.
    """
    _write(file, page_bytes, lambda pages: _mended_schema(pages, file, page_bytes))
    if trunk is None:
        return
    tables, others = _roots(file)
    _write(file, page_bytes, lambda pages: _mended_tables(pages, page_bytes, tables, others, trunk))


def _write(file: Path, page_bytes: int, mended: Callable[[TreePages], Mapping[int, bytes]]) -> None:
    with file.open("r+b") as opened:
        if opened.seek(0, 2) < page_bytes:
            return
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            # A slice of it is bytes, as of bytes.
            new = mended(TreePages(data, page_bytes))  # type: ignore[arg-type]
        for page, content in new.items():
            opened.seek((page - 1) * page_bytes)
            opened.write(content)
        if new:
            # What is behind this length SQLite takes for damaged.
            count = opened.seek(0, 2) // page_bytes
            opened.seek(28)
            opened.write(count.to_bytes(4, "big"))


def _mended_schema(pages: TreePages, file: Path, page_bytes: int) -> Mapping[int, bytes]:
    if pages.tree(1).whole:
        return {}
    leaves = [page for page in range(2, pages.count + 1) if _holds_definitions(pages, page)]
    children = _in_order(pages, leaves)
    if not children:
        return {}
    with file.open("rb") as opened:
        header = opened.read(HEADER_BYTES)
    above, new = _gathered(children, pages.count, page_bytes)
    return {**new, 1: interior_page(above, page_bytes, header)}


def _holds_definitions(pages: TreePages, page: int) -> bool:
    if pages.kind(page) != LEAF or pages.last_row(page) is None:
        return False
    columns, first = pages.record(page)
    return columns == _DEFINITION_COLUMNS and first in _DEFINITIONS


def _roots(file: Path) -> tuple[list[_Table], list[int]]:
    """The tables that have numbered rows, and the roots of all other trees."""
    with closing(sqlite3.connect(file, isolation_level=None)) as conn:
        conn.execute("PRAGMA writable_schema=ON")  # a definition that cannot be read hides no other
        found = conn.execute(
            "SELECT name, rootpage, type = 'table' AND upper(sql) NOT LIKE '%WITHOUT ROWID%' FROM sqlite_master"
            " WHERE rootpage > 1"
        ).fetchall()
        tables = [
            _Table(
                name,
                root,
                conn.execute("SELECT count(*) FROM pragma_table_info(?)", (name,)).fetchone()[0],
            )
            for name, root, numbered in found
            if numbered
        ]
        return tables, [root for _, root, numbered in found if not numbered]


def _mended_tables(
    pages: TreePages, page_bytes: int, tables: Sequence[_Table], others: Sequence[int], trunk: int
) -> Mapping[int, bytes]:
    trees = {table: pages.tree(table.root) for table in tables}
    broken = [table for table in tables if not trees[table].whole]
    if not broken:
        return {}
    known = pages.free(trunk) | pages.tree(1).pages
    for tree in (*trees.values(), *map(pages.tree, others)):
        known |= tree.pages
    loose = [page for page in range(2, pages.count + 1) if page not in known and pages.kind(page) == LEAF]
    count, new = pages.count, dict[int, bytes]()
    for table in broken:
        own = [page for page in loose if _is_of(pages, page, table, broken)]
        children = _in_order(pages, [*trees[table].leaves, *own])
        # The root is written over: what it held itself would be lost.
        if own and children and table.root not in trees[table].leaves:
            above, between = _gathered(children, count, page_bytes)
            count += len(between)
            single = len(above) == 1
            root = pages.content(above[0][0]) if single else interior_page(above, page_bytes)
            new |= {**between, table.root: root}
    return new


def _is_of(pages: TreePages, page: int, table: _Table, broken: Sequence[_Table]) -> bool:
    """Whether a loose page can be of this table alone: no other that is broken has as many columns."""
    if pages.last_row(page) is None:
        return False
    columns, _ = pages.record(page)
    return [each for each in broken if each.columns == columns] == [table]


def _in_order(pages: TreePages, leaves: Sequence[int]) -> list[tuple[int, int]]:
    """The leaves with the number of their last row, by that; the empty ones are left out."""
    found = [(page, pages.last_row(page)) for page in leaves]
    return sorted(((page, row) for page, row in found if row is not None), key=lambda each: each[1])


def _gathered(
    children: list[tuple[int, int]], count: int, page_bytes: int
) -> tuple[list[tuple[int, int]], dict[int, bytes]]:
    """So few pages that one page takes them, above the children; and those that are added behind the file's `count`."""
    new: dict[int, bytes] = {}
    while len(children) > _MOST_CHILDREN:
        above = []
        for at in range(0, len(children), _MOST_CHILDREN):
            group = children[at : at + _MOST_CHILDREN]
            if len(group) == 1:  # SQLite takes a page above a single one for damaged, unless it is page 1
                above += group
                continue
            page = count + len(new) + 1
            new[page] = interior_page(group, page_bytes)
            above.append((page, group[-1][1]))
        children = above
    return children, new
