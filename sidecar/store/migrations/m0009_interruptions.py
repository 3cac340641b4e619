"""How often a row was at work when the process died, so that what kills it is not sent for ever."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    # In a row: an orderly end, or a start by the person, counts anew.
    conn.execute("ALTER TABLE batch_results ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0")
