"""Rows of the ledger by what they belong to, oldest first."""

from __future__ import annotations

import sqlite3

from sidecar.store.ledger import COLUMNS, record
from sidecar.store.records import LedgerEntry

# No vendor takes longer for a batch.
MONTH_MS = 30 * 86_400_000


def of_provider(
    conn: sqlite3.Connection, provider: str, since: int, until: int, after: int, most: int
) -> list[tuple[int, LedgerEntry]]:
    """Requests of a provider begun from `since` on and before `until` (ms), behind that row; each with its row.

    Those that began in the month before and ended later than `since`, as rows of long batches, are among them.
    """
    rows = conn.execute(
        f"SELECT rowid, {COLUMNS} FROM ledger WHERE provider = ? AND created_at >= ? AND created_at < ?"  # noqa: S608
        " AND (created_at >= ? OR (settled_at >= ? AND settled_by IS NULL)) AND rowid > ? ORDER BY rowid LIMIT ?",
        (provider, since - MONTH_MS, until, since, since, after, most),
    )
    return [(row[0], record(row[1:])) for row in rows]


def of_message(conn: sqlite3.Connection, message_id: str) -> list[LedgerEntry]:
    """The request that a message is the answer to."""
    rows = conn.execute(f"SELECT {COLUMNS} FROM ledger WHERE message_id = ?", (message_id,))  # noqa: S608
    return [record(row) for row in rows]


def of_job(
    conn: sqlite3.Connection, job_id: str, row_id: str | None, most: int, offset: int = 0
) -> list[LedgerEntry]:
    """The first requests of a job, or of one of its rows, behind so many, oldest first.

    A row is known by its id in the database, or by the one that its client gave it.
    """
    rows = conn.execute(
        f"SELECT {COLUMNS} FROM ledger WHERE job_id = ?1"  # noqa: S608
        " AND (?2 IS NULL OR row_id IN (?2, ?1 || '/' || ?2))"
        " ORDER BY created_at, rowid LIMIT ?3 OFFSET ?4",
        (job_id, row_id, most, offset),
    )
    return [record(row) for row in rows]


def models_after(conn: sqlite3.Connection, row: int) -> tuple[int, frozenset[str]]:
    """Which models the rows behind that one ask for, as `provider/id`, and the last row. Rows are never deleted."""
    found = conn.execute("SELECT DISTINCT model FROM ledger WHERE rowid > ? AND model IS NOT NULL", (row,))
    names = frozenset(str(each[0]) for each in found)
    last = conn.execute("SELECT coalesce(max(rowid), 0) FROM ledger").fetchone()[0]
    return int(last), names
