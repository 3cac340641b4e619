"""Whether a database is sound: what SQLite finds when it follows every page and every key."""

from __future__ import annotations

import re
import sqlite3

from sidecar.errors import Failure

MOST_PROBLEMS = 20
WAY_BACK = (
    "Restore a backup of it (data:restore; data:backups lists those that A-B/AI made), or save what can still be read "
    "(data:salvage). No restart is needed."
)
DAMAGED = f"The database is damaged. {WAY_BACK}"

# What somebody stored and no table of today would take: the pages and keys that hold it are whole.
_OF_CONTENT = re.compile(r"(NULL|TEXT|NUMERIC|BLOB|INT\w*|REAL|non-\w+) value in |CHECK constraint failed")


def find_damage(conn: sqlite3.Connection, *, full: bool = True) -> list[str]:
    """Return what is wrong, in SQLite's words and at most MOST_PROBLEMS of it; nothing for a sound database.

    `full` also holds every index and the full-text search against their tables. Blocking: it reads the whole file.
    """
    check = "integrity_check" if full else "quick_check"
    try:
        found = [str(row[0]) for row in conn.execute(f"PRAGMA {check}({MOST_PROBLEMS})")]
    except sqlite3.DatabaseError as error:
        if isinstance(
            error, sqlite3.OperationalError
        ):  # busy, interrupted, the disk: says nothing of the pages
            raise
        found = [str(error)]
    return [line for line in found if line != "ok" and not _OF_CONTENT.match(line)]


def damaged(found: list[str]) -> Failure:
    """Return what is told of a database in which `find_damage` found something."""
    return Failure("storage_error", DAMAGED, detail="; ".join(found)[:1_000])
