"""What lets a later look recognise something: the question of a row, the key of a part, the rate of a call."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # Names what a row asked, once it has been sent; an equal one is the same question in the same manner.
    "ALTER TABLE batch_results ADD COLUMN question TEXT",
    """
    CREATE INDEX batch_results_by_question ON batch_results (question, updated_at)
    WHERE status = 'success' AND question IS NOT NULL
    """,
    # Tells whether a key is the one that the part was sent with; the key cannot be had from it.
    "ALTER TABLE batch_parts ADD COLUMN key_mark TEXT",
    "ALTER TABLE ledger ADD COLUMN batch_rate INTEGER NOT NULL DEFAULT 0 CHECK (batch_rate IN (0, 1))",
    # The rows of native batches are the only ones whose ids are made of two.
    "UPDATE ledger SET batch_rate = 1 WHERE kind = 'batch' AND id LIKE '%/%'",
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
