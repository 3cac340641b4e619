"""Long reads beside the loop, each over a connection and a moment of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sidecar.store.open_database import BUSY_TIMEOUT_MS, read_only_uri
from sidecar.store.sqlite_errors import storage_failure
from sidecar.store.stoppable import STEPS_A_PULSE, Pulse, in_thread
from sidecar.store.store import Store

T = TypeVar("T")


async def scan(store: Store, work: Callable[[sqlite3.Connection, Pulse], T]) -> T:
    """Runs `work` in a thread over a reading connection of its own, all of it seeing one moment.

    For reads that take long: reads and writes go on meanwhile. Raises Failure("storage_error").
    """
    database = await store.database()

    def reading(pulse: Pulse) -> T:
        try:
            with closing(open_snapshot(database.path)) as conn:
                # A single statement can take long, and calls no pulse of its own.
                conn.set_progress_handler(pulse, STEPS_A_PULSE)
                return work(conn, pulse)
        except sqlite3.Error as error:
            failure = storage_failure(error)
            if failure is None:
                raise
            raise failure from error

    return await in_thread(reading)


def open_snapshot(path: Path) -> sqlite3.Connection:
    """A reading connection inside a transaction of its own. Text that is not UTF-8 is read as well as it can be."""
    conn = sqlite3.connect(read_only_uri(path), uri=True, isolation_level=None, check_same_thread=False)
    try:
        conn.text_factory = lambda raw: raw.decode("utf-8", "replace")
        conn.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        conn.execute("BEGIN")
        conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        conn.close()
        raise
    return conn
