"""What the last run left open: requests of which nobody will ever say what became of them."""

from __future__ import annotations

import sqlite3

from sidecar.store import ledger


def close_open(conn: sqlite3.Connection, now: int, job_id: str | None = None) -> int:
    """Settle as unknown what was under way when the process died, of one job or (None) of all; return how many.

    They may have been charged. Rows of a vendor's batch are left: the vendor still says what came of them.
    """
    return ledger.mark_interrupted(conn, now, job_id)
