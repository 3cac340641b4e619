"""A consistent copy of a database that is in use."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing, suppress
from pathlib import Path

PARTIAL = ".partial"


def copy_database(source: sqlite3.Connection, target: Path) -> int:
    """Writes all that `source` has committed into `target`, which appears whole or not at all. Returns its bytes.

    `source` must not be in a write transaction. Raises sqlite3.Error and OSError.
    """
    # A name of its own: the same copy may be asked for twice, and the person may have a file of any other name.
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}{PARTIAL}")
    # Holding a read transaction over the copy keeps it to one moment, and makes a busy source raise in
    # time here: the backup itself would go on trying for ever.
    source.execute("BEGIN")
    try:
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            source.backup(copy)
            # The header says WAL when the source does; a copy is to be one file, readable from a read-only disk.
            copy.execute("PRAGMA journal_mode=DELETE").fetchone()
        size = partial.stat().st_size
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    finally:
        if source.in_transaction:
            source.execute("ROLLBACK")
    return size
