"""What a job asks before it goes on by itself: first rows that run alone, and limits at which it pauses."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    # Null for a job that nothing was asked of, which are nearly all.
    conn.execute(
        "ALTER TABLE batch_jobs ADD COLUMN safeguard TEXT CHECK (safeguard IS NULL OR json_valid(safeguard))"
    )
    # 1 for the rows that run before all others.
    conn.execute("ALTER TABLE batch_results ADD COLUMN canary INTEGER NOT NULL DEFAULT 0")
    conn.execute("CREATE INDEX batch_results_canary ON batch_results (job_id, row_index) WHERE canary = 1")
