"""What has arrived of answers that are still being written, so that a process that dies leaves their text behind."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    # Pieces are only ever added, and go when their request is settled: an answer is written to the disk once more
    # than without them, however often it is kept.
    conn.execute(
        "CREATE TABLE answer_pieces ("
        " entry_id TEXT NOT NULL REFERENCES ledger (id) ON DELETE CASCADE,"
        " seq INTEGER NOT NULL,"
        " kind TEXT NOT NULL CHECK (kind IN ('text', 'thinking', 'text-was-thinking')),"
        " text TEXT NOT NULL,"
        " message_id TEXT NOT NULL,"
        " label TEXT NOT NULL,"
        " kept_at INTEGER NOT NULL,"
        " PRIMARY KEY (entry_id, seq)"
        ") STRICT"
    )
