"""By what a call was settled whose cost was not known when it ended."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    conn.execute("ALTER TABLE ledger ADD COLUMN settled_by TEXT CHECK (settled_by IN ('record', 'minutes'))")
