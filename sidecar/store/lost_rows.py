"""How many rows a damaged table has lost, counted by what its indexes still name, and told as sentences."""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# No table has rows beyond it: a number that an index of ours names is under it, one of a damaged page need not be.
FAR = 2**40
# Where `summary_of` is remembered in the new database.
SALVAGED = "salvaged"


@dataclass(frozen=True, slots=True)
class SalvagedTable:
    """How many rows of a table are in the new database, and whether they are all that it held.

    `missing` are known to be lacking; where they are not `counted` there may be more.
    """

    name: str
    rows: int
    missing: int
    complete: bool
    counted: bool


def missing_rows(conn: sqlite3.Connection, table: str, saved: array[int]) -> tuple[set[int], bool]:
    """Return the numbers of rows that an index of the table names and `saved`, which is sorted, lacks; and whether an
    index that names all rows could be read to its end.
    """
    lacking: set[int] = set()
    counted = False
    for index, columns in _indexes(conn, table):
        whole = _note(conn, f'SELECT rowid FROM "{table}" INDEXED BY "{index}"', saved, lacking)  # noqa: S608
        counted = counted or whole
        if not whole and columns:
            # What lies behind the damage is read from the other end.
            backwards = ", ".join(f'"{column}" DESC' for column in columns)
            query = f'SELECT rowid FROM "{table}" INDEXED BY "{index}" ORDER BY {backwards}'  # noqa: S608
            _note(conn, query, saved, lacking)
    return lacking, counted


def _indexes(conn: sqlite3.Connection, table: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The indexes that name every row, with their columns; none of the latter where one is no plain column."""
    try:
        names = conn.execute("SELECT name FROM pragma_index_list(?) WHERE partial = 0", (table,)).fetchall()
        for (name,) in names:
            found = [column for (column,) in conn.execute("SELECT name FROM pragma_index_info(?)", (name,))]
            yield name, found if None not in found else []
    except sqlite3.DatabaseError:
        return


def _note(conn: sqlite3.Connection, query: str, saved: array[int], lacking: set[int]) -> bool:
    """Add what the query names and `saved` lacks; whether it could be read to its end."""
    try:
        for (number,) in conn.execute(query):
            at = bisect_left(saved, number)
            if 0 <= number < FAR and (at == len(saved) or saved[at] != number):
                lacking.add(number)
    except sqlite3.DatabaseError:
        return False
    return True


def lost_of(table: SalvagedTable) -> str | None:
    """Return what the person is told of a table that is not complete."""
    if table.complete:
        return None
    saved = f"{table.name}: {_rows(table.rows)} saved, "
    if table.counted:
        return f"{saved}{table.missing} could not be read."
    if table.missing:
        return f"{saved}at least {table.missing} could not be read; nobody knows how many there were."
    return f"{saved}and nobody knows how many could not be read."


def summary_of(tables: Sequence[SalvagedTable], kept: Path) -> str:
    """Return what the person is told of all of it."""
    lost = [sentence for sentence in map(lost_of, tables) if sentence]
    whole = sum(table.rows for table in tables if table.complete)
    rest = f"All {whole} rows of the other tables are there." if lost else f"All {whole} rows are there."
    return (
        f"The database was damaged, and what could be read of it was saved. {' '.join([*lost, rest])} The damaged one "
        f"is kept as {kept}: delete it only when you miss nothing."
    )


def _rows(count: int) -> str:
    return "1 row was" if count == 1 else f"{count} rows were"
