"""A consistent copy of a database that is in use, which is looked through before it is called one."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sidecar.store.atomic_files import create_private, partial_beside, put_in_place
from sidecar.store.integrity import damaged, find_damage
from sidecar.store.sqlite_errors import told_by_the_disk
from sidecar.store.stoppable import STEPS_A_PULSE, Pulse

_PAGES_A_PULSE = 1_000


def copy_database(
    source: sqlite3.Connection, target: Path, *, check: bool = True, pulse: Pulse = lambda: None
) -> int:
    """Write all that `source` has committed into `target`, which appears whole or not at all. Return its bytes.

    `source` must not be in a write transaction; a read transaction that it is in ends. Raise sqlite3.Error, OSError,
    Failure("storage_error") for a copy that is damaged, which its source is then too, and what `pulse` raises.
    """
    # A name of its own: the same copy may be asked for twice, and the person may have a file of any other name.
    partial = partial_beside(target)
    # Holding a read transaction over the copy keeps it to one moment, and makes a busy source raise in
    # time here: the backup itself would go on trying for ever.
    if not source.in_transaction:
        source.execute("BEGIN")
    try:
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        create_private(partial).close()
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            source.backup(copy, pages=_PAGES_A_PULSE, progress=lambda *_: pulse())
            # The header says WAL when the source does; a copy is to be one file, readable from a read-only disk.
            copy.execute("PRAGMA journal_mode=DELETE").fetchone()
            copy.set_progress_handler(pulse, STEPS_A_PULSE)
            if check and (found := find_damage(copy)):
                raise damaged(found)
        size = partial.stat().st_size
        put_in_place(partial, target)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        told = told_by_the_disk(error, target.parent)
        if told is error:
            raise
        raise told from error
    finally:
        if source.in_transaction:
            source.execute("ROLLBACK")
    return size
