"""What a part of a native batch has behind it: that its vendor heard it is to stop, or had no room for it."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # When the vendor heard that the batch is to stop; NULL: it has not, or nobody wants that.
    "ALTER TABLE batch_parts ADD COLUMN stop_heard_at INTEGER",
    # The vendor's id of the last time when it had no room for the part and ran nothing of it.
    "ALTER TABLE batch_parts ADD COLUMN refused_id TEXT",
)


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    for statement in _STATEMENTS:
        conn.execute(statement)
