"""Earlier versions of messages, where a copied message came from, and what a project asks its models with."""

from __future__ import annotations

import sqlite3


def up(conn: sqlite3.Connection, now_ms: int) -> None:
    # A message that another one has taken the place of stays as it was, and is shown as a version of that one.
    conn.execute("ALTER TABLE messages ADD COLUMN superseded_by TEXT")
    conn.execute("ALTER TABLE messages ADD COLUMN copied_from TEXT")
    conn.execute(
        "CREATE INDEX messages_by_successor ON messages (superseded_by) WHERE superseded_by IS NOT NULL"
    )
    conn.execute("ALTER TABLE projects ADD COLUMN chat TEXT CHECK (chat IS NULL OR json_valid(chat))")
