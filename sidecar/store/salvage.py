"""What can still be read of a damaged database, put into a new one: the way back where there is no backup."""

from __future__ import annotations

import shutil
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sidecar.store import loose_pages, upgrade
from sidecar.store.lost_rows import FAR, SalvagedTable, missing_rows
from sidecar.store.migrations.recovery import Parents

_MAGIC = b"SQLite format 3\x00"
_USUAL_PAGE = 4_096
# A header that says more than so many times what is there is not believed.
_MOST_CUT_OFF = 16
# So many rows are tried one by one, for single ones that are whole between damaged pages.
_NEAR = 1_000


def salvage(damaged: Path, target: Path, now_ms: int) -> list[SalvagedTable]:
    """Write what can be read of the file `damaged` into a new database; return what was, table by table.

    Rows whose parents were lost are put under recovered ones. Leaves `damaged` and its log alone: a copy beside
    `target` is read. Blocking. Raise sqlite3.Error and OSError of the disk that is written to.
    """
    copy = target.with_name("damaged.db")
    with closing(sqlite3.connect(target, isolation_level=None)) as new:
        upgrade.migrate(new, target, now_ms)
        _copy_readable(damaged, copy, target.read_bytes()[:100])
        new.execute("PRAGMA foreign_keys=OFF")
        with closing(sqlite3.connect(copy, isolation_level=None)) as old:
            old.text_factory = lambda raw: raw.decode("utf-8", "replace")
            old.execute("PRAGMA writable_schema=ON")  # a definition that cannot be read hides no other
            new.execute("BEGIN IMMEDIATE")
            found = [_take_over(old, new, table) for table in _tables(new)]
            _adopt_orphans(new, now_ms)
            new.execute("COMMIT")
    return found


def _copy_readable(damaged: Path, copy: Path, sound_header: bytes) -> None:
    """A copy that SQLite agrees to open: it is as long as its header says, nothing is free in it, and what hung loose
    is in its table again.

    A header that was overwritten is replaced by that of a new database.
    """
    shutil.copyfile(damaged, copy)
    wal = damaged.with_name(damaged.name + "-wal")
    if wal.exists():
        shutil.copyfile(wal, copy.with_name(copy.name + "-wal"))
    with copy.open("r+b") as file:
        found = file.read(100)
        header = bytearray(found if found.startswith(_MAGIC) else sound_header)
        page = int.from_bytes(header[16:18], "big")
        page = 65_536 if page == 1 else page or _USUAL_PAGE
        # SQLite refuses every table when one begins beyond the end: what was cut off is made up for with empty pages.
        there = copy.stat().st_size // page
        pages = max(there, min(int.from_bytes(found[28:32], "big"), there * _MOST_CUT_OFF))
        file.truncate(pages * page)
        header[28:32] = pages.to_bytes(4, "big")
        header[92:96] = header[24:28]  # the length above counts only when these are the same
        header[32:40] = bytes(8)
        file.seek(0)
        file.write(header)
    _fold_in(copy)
    trunk = int.from_bytes(found[32:36], "big") if found.startswith(_MAGIC) else None
    loose_pages.mend(copy, page, trunk)


def _fold_in(copy: Path) -> None:
    """What the log holds is in the pages then, as far as it can be."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(copy, isolation_level=None)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _tables(new: sqlite3.Connection) -> list[str]:
    rows = new.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND name NOT LIKE 'messages_fts%' ORDER BY rowid"
    )
    return [name for (name,) in rows]


def _take_over(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> SalvagedTable:
    wanted = _columns(new, table)
    try:
        columns = [name for name in _columns(old, table) if name in wanted]
    except sqlite3.DatabaseError:
        columns = []
    if not columns:
        return SalvagedTable(table, 0, 0, complete=False, counted=False)
    places = ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
    saved, count, complete = array("q"), 0, True
    for row in _readable_rows(old, table, columns):
        if row is None:
            complete = False
            continue
        number, values = row
        try:
            taken = new.execute(insert, values).rowcount > 0
        except sqlite3.IntegrityError:
            taken = False
        if taken:
            saved.append(number)
            count += 1
        complete = complete and taken
    lacking, counted = missing_rows(old, table, saved)
    complete = complete and not lacking
    return SalvagedTable(table, count, len(lacking), complete=complete, counted=counted or complete)


def _columns(conn: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in conn.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def _readable_rows(
    old: sqlite3.Connection, table: str, columns: Sequence[str]
) -> Iterator[tuple[int, tuple[Any, ...]] | None]:
    """The rows with their numbers, in the order of those, and None wherever some cannot be read."""
    query = f"SELECT rowid, {', '.join(columns)} FROM {table} WHERE rowid >= ? ORDER BY rowid"  # noqa: S608

    def can_read_from(number: int) -> bool:
        try:
            old.execute(query, (number,)).fetchone()
        except sqlite3.DatabaseError:
            return False
        return True

    at = 0
    while at < FAR:
        try:
            for number, *values in old.execute(query, (at,)):
                at = number + 1
                yield number, tuple(values)
        except sqlite3.DatabaseError:
            yield None
            at = _first_after(at, can_read_from)
        else:
            return


def _first_after(at: int, can_read_from: Callable[[int], bool]) -> int:
    """The first number from which reading goes on: one by one, then in steps that double, and halves of the last."""
    for near in range(at + 1, at + _NEAR):
        if can_read_from(near):
            return near
    at, step = at + _NEAR - 1, 1
    while at + step < FAR and not can_read_from(at + step):
        step *= 2
    low, high = at + step // 2, at + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if can_read_from(middle) else (middle, high)
    return high


def _adopt_orphans(new: sqlite3.Connection, now_ms: int) -> None:
    parents = Parents(new, now_ms)
    for table, column, adopt in (
        ("messages", "conversation_id", parents.conversation),
        ("batch_results", "job_id", parents.job),
        ("batch_parts", "job_id", parents.job),
        ("conversations", "project_id", parents.project),
        ("batch_jobs", "project_id", parents.project),
    ):
        for (parent,) in new.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():  # noqa: S608
            adopt(parent)
    parents.date_by_children()
