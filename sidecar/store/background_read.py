"""Long work beside the loop: in a thread that stops when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import TypeVar

from sidecar.store.open_database import BUSY_TIMEOUT_MS, read_only_uri
from sidecar.store.sqlite_errors import storage_failure
from sidecar.store.store import Store

T = TypeVar("T")
Pulse = Callable[[], None]

_STEPS_A_PULSE = 10_000  # of SQLite's machine: some tenth of a millisecond


class StoppedError(Exception):
    """Raised by a pulse: whoever asked for the work has been cancelled."""


async def in_thread(work: Callable[[Pulse], T]) -> T:
    """Runs `work` in a thread. It calls the pulse it is given every so often, and is stopped by it when cancelled.

    A cancellation waits until the work has ended, so that what it was writing is put away.
    """
    stopped = Event()

    def pulse() -> None:
        if stopped.is_set():
            raise StoppedError

    working = asyncio.ensure_future(asyncio.to_thread(work, pulse))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait([working])
        if not working.cancelled():
            working.exception()
        raise


async def scan(store: Store, work: Callable[[sqlite3.Connection, Pulse], T]) -> T:
    """Runs `work` in a thread over a reading connection of its own, all of it seeing one moment.

    For reads that take long: reads and writes go on meanwhile. Raises Failure("storage_error").
    """
    database = await store.database()

    def reading(pulse: Pulse) -> T:
        try:
            with closing(open_snapshot(database.path)) as conn:
                # A single statement can take long, and calls no pulse of its own.
                conn.set_progress_handler(pulse, _STEPS_A_PULSE)
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
