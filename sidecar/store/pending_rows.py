"""The rows of batch jobs that have not begun: whose they are, in order, and what they may cost."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from decimal import Decimal

from sidecar.store.columns import from_json, from_pico, summed
from sidecar.store.job_records import PendingRow, RowStatus
from sidecar.store.safeguards import HELD_SQL, NEXT_CANARY_SQL

NEXT_PENDING_SQL = (
    f"SELECT id, row_index, request, prompt, {HELD_SQL}, broken_answers FROM batch_results"  # noqa: S608
    " WHERE job_id = ? AND provider = ? AND status = 'pending' AND row_index > ? ORDER BY row_index LIMIT ?"
)
NEXT_ID_SQL = {
    canary: "SELECT id FROM batch_results WHERE job_id = ? AND provider = ? AND status = 'pending'"  # noqa: S608
    f" AND row_index > ?{' AND canary = 1' if canary else ''} ORDER BY row_index LIMIT 1"
    for canary in (False, True)
}
NEXT_PROVIDER_SQL = (
    "SELECT provider FROM batch_results WHERE job_id = ? AND provider > ? AND status = 'pending'"
    " ORDER BY provider LIMIT 1"
)
PENDING_RESERVE_SQL = (
    f"SELECT coalesce(sum({HELD_SQL}), 0) FROM batch_results"  # noqa: S608
    " WHERE job_id = ? AND status = 'pending'"
)


def pending_providers(conn: sqlite3.Connection, job_id: str) -> list[str]:
    """Who is needed for the rows that have not begun; a seek for each, however many rows there are."""
    found: list[str] = []
    while row := conn.execute(NEXT_PROVIDER_SQL, (job_id, found[-1] if found else "")).fetchone():
        found.append(row[0])
    return found


def providers(conn: sqlite3.Connection, job_id: str, statuses: Collection[RowStatus]) -> list[str]:
    """Who is needed for the rows with these statuses that can be run."""
    marks = ", ".join("?" * len(statuses))
    rows = conn.execute(
        "SELECT DISTINCT provider FROM batch_results WHERE job_id = ? AND provider IS NOT NULL"  # noqa: S608
        f" AND status IN ({marks})",
        (job_id, *statuses),
    )
    return sorted(row[0] for row in rows)


def next_pending(
    conn: sqlite3.Connection, job_id: str, provider: str, after: int, limit: int, *, canary: bool = False
) -> list[PendingRow]:
    """A provider's next rows that have not begun, behind the row index `after`; of the canary where that is said."""
    rows = conn.execute(NEXT_CANARY_SQL if canary else NEXT_PENDING_SQL, (job_id, provider, after, limit))
    return [
        PendingRow(row_id, index, from_json(request), prompt, from_pico(pico), broken)
        for row_id, index, request, prompt, pico, broken in rows
    ]


def next_id(
    conn: sqlite3.Connection, job_id: str, provider: str, after: int, *, canary: bool = False
) -> str | None:
    """Which row is next behind the row index `after`, without a look into it; None when there is no more."""
    row = conn.execute(NEXT_ID_SQL[canary], (job_id, provider, after)).fetchone()
    return None if row is None else str(row[0])


def pending_reserve(conn: sqlite3.Connection, job_id: str) -> Decimal:
    """The most that the rows which have not begun may cost, in US dollars, but for those whose answer broke off."""
    return from_pico(summed(conn, PENDING_RESERVE_SQL, (job_id,))[0][0]) or Decimal(0)
