"""The database's own file: while it is open, nothing but SQLite opens it.

POSIX takes every lock that a process has on a file from it when any descriptor of that file is closed. SQLite minds its
own; but after `open(...).read()` of the database the system no longer knows that anybody uses it, and the next program
that looks into it and goes, a browser of databases say, deletes the log: what is written from then on is gone after a
crash, paid answers too.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path, PurePath

# The databases whose folders this process holds.
_held: set[Path] = set()


def hold(database: Path) -> None:
    """Know that this database is, or will be, open in this process."""
    _held.add(database)


def let_go(database: Path) -> None:
    """Know that it no longer is."""
    _held.discard(database)


def is_held(file: Path) -> bool:
    """Return whether this is a database that is open here, by whatever name. Opens nothing."""
    for database in _held:
        with suppress(OSError):
            if file.samefile(database):
                return True
    return False


def file_uri(path: PurePath) -> str:
    """As SQLite takes it: the server of a Windows share belongs to the path, since it refuses any authority."""
    uri = path.as_uri()
    return uri if uri.startswith("file:///") else uri.replace("file://", "file:////", 1)


def application_id(database: Path) -> int:
    """Return the number in the file's header, whatever its log says. Raise sqlite3.Error."""
    uri = file_uri(database.absolute()) + "?immutable=1"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as conn:
        # A full disk or a kill amid a checkpoint leaves a header that tells of more pages than there are.
        conn.execute("PRAGMA writable_schema=ON")
        return int(conn.execute("PRAGMA application_id").fetchone()[0])
