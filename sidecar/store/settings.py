"""The table of settings: one JSON text for each key."""

from __future__ import annotations

import sqlite3


def load_all(conn: sqlite3.Connection) -> dict[str, str]:
    """The JSON text of every setting that was ever saved, without defaults."""
    return dict(conn.execute("SELECT key, value FROM settings").fetchall())


def save(conn: sqlite3.Connection, key: str, value_json: str, now: int) -> None:
    """Raises sqlite3.IntegrityError when the text is not JSON."""
    conn.execute(
        "INSERT INTO settings (key, value, updated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        (key, value_json, now),
    )


def delete(conn: sqlite3.Connection, key: str) -> bool:
    return conn.execute("DELETE FROM settings WHERE key = ?", (key,)).rowcount > 0
