"""Parts whose results were read when the process died: after two deaths in a row they are left alone (transactions)."""

from __future__ import annotations

import sqlite3

from sidecar.store.job_records import VendorBatch

MOST_INTERRUPTIONS = 2
SET_ASIDE = (
    "A-B/AI ended twice in a row while it read the results of this batch, so it was set aside and is not looked after "
    "by itself any more. What has run at the provider is paid, and can still be fetched: start the batch to go on."
)


def is_aside(part: VendorBatch) -> bool:
    """Whether the part waits for a person (pure)."""
    return part.interruptions >= MOST_INTERRUPTIONS


def begin(conn: sqlite3.Connection, part_id: str) -> None:
    """The results of the part are about to be read."""
    conn.execute("UPDATE batch_parts SET at_work = 1 WHERE id = ?", (part_id,))


def went_on(conn: sqlite3.Connection, part_id: str) -> None:
    """Some of it was done and stored: what took the process before does not take it every time."""
    conn.execute("UPDATE batch_parts SET interruptions = 0 WHERE id = ?", (part_id,))


def end(conn: sqlite3.Connection, part_id: str) -> None:
    """The process has survived it."""
    conn.execute("UPDATE batch_parts SET at_work = 0, interruptions = 0 WHERE id = ?", (part_id,))


def count(conn: sqlite3.Connection) -> None:
    """To be called once at a start: what was at work has not survived it."""
    conn.execute("UPDATE batch_parts SET at_work = 0, interruptions = interruptions + 1 WHERE at_work = 1")


def take_up(conn: sqlite3.Connection, job_id: str) -> None:
    """A person wants the job's parts to go on."""
    conn.execute("UPDATE batch_parts SET interruptions = 0 WHERE job_id = ?", (job_id,))
