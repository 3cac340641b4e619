"""Which jobs were at work when the process died, how often in a row, and which row began just then."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    conn.execute("ALTER TABLE batch_jobs ADD COLUMN at_work INTEGER NOT NULL DEFAULT 0")
    conn.execute("ALTER TABLE batch_jobs ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0")
    # One row at a time, and only after a death: in the ordinary case no row costs a mark.
    conn.execute("ALTER TABLE batch_jobs ADD COLUMN beginning_row TEXT")
