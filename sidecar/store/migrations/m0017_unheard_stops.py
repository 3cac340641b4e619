"""What vendors are to stop although nothing of it is here any more: batches whose project was deleted."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    conn.execute(
        "CREATE TABLE unheard_stops ("
        " provider TEXT NOT NULL, native_id TEXT NOT NULL, asked_at INTEGER NOT NULL,"
        " PRIMARY KEY (provider, native_id)) STRICT"
    )
