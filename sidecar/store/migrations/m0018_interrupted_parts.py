"""Which parts of native batches were at work when the process died, and how often in a row."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    conn.execute("ALTER TABLE batch_parts ADD COLUMN at_work INTEGER NOT NULL DEFAULT 0")
    conn.execute("ALTER TABLE batch_parts ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0")
